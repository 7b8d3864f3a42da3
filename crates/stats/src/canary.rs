//! The canary guard: evidence that the canary makes more users fail, valid at every look.
//!
//! It reads only who failed, not how many were served: if canary users fail ρ times as often, a failing user
//! is in the canary with probability θ = pρ / (pρ + 1 − p) instead of the share p, whatever the base rate
//! does over the day.

use crate::Undefined;
use crate::random::Pcg64;
use crate::undefined::{computed, finite};

/// One step of a canary, with a constant share of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CanaryStep {
    /// The share of users in the canary, 0 < share < 1.
    pub share: f64,
    /// Users in the canary whose first failure fell into this step.
    pub canary_failing: u64,
    /// Users in production whose first failure fell into this step.
    pub production_failing: u64,
}

/// The failure ratios that the evidence is averaged over.
pub const HARM_RATIOS: [f64; 5] = [1.5, 2.0, 3.0, 5.0, 10.0];

/// The natural logarithm of the evidence that the canary harms: the mean over [`HARM_RATIOS`] of
/// Π over steps (θ/p)^S · ((1 − θ)/(1 − p))^F, with S and F the failing users in canary and production.
///
/// As a martingale that starts at 1 it exceeds E with probability at most 1/E if the canary is harmless,
/// however often one looks. A logarithm, because the evidence itself overflows.
/// Source: e-processes, Ramdas et al., Statistical Science 38 (2023), arXiv 2210.01948; counts as in Lindon
/// and Malek 2022.
pub fn canary_ln_e_value(steps: &[CanaryStep]) -> Result<f64, Undefined> {
    let mut evidence = Evidence::default();
    for step in steps {
        if !(finite(step.share)? > 0.0 && step.share < 1.0) {
            return Err(Undefined::OutsideDomain);
        }
        evidence.add(step.share, step.canary_failing as f64, step.production_failing as f64);
    }
    computed(evidence.ln_mean())
}

/// ln of the evidence for each ratio.
#[derive(Debug, Clone, Copy, Default)]
struct Evidence([f64; HARM_RATIOS.len()]);

impl Evidence {
    fn add(&mut self, share: f64, canary: f64, production: f64) {
        for (ln_e, ratio) in self.0.iter_mut().zip(HARM_RATIOS) {
            // θ / p = ρ / (1 + p (ρ − 1)), and (1 − θ) / (1 − p) = 1 / (1 + p (ρ − 1)).
            *ln_e += canary * ratio.ln() - (canary + production) * libm::log1p(share * (ratio - 1.0));
        }
    }

    fn ln_mean(&self) -> f64 {
        let largest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.0.iter().map(|ln_e| (ln_e - largest).exp()).sum();
        largest + (sum / HARM_RATIOS.len() as f64).ln()
    }
}

/// A canary whose guard is to be tried out before it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectionPlan {
    /// The share of users in the canary, 0 < share < 1.
    pub share: f64,
    /// How many times as often canary users really fail; 1 shows false alarms.
    pub failure_ratio: f64,
    /// The evidence at which the guard acts, more than 1; 100 for a rollback with one guardrail.
    pub threshold: f64,
    /// The failing canary users without which the guard does not act.
    pub least_canary_failing: u64,
    /// The failing users, in both arms together, after which a run gives up; at most 1,000,000.
    pub most_failing: u64,
}

/// How soon the guard acts, counted in failing users of both arms together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// The share of runs in which the guard acted at all.
    pub detected: f64,
    /// The failing users after which it had acted in half of the runs.
    pub median: Result<u64, Undefined>,
    /// The failing users after which it had acted in nine of ten runs.
    pub ninetieth: Result<u64, Undefined>,
    /// The number of runs.
    pub runs: u32,
}

/// Simulates the guard, looking after every failing user.
///
/// Divide the result by the rate of failing users to get a time: with a production failure rate f, a user
/// served fails with probability f · (1 + share · (`failure_ratio` − 1)). Time is proportional to runs ×
/// `most_failing` at worst.
pub fn canary_detection(plan: &DetectionPlan, runs: u32, seed: u64) -> Result<Detection, Undefined> {
    let ratio = finite(plan.failure_ratio)?;
    let share = finite(plan.share)?;
    let sensible = share > 0.0 && share < 1.0 && ratio >= 0.0 && finite(plan.threshold)? > 1.0;
    if !sensible || plan.most_failing > 1_000_000 {
        return Err(Undefined::OutsideDomain);
    }
    if runs == 0 {
        return Err(Undefined::NoData);
    }
    let in_canary = share * ratio / (1.0 + share * (ratio - 1.0));
    let ln_threshold = plan.threshold.ln();
    let mut random = Pcg64::seeded(seed);
    let mut times: Vec<u64> =
        (0..runs).filter_map(|_| first_alarm(plan, in_canary, ln_threshold, &mut random)).collect();
    times.sort_unstable();
    let reached_by = |share_of_runs: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32")]
        let index = (share_of_runs * f64::from(runs)).ceil() as usize - 1;
        times.get(index).copied().ok_or(Undefined::TooFewForQuantile)
    };
    Ok(Detection {
        detected: times.len() as f64 / f64::from(runs),
        median: reached_by(0.5),
        ninetieth: reached_by(0.9),
        runs,
    })
}

/// The number of failing users at which one simulated guard acts.
fn first_alarm(plan: &DetectionPlan, in_canary: f64, ln_threshold: f64, random: &mut Pcg64) -> Option<u64> {
    let mut evidence = Evidence::default();
    let mut canary_failing = 0;
    for failing in 1..=plan.most_failing {
        if random.next_unit() < in_canary {
            canary_failing += 1;
            evidence.add(plan.share, 1.0, 0.0);
            // A failing production user only lowers the evidence.
            if canary_failing >= plan.least_canary_failing && evidence.ln_mean() >= ln_threshold {
                return Some(failing);
            }
        } else {
            evidence.add(plan.share, 0.0, 1.0);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(failure_ratio: f64) -> DetectionPlan {
        DetectionPlan {
            share: 0.2,
            failure_ratio,
            threshold: 100.0,
            least_canary_failing: 5,
            most_failing: 3000,
        }
    }

    #[test]
    fn no_failure_is_no_evidence() {
        assert!(canary_ln_e_value(&[]).unwrap().abs() < 1e-12);
        let step = CanaryStep { share: 0.1, canary_failing: 0, production_failing: 0 };
        assert!(canary_ln_e_value(&[step, step]).unwrap().abs() < 1e-12);
    }

    #[test]
    fn evidence_is_a_fair_bet_when_the_canary_is_harmless() {
        // The mean of e after one failing user, weighted with the probabilities under "harmless", is exactly 1.
        let share = 0.13;
        let after = |canary_failing, production_failing| {
            canary_ln_e_value(&[CanaryStep { share, canary_failing, production_failing }]).unwrap().exp()
        };
        let expected = share * share * after(2, 0)
            + 2.0 * share * (1.0 - share) * after(1, 1)
            + (1.0 - share).powi(2) * after(0, 2);
        assert!((expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn splitting_a_step_changes_nothing() {
        let step = |canary_failing, production_failing| CanaryStep {
            share: 0.25,
            canary_failing,
            production_failing,
        };
        let whole = canary_ln_e_value(&[step(9, 11)]).unwrap();
        let split = canary_ln_e_value(&[step(4, 10), step(5, 1)]).unwrap();
        assert!((whole - split).abs() < 1e-12);
    }

    #[test]
    fn worse_canaries_are_found_sooner_and_harmless_ones_rarely() {
        let harmless = canary_detection(&plan(1.0), 2000, 3).unwrap();
        assert!(harmless.detected < 0.01, "{harmless:?}");
        assert_eq!(harmless.median, Err(Undefined::TooFewForQuantile));
        let double = canary_detection(&plan(2.0), 500, 3).unwrap();
        let triple = canary_detection(&plan(3.0), 500, 3).unwrap();
        assert!(double.detected > 0.95);
        assert!(triple.median.unwrap() < double.median.unwrap());
    }

    #[test]
    fn impossible_shares_are_refused() {
        let step = CanaryStep { share: 1.0, canary_failing: 1, production_failing: 1 };
        assert_eq!(canary_ln_e_value(&[step]), Err(Undefined::OutsideDomain));
        assert_eq!(canary_detection(&plan(f64::NAN), 1, 1), Err(Undefined::NotFinite));
    }
}
