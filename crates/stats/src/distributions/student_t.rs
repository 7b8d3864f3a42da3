//! Student's t distribution, for degrees of freedom from 0.1 to 10¹⁰, and beyond by its expansion around the
//! normal.

use super::incomplete_beta::{inverse_regularised_beta_log_odds, regularised_beta};
use super::loader::stirling_error;
use super::{LARGEST_SHAPE, Tails, normal, open_probability, point, shape};
use crate::Undefined;

/// The probability of a t variable with `df` degrees of freedom lying at or below `x`.
pub fn cdf(x: f64, df: f64) -> Result<f64, Undefined> {
    sf(-x, df)
}

/// The probability of a t variable with `df` degrees of freedom lying above `x`; accurate in the far tail.
pub fn sf(x: f64, df: f64) -> Result<f64, Undefined> {
    let x = point(x)?;
    let df = degrees_of_freedom(df)?;
    Ok(if x >= 0.0 { 0.5 * both_tails(x, df) } else { 1.0 - 0.5 * both_tails(-x, df) })
}

/// The probability of a t variable lying further from 0 than `x` on either side.
pub fn two_sided(x: f64, df: f64) -> Result<f64, Undefined> {
    let x = point(x)?;
    degrees_of_freedom(df).map(|df| both_tails(x.abs(), df))
}

/// The point below which a t variable with `df` degrees of freedom lies with probability `p`, 0 < p < 1.
pub fn quantile(p: f64, df: f64) -> Result<f64, Undefined> {
    let p = open_probability(p)?;
    let df = degrees_of_freedom(df)?;
    let (tail, sign) = if p < 0.5 { (p, -1.0) } else { (1.0 - p, 1.0) };
    // |2p − 1| is exact around one half, where the quantile itself is near 0.
    magnitude(tail, 2.0 * (p - 0.5).abs(), df).map(|t| sign * t)
}

/// The point above which a t variable with `df` degrees of freedom lies with probability `q`, 0 < q < 1.
pub fn upper_quantile(q: f64, df: f64) -> Result<f64, Undefined> {
    quantile(q, df).map(|t| -t)
}

fn degrees_of_freedom(df: f64) -> Result<f64, Undefined> {
    if df > 2.0 * LARGEST_SHAPE { Ok(df) } else { shape(0.5 * df).map(|half| 2.0 * half) }
}

/// P(|T| > x) for x ≥ 0.
fn both_tails(x: f64, df: f64) -> f64 {
    if df > 2.0 * LARGEST_SHAPE {
        return 2.0 * normal::upper_tail(x - (x * x * x + x) / (4.0 * df)).max(0.0);
    }
    let ratio = x / df.sqrt();
    if ratio > 1e140 {
        return far_tail(x, df);
    }
    let square = ratio * ratio;
    let inside = if square > 1.0 { 1.0 / (1.0 + 1.0 / square) } else { square / (1.0 + square) };
    regularised_beta(0.5, 0.5 * df, inside, 1.0 / (1.0 + square)).upper
}

/// The leading term of P(|T| > x), where x² would overflow.
fn far_tail(x: f64, df: f64) -> f64 {
    if x.is_infinite() {
        return 0.0;
    }
    let a = 0.5 * df;
    // ln of 1 / (a B(a, ½)) = Γ(a + ½) / (Γ(a + 1) √π)
    let constant = libm::lgamma(a + 0.5) - libm::lgamma(a + 1.0) - 0.5 * std::f64::consts::PI.ln();
    if stirling_error(a).is_finite() { (df * (0.5 * df.ln() - x.ln()) + constant).exp() } else { 0.0 }
}

/// The t ≥ 0 with P(T > t) = `tail` and P(|T| ≤ t) = `centre`.
fn magnitude(tail: f64, centre: f64, df: f64) -> Result<f64, Undefined> {
    if centre <= 0.0 {
        return Ok(0.0);
    }
    if df > 2.0 * LARGEST_SHAPE {
        let z = normal::quantile_of(Tails { lower: 1.0 - tail, upper: tail });
        return Ok(z + (z * z * z + z) / (4.0 * df));
    }
    // T² / (df + T²) is a beta variable, and T² / df are its odds.
    let log_odds =
        inverse_regularised_beta_log_odds(0.5, 0.5 * df, Tails { lower: centre, upper: 2.0 * tail });
    crate::undefined::computed(df.sqrt() * (0.5 * log_odds).exp())
}
