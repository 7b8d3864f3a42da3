//! An analysis as people read it: on a terminal, and in a comment. Pure functions from values to text.

use std::fmt::Write as _;

use super::decision::what_is_left;
use super::health::Weight;
use super::{Analysis, Comparison, Estimate, Guard, Interval, Method, MetricReport, NoInterval, Progress};

/// The columns of a plot.
const PLOT: usize = 41;
/// What its signs mean.
const LEGEND: &str = "──●── interval and estimate    | no difference    : margin of a guardrail";

/// For a terminal of 80 columns.
pub fn terminal(analysis: &Analysis) -> String {
    let mut text = format!("{}\n\n", heading(analysis));
    let _ = writeln!(text, "  progress  {}", progress_line(&analysis.progress));
    let _ = writeln!(text, "  health    {}", health_line(analysis));
    for finding in &analysis.health.findings {
        let _ = writeln!(text, "            {}: {}", weight(finding.weight), finding.message);
    }
    let mut plotted = false;
    for metric in &analysis.metrics {
        let _ = writeln!(text, "\n  {}", metric_line(metric));
        plotted |= metric.comparisons.iter().any(|comparison| comparison.interval.is_some());
        metric_rows(&mut text, metric, &analysis.control);
    }
    if plotted {
        let _ = writeln!(text, "\n  {LEGEND}");
    }
    let _ = writeln!(text, "\n{}", analysis.decision.sentence);
    text
}

fn metric_rows(text: &mut String, metric: &MetricReport, control: &str) {
    let difference = |variant: &str| format!("{variant} − {control}");
    let names = metric.arms.iter().map(|arm| arm.variant.chars().count());
    let differences =
        metric.comparisons.iter().map(|comparison| difference(&comparison.variant).chars().count());
    let width = names.chain(differences).max().unwrap_or(0);
    let row = |label: &str, value: &str, rest: &str| format!("    {label:<width$}  {value:>11}   {rest}\n");
    for arm in &metric.arms {
        let estimate = arm.estimate.map_or_else(|| "-".to_owned(), |value| plain(metric.kind, value));
        text.push_str(&row(&arm.variant, &estimate, &counted(arm.with_value, "unit", "units")));
    }
    if metric.waiting > 0 {
        let waiting = counted(metric.waiting, "more unit, whose window is", "more units, whose windows are");
        let _ = writeln!(text, "    and {waiting} still open");
    }
    for comparison in &metric.comparisons {
        let value = difference_of(metric, comparison).unwrap_or_else(|| "-".to_owned());
        let corrected =
            comparison.corrected_p.map_or_else(String::new, |p| format!("   corrected {}", p_of(p)));
        let bounds = format!("{}{corrected}", bounds(metric, comparison));
        text.push_str(&row(&difference(&comparison.variant), &value, &bounds));
        if let Some(lift) = comparison.lift {
            let (change, bounds) = relative(lift);
            text.push_str(&row("  relative", &change, &bounds));
        }
        if let Some(interval) = &comparison.interval {
            let _ = writeln!(text, "      {}", plot(metric, comparison, interval).trim_end());
        }
    }
}

/// For a comment on a change.
pub fn markdown(analysis: &Analysis) -> String {
    let mut text = format!("### {}\n\n**{}**\n\n", heading(analysis), analysis.decision.sentence);
    let _ = writeln!(text, "Progress: {}  ", progress_line(&analysis.progress));
    let _ = writeln!(text, "Health: {}\n", health_line(analysis));
    for finding in &analysis.health.findings {
        let _ = writeln!(text, "- {}: {}", weight(finding.weight), finding.message);
    }
    if !analysis.health.findings.is_empty() {
        text.push('\n');
    }
    text.push_str("| metric | role | variant | units | value | difference | interval |\n|---|---|---|---|---|---|---|\n");
    for metric in &analysis.metrics {
        for arm in &metric.arms {
            let comparison = metric.comparisons.iter().find(|comparison| comparison.variant == arm.variant);
            let difference = comparison.and_then(|comparison| difference_of(metric, comparison));
            let bounds = comparison.map_or_else(String::new, |comparison| all_bounds(metric, comparison));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {bounds} |",
                metric.name,
                role(metric),
                arm.variant,
                thousands(arm.with_value),
                arm.estimate.map_or_else(|| "–".to_owned(), |value| plain(metric.kind, value)),
                difference.unwrap_or_default(),
            );
        }
    }
    text
}

/// Everything that stands beside a difference, for one cell.
fn all_bounds(metric: &MetricReport, comparison: &Comparison) -> String {
    let corrected = comparison.corrected_p.map(|p| format!("corrected {}", p_of(p)));
    let relative = comparison.lift.map(|lift| {
        let (change, bounds) = relative(lift);
        format!("relative {change} {bounds}")
    });
    let parts = [Some(bounds(metric, comparison)), corrected, relative];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The change in percent, and its bounds.
fn relative(lift: Estimate) -> (String, String) {
    let change = format!("{:+.1} %", 100.0 * lift.lift);
    (change, format!("[{:+.1}, {:+.1}]", 100.0 * lift.lower, 100.0 * lift.upper))
}

/// A p-value; one that three decimals would make 0 is not 0.
fn p_of(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

fn heading(analysis: &Analysis) -> String {
    format!("{} ({})   phase {}", analysis.experiment, analysis.prompt, analysis.phase)
}

fn progress_line(progress: &Progress) -> String {
    let units = counted(progress.units, "unit", "units");
    match (&progress.stopped, progress.planned_units) {
        (_, Some(planned)) if progress.at_horizon => {
            let end = progress.complete_at.map_or_else(String::new, |at| format!(" at {at}"));
            format!("{units}, {} planned; the planned end was reached{end}", thousands(planned))
        }
        (Some(stopped), _) => {
            format!("{units}; stopped at {}: {}", stopped.at, stopped.reason.escape_debug())
        }
        (None, _) => what_is_left(progress),
    }
}

fn health_line(analysis: &Analysis) -> String {
    let ratio = &analysis.health.sample_ratio;
    let units: Vec<String> =
        ratio.arms.iter().map(|arm| format!("{} {}", arm.variant, thousands(arm.units))).collect();
    let shares: Vec<String> =
        ratio.arms.iter().map(|arm| format!("{} %", number(100.0 * arm.effective_share, 4))).collect();
    let p = ratio.p_value.map_or_else(String::new, |p| format!("; {}", p_of(p)));
    let word = if analysis.health.is_healthy() { "ok" } else { "BROKEN" };
    format!("{word}   {} (shares {}{p})", units.join(", "), shares.join(", "))
}

/// With at most so many decimals.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Note => "note",
        Weight::Warning => "warning",
        Weight::Blocks => "blocks",
    }
}

fn role(metric: &MetricReport) -> String {
    let role = match metric.role {
        crate::definition::Role::Primary => "primary",
        crate::definition::Role::Success => "success",
        crate::definition::Role::Guardrail => "guardrail",
        crate::definition::Role::Descriptive => "descriptive",
    };
    match metric.margin {
        Some(margin) => format!("{role}, margin {}", plain(metric.kind, margin)),
        None => role.to_owned(),
    }
}

fn metric_line(metric: &MetricReport) -> String {
    let direction = match metric.direction {
        Some(crate::definition::Direction::Higher) => ", higher is better",
        Some(crate::definition::Direction::Lower) => ", lower is better",
        None => "",
    };
    let window = metric.window.as_ref().map_or_else(String::new, |window| format!(", within {window}"));
    format!("{}   {} ({}{direction}{window})", metric.name, role(metric), metric.kind)
}

fn bounds(metric: &MetricReport, comparison: &Comparison) -> String {
    match (&comparison.interval, comparison.no_interval) {
        (Some(bounds), _) => {
            let looks = if bounds.method == Method::AlwaysValid { ", at every look" } else { "" };
            let adjusted = metric
                .adjusted_by
                .as_ref()
                .map_or_else(String::new, |series| format!(", adjusted by {series}"));
            let confidence = number(100.0 * bounds.confidence, 3);
            let guard = match comparison.guard {
                Some(Guard::Holds) => "   holds",
                Some(Guard::Harmed) => "   HARMED",
                Some(Guard::Open) => "   open",
                None => "",
            };
            format!("{} ({confidence} %{looks}{adjusted}){guard}", interval(metric.kind, bounds))
        }
        (None, Some(reason)) => why_not(reason),
        (None, None) => String::new(),
    }
}

pub(super) fn why_not(reason: NoInterval) -> String {
    match reason {
        NoInterval::TooFewUnits { units, needed } => {
            format!("no interval below {needed} units a variant; {units} so far")
        }
        NoInterval::TooFewSuccesses { count, needed } => {
            format!("no interval below {needed} successes and failures a variant; {count} so far")
        }
        NoInterval::NoWindow => {
            "no interval before the planned end: without a `window` sums never close".to_owned()
        }
        NoInterval::NoPlan => "no interval: no number of units is planned".to_owned(),
        NoInterval::Undefined { why } => format!("no interval: {}", why.replace('_', " ")),
    }
}

pub(super) fn interval(kind: &str, bounds: &Interval) -> String {
    let percent = kind == "binary";
    let places = places(reach(bounds));
    let number = |value: f64| {
        if percent { format!("{:+.2}", 100.0 * value) } else { signed(value, places) }
    };
    format!("[{}, {}]", number(bounds.lower), number(bounds.upper))
}

/// The difference with as many decimals as the interval beside it.
pub(super) fn difference_of(metric: &MetricReport, comparison: &Comparison) -> Option<String> {
    let value = comparison.difference?;
    if metric.kind == "binary" {
        return Some(format!("{:+.2} pts", 100.0 * value));
    }
    let places = places(comparison.interval.as_ref().map_or(value.abs(), reach));
    Some(signed(value, places))
}

fn reach(bounds: &Interval) -> f64 {
    bounds.lower.abs().max(bounds.upper.abs())
}

/// A value of a metric of this kind (`mean`, `binary` or `ratio`): a rate in percent.
pub fn plain(kind: &str, value: f64) -> String {
    if kind == "binary" {
        return format!("{:.2} %", 100.0 * value);
    }
    let text = signed(value, places(value.abs()));
    text.strip_prefix('+').map(str::to_owned).unwrap_or(text)
}

/// With its sign and so many decimals. From 10¹⁵ on a number has more digits than it is known to, and nobody counts them.
fn signed(value: f64, places: usize) -> String {
    if value.abs() < 1e15 { format!("{value:+.places$}") } else { format!("{value:+.3e}") }
}

/// Decimals that leave about four digits, without an exponent where that is readable.
fn places(magnitude: f64) -> usize {
    match magnitude {
        magnitude if magnitude >= 1000.0 || magnitude.is_nan() => 1,
        magnitude if magnitude >= 10.0 => 2,
        magnitude if magnitude >= 0.1 || magnitude == 0.0 => 3,
        _ => 5,
    }
}

/// A count with a comma before every three digits: `300,928`.
pub fn thousands(number: u64) -> String {
    let plain = number.to_string();
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 unit`, `2 units`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// The interval as a line; `|` is no difference, `:` the margin of a guardrail.
fn plot(metric: &MetricReport, comparison: &Comparison, bounds: &Interval) -> String {
    let margin = metric.margin.zip(metric.direction).map(|(margin, direction)| direction.turn(-margin));
    let reach = reach(bounds).max(margin.unwrap_or(0.0).abs()).max(f64::MIN_POSITIVE);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a column of the plot")]
    let column = |value: f64| (f64::midpoint(value / reach, 1.0) * (PLOT - 1) as f64).round() as usize;
    let mut cells = vec![' '; PLOT];
    for cell in &mut cells[column(bounds.lower)..=column(bounds.upper)] {
        *cell = '─';
    }
    cells[column(0.0)] = '|';
    if let Some(margin) = margin {
        cells[column(margin)] = ':';
    }
    let estimate = comparison.difference.unwrap_or_else(|| f64::midpoint(bounds.lower, bounds.upper));
    cells[column(estimate.clamp(bounds.lower, bounds.upper))] = '●';
    cells.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_as_long_as_it_can_be_read() {
        let shown = |value: f64| plain("mean", value);
        let all = [0.0, 0.0004, 1.25, 12.5, 1234.56, 9e14, 1e15, -1e300, f64::MAX].map(shown);
        let expected = [
            "0.000",
            "0.00040",
            "1.250",
            "12.50",
            "1234.6",
            "900000000000000.0",
            "1.000e15",
            "-1.000e300",
            "1.798e308",
        ];
        assert_eq!(all, expected);
        let bounds = |reach: f64| Interval {
            lower: -reach,
            upper: reach,
            confidence: 0.95,
            method: Method::AlwaysValid,
            p_value: 1.0,
        };
        assert_eq!(interval("mean", &bounds(2.0)), "[-2.000, +2.000]");
        assert_eq!(interval("mean", &bounds(1e300)), "[-1.000e300, +1.000e300]");
    }
}
