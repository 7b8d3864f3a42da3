//! What the gate says, word for word.

use std::collections::BTreeSet;

use super::super::conditions::{Candidate, Reference};
use super::*;
use crate::comparison::MetricMean;
use crate::comparison::tests::side;
use crate::policy::{Margin, Metric, Sourced};

/// So many cases of each kind: both pass, fixed, broken.
struct Cases {
    same: usize,
    fixed: usize,
    broken: usize,
}

impl Cases {
    fn sides(&self) -> (Side, Side) {
        let kinds = [
            ("same", "ppp", "ppp", self.same),
            ("fixed", "fff", "ppp", self.fixed),
            ("broken", "ppp", "fff", self.broken),
        ];
        let words = |candidate: bool| {
            let words = kinds.iter().flat_map(|(name, before, after, count)| {
                (0..*count)
                    .map(move |index| format!("{name}{index}:{}", if candidate { after } else { before }))
            });
            side(&words.collect::<Vec<_>>().join(" "))
        };
        (words(false), words(true))
    }
}

fn under(margin: Margin) -> Policy {
    Policy { margin: Sourced::default(margin), ..Policy::default() }
}

fn said(before: &Side, after: &Side, policy: &Policy) -> String {
    let candidate =
        Candidate { side: after, must_pass: BTreeSet::new(), gaps: 0, cut_short: None, errors: None };
    let decided = decide(&candidate, Reference::Side(before), policy);
    let lets_through =
        if decided.rule.verdict() == Verdict::Passed || decided.blocks { "" } else { " (let through)" };
    format!(
        "row {} {}{lets_through}  {}",
        decided.rule.row(),
        decided.rule.verdict().as_str(),
        decided.reason
    )
}

fn of(cases: &Cases, policy: &Policy) -> String {
    let (before, after) = cases.sides();
    said(&before, &after, policy)
}

#[test]
fn what_a_comparison_comes_to() {
    let auto = under(Margin::Auto);
    let both = Policy {
        metrics: Sourced::default(vec![Metric::PassRate, Metric::Score]),
        ..under(Margin::Share(0.1))
    };
    let lenient =
        Policy { inconclusive: Sourced::default(OnInconclusive::Pass), ..under(Margin::Share(0.1)) };
    let lines = [
        ("better", of(&Cases { same: 31, fixed: 8, broken: 1 }, &auto)),
        ("the same", of(&Cases { same: 40, fixed: 0, broken: 0 }, &auto)),
        ("the same, two metrics", of(&Cases { same: 40, fixed: 0, broken: 0 }, &both)),
        ("worse within the margin", of(&Cases { same: 296, fixed: 0, broken: 4 }, &auto)),
        ("worse", of(&Cases { same: 31, fixed: 1, broken: 8 }, &auto)),
        ("worse, two metrics", of(&Cases { same: 31, fixed: 1, broken: 8 }, &both)),
        ("cannot tell", of(&Cases { same: 29, fixed: 0, broken: 1 }, &under(Margin::Share(0.1)))),
        ("cannot tell, let through", of(&Cases { same: 29, fixed: 0, broken: 1 }, &lenient)),
        ("worse than the margin, not proven", of(&Cases { same: 17, fixed: 0, broken: 3 }, &lenient)),
        (
            "worse to look at, in too few",
            of(&Cases { same: 27, fixed: 0, broken: 3 }, &under(Margin::Share(0.2))),
        ),
        ("too few for auto", of(&Cases { same: 10, fixed: 0, broken: 0 }, &auto)),
        ("no margin", of(&Cases { same: 31, fixed: 1, broken: 8 }, &Policy::default())),
    ];
    let text: Vec<String> = lines.iter().map(|(title, line)| format!("{title}\n  {line}")).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn what_cannot_be_compared_is_named() {
    let margin = under(Margin::Share(0.2));
    let names = |count: usize, letters: &str| -> Vec<String> {
        (0..count).map(|index| format!("case{index}:{letters}")).collect()
    };
    let before = side(&names(30, "p").join(" "));
    let without = side(&names(20, "p").join(" "));
    let silent = side(&names(30, "n").join(" "));
    let gappy = side(&(names(29, "p").join(" ") + " case29:n"));
    let mut other = before.clone();
    let mut known = before.clone();
    known.served_models = BTreeSet::from(["luna-1".to_owned()]);
    other.served_models = BTreeSet::from(["luna-1".to_owned(), "luna-2".to_owned()]);
    let any = Policy { served_model: Sourced::default(crate::policy::ServedModel::Any), ..margin.clone() };
    let mut judged = before.clone();
    judged.judges = BTreeSet::from(["opus-5".to_owned()]);
    let mut judged_otherwise = before.clone();
    judged_otherwise.judges = BTreeSet::from(["opus-6".to_owned()]);
    let absent = {
        let candidate =
            Candidate { side: &before, must_pass: BTreeSet::new(), gaps: 0, cut_short: None, errors: None };
        decide(&candidate, Reference::Absent, &margin).reason
    };
    let lines = [
        said(&before, &without, &margin),
        said(&silent, &before, &margin),
        said(&silent, &before, &Policy { max_missing: Sourced::default(1.0), ..margin.clone() }),
        said(&gappy, &before, &margin),
        said(&gappy, &before, &Policy::default()),
        said(&known, &other, &margin),
        said(&known, &other, &any),
        said(&before, &other, &margin),
        said(&judged, &judged_otherwise, &margin),
        absent,
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

/// Other cases than those that have a metric decide nothing of it.
#[test]
fn a_metric_that_some_cases_have_is_counted_by_these() {
    let of = |cases: usize, with_hours: usize, (broke, fixed): (usize, usize), margin: f64| {
        let side_of = |is_candidate: bool| {
            let words: Vec<String> = (0..cases).map(|case| format!("c{case:04}:p")).collect();
            let mut side = side(&words.join(" "));
            for (index, case) in side.cases.iter_mut().take(with_hours).enumerate() {
                let changes = if index < broke { is_candidate } else { !is_candidate };
                let mean = if index < broke + fixed && changes { 0.0 } else { 1.0 };
                case.validators.insert("hours".to_owned(), MetricMean { mean, trials: 1 });
            }
            side
        };
        let metrics = vec![Metric::PassRate, Metric::Validator("hours".to_owned())];
        let policy = Policy { metrics: Sourced::default(metrics), ..under(Margin::Share(margin)) };
        said(&side_of(false), &side_of(true), &policy)
    };
    let lines = [
        of(1000, 40, (4, 2), 0.15),
        of(60, 40, (4, 2), 0.08),
        of(60, 60, (4, 2), 0.05),
        of(60, 40, (2, 0), 0.05),
        of(1000, 40, (4, 0), 0.05),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}
