//! The distributions behind the intervals and tests: normal, Student's t, chi-square, beta, binomial, each
//! with both tails and their quantiles.
//!
//! Every function is total: hostile input gives a named reason, and every iteration has a cap. A small tail
//! is computed as such, never as one minus the other.

pub mod beta;
pub mod binomial;
pub mod chi_square;
mod incomplete_beta;
mod incomplete_gamma;
mod loader;
pub mod normal;
mod root;
pub mod student_t;

use crate::Undefined;

/// The smallest shape parameter (and half the smallest degrees of freedom) for which the accuracy is verified.
pub(crate) const SMALLEST_SHAPE: f64 = 0.05;

/// The largest shape parameter for which the series and fractions stay within their iteration caps.
pub(crate) const LARGEST_SHAPE: f64 = 1e10;

/// Passes a shape parameter on if the functions here are accurate for it.
fn shape(value: f64) -> Result<f64, Undefined> {
    if value.is_nan() {
        Err(Undefined::NotFinite)
    } else if (SMALLEST_SHAPE..=LARGEST_SHAPE).contains(&value) {
        Ok(value)
    } else {
        Err(Undefined::OutsideDomain)
    }
}

/// Passes a point of the real line on; infinite points are fine, they have probability 0 or 1 on their far
/// side.
fn point(value: f64) -> Result<f64, Undefined> {
    if value.is_nan() { Err(Undefined::NotFinite) } else { Ok(value) }
}

/// Passes a probability strictly between 0 and 1 on.
fn open_probability(value: f64) -> Result<f64, Undefined> {
    if value.is_nan() {
        Err(Undefined::NotFinite)
    } else if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err(Undefined::OutsideDomain)
    }
}

/// Passes a probability from 0 to 1 on.
fn closed_probability(value: f64) -> Result<f64, Undefined> {
    if value.is_nan() {
        Err(Undefined::NotFinite)
    } else if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(Undefined::OutsideDomain)
    }
}

/// A probability and its complement, each accurate to its own last digits.
#[derive(Debug, Clone, Copy)]
struct Tails {
    lower: f64,
    upper: f64,
}

impl Tails {
    /// The two tails around a probability of lying below.
    fn from_lower(lower: f64) -> Self {
        Self { lower, upper: 1.0 - lower }
    }

    /// The two tails around a probability of lying above.
    fn from_upper(upper: f64) -> Self {
        Self { lower: 1.0 - upper, upper }
    }
}
