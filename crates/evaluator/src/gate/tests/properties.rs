//! What holds of every comparison and of every gate, whatever the counts are.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::conditions::{Candidate, Reference};
use super::*;
use crate::comparison::tests::side;
use crate::comparison::{CaseResult, MetricComparison};
use crate::policy::{Margin, Metric, Sourced};

/// Repeats of one case on one side: passed, failed, missing.
type Repeats = (u32, u32, u32);

fn repeats() -> impl Strategy<Value = Repeats> {
    prop_oneof![
        6 => Just((3, 0, 0)),
        2 => (0_u32..4).prop_map(|passed| (passed, 3 - passed, 0)),
        1 => (0_u32..3, 0_u32..2).prop_map(|(passed, failed)| (passed, failed, 3 - passed - failed)),
    ]
}

fn cases() -> impl Strategy<Value = Vec<(Repeats, Repeats, bool, u8)>> {
    let case = (repeats(), repeats(), proptest::bool::weighted(0.03), 0_u8..12);
    proptest::collection::vec(case, 1..70)
}

fn policy() -> impl Strategy<Value = Policy> {
    let margin =
        prop_oneof![Just(Margin::None), Just(Margin::Auto), (0.02..0.4_f64).prop_map(Margin::Share),];
    let minimum = proptest::option::weighted(0.3, 0.0..=1.0_f64);
    let metrics = prop_oneof![
        Just(vec![Metric::PassRate]),
        Just(vec![Metric::Score]),
        Just(vec![Metric::PassRate, Metric::Score]),
    ];
    (margin, minimum, metrics, 0.0..0.5_f64, any::<bool>()).prop_map(
        |(margin, minimum, metrics, max_missing, lenient)| Policy {
            margin: Sourced::default(margin),
            min_pass_rate: Sourced::default(minimum),
            metrics: Sourced::default(metrics),
            max_missing: Sourced::default(max_missing),
            inconclusive: Sourced::default(if lenient { OnInconclusive::Pass } else { OnInconclusive::Fail }),
            ..Policy::default()
        },
    )
}

/// The side of these repeats; the last number of a case makes some of them clusters.
fn side_of(cases: &[(Repeats, bool, u8)]) -> Side {
    let words: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(index, ((passed, failed, missing), _, cluster))| {
            let letters =
                ["p".repeat(*passed as usize), "f".repeat(*failed as usize), "n".repeat(*missing as usize)];
            let cluster = if *cluster < 3 { format!("group{cluster}.") } else { String::new() };
            format!("{cluster}case{index}:{}", letters.concat())
        })
        .collect();
    side(&words.join(" "))
}

fn baseline_side(cases: &[(Repeats, Repeats, bool, u8)]) -> Side {
    side_of(&cases.iter().map(|case| (case.0, case.2, case.3)).collect::<Vec<_>>())
}

fn candidate_side(cases: &[(Repeats, Repeats, bool, u8)]) -> Side {
    side_of(&cases.iter().map(|case| (case.1, case.2, case.3)).collect::<Vec<_>>())
}

fn must_pass(cases: &[(Repeats, Repeats, bool, u8)]) -> Vec<String> {
    let critical = cases.iter().enumerate().filter(|(_, case)| case.2);
    critical.map(|(index, _)| format!("case{index}")).collect()
}

fn judged(baseline: &Side, candidate: &Side, must_pass: &[String], policy: &Policy) -> Decided {
    let must_pass: BTreeSet<&str> = must_pass.iter().map(String::as_str).collect();
    let candidate = Candidate { side: candidate, must_pass, gaps: 0, cut_short: None, errors: None };
    decide(&candidate, Reference::Side(baseline), policy)
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

fn negated(one: &MetricComparison, other: &MetricComparison) -> bool {
    let same =
        |of: fn(&MetricComparison) -> &Result<promptassay_stats::score::ScoreInterval, _>,
         other_of: fn(&MetricComparison) -> &Result<promptassay_stats::score::ScoreInterval, _>| {
            match (of(one), other_of(other)) {
                (Ok(one), Ok(other)) => {
                    close(one.estimate, -other.estimate)
                        && close(one.lower, -other.upper)
                        && close(one.upper, -other.lower)
                        && one.units == other.units
                }
                (Err(one), Err(other)) => one == other,
                _ => false,
            }
        };
    same(|metric| &metric.difference, |metric| &metric.difference)
        && same(|metric| &metric.pessimistic, |metric| &metric.optimistic)
        && same(|metric| &metric.optimistic, |metric| &metric.pessimistic)
        && one.units_better == other.units_worse
        && one.units_worse == other.units_better
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn swapping_the_sides_negates(cases in cases(), policy in policy()) {
        let (before, after) = (baseline_side(&cases), candidate_side(&cases));
        let (one, other) = (compare(&before, &after, &policy), compare(&after, &before, &policy));
        prop_assert_eq!(one.units, other.units);
        prop_assert_eq!((&one.fixed, &one.broken), (&other.broken, &other.fixed));
        for (one, other) in one.metrics.iter().zip(&other.metrics) {
            prop_assert!(negated(one, other), "{:?}\n{:?}", one, other);
            if let (Ok(one), Ok(other)) = (&one.p, &other.p) {
                prop_assert!(close(*one, *other));
            }
        }
    }

    #[test]
    fn the_order_of_cases_is_irrelevant(cases in cases(), policy in policy(), seed in any::<u64>()) {
        let (mut before, mut after) = (baseline_side(&cases), candidate_side(&cases));
        let critical = must_pass(&cases);
        let one = judged(&before, &after, &critical, &policy);
        let key = |case: &CaseResult, salt: u64| {
            promptassay_registry::digest::Digest::of(format!("{}{seed}{salt}", case.name)).to_string()
        };
        before.cases.sort_by_key(|case| key(case, 1));
        after.cases.sort_by_key(|case| key(case, 2));
        let other = judged(&before, &after, &critical, &policy);
        prop_assert_eq!(one.rule, other.rule);
        prop_assert_eq!(one.blocks, other.blocks);
        let (one, other) = (one.comparison.unwrap(), other.comparison.unwrap());
        prop_assert_eq!(&one.pairing, &other.pairing);
        for (one, other) in one.metrics.iter().zip(&other.metrics) {
            match (&one.difference, &other.difference) {
                (Ok(one), Ok(other)) => prop_assert!(close(one.lower, other.lower) && close(one.upper, other.upper)),
                (one, other) => prop_assert_eq!(one, other),
            }
        }
    }

    #[test]
    fn more_passes_never_turn_passed_into_failed(cases in cases(), policy in policy(), chosen in any::<prop::sample::Index>()) {
        let (before, mut after) = (baseline_side(&cases), candidate_side(&cases));
        let critical = must_pass(&cases);
        let one = judged(&before, &after, &critical, &policy);
        let case = chosen.index(after.cases.len());
        let case = &mut after.cases[case];
        if case.failed > 0 {
            case.failed -= 1;
            case.passed += 1;
            case.score = Some(f64::from(case.passed) / f64::from(case.judged()));
        }
        let other = judged(&before, &after, &critical, &policy);
        if one.rule.verdict() == Verdict::Passed {
            prop_assert_ne!(other.rule.verdict(), Verdict::Failed);
            prop_assert_ne!(other.rule.verdict(), Verdict::Broken);
        }
        if other.rule.verdict() == Verdict::Failed {
            prop_assert_ne!(one.rule.verdict(), Verdict::Passed);
        }
    }

    #[test]
    fn a_missing_trial_never_helps(cases in cases(), policy in policy(), chosen in any::<prop::sample::Index>(), of_baseline: bool) {
        let (mut before, mut after) = (baseline_side(&cases), candidate_side(&cases));
        let critical = must_pass(&cases);
        let known = judged(&before, &after, &critical, &policy);
        let side = if of_baseline { &mut before } else { &mut after };
        let index = chosen.index(side.cases.len());
        let case = &mut side.cases[index];
        // The trial that would speak for the candidate goes missing, where there is one.
        let takes_pass = if of_baseline { case.failed == 0 } else { case.passed > 0 };
        if takes_pass && case.passed > 0 {
            case.passed -= 1;
        } else if case.failed > 0 {
            case.failed -= 1;
        }
        case.score = (case.judged() > 0).then(|| f64::from(case.passed) / f64::from(case.judged()));
        let missing = judged(&before, &after, &critical, &policy);
        if missing.rule.verdict() == Verdict::Passed {
            prop_assert_eq!(known.rule.verdict(), Verdict::Passed, "{:?} then {:?}", known.rule, missing.rule);
        }
    }

    #[test]
    fn nothing_asked_or_judged_never_passes(cases in cases(), policy in policy()) {
        let (before, mut after) = (baseline_side(&cases), candidate_side(&cases));
        for case in &mut after.cases {
            (case.passed, case.failed, case.score) = (0, 0, None);
        }
        prop_assert!(judged(&before, &after, &[], &policy).blocks);
        for case in &mut after.cases {
            case.asked = 0;
        }
        prop_assert!(judged(&before, &after, &[], &policy).blocks);
        after.cases.clear();
        prop_assert!(judged(&before, &after, &[], &policy).blocks);
    }
}
