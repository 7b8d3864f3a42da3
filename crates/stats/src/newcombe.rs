//! The difference and the ratio of two independent rates, by combining their Wilson intervals.

use crate::distributions::normal;
use crate::proportion::{ProportionInterval, rate, wilson};
use crate::undefined::{computed, finite};
use crate::{Confidence, Undefined};

/// A difference of two rates, treatment − baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateDifference {
    /// Treatment rate − baseline rate.
    pub difference: f64,
    /// The lower end, at least −1.
    pub lower: f64,
    /// The upper end, at most 1.
    pub upper: f64,
}

/// A relative change of a rate: treatment rate / baseline rate − 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLift {
    /// The relative change; 0.1 is ten percent more.
    pub lift: f64,
    /// The lower end, at least −1.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// How many of how many users of an arm succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successes {
    /// Users with a success.
    pub successes: u64,
    /// Users in the arm.
    pub users: u64,
}

/// Newcombe's hybrid score interval of the difference of two independent rates.
///
/// Source: Newcombe, Statistics in Medicine 17 (1998) 873–890, method 10.
pub fn newcombe_difference(
    baseline: Successes,
    treatment: Successes,
    confidence: Confidence,
) -> Result<RateDifference, Undefined> {
    let (a, b) = arms(baseline, treatment, confidence)?;
    let difference = b.estimate - a.estimate;
    let below = (b.estimate - b.lower).hypot(a.upper - a.estimate);
    let above = (b.upper - b.estimate).hypot(a.estimate - a.lower);
    Ok(RateDifference {
        difference,
        lower: (difference - below).max(-1.0),
        upper: (difference + above).min(1.0),
    })
}

/// The two-sided p-value of "no difference" that belongs to [`newcombe_difference`]: the interval begins to hold 0 where its alpha is p.
///
/// Solved for z and not for alpha, of which 1 − alpha would keep no digits. 0 where p is too small for a floating point number.
pub fn newcombe_p(baseline: Successes, treatment: Successes) -> Result<f64, Undefined> {
    for arm in [baseline, treatment] {
        rate(arm.successes, arm.users)?;
    }
    // In whole numbers, for the rates themselves may agree in all digits but the last.
    let crossed = |one: Successes, other: Successes| u128::from(one.successes) * u128::from(other.users);
    let (of_baseline, of_treatment) = (crossed(baseline, treatment), crossed(treatment, baseline));
    let (less, more) = if of_baseline < of_treatment { (baseline, treatment) } else { (treatment, baseline) };
    let difference =
        of_baseline.abs_diff(of_treatment) as f64 / (baseline.users as f64 * treatment.users as f64);
    let holds_0 = |z: f64| {
        let above = reach_below(less.failure_rate(), less.rate(), z * z / less.users as f64);
        let below = reach_below(more.rate(), more.failure_rate(), z * z / more.users as f64);
        above.hypot(below) >= difference
    };
    let (mut low, mut high) = (0.0, LARGEST_Z);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds_0(middle) { high = middle } else { low = middle }
    }
    Ok((2.0 * normal::upper_tail(high)).min(1.0))
}

/// Beyond it lies less than the smallest floating point number.
const LARGEST_Z: f64 = 39.0;

impl Successes {
    fn rate(self) -> f64 {
        self.successes as f64 / self.users as f64
    }

    fn failure_rate(self) -> f64 {
        (self.users - self.successes) as f64 / self.users as f64
    }
}

/// How far Wilson's interval reaches below `rate`, and so above its complement `rest`; `share` is z² / users. It is the root of
/// (1 + share) x² + share (rest − rate) x = share · rate · rest, and keeps the digits that rate − lower end would cancel.
fn reach_below(rate: f64, rest: f64, share: f64) -> f64 {
    let middle = share * (rest - rate);
    let end = 2.0 * share * rate * rest;
    let root = (middle * middle + 2.0 * (1.0 + share) * end).sqrt();
    if middle > 0.0 { end / (middle + root) } else { (root - middle) / (2.0 * (1.0 + share)) }
}

/// How far [`newcombe_difference`] reaches below and above the difference, in arms of so many users that both show exactly `rate`. For
/// plans, whose users need not be whole numbers.
pub fn newcombe_reach(
    rate: f64,
    baseline_users: f64,
    treatment_users: f64,
    confidence: Confidence,
) -> Result<(f64, f64), Undefined> {
    let arm = |users: f64| {
        if !(0.0..=1.0).contains(&finite(rate)?) || finite(users)? <= 0.0 {
            return Err(Undefined::OutsideDomain);
        }
        let share = confidence.z().powi(2) / users;
        Ok((reach_below(rate, 1.0 - rate, share), reach_below(1.0 - rate, rate, share)))
    };
    let ((below_a, above_a), (below_b, above_b)) = (arm(baseline_users)?, arm(treatment_users)?);
    Ok((computed(below_b.hypot(above_a))?, computed(above_b.hypot(below_a))?))
}

/// The ratio form of [`newcombe_difference`]: it excludes "no change" exactly when the difference does.
///
/// Each end is the ratio at which the hybrid interval of treatment − ratio · baseline meets 0.
/// Source: Donner and Zou, Statistical Methods in Medical Research 21 (2012) 347–359 (MOVER-R).
pub fn newcombe_lift(
    baseline: Successes,
    treatment: Successes,
    confidence: Confidence,
) -> Result<RateLift, Undefined> {
    let (a, b) = arms(baseline, treatment, confidence)?;
    if baseline.successes == 0 {
        return Err(Undefined::ZeroBaseline);
    }
    let product = a.estimate * b.estimate;
    // Each pair is limit · (2 · rate − limit) = rate² − (rate − limit)².
    let fold = |limit: f64, rate: f64| limit * (2.0 * rate - limit);
    let (low_b, high_a) = (fold(b.lower, b.estimate), fold(a.upper, a.estimate));
    let (high_b, low_a) = (fold(b.upper, b.estimate), fold(a.lower, a.estimate));
    let below = product + (product * product - low_b * high_a).max(0.0).sqrt();
    let above = product + (product * product - high_b * low_a).max(0.0).sqrt();
    Ok(RateLift {
        lift: b.estimate / a.estimate - 1.0,
        lower: if treatment.successes == 0 { -1.0 } else { computed(low_b / below - 1.0)? },
        upper: computed(above / low_a - 1.0)?,
    })
}

fn arms(
    baseline: Successes,
    treatment: Successes,
    confidence: Confidence,
) -> Result<(ProportionInterval, ProportionInterval), Undefined> {
    let interval = |arm: Successes| wilson(arm.successes, arm.users, confidence);
    Ok((interval(baseline)?, interval(treatment)?))
}
