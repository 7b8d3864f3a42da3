//! A comparison in sentences: what is better or worse, by how much, how sure that is, and which cases changed.

use std::fmt::Write as _;

use promptassay_stats::score::ScoreInterval;
use serde_json::{Value, json};

use super::terminal::wrapped;
use super::visible;
use super::visible::without_commands;
use crate::comparison::{Comparison, MetricComparison, NoValue, SideLabel};
use crate::gate::{Gate, Rule, percent, plural, points};
use crate::policy::{Metric, Policy};
use crate::summary::{VariantSummary, unit_interval};

/// So many names of cases are listed in a sentence.
const NAMES: usize = 50;

/// The comparison for people at a terminal: a sentence each, in 80 columns where their words allow it; the last says of a margin that it is
/// not judged.
pub fn comparison_text(comparison: &Comparison, policy: &Policy) -> String {
    let mut text = String::new();
    let not_judged = policy.margin_not_judged().map(str::to_owned);
    for sentence in sentences(comparison, policy).into_iter().chain(not_judged) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", wrapped(&visible(&sentence).replace('\n', " "), 78, "      "));
    }
    without_commands(&text)
}

/// The comparison for programs. What is not defined is `null`.
pub fn comparison_json(comparison: &Comparison) -> Value {
    let interval = |interval: &Result<ScoreInterval, NoValue>| {
        interval.as_ref().ok().map(|interval| {
            json!({"estimate": interval.estimate, "lower": interval.lower, "upper": interval.upper})
        })
    };
    let number = |number: &Result<f64, NoValue>| number.as_ref().ok().copied();
    let metrics = comparison.metrics.iter().map(|metric| {
        json!({
            "metric": metric.metric.as_str(),
            "gates": metric.gates,
            "difference": interval(&metric.difference),
            "pessimistic": interval(&metric.pessimistic),
            "optimistic": interval(&metric.optimistic),
            "p": number(&metric.p),
            "call": metric.call.as_str(),
            "units_better": metric.units_better,
            "units_worse": metric.units_worse,
            "smallest_detectable": number(&metric.smallest_detectable),
            "units_to_decide": number(&metric.units_to_decide),
        })
    });
    let side = |label: &SideLabel| json!({"version": label.version.number(), "model": label.model});
    let pairing = &comparison.pairing;
    json!({
        "baseline": side(&comparison.baseline),
        "candidate": side(&comparison.candidate),
        "cases": pairing.cases,
        "units": comparison.units,
        "margin": comparison.margin,
        "fixed": comparison.fixed,
        "broken": comparison.broken,
        "added": pairing.added,
        "removed": pairing.removed,
        "edited": pairing.edited,
        "mcnemar_p": number(&comparison.mcnemar),
        "metrics": metrics.collect::<Vec<_>>(),
    })
}

/// What is said of a candidate that a comparison lets through and that would be stopped alone, as it is once it is the version in use:
/// without a `min_pass_rate` every case must pass then.
pub(super) fn stopped_alone(gate: &Gate, summary: &VariantSummary, policy: &Policy) -> Option<String> {
    let failing = summary.cases.len() - summary.cases_passed();
    let by_margin = matches!(gate.rule, Rule::NotWorse | Rule::CannotTell) && !gate.blocks;
    if !by_margin || policy.min_pass_rate.value.is_some() || failing == 0 {
        return None;
    }
    // What would be reached again: the lower end, in steps of five points.
    let lower = unit_interval(policy, &summary.units).map_or(0.0, |interval| interval.lower);
    let rate = ((lower * 20.0).floor() / 20.0).max(0.05);
    Some(format!(
        "once it is in use it is judged alone, where every case must pass, and {failing} of {} {} not: `min_pass_rate: {rate}` beside the margin would say how many may fail",
        plural(summary.cases.len(), "case"),
        if failing == 1 { "does" } else { "do" },
    ))
}

/// What people call a metric.
pub(super) fn metric_name(metric: &Metric) -> String {
    match metric {
        Metric::PassRate | Metric::Score => metric.as_str().replace('_', " "),
        Metric::Validator(name) => name.clone(),
    }
}

/// How sure the two ends of an interval are together, in percent: each end alone is surer.
pub(super) fn both_ends(confidence: f64) -> String {
    format!("{} %", (200.0 * confidence - 100.0).round())
}

/// The difference with its interval, in points; else why there is none.
pub(super) fn difference(metric: &MetricComparison, confidence: f64) -> String {
    match &metric.difference {
        Ok(difference) => format!(
            "{} points [{}, {}] ({})",
            points(difference.estimate),
            points(difference.lower),
            points(difference.upper),
            both_ends(confidence)
        ),
        Err(none) => format!("no difference: {none}"),
    }
}

/// `p = 0.020`; never 0, and `None` where it is not defined.
pub(super) fn p_value(p: &Result<f64, NoValue>) -> Option<String> {
    p.as_ref().ok().map(|p| if *p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") })
}

/// How many cases changed their side of the majority, in a sentence.
pub(super) fn changed_cases(comparison: &Comparison) -> String {
    let (fixed, broken) = (comparison.fixed.len(), comparison.broken.len());
    let mut text = format!(
        "{} of {} {}: {fixed} fixed, {broken} broke",
        fixed + broken,
        plural(comparison.pairing.cases, "case"),
        comparison.verb()
    );
    if let Some(p) = p_value(&comparison.mcnemar) {
        // Writing to a string cannot fail.
        let _ = write!(text, "; McNemar {p}");
    }
    text
}

/// What was compared with what: repeats, units, and the cases that have no partner; a sentence each.
pub(super) fn basis(comparison: &Comparison, policy: &Policy) -> Vec<String> {
    let pairing = &comparison.pairing;
    let mut sentences = vec![format!(
        "compared on {} ({}){}",
        plural(pairing.cases, "case"),
        plural(usize::try_from(comparison.units).unwrap_or(usize::MAX), "unit"),
        match comparison.repeats {
            Some((before, after)) if before == after => format!(", each asked {}", times(after)),
            Some((before, after)) =>
                format!(", asked {} of the baseline and {} of the candidate", times(before), times(after)),
            None => String::new(),
        }
    )];
    // What an interval rests on are the units that were judged on both sides.
    let judged = comparison.metric(&Metric::PassRate).and_then(|metric| metric.difference.as_ref().ok());
    if let Some(judged) = judged.filter(|judged| judged.units < comparison.units) {
        sentences.push(format!("{} of {} units judged on both sides", judged.units, comparison.units));
    }
    if let Some(margin) = comparison.margin {
        sentences.push(format!("margin {} points ({})", percent_points(margin), policy.margin.source));
    }
    for (what, names) in [
        ("added, not compared", &pairing.added),
        ("removed, not compared", &pairing.removed),
        ("edited, not compared", &pairing.edited),
    ] {
        if !names.is_empty() {
            sentences.push(format!("{what}: {}", list(names)));
        }
    }
    for (side, missing) in [("baseline", comparison.missing.0), ("candidate", comparison.missing.1)] {
        if let Some(missing) = missing.filter(|missing| *missing > 0.0) {
            sentences.push(format!("{} of the {side}'s trials lack a verdict", percent(missing)));
        }
    }
    for (what, models) in [("answered", &comparison.served_models), ("judged", &comparison.judges)] {
        if !models.is_empty() {
            let models: Vec<&str> = models.iter().map(String::as_str).collect();
            sentences.push(format!("one side only was {what} by {}", models.join(", ")));
        }
    }
    sentences
}

/// The whole comparison, a sentence each, the deciding ones first.
pub(super) fn sentences(comparison: &Comparison, policy: &Policy) -> Vec<String> {
    let confidence = policy.confidence.value;
    let mut sentences = vec![format!("{} − {}", comparison.candidate, comparison.baseline)];
    let is_general =
        |metric: &&MetricComparison| metric.gates || !matches!(metric.metric, Metric::Validator(_));
    sentences
        .extend(comparison.metrics.iter().filter(is_general).map(|metric| of_metric(metric, confidence)));
    sentences.push(changed_cases(comparison));
    for (what, names) in [("broke", &comparison.broken), ("fixed", &comparison.fixed)] {
        if !names.is_empty() {
            sentences.push(format!("{what}: {}", list(names)));
        }
    }
    // A suite may have dozens of validators; those that say the same of both sides say nothing of the change.
    let (changed, same): (Vec<_>, Vec<_>) = comparison
        .metrics
        .iter()
        .filter(|metric| !is_general(metric))
        .partition(|metric| metric.difference.is_err() || metric.units_changed() > 0);
    sentences.extend(changed.into_iter().map(|metric| of_metric(metric, confidence)));
    if !same.is_empty() {
        sentences.push(format!("{} scored every unit as before", plural(same.len(), "other validator")));
    }
    sentences.extend(basis(comparison, policy));
    let first_gating = comparison.gating().next();
    if let Some(Ok(smallest)) = first_gating.map(|metric| metric.smallest_detectable.as_ref()) {
        sentences.push(format!(
            "the smallest difference that so many units show in 8 of 10 runs: {} points",
            percent_points(*smallest)
        ));
    }
    sentences
}

fn of_metric(metric: &MetricComparison, confidence: f64) -> String {
    let p = p_value(&metric.p).map(|p| format!(", {p}")).unwrap_or_default();
    let role = if metric.gates { "" } else { " (does not gate)" };
    let difference = difference(metric, confidence);
    format!("{}{role}: {difference}{p}: {}", metric_name(&metric.metric), metric.call.as_str())
}

fn times(repeats: u32) -> String {
    if repeats == 1 { "once".to_owned() } else { format!("{repeats} times") }
}

/// A share in points without a sign.
pub(super) fn percent_points(share: f64) -> String {
    let rounded = (share * 1000.0).round() / 10.0;
    format!("{rounded}")
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
