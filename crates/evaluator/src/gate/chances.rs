//! What a margin costs: how often a prompt that did not change would pass, for suites of several sizes.

use promptassay_stats::Confidence;
use promptassay_stats::chance_to_pass::{CaseCounts, NextTime, chance_to_pass_of};
use promptassay_stats::feasibility::is_feasible;

use crate::comparison::{NoValue, Side};

/// Enough draws for a standard error of a point.
const DRAWS: u32 = 2_000;
/// So many repeats are assumed where numbers stand in for a run: enough to know each kind of case.
const IMAGINED_REPEATS: u64 = 100;
/// So many cases: a share of a thousandth is still a case.
const IMAGINED_CASES: u64 = 1_000;

/// How often cases passed, seen or imagined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen(Vec<CaseCounts>);

/// How often a prompt that did not change would pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    /// How many cases are asked.
    pub cases: u64,
    /// How often each.
    pub repeats: u64,
    /// The margin, as a share.
    pub margin: f64,
    /// The probability; a reason where it is not known.
    pub probability: Result<f64, NoValue>,
    /// Whether so many cases can show the margin at all.
    pub is_feasible: bool,
}

impl Seen {
    /// What a run saw: the judged repeats of each case.
    pub fn of(side: &Side) -> Self {
        let judged = side.cases.iter().filter(|case| case.judged() > 0);
        Self(
            judged
                .map(|case| CaseCounts { passed: u64::from(case.passed), asked: u64::from(case.judged()) })
                .collect(),
        )
    }

    /// Cases of which the share `flaky` passes every other time and the others always or never, so that the mean pass rate is
    /// `pass_rate`. `None` where that is not possible: flaky / 2 ≤ pass rate ≤ 1 − flaky / 2.
    pub fn imagined(pass_rate: f64, flaky: f64) -> Option<Self> {
        let always = pass_rate - flaky / 2.0;
        let never = 1.0 - flaky - always;
        if !(always >= -1e-9 && never >= -1e-9 && (0.0..=1.0).contains(&flaky)) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a thousand")]
        let cases = |share: f64| (share.max(0.0) * IMAGINED_CASES as f64).round() as usize;
        let kinds =
            [(cases(always), IMAGINED_REPEATS), (cases(flaky), IMAGINED_REPEATS / 2), (cases(never), 0)];
        let counts = kinds.into_iter().flat_map(|(cases, passed)| {
            std::iter::repeat_n(CaseCounts { passed, asked: IMAGINED_REPEATS }, cases)
        });
        Some(Self(counts.collect()))
    }

    /// How many cases were seen.
    pub fn cases(&self) -> usize {
        self.0.len()
    }

    /// The mean of the cases' pass rates; `None` without cases.
    pub fn pass_rate(&self) -> Option<f64> {
        let rates = self.0.iter().map(|case| case.passed as f64 / case.asked as f64);
        (!self.0.is_empty()).then(|| rates.sum::<f64>() / self.0.len() as f64)
    }

    /// How many cases passed sometimes.
    pub fn flaky(&self) -> usize {
        self.0.iter().filter(|case| case.passed > 0 && case.passed < case.asked).count()
    }

    /// How often an unchanged prompt would pass, for every number of cases, of repeats, and every margin; in this order. Each end of
    /// an interval holds at `confidence`; `seed` is that of the simulation.
    pub fn chances(
        &self,
        (cases, repeats, margins): (&[u64], &[u64], &[f64]),
        confidence: f64,
        seed: u64,
    ) -> Vec<Chance> {
        let mut chances = Vec::with_capacity(cases.len() * repeats.len() * margins.len());
        for &cases in cases {
            for &repeats in repeats {
                for &margin in margins {
                    let next = NextTime { cases: Some(cases), repeats: Some(repeats) };
                    let probability = Confidence::each_end(confidence)
                        .and_then(|ends| chance_to_pass_of(&self.0, next, margin, ends, DRAWS, seed))
                        .map(|chance| chance.probability)
                        .map_err(NoValue::from);
                    let is_feasible = is_feasible(cases, margin, confidence) == Ok(true);
                    chances.push(Chance { cases, repeats, margin, probability, is_feasible });
                }
            }
        }
        chances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagined_cases_have_the_shares_that_were_asked_for() {
        let seen = Seen::imagined(0.9, 0.1).unwrap();
        assert_eq!((seen.cases(), seen.flaky()), (1000, 100));
        assert!((seen.pass_rate().unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(Seen::imagined(0.99, 0.1), None);
        assert_eq!(Seen::imagined(0.04, 0.1), None);
        assert!(Seen::imagined(0.95, 0.1).is_some() && Seen::imagined(1.0, 0.0).is_some());
    }

    #[test]
    fn more_of_everything_passes_more_often() {
        let seen = Seen::imagined(0.9, 0.15).unwrap();
        let chance = |cases, repeats, margin| {
            let chances = seen.chances((&[cases], &[repeats], &[margin]), 0.95, 1);
            chances[0].probability.clone().unwrap()
        };
        assert!(chance(160, 1, 0.10) > chance(40, 1, 0.10) + 0.1);
        assert!(chance(40, 5, 0.10) > chance(40, 1, 0.10) + 0.1);
        assert!(chance(40, 1, 0.20) > chance(40, 1, 0.10) + 0.1);
        let steady = Seen::imagined(0.9, 0.0).unwrap();
        let chances = steady.chances((&[28, 29], &[1], &[0.10]), 0.95, 1);
        let seen: Vec<_> =
            chances.iter().map(|chance| (chance.is_feasible, chance.probability.clone().unwrap())).collect();
        // The interval alone would let 28 through; the preflight asks for the exact bound, and refuses them before.
        assert_eq!(seen, [(false, 1.0), (true, 1.0)]);
    }
}
