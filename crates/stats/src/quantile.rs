//! Quantiles with distribution-free intervals, for latencies and costs: skewed numbers that no mean describes.

use crate::distributions::binomial;
use crate::undefined::{computed, finite};
use crate::{Confidence, Undefined};

/// A quantile with its order-statistic interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileInterval {
    /// The sample quantile, linear between order statistics (type 7, the default of R and NumPy).
    pub estimate: f64,
    /// The lower end, an observed value; undefined where too few values lie below.
    pub lower: Result<f64, Undefined>,
    /// The upper end, an observed value; undefined where too few values lie above.
    pub upper: Result<f64, Undefined>,
    /// The number of values.
    pub count: u64,
}

/// The `p` quantile of `values`, 0 < p < 1, with an interval that assumes nothing but independence.
///
/// The number of values below the true quantile is binomial; the ends are the order statistics beyond which
/// it falls with at most the tail probability. Each end exists on its own: 20 values bound a median, but no
/// 99th percentile from above.
/// Source: Conover, Practical Nonparametric Statistics, section 3.2; as SciPy's `quantile_test`.
pub fn quantile_interval(
    values: &[f64],
    p: f64,
    confidence: Confidence,
) -> Result<QuantileInterval, Undefined> {
    if !(finite(p)? > 0.0 && p < 1.0) {
        return Err(Undefined::OutsideDomain);
    }
    let mut sorted = values.to_vec();
    for value in &sorted {
        finite(*value)?;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as u64;
    let estimate = interpolated(&sorted, p)?;
    let at_least = binomial::quantile(confidence.tail(), count, p)?;
    let at_most = binomial::upper_quantile(confidence.tail(), count, p)?;
    let order_statistic = |index: Option<u64>| {
        index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| sorted.get(index).copied())
            .ok_or(Undefined::TooFewForQuantile)
    };
    Ok(QuantileInterval {
        estimate,
        lower: order_statistic(at_least.checked_sub(1)),
        upper: order_statistic(Some(at_most)),
        count,
    })
}

fn interpolated(sorted: &[f64], p: f64) -> Result<f64, Undefined> {
    let Some(last) = sorted.len().checked_sub(1) else { return Err(Undefined::NoData) };
    let position = p * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 <= position <= last index"
    )]
    let below = (position.floor() as usize).min(last);
    let left = sorted.get(below).copied().ok_or(Undefined::NoData)?;
    let right = sorted.get(below + 1).copied().unwrap_or(left);
    let share = position - below as f64;
    computed(left * (1.0 - share) + right * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_six_is_bounded_by_the_extremes() {
        let confidence = Confidence::two_sided(0.95).unwrap();
        let interval = quantile_interval(&[6.0, 1.0, 5.0, 2.0, 4.0, 3.0], 0.5, confidence).unwrap();
        assert!((interval.estimate - 3.5).abs() < 1e-12);
        assert_eq!(interval.lower, Ok(1.0));
        assert_eq!(interval.upper, Ok(6.0));
    }

    #[test]
    fn five_values_cannot_bound_a_median() {
        let confidence = Confidence::two_sided(0.95).unwrap();
        let interval = quantile_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5, confidence).unwrap();
        assert_eq!(interval.lower, Err(Undefined::TooFewForQuantile));
        assert_eq!(interval.upper, Err(Undefined::TooFewForQuantile));
        assert_eq!(quantile_interval(&[], 0.5, confidence), Err(Undefined::NoData));
    }
}
