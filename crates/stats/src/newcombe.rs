//! The difference and the ratio of two independent rates, by combining their Wilson intervals.

use crate::proportion::{ProportionInterval, wilson};
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
        let centre = rate + 0.5 * share;
        let half = confidence.z() * (rate * (1.0 - rate) / users + 0.25 * share / users).sqrt();
        let [lower, upper] = [centre - half, centre + half].map(|end| end / (1.0 + share));
        Ok((rate - lower, upper - rate))
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
