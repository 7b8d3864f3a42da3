//! Intervals for one pass rate, from how many of how many passed. For cases with repeats or graded scores use
//! [`crate::score`]: pooling repeats as if they were cases makes these intervals too narrow.

use crate::distributions::beta;
use crate::{Confidence, Undefined};

/// A pass rate with an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProportionInterval {
    /// Passed divided by trials.
    pub estimate: f64,
    /// The lower end; exactly 0 when nothing passed.
    pub lower: f64,
    /// The upper end; exactly 1 when everything passed.
    pub upper: f64,
    /// The number of trials.
    pub trials: u64,
}

/// The Wilson score interval: right on average, also near 0 and 1.
///
/// Source: Wilson, JASA 22 (1927) 209–212.
pub fn wilson(passed: u64, trials: u64, confidence: Confidence) -> Result<ProportionInterval, Undefined> {
    let estimate = rate(passed, trials)?;
    let n = trials as f64;
    let z = confidence.z();
    let share = z * z / n;
    let centre = estimate + 0.5 * share;
    let half = z * (estimate * (1.0 - estimate) / n + 0.25 * share / n).sqrt();
    Ok(ProportionInterval {
        estimate,
        lower: if passed == 0 { 0.0 } else { ((centre - half) / (1.0 + share)).clamp(0.0, estimate) },
        upper: if passed == trials { 1.0 } else { ((centre + half) / (1.0 + share)).clamp(estimate, 1.0) },
        trials,
    })
}

/// The Clopper–Pearson interval: never covers less than promised, at the price of width.
///
/// Source: Clopper and Pearson, Biometrika 26 (1934) 404–413, by quantiles of the beta distribution. Up to
/// 10¹⁰ trials.
pub fn clopper_pearson(
    passed: u64,
    trials: u64,
    confidence: Confidence,
) -> Result<ProportionInterval, Undefined> {
    let estimate = rate(passed, trials)?;
    let (k, n, tail) = (passed as f64, trials as f64, confidence.tail());
    let lower = if passed == 0 { 0.0 } else { beta::quantile(tail, k, n - k + 1.0)? };
    let upper = if passed == trials { 1.0 } else { beta::upper_quantile(tail, k + 1.0, n - k)? };
    Ok(ProportionInterval { estimate, lower, upper, trials })
}

/// The share that passed, of at least one trial.
pub(crate) fn rate(passed: u64, trials: u64) -> Result<f64, Undefined> {
    if trials == 0 {
        Err(Undefined::NoData)
    } else if passed > trials {
        Err(Undefined::OutsideDomain)
    } else {
        Ok(passed as f64 / trials as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact_where_nothing_or_everything_passed() {
        let confidence = Confidence::two_sided(0.95).unwrap();
        for method in [wilson, clopper_pearson] {
            assert!(method(0, 20, confidence).unwrap().lower.abs() < f64::MIN_POSITIVE);
            assert!((method(20, 20, confidence).unwrap().upper - 1.0).abs() < f64::MIN_POSITIVE);
            assert_eq!(method(0, 0, confidence), Err(Undefined::NoData));
            assert_eq!(method(2, 1, confidence), Err(Undefined::OutsideDomain));
        }
    }
}
