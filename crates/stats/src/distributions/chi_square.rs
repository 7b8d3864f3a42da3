//! The chi-square distribution, for degrees of freedom from 0.1 to 10¹⁰.

use super::incomplete_gamma::{inverse_regularised_gamma, regularised_gamma};
use super::{Tails, open_probability, point, shape};
use crate::Undefined;

/// The probability of a chi-square variable with `df` degrees of freedom lying at or below `x`.
pub fn cdf(x: f64, df: f64) -> Result<f64, Undefined> {
    tails(x, df).map(|tails| tails.lower)
}

/// The probability of a chi-square variable with `df` degrees of freedom lying above `x`; accurate in the far
/// tail.
pub fn sf(x: f64, df: f64) -> Result<f64, Undefined> {
    tails(x, df).map(|tails| tails.upper)
}

/// The point below which a chi-square variable with `df` degrees of freedom lies with probability `p`, 0 < p
/// < 1.
pub fn quantile(p: f64, df: f64) -> Result<f64, Undefined> {
    inverse(Tails::from_lower(open_probability(p)?), df)
}

/// The point above which a chi-square variable with `df` degrees of freedom lies with probability `q`, 0 < q
/// < 1.
pub fn upper_quantile(q: f64, df: f64) -> Result<f64, Undefined> {
    inverse(Tails::from_upper(open_probability(q)?), df)
}

fn tails(x: f64, df: f64) -> Result<Tails, Undefined> {
    let x = point(x)?;
    shape(0.5 * df).map(|half| regularised_gamma(half, 0.5 * x))
}

fn inverse(tails: Tails, df: f64) -> Result<f64, Undefined> {
    shape(0.5 * df).map(|half| 2.0 * inverse_regularised_gamma(half, tails))
}
