//! The beta distribution, for shapes from 0.05 to 10¹⁰.

use super::incomplete_beta::{from_log_odds, inverse_regularised_beta_log_odds, regularised_beta};
use super::{Tails, closed_probability, point, shape};
use crate::Undefined;

/// The probability of a beta variable with shapes `a` and `b` lying at or below `x`.
pub fn cdf(x: f64, a: f64, b: f64) -> Result<f64, Undefined> {
    tails(x, a, b).map(|tails| tails.lower)
}

/// The probability of a beta variable with shapes `a` and `b` lying above `x`; accurate in the far tail.
pub fn sf(x: f64, a: f64, b: f64) -> Result<f64, Undefined> {
    tails(x, a, b).map(|tails| tails.upper)
}

/// The point below which a beta variable with shapes `a` and `b` lies with probability `p`, 0 ≤ p ≤ 1.
pub fn quantile(p: f64, a: f64, b: f64) -> Result<f64, Undefined> {
    inverse(Tails::from_lower(closed_probability(p)?), a, b)
}

/// The point above which a beta variable with shapes `a` and `b` lies with probability `q`, 0 ≤ q ≤ 1.
pub fn upper_quantile(q: f64, a: f64, b: f64) -> Result<f64, Undefined> {
    inverse(Tails::from_upper(closed_probability(q)?), a, b)
}

fn tails(x: f64, a: f64, b: f64) -> Result<Tails, Undefined> {
    let x = point(x)?;
    let (a, b) = (shape(a)?, shape(b)?);
    Ok(regularised_beta(a, b, x, 1.0 - x))
}

fn inverse(tails: Tails, a: f64, b: f64) -> Result<f64, Undefined> {
    let (a, b) = (shape(a)?, shape(b)?);
    if tails.lower <= 0.0 {
        return Ok(0.0);
    }
    if tails.upper <= 0.0 {
        return Ok(1.0);
    }
    Ok(from_log_odds(inverse_regularised_beta_log_odds(a, b, tails)).0)
}
