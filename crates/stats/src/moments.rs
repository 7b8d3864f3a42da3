//! Count, mean and variance of one value per unit: what every comparison of means is made from.

use crate::Undefined;
use crate::undefined::{computed, finite};

/// The first two moments of a sample of independent units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// The number of units.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their variance, with n − 1 in the denominator.
    pub variance: f64,
}

impl Moments {
    /// The moments of at least two values, in two passes: large values with a small spread keep their digits.
    pub fn of(values: &[f64]) -> Result<Self, Undefined> {
        let mean = mean(values)?;
        if values.len() < 2 {
            return Err(Undefined::TooFew { needed: 2 });
        }
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Ok(Self {
            count: values.len() as u64,
            mean,
            variance: computed(squares / (values.len() as f64 - 1.0))?,
        })
    }

    /// Moments known from elsewhere: at least two units, finite, a variance of at least 0.
    pub fn from_parts(count: u64, mean: f64, variance: f64) -> Result<Self, Undefined> {
        if count < 2 {
            return Err(Undefined::TooFew { needed: 2 });
        }
        if finite(variance)? < 0.0 {
            return Err(Undefined::OutsideDomain);
        }
        Ok(Self { count, mean: finite(mean)?, variance })
    }

    /// The variance of the mean.
    pub fn variance_of_mean(&self) -> f64 {
        self.variance / self.count as f64
    }

    /// The standard error of the mean.
    pub fn standard_error(&self) -> f64 {
        self.variance_of_mean().sqrt()
    }
}

/// The mean of at least one finite value; a second pass removes the rounding error of the first.
pub(crate) fn mean(values: &[f64]) -> Result<f64, Undefined> {
    if values.is_empty() {
        return Err(Undefined::NoData);
    }
    let n = values.len() as f64;
    let mut sum = 0.0;
    for value in values {
        sum += finite(*value)?;
    }
    let rough = computed(sum / n)?;
    computed(rough + values.iter().map(|value| value - rough).sum::<f64>() / n)
}

/// The covariance of two equally long samples of at least two values, with n − 1 in the denominator.
pub(crate) fn covariance(x: &[f64], y: &[f64]) -> Result<f64, Undefined> {
    if x.len() != y.len() {
        return Err(Undefined::LengthMismatch);
    }
    let (mean_x, mean_y) = (mean(x)?, mean(y)?);
    if x.len() < 2 {
        return Err(Undefined::TooFew { needed: 2 });
    }
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    computed(products / (x.len() as f64 - 1.0))
}
