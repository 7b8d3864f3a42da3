//! Why the gate says what it says, in one line.

use std::collections::BTreeSet;

use super::conditions::Candidate;
use super::wording::{few, grouped, percents, plural, points, size};
use super::{Rule, Verdict};
use crate::comparison::{Call, Comparison, MetricComparison, UNITS_THAT_SHOW_A_CHANGE};
use crate::policy::{Margin, Metric, Policy};

/// An estimate that all but equals the margin needs more than there are of anything.
const BEYOND_REACH: f64 = 1e6;

pub(super) fn reason(
    rule: Rule,
    candidate: &Candidate<'_>,
    comparison: Option<&Comparison>,
    policy: &Policy,
) -> String {
    let reason = reason_of(rule, candidate, comparison, policy);
    let failed = candidate.critical(|case| case.failed > 0);
    // What lacks changes nothing about these.
    if rule.verdict() == Verdict::Broken && !failed.is_empty() {
        return format!("{reason}; and a case that must pass failed: {}", few(&failed));
    }
    reason
}

fn reason_of(
    rule: Rule,
    candidate: &Candidate<'_>,
    comparison: Option<&Comparison>,
    policy: &Policy,
) -> String {
    let asked = usize::try_from(candidate.asked()).unwrap_or(usize::MAX);
    let questions = || plural(asked, "question");
    let cases = || plural(candidate.side.cases.len(), "case");
    match rule {
        Rule::NothingJudged if candidate.gaps > 0 => {
            format!(
                "none of {} was judged: {} {}",
                questions(),
                grouped(candidate.gaps as u64),
                gaps(candidate)
            )
        }
        Rule::NothingAsked | Rule::NothingJudged => {
            let errors = candidate.errors.as_ref().map(|errors| format!(": {errors}")).unwrap_or_default();
            format!("none of {} was judged{errors}", questions())
        }
        Rule::CutShort => candidate.cut_short.clone().unwrap_or_default(),
        Rule::CouldNotBeAsked => {
            format!("{} of {} {}", grouped(candidate.gaps as u64), questions(), gaps(candidate))
        }
        Rule::TooManyMissing => too_many_missing(candidate, comparison, policy),
        Rule::BaselineAbsent => match comparison {
            Some(comparison) if comparison.missing.0.is_some_and(|share| share < 1.0) => {
                "no case was judged on both sides, so nothing is compared".to_owned()
            }
            Some(comparison) => format!("nothing of the baseline {} was judged", comparison.baseline),
            None => format!("there are no blessed results on model {}", candidate.side.label.model),
        },
        Rule::TooFewPartners => comparison.map(too_few_partners).unwrap_or_default(),
        Rule::OtherModels => comparison.map(other_models).unwrap_or_default(),
        Rule::CriticalMissing => {
            let missing = candidate.critical(|case| case.missing() > 0);
            format!("a case that must pass lacks a verdict: {}", few(&missing))
        }
        Rule::NothingPassed => nothing_passed(comparison),
        Rule::CriticalFailed => {
            format!("a case that must pass failed: {}", few(&candidate.critical(|case| case.failed > 0)))
        }
        Rule::BelowMinimum | Rule::MinimumReached => {
            let observed = candidate.observed_pass_rate().unwrap_or_default();
            let minimum = policy.min_pass_rate.value.unwrap_or_default();
            let (observed, minimum) = percents(observed, minimum);
            format!("{observed} of {} passed, {minimum} needed", plural(asked, "trial"))
        }
        Rule::CaseFailed | Rule::EveryCasePassed => {
            format!("{} of {} passed, every case must", grouped(candidate.cases_passed() as u64), cases())
        }
        Rule::NotWorse => comparison.map(|comparison| not_worse(comparison, policy)).unwrap_or_default(),
        Rule::Worse => comparison.map(worse).unwrap_or_default(),
        Rule::CannotTell => comparison.map(|comparison| cannot_tell(comparison, policy)).unwrap_or_default(),
    }
}

/// Where the baseline passed something, neither the suite nor the model is what is broken.
fn nothing_passed(comparison: Option<&Comparison>) -> String {
    match comparison {
        Some(comparison) if !comparison.broken.is_empty() => {
            let (cases, baseline) = (plural(comparison.broken.len(), "case"), &comparison.baseline);
            format!("nothing passed, where {cases} passed with the baseline {baseline}")
        }
        _ => "nothing passed: the prompt, the model or the suite is broken".to_owned(),
    }
}

/// What asking lacked, and what to do.
fn gaps(candidate: &Candidate<'_>) -> &'static str {
    if candidate.gaps == 1 {
        "has no recorded answer that fits; `promptassay eval --record` asks"
    } else {
        "have no recorded answer that fits; `promptassay eval --record` asks"
    }
}

fn too_many_missing(candidate: &Candidate<'_>, comparison: Option<&Comparison>, policy: &Policy) -> String {
    let asked = usize::try_from(candidate.asked()).unwrap_or(usize::MAX);
    let share = candidate.missing() as f64 / asked.max(1) as f64;
    if share > policy.max_missing.value {
        let missing = grouped(candidate.missing());
        let questions = plural(asked, "question");
        let errors = candidate.errors.as_ref().map(|errors| format!(" ({errors})")).unwrap_or_default();
        let (share, allowed) = percents(share, policy.max_missing.value);
        return format!("{missing} of {questions} lack a verdict{errors}: {share}, {allowed} allowed");
    }
    let share = comparison.and_then(|comparison| comparison.missing.0).unwrap_or_default();
    let baseline = comparison.map(|comparison| comparison.baseline.to_string()).unwrap_or_default();
    let (share, allowed) = percents(share, policy.max_missing.value);
    format!("of the baseline {baseline}, {share} lack a verdict, {allowed} allowed")
}

fn too_few_partners(comparison: &Comparison) -> String {
    let pairing = &comparison.pairing;
    let unpaired = pairing.unpaired();
    if unpaired.of == 0 {
        return "no case was asked on both sides, so nothing is compared".to_owned();
    }
    let parts: Vec<String> = [(&pairing.removed, "removed"), (&pairing.edited, "edited")]
        .into_iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, word)| format!("{} {word}", names.len()))
        .collect();
    format!(
        "{} of {} of the baseline have no partner ({}): too much has changed to compare",
        unpaired.cases,
        plural(unpaired.of, "case"),
        parts.join(", ")
    )
}

fn other_models(comparison: &Comparison) -> String {
    let list = |models: &BTreeSet<String>| models.iter().cloned().collect::<Vec<_>>().join(", ");
    if comparison.served_models.is_empty() {
        format!("not both sides were judged by the same models: {}", list(&comparison.judges))
    } else {
        format!("not both sides were answered by the same models: {}", list(&comparison.served_models))
    }
}

/// What one line says of a metric: nothing where it is the pass rate alone, which is what everybody expects.
fn called(metric: &Metric, comparison: &Comparison) -> String {
    let alone = comparison.gating().count() == 1;
    if alone && *metric == Metric::PassRate { String::new() } else { format!("{metric} ") }
}

fn not_worse(comparison: &Comparison, policy: &Policy) -> String {
    let baseline = &comparison.baseline;
    let mut parts = Vec::new();
    let mut opening = "";
    for metric in comparison.gating() {
        let called = called(&metric.metric, comparison);
        let lower = metric.pessimistic.as_ref().map_or(f64::NAN, |interval| interval.lower);
        parts.push(match metric.call {
            Call::Better if lower > 0.0 => {
                format!("{called}better than {baseline}: {} points or more", points(lower))
            }
            Call::Worse => {
                opening = "worse, within the margin: ";
                format!("{called}{} points against {baseline}, at worst {}", estimate(metric), points(lower))
            }
            _ if lower >= 0.0 => format!("{called}not worse than {baseline}"),
            _ => format!("{called}at worst {} points against {baseline}", points(lower)),
        });
    }
    format!("{opening}{}; {}", parts.join(", "), margin(comparison, policy))
}

fn worse(comparison: &Comparison) -> String {
    let metric = comparison
        .gating()
        .filter(|metric| metric.optimistic_upper.as_ref().is_ok_and(|upper| *upper < 0.0))
        .min_by(|one, other| {
            let upper = |metric: &MetricComparison| metric.optimistic_upper.clone().unwrap_or(1.0);
            upper(one).total_cmp(&upper(other))
        });
    let Some(metric) = metric else { return String::new() };
    format!(
        "{}worse than {}: {} points {}; {} of {} changed{}",
        called(&metric.metric, comparison),
        comparison.baseline,
        estimate(metric),
        ends(metric),
        metric.units_changed(),
        units_of(metric, comparison),
        // Fewer may have changed by the majority of their repeats, which is what other lines count.
        if comparison.is_repeated() { " in some repeat" } else { "" }
    )
}

fn cannot_tell(comparison: &Comparison, policy: &Policy) -> String {
    let Some(allowed) = comparison.margin else {
        return format!(
            "cannot tell: `margin: auto` has no margin for {}; at least 20 are needed",
            units(comparison)
        );
    };
    let undecided = comparison
        .gating()
        .filter(|metric| !metric.pessimistic.as_ref().is_ok_and(|interval| interval.lower > -allowed));
    // The one that needs the most beside what it has decides last.
    let metric = undecided.max_by(|one, other| {
        let times = |metric: &MetricComparison| {
            metric
                .units_to_decide
                .as_ref()
                .map_or(f64::INFINITY, |needed| needed / metric.units.max(1) as f64)
        };
        times(one).total_cmp(&times(other))
    });
    let Some(metric) = metric else { return String::new() };
    let called = called(&metric.metric, comparison);
    let noun = if clustered(comparison) { "units" } else { "cases" };
    // Others than these decide nothing.
    let with = that_have(metric, comparison).unwrap_or_default();
    let decide = match &metric.units_to_decide {
        Ok(needed) if *needed > BEYOND_REACH => {
            format!("more than a million {noun}{with} would be needed")
        }
        Ok(needed) if *needed > metric.units as f64 => {
            let like = if with.is_empty() { " like these" } else { &with };
            format!("about {:.0} {noun}{like} would decide", needed.ceil())
        }
        // So many units would usually decide, and these did not: what is missing or a sparse change is in the way.
        Ok(_) if lacks_answers(comparison) => {
            format!("answers that are missing, or more cases{with}, would decide")
        }
        Ok(_) => format!("more {noun}{with} would decide"),
        Err(reason) => format!("no number of cases would decide: {reason}"),
    };
    // Everybody reads an interval without 0 as a change.
    let changed = metric.units_changed();
    let looks_worse = metric.difference.as_ref().is_ok_and(|difference| difference.upper < 0.0);
    let too_few = if looks_worse && changed < UNITS_THAT_SHOW_A_CHANGE {
        let noun = if clustered(comparison) { "unit" } else { "case" };
        let changed = plural(usize::try_from(changed).unwrap_or(usize::MAX), noun);
        format!("{changed} changed, and at least {UNITS_THAT_SHOW_A_CHANGE} must to call it worse; ")
    } else {
        String::new()
    };
    match &metric.difference {
        Ok(_) => format!(
            "cannot tell: {called}{} points {} against {}; {too_few}{}; {decide}",
            estimate(metric),
            ends(metric),
            comparison.baseline,
            margin(comparison, policy)
        ),
        Err(reason) => format!("cannot tell: {called}{reason}"),
    }
}

fn lacks_answers(comparison: &Comparison) -> bool {
    let (baseline, candidate) = comparison.missing;
    [baseline, candidate].into_iter().flatten().any(|share| share > 0.0)
}

fn estimate(metric: &MetricComparison) -> String {
    metric.difference.as_ref().map_or_else(|_| "?".to_owned(), |interval| points(interval.estimate))
}

fn ends(metric: &MetricComparison) -> String {
    metric.difference.as_ref().map_or_else(
        |_| "?".to_owned(),
        |interval| format!("[{}, {}]", points(interval.lower), points(interval.upper)),
    )
}

fn margin(comparison: &Comparison, policy: &Policy) -> String {
    let Some(margin) = comparison.margin else { return "no margin".to_owned() };
    match policy.margin.value {
        Margin::Auto => format!("margin {} (auto, {})", size(margin), units(comparison)),
        Margin::None | Margin::Share(_) => format!("margin {}", size(margin)),
    }
}

/// Whether a cluster joins some of the compared cases.
fn clustered(comparison: &Comparison) -> bool {
    comparison.units != comparison.pairing.cases as u64
}

fn units(comparison: &Comparison) -> String {
    counted(comparison.units, comparison)
}

fn counted(units: u64, comparison: &Comparison) -> String {
    let noun = if clustered(comparison) { "unit" } else { "case" };
    plural(usize::try_from(units).unwrap_or(usize::MAX), noun)
}

/// The units that a metric is known of.
fn units_of(metric: &MetricComparison, comparison: &Comparison) -> String {
    match that_have(metric, comparison) {
        Some(with) => counted(metric.units, comparison) + &with,
        None => units(comparison),
    }
}

/// Which units a metric is known of, where those are not all.
fn that_have(metric: &MetricComparison, comparison: &Comparison) -> Option<String> {
    (metric.units < comparison.units).then(|| format!(" that have `{}`", metric.metric))
}
