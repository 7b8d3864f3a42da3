//! The standard normal distribution.

use std::f64::consts::SQRT_2;

use statrs::distribution::ContinuousCDF;

use super::{Tails, open_probability, point};
use crate::Undefined;

/// The probability of a standard normal variable lying at or below `x`.
pub fn cdf(x: f64) -> Result<f64, Undefined> {
    point(x).map(|x| upper_tail(-x))
}

/// The probability of a standard normal variable lying above `x`; accurate in the far tail.
pub fn sf(x: f64) -> Result<f64, Undefined> {
    point(x).map(upper_tail)
}

/// The point below which a standard normal variable lies with probability `p`, 0 < p < 1.
pub fn quantile(p: f64) -> Result<f64, Undefined> {
    open_probability(p).map(|p| quantile_of(Tails::from_lower(p)))
}

/// The point above which a standard normal variable lies with probability `q`, 0 < q < 1.
pub fn upper_quantile(q: f64) -> Result<f64, Undefined> {
    open_probability(q).map(|q| quantile_of(Tails::from_upper(q)))
}

/// The upper tail for an argument that is not NaN.
pub(crate) fn upper_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x / SQRT_2)
}

/// The quantile with both tails given, so that a small upper tail keeps its digits.
pub(super) fn quantile_of(tails: Tails) -> f64 {
    if tails.lower > tails.upper { -lower_quantile(tails.upper) } else { lower_quantile(tails.lower) }
}

/// The quantile of a lower tail of at most one half. A tail of 0 gives a finite point beyond every other.
fn lower_quantile(p: f64) -> f64 {
    let p = p.max(f64::MIN_POSITIVE);
    statrs::distribution::Normal::standard().inverse_cdf(p)
}
