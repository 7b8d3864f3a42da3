//! What replies took: time and money. Described, never judged: validators cap them.

use promptassay_stats::Confidence;
use promptassay_stats::quantile::{QuantileInterval, quantile_interval};

use crate::policy::Policy;

/// How long models took, in seconds, over the replies that a model gave, in this run or before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// The median. Each end of its interval, an order statistic, holds at the policy's confidence.
    pub median: QuantileInterval,
    /// The 95th percentile.
    pub p95: QuantileInterval,
}

impl Latency {
    pub(super) fn of(seconds: &[f64], policy: &Policy) -> Option<Self> {
        let confidence = Confidence::each_end(policy.confidence.value).ok()?;
        Some(Self {
            median: quantile_interval(seconds, 0.5, confidence).ok()?,
            p95: quantile_interval(seconds, 0.95, confidence).ok()?,
        })
    }
}

/// What replies cost, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cost {
    /// No model was asked.
    Nothing,
    /// A model was asked whose price or usage nobody knows: that is not free.
    Unpriced,
    /// All of them together.
    Dollars(f64),
}

impl Cost {
    /// With the cost of one more reply.
    pub(super) fn and(self, reply: Option<f64>) -> Self {
        match (self, reply) {
            (Self::Unpriced, _) | (_, None) => Self::Unpriced,
            (Self::Nothing, Some(reply)) => Self::Dollars(reply),
            (Self::Dollars(sum), Some(reply)) => Self::Dollars(sum + reply),
        }
    }

    /// Both together. What is not known of one is not known of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unpriced, _) | (_, Self::Unpriced) => Self::Unpriced,
            (Self::Nothing, known) | (known, Self::Nothing) => known,
            (Self::Dollars(one), Self::Dollars(two)) => Self::Dollars(one + two),
        }
    }

    /// The sum, where it is known, without the digits that adding leaves behind.
    pub fn dollars(self) -> Option<f64> {
        match self {
            Self::Dollars(sum) => Some(rounded(sum)),
            Self::Nothing | Self::Unpriced => None,
        }
    }
}

/// To 10⁻¹² dollars; a sum for which that is nothing stays as it is.
fn rounded(dollars: f64) -> f64 {
    const PARTS: f64 = 1e12;
    let parts = (dollars * PARTS).round();
    if parts.is_finite() { parts / PARTS } else { dollars }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_has_the_digits_of_its_parts() {
        let sum = Cost::Nothing.and(Some(0.1)).and(Some(0.2));
        assert_eq!((sum.dollars(), sum.plus(sum).dollars()), (Some(0.3), Some(0.6)));
        assert_eq!(Cost::Dollars(1e-12).dollars(), Some(1e-12));
        assert_eq!(Cost::Dollars(f64::MAX).dollars(), Some(f64::MAX));
    }

    #[test]
    fn one_unknown_price_makes_the_sum_unknown() {
        assert_eq!(Cost::Nothing.and(Some(0.5)).and(Some(0.25)), Cost::Dollars(0.75));
        assert_eq!(Cost::Nothing.and(Some(0.5)).and(None).and(Some(0.25)), Cost::Unpriced);
        assert_eq!(Cost::Dollars(0.5).plus(Cost::Nothing).plus(Cost::Dollars(0.25)), Cost::Dollars(0.75));
        assert_eq!(Cost::Dollars(0.5).plus(Cost::Unpriced), Cost::Unpriced);
        assert_eq!(Cost::Nothing.dollars(), None, "nothing asked is not free of charge");
    }
}
