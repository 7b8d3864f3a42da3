//! What it means that a guard says nothing: how many users have to fail before it would.

use promptassay_stats::Undefined;
use promptassay_stats::canary::{DetectionPlan, canary_detection};
use serde::Serialize;

use super::{LEAST_FAILING, ROLL_BACK_AT};

/// The harm that is asked about: canary users fail twice as often.
const TIMES: f64 = 2.0;
/// After so many failing users a simulated guard gives up: a share that needs more shows nothing in practice.
const MOST_FAILING: u64 = 20_000;
/// Simulated canaries: the median is then within about a tenth.
const RUNS: u32 = 400;
/// The same canary is always answered the same.
const SEED: u64 = 1;

/// How soon a canary that harms is rolled back, counted in failing users of both arms together. Simulated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WouldShow {
    /// How many times as often the canary's users fail.
    pub times: f64,
    /// Half of such canaries are rolled back after so many; `None` for more than 20,000.
    pub failing_users: Option<u64>,
    /// Nine of ten are; `None` for more than 20,000.
    pub failing_users_at_most: Option<u64>,
}

impl WouldShow {
    /// With this share of the users in the canary, 0 < share < 1, and so many guardrails.
    pub(super) fn at(share: f64, guardrails: f64) -> Result<Self, Undefined> {
        let plan = DetectionPlan {
            share,
            failure_ratio: TIMES,
            threshold: ROLL_BACK_AT * guardrails,
            least_canary_failing: LEAST_FAILING,
            most_failing: MOST_FAILING,
        };
        let seen = canary_detection(&plan, RUNS, SEED)?;
        Ok(Self {
            times: TIMES,
            failing_users: seen.median.ok().map(rounded),
            failing_users_at_most: seen.ninetieth.ok().map(rounded),
        })
    }
}

/// To two digits: a simulation knows no more.
fn rounded(count: u64) -> u64 {
    let unit = 10_u64.pow(count.max(1).ilog10().saturating_sub(1));
    count.div_ceil(unit) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_shows_sooner_in_a_wider_canary_and_later_with_more_guardrails() {
        let after = |share, guardrails| WouldShow::at(share, guardrails).unwrap().failing_users.unwrap();
        assert!(after(0.25, 1.0) < after(0.05, 1.0));
        assert!(after(0.25, 1.0) < after(0.25, 4.0));
    }

    #[test]
    fn a_sliver_shows_nothing() {
        let sliver = WouldShow::at(0.0001, 1.0).unwrap();
        assert_eq!((sliver.failing_users, sliver.failing_users_at_most), (None, None));
    }

    #[test]
    fn two_digits_are_kept() {
        assert_eq!([1, 9, 10, 99, 101, 213, 1501].map(rounded), [1, 9, 10, 99, 110, 220, 1600]);
    }
}
