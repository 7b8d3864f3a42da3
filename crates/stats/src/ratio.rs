//! A ratio of sums over users, such as errors per request, where users differ in how much they contribute.

use crate::Undefined;
use crate::moments::{Moments, covariance, mean};
use crate::undefined::computed;

/// The ratio Σ numerator / Σ denominator with the user as the unit, as moments that any comparison of means
/// takes.
///
/// The variance is that of the linearised user values, (s²ₘ − 2 r sₘd + r² s²d) / d̄² (delta method). The
/// standard error equals the cluster-robust one (CR1) of the pooled ratio, clustered by user: with all
/// denominators 1 it is the plain mean, and with sizes as denominators the mean over all members of clusters.
/// Source: Deng, Knoblich and Lu, KDD 2018 (arXiv 1803.06336), section 3.
pub fn ratio_moments(numerators: &[f64], denominators: &[f64]) -> Result<Moments, Undefined> {
    if numerators.len() != denominators.len() {
        return Err(Undefined::LengthMismatch);
    }
    let (numerator, denominator) = (mean(numerators)?, mean(denominators)?);
    if denominator == 0.0 {
        return Err(Undefined::ZeroBaseline);
    }
    let ratio = computed(numerator / denominator)?;
    let linearised: Vec<f64> =
        numerators.iter().zip(denominators).map(|(m, d)| (m - ratio * d) / denominator).collect();
    // The covariance form of the formula cancels where users are alike; the variance of the residuals does not.
    let variance = covariance(&linearised, &linearised)?;
    Moments::from_parts(numerators.len() as u64, ratio, variance)
}
