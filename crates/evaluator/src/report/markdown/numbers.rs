//! The numbers of a gate as a table: how it went, and what that took.

use std::fmt::Write as _;

use super::escape::table_code;
use crate::comparison::{Comparison, MetricComparison};
use crate::gate::{grouped, percent};
use crate::policy::{Metric, Policy};
use crate::report::Evaluation;
use crate::report::compared::{difference, metric_name, p_value};
use crate::report::taken::{Taken, times};
use crate::summary::{VariantSummary, baseline_of, unit_interval};

/// A row for each metric and for what replies took: before, after, the difference and what it says. A single row where nothing is
/// compared.
pub(super) fn numbers(
    evaluation: &Evaluation<'_>,
    summary: &VariantSummary,
    comparison: Option<&Comparison>,
    policy: &Policy,
) -> String {
    let Some(comparison) = comparison else { return alone(summary, policy) };
    let before = baseline_of(evaluation.plan, evaluation.summaries, summary);
    let told = |value: &dyn Fn(&VariantSummary) -> String| before.map_or_else(none, value);
    let mut out = "| | baseline | candidate | difference | |\n|---|---|---|---|---|\n".to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "| cases passed | {} | {} | | |", told(&passed), passed(summary));
    let row = |metric: &MetricComparison| {
        let (before, after) = match &metric.metric {
            Metric::PassRate => (told(&|summary| rate(summary, policy)), rate(summary, policy)),
            Metric::Score => (told(&score), score(summary)),
            Metric::Validator(_) => (String::new(), String::new()),
        };
        let p = p_value(&metric.p).map(|p| format!(", {p}")).unwrap_or_default();
        // Without a margin nothing of a comparison decides.
        let call = if metric.gates && policy.margin.value.is_set() {
            format!("**{}**", metric.call.as_str())
        } else {
            metric.call.as_str().to_owned()
        };
        let name = match &metric.metric {
            Metric::Validator(name) => table_code(name),
            other => metric_name(other),
        };
        format!(
            "| {name} | {before} | {after} | {}{p} | {call} |\n",
            difference(metric, policy.confidence.value)
        )
    };
    let shown = comparison
        .metrics
        .iter()
        .filter(|metric| metric.gates || !matches!(metric.metric, Metric::Validator(_)));
    out.extend(shown.map(row));
    out.extend(Taken::ALL.into_iter().filter_map(|taken| {
        let (is, was) = (taken.of(summary), before.and_then(|before| taken.of(before)));
        // Rows of nothing say nothing.
        is.as_ref().or(was.as_ref())?;
        let ratio = before.and_then(|before| taken.ratio(before, summary)).map(times).unwrap_or_default();
        let (was, is) = (was.unwrap_or_else(none), is.unwrap_or_else(none));
        Some(format!("| {} | {was} | {is} | {ratio} | |\n", taken.name()))
    }));
    out
}

fn alone(summary: &VariantSummary, policy: &Policy) -> String {
    let mut columns = vec![
        ("cases passed", passed(summary)),
        ("pass rate", rate(summary, policy)),
        ("score", score(summary)),
    ];
    columns.extend(Taken::ALL.into_iter().filter_map(|taken| Some((taken.name(), taken.of(summary)?))));
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    format!(
        "{}|{}\n{}",
        row(columns.iter().map(|(name, _)| *name).collect()),
        "---|".repeat(columns.len()),
        row(columns.iter().map(|(_, value)| value.as_str()).collect())
    )
}

fn none() -> String {
    "–".to_owned()
}

fn passed(summary: &VariantSummary) -> String {
    format!("{} of {}", grouped(summary.cases_passed() as u64), grouped(summary.cases.len() as u64))
}

fn rate(summary: &VariantSummary, policy: &Policy) -> String {
    match (summary.pass_rate, unit_interval(policy, &summary.units)) {
        (Some(rate), Some(interval)) => {
            format!("{} [{:.1}, {:.1}]", percent(rate), 100.0 * interval.lower, 100.0 * interval.upper)
        }
        _ => none(),
    }
}

fn score(summary: &VariantSummary) -> String {
    summary.score.map_or_else(none, |score| format!("{score:.3}"))
}
