//! What a margin costs: how often a prompt that did not change would pass, for suites of several sizes.

use promptassay_stats::chance_to_pass::{CaseCounts, NextTime, chance_to_pass};
use promptassay_stats::power::units_to_detect;
use promptassay_stats::{Confidence, Undefined};

use super::outlook::{POWER, noise};
use super::preflight::can_show;
use super::wording::plural;
use crate::comparison::{CaseResult, NoValue, Side, WithValidator, units_of, units_with};

/// Enough draws for a standard error of a point.
const DRAWS: u32 = 2_000;
/// So many repeats are assumed where numbers stand in for a run: enough to know each kind of case.
const IMAGINED_REPEATS: u64 = 100;
/// So many cases: a share of a thousandth is still a case.
const IMAGINED_CASES: u64 = 1_000;

/// How often the cases of a suite passed, seen or imagined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The units of which a case has a verdict.
    units: Vec<Vec<CaseCounts>>,
    /// How many cases the suite has, with or without a verdict.
    suite_cases: u64,
    /// How many units the gate makes of them.
    suite_units: u64,
    /// The metric of the gate that the fewest of these units have, and how many do, where that is not all of them.
    fewest: Option<(String, u64)>,
}

/// How often a prompt that did not change would pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    /// How many cases are asked.
    pub cases: u64,
    /// How many units the gate would make of them: cases of a cluster are one.
    pub units: u64,
    /// How often each case.
    pub repeats: u64,
    /// The margin, as a share.
    pub margin: f64,
    /// The probability; a reason where it is not known.
    pub probability: Result<f64, NoValue>,
    /// Whether so many units can show the margin at all; where not, the gate refuses it.
    pub is_feasible: bool,
}

/// How many cases show a drop of the pass rate with a probability of 0.8.
#[derive(Debug, Clone, PartialEq)]
pub struct Needed {
    /// The drop, as a share.
    pub drop: f64,
    /// How often each case is asked.
    pub repeats: u64,
    /// How many cases.
    pub cases: u64,
    /// How many units the gate makes of them.
    pub units: u64,
}

/// Whether cases that have a verdict can stand for all: at least half of them do.
pub(super) fn stand_for(known: usize, all: usize) -> bool {
    known > 0 && 2 * known >= all
}

/// `part` of `whole`, of so many others; rounded down.
fn share_of(others: u64, part: u64, whole: u64) -> u64 {
    let share = u128::from(others) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

impl Seen {
    /// What a run saw of a candidate, with the units of its comparison with `baseline`; without a baseline, those of its suite. The gate
    /// looks at `metrics` too, the names of validators.
    pub fn of<'a>(
        candidate: &Side,
        baseline: Option<&Side>,
        metrics: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let baseline = baseline.unwrap_or(candidate);
        let units = units_of(baseline, candidate);
        let counts = |unit: &Vec<&CaseResult>| -> Vec<CaseCounts> {
            let judged = unit.iter().filter(|case| case.judged() > 0);
            judged
                .map(|case| CaseCounts { passed: u64::from(case.passed), asked: u64::from(case.judged()) })
                .collect()
        };
        let all = units.len() as u64;
        let have = |metric: &'a str| {
            let WithValidator { known, unknown } = units_with(baseline, candidate, metric);
            // Units without any answer have it as often as the others.
            (metric.to_owned(), share_of(all, known, all - unknown))
        };
        let fewest = metrics.into_iter().map(have).min_by_key(|(_, units)| *units);
        Self {
            suite_cases: units.iter().map(|unit| unit.len() as u64).sum(),
            suite_units: all,
            fewest: fewest.filter(|(_, units)| *units < all),
            units: units.iter().map(counts).filter(|unit| !unit.is_empty()).collect(),
        }
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
            std::iter::repeat_n(vec![CaseCounts { passed, asked: IMAGINED_REPEATS }], cases)
        });
        let units: Vec<_> = counts.collect();
        Some(Self { suite_cases: units.len() as u64, suite_units: units.len() as u64, fewest: None, units })
    }

    /// How many cases the suite has.
    pub fn suite_cases(&self) -> u64 {
        self.suite_cases
    }

    /// How many units the gate makes of them: as many, unless some share a cluster.
    pub fn suite_units(&self) -> u64 {
        self.suite_units
    }

    /// How many cases have a verdict.
    pub fn cases(&self) -> usize {
        self.units.iter().map(Vec::len).sum()
    }

    /// The mean of the cases' pass rates; `None` without cases.
    pub fn pass_rate(&self) -> Option<f64> {
        let rates = self.units.iter().flatten().map(|case| case.passed as f64 / case.asked as f64);
        let cases = self.cases();
        (cases > 0).then(|| rates.sum::<f64>() / cases as f64)
    }

    /// How many cases passed sometimes.
    pub fn flaky(&self) -> usize {
        self.units.iter().flatten().filter(|case| case.passed > 0 && case.passed < case.asked).count()
    }

    /// The metric of the gate that the fewest units have, and how many, where that is not all of them. A margin must be within reach of
    /// these.
    pub fn fewest(&self) -> Option<(&str, u64)> {
        self.fewest.as_ref().map(|(metric, units)| (metric.as_str(), *units))
    }

    /// How many units the gate would make of so many cases like these; never more than it would.
    fn units_of(&self, cases: u64) -> u64 {
        share_of(cases, self.suite_units, self.suite_cases).max(1)
    }

    /// How many of so many cases' units would have every metric of the gate.
    fn units_that_decide(&self, cases: u64) -> u64 {
        match &self.fewest {
            Some((_, units)) => share_of(cases, *units, self.suite_cases),
            None => self.units_of(cases),
        }
    }

    /// How often an unchanged prompt would pass, for every number of cases, of repeats, and every margin; in this order. Each end of
    /// an interval holds at `confidence`; `seed` is that of the simulation. An error says why these cases cannot tell: fewer than half
    /// of the suite's have a verdict, or all were asked once.
    pub fn chances(
        &self,
        (cases, repeats, margins): (&[u64], &[u64], &[f64]),
        confidence: f64,
        seed: u64,
    ) -> Result<Vec<Chance>, NoValue> {
        self.stand_for_all()?;
        let ends = Confidence::each_end(confidence)?;
        let mut chances = Vec::with_capacity(cases.len() * repeats.len() * margins.len());
        for &cases in cases {
            let units = self.units_of(cases);
            for &repeats in repeats {
                for &margin in margins {
                    let next = NextTime { units: Some(units), repeats: Some(repeats) };
                    let probability = chance_to_pass(&self.units, next, margin, ends, DRAWS, seed)
                        .map(|chance| chance.probability)
                        .map_err(NoValue::from);
                    let is_feasible = can_show(self.units_that_decide(cases), margin, confidence);
                    chances.push(Chance { cases, units, repeats, margin, probability, is_feasible });
                }
            }
        }
        Ok(chances)
    }

    /// How many cases like these show a drop with a probability of 0.8, for every number of repeats and every drop, above 0 and up
    /// to 1; in this order. It is what [`outlook`](super::outlook()) says of one suite, the other way round: the interval of the
    /// difference, each end of which holds at `confidence`, then lies below 0. An error says why these cases cannot tell, as in
    /// [`chances`](Self::chances).
    pub fn needed(&self, repeats: &[u64], drops: &[f64], confidence: f64) -> Result<Vec<Needed>, NoValue> {
        self.stand_for_all()?;
        let ends = Confidence::each_end(confidence)?;
        let mut needed = Vec::with_capacity(repeats.len() * drops.len());
        for &repeats in repeats {
            let noise = noise(&self.units, repeats).ok_or(Undefined::NeedsRepeats)?;
            for &drop in drops {
                let units = units_to_detect(drop, noise, ends, POWER)?.ceil();
                let per_unit = self.suite_cases as f64 / self.suite_units.max(1) as f64;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
                let count = |number: f64| number.ceil() as u64;
                needed.push(Needed { drop, repeats, cases: count(units * per_unit), units: count(units) });
            }
        }
        Ok(needed)
    }

    /// An error where these cases cannot stand for the suite.
    fn stand_for_all(&self) -> Result<(), NoValue> {
        let all = usize::try_from(self.suite_cases).unwrap_or(usize::MAX);
        let known = self.cases();
        if stand_for(known, all) {
            return Ok(());
        }
        let reason = format!("{known} of {} have a verdict, and at least half must", plural(all, "case"));
        Err(NoValue::new("too_few_judged", reason))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::preflight::refused;
    use super::*;
    use crate::comparison::MetricMean;
    use crate::comparison::tests::side;
    use crate::policy::{Margin, Metric, Policy, Sourced};

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
            let chances = seen.chances((&[cases], &[repeats], &[margin]), 0.95, 1).unwrap();
            chances[0].probability.clone().unwrap()
        };
        assert!(chance(160, 1, 0.10) > chance(40, 1, 0.10) + 0.1);
        assert!(chance(40, 5, 0.10) > chance(40, 1, 0.10) + 0.1);
        assert!(chance(40, 1, 0.20) > chance(40, 1, 0.10) + 0.1);
        let steady = Seen::imagined(0.9, 0.0).unwrap();
        let chances = steady.chances((&[28, 29], &[1], &[0.10]), 0.95, 1).unwrap();
        let seen: Vec<_> =
            chances.iter().map(|chance| (chance.is_feasible, chance.probability.clone().unwrap())).collect();
        // The interval alone would let 28 through; the preflight asks for the exact bound, and refuses them before.
        assert_eq!(seen, [(false, 1.0), (true, 1.0)]);
    }

    #[test]
    fn cases_of_a_cluster_are_one_unit_however_many_are_imagined() {
        let seen = Seen::of(&side("a.one:ppp a.two:ppp a.three:ppp four:ppp five:pfp"), None, []);
        assert_eq!((seen.suite_cases(), seen.suite_units()), (5, 3));
        let chances = seen.chances((&[5, 10, 11, 1], &[3], &[0.1]), 0.95, 1).unwrap();
        assert_eq!(chances.iter().map(|chance| chance.units).collect::<Vec<_>>(), [3, 6, 6, 1]);
    }

    #[test]
    fn what_a_run_did_not_ask_is_still_in_the_suite() {
        let seen = Seen::of(&side("a.one:ppp a.two:nnn b.three:ppp b.four:nnn"), None, []);
        assert_eq!((seen.cases(), seen.suite_cases(), seen.suite_units()), (2, 4, 2));
        assert!(seen.chances((&[4], &[3], &[0.1]), 0.95, 1).is_ok(), "half is enough");
        let seen = Seen::of(&side("one:ppp two:nnn three:nnn"), None, []);
        let why = seen.chances((&[3], &[3], &[0.1]), 0.95, 1).unwrap_err();
        assert_eq!(why.reason, "1 of 3 cases have a verdict, and at least half must");
        let nothing = Seen::of(&side("one:nnn"), None, []).chances((&[1], &[3], &[0.1]), 0.95, 1);
        assert_eq!(nothing.unwrap_err().code, "too_few_judged");
    }

    #[test]
    fn what_was_not_answered_has_a_metric_as_often_as_what_was() {
        let mut side = side("one:ppp two:ppp three:ppp four:nnn five:ppp six:nnn");
        for case in side.cases.iter_mut().take(2) {
            case.validators.insert("hours".to_owned(), MetricMean { mean: 1.0, trials: 3 });
        }
        let fewest = |metrics: &[&'static str]| Seen::of(&side, None, metrics.iter().copied()).fewest;
        assert_eq!(fewest(&["hours"]), Some(("hours".to_owned(), 3)), "2 of the 4 that are known, so 3 of 6");
        assert_eq!(fewest(&["hours", "tone"]), Some(("tone".to_owned(), 0)));
        assert_eq!(fewest(&[]), None);
    }

    #[test]
    fn a_smaller_drop_takes_more_cases_and_repeats_save_some() {
        let seen = Seen::imagined(0.9, 0.2).unwrap();
        let needed = seen.needed(&[1, 5], &[0.1, 0.03], 0.95).unwrap();
        let cases: Vec<u64> = needed.iter().map(|needed| needed.cases).collect();
        assert!(cases[1] > 5 * cases[0] && cases[2] < cases[0] && cases[3] < cases[1] / 2, "{cases:?}");
        let pairs = Seen::of(&side("a.one:pfp a.two:ppp b.three:ppp b.four:ppp"), None, []);
        let needed = pairs.needed(&[3], &[0.1], 0.95).unwrap();
        assert_eq!(needed[0].cases, 2 * needed[0].units, "cases of a cluster are one unit");
        assert_eq!(
            Seen::of(&side("one:p two:p"), None, []).needed(&[1], &[0.1], 0.95).unwrap_err().code,
            "needs_repeats"
        );
        let few = Seen::of(&side("one:ppp two:nnn three:nnn"), None, []).needed(&[3], &[0.1], 0.95);
        assert_eq!(few.unwrap_err().code, "too_few_judged");
    }

    proptest! {
        /// Every margin that is offered for a suite is accepted by the gate of that suite, and none that it accepts is withheld.
        #[test]
        fn the_gate_accepts_what_is_offered(
            cases in proptest::collection::vec((0_u8..20, any::<bool>(), proptest::bool::weighted(0.7)), 1..90),
            margin in 0.01..0.5_f64,
            confidence in 0.6..0.995_f64,
        ) {
            let words = |is_baseline: bool| {
                let word = |(index, (cluster, edited, _)): (usize, &(u8, bool, bool))| {
                    let cluster = if *cluster < 8 { format!("c{cluster}.") } else { String::new() };
                    // Some cases have no partner.
                    let edited = if *edited && index % 5 == 0 && is_baseline { "~" } else { "" };
                    format!("{cluster}case{index}{edited}:ppp")
                };
                cases.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
            };
            let with_hours = |mut side: Side| {
                for (case, (_, _, has_hours)) in side.cases.iter_mut().zip(&cases) {
                    if *has_hours {
                        case.validators.insert("hours".to_owned(), MetricMean { mean: 1.0, trials: 3 });
                    }
                }
                side
            };
            let (baseline, candidate) = (with_hours(side(&words(true))), with_hours(side(&words(false))));
            let metrics = if cases.len() % 2 == 0 { vec!["pass_rate"] } else { vec!["pass_rate", "hours"] };
            let metrics = metrics.into_iter().map(|metric| Metric::from(metric.to_owned())).collect();
            let policy = Policy {
                metrics: Sourced::default(metrics),
                margin: Sourced::default(Margin::Share(margin)),
                confidence: Sourced::default(confidence),
                ..Policy::default()
            };
            let seen = Seen::of(&candidate, Some(&baseline), policy.validator_metrics());
            if seen.cases() > 0 {
                let chances = seen.chances((&[seen.suite_cases()], &[3], &[margin]), confidence, 1).unwrap();
                prop_assert_eq!(chances[0].is_feasible, refused(&baseline, &candidate, &policy).is_none());
            }
        }
    }
}
