//! An analysis as people read it: on a terminal, and in a comment. Pure functions from values to text.

use std::fmt::Write as _;

use super::health::Weight;
use super::{Analysis, Comparison, Interval, Method, MetricReport, NoInterval};

/// The columns of a plot.
const PLOT: usize = 31;

/// For a terminal of 80 columns.
pub fn terminal(analysis: &Analysis) -> String {
    let mut text = heading(analysis);
    text.push_str("\n\n");
    let _ = writeln!(text, "  health   {}", health_line(analysis));
    for finding in &analysis.health.findings {
        let _ = writeln!(text, "           {}: {}", weight(finding.weight), finding.message);
    }
    for metric in &analysis.metrics {
        let _ = writeln!(text, "\n  {}", metric_line(metric));
        for arm in &metric.arms {
            let estimate = arm.estimate.map_or_else(|| "-".to_owned(), |value| plain(metric.kind, value));
            let _ = writeln!(
                text,
                "    {:<20}  {estimate:>10}   {} units",
                arm.variant,
                thousands(arm.with_value)
            );
        }
        for comparison in &metric.comparisons {
            let _ = writeln!(text, "    {}", comparison_line(metric, comparison, &analysis.control));
            if let Some(interval) = &comparison.interval {
                let _ = writeln!(text, "      {}", plot(metric, interval));
            }
        }
    }
    let _ = writeln!(text, "\n{}", analysis.decision.sentence);
    text
}

/// For a comment on a change.
pub fn markdown(analysis: &Analysis) -> String {
    let mut text = format!("### {}\n\n**{}**\n\n", heading(analysis), analysis.decision.sentence);
    let _ = writeln!(text, "Health: {}\n", health_line(analysis));
    for finding in &analysis.health.findings {
        let _ = writeln!(text, "- {}: {}", weight(finding.weight), finding.message);
    }
    text.push_str("\n| metric | role | variant | units | value | difference | interval |\n|---|---|---|---|---|---|---|\n");
    for metric in &analysis.metrics {
        for arm in &metric.arms {
            let comparison = metric.comparisons.iter().find(|comparison| comparison.variant == arm.variant);
            let difference = comparison.and_then(|comparison| comparison.difference);
            let bounds = comparison.map_or_else(String::new, |comparison| bounds(metric, comparison));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {bounds} |",
                metric.name,
                role(metric),
                arm.variant,
                thousands(arm.with_value),
                arm.estimate.map_or_else(|| "–".to_owned(), |value| plain(metric.kind, value)),
                difference.map_or_else(String::new, |difference| signed(metric.kind, difference)),
            );
        }
    }
    text
}

fn heading(analysis: &Analysis) -> String {
    let units = match analysis.progress.planned_units {
        Some(planned) => format!("{} of {} units", thousands(analysis.progress.units), thousands(planned)),
        None => format!("{} units", thousands(analysis.progress.units)),
    };
    let horizon = if analysis.progress.at_horizon { "planned end reached" } else { "before the planned end" };
    format!("{} ({})   phase {}   {units}   {horizon}", analysis.experiment, analysis.prompt, analysis.phase)
}

fn health_line(analysis: &Analysis) -> String {
    let ratio = &analysis.health.sample_ratio;
    let arms: Vec<String> = ratio
        .arms
        .iter()
        .map(|(name, units, share)| {
            format!("{name} {} ({:.4} %)", thousands(*units), 100.0 * share).replace(".0000 %", " %")
        })
        .collect();
    let p = ratio.p_value.map_or_else(String::new, |p| format!(", p = {p:.3}"));
    let word = if analysis.health.is_healthy() { "ok" } else { "BROKEN" };
    format!("{word}   {}{p}", arms.join(", "))
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
    format!("{}   {} ({}{direction})", metric.name, role(metric), metric.kind)
}

fn comparison_line(metric: &MetricReport, comparison: &Comparison, control: &str) -> String {
    let difference =
        comparison.difference.map_or_else(|| "-".to_owned(), |difference| signed(metric.kind, difference));
    let lift = comparison.lift.map_or_else(String::new, |lift| {
        format!("   {:+.1} % [{:+.1}, {:+.1}]", 100.0 * lift.lift, 100.0 * lift.lower, 100.0 * lift.upper)
    });
    let corrected = comparison.corrected_p.map_or_else(String::new, |p| format!("   corrected p = {p:.3}"));
    format!(
        "{} − {control}   {difference}  {}{lift}{corrected}",
        comparison.variant,
        bounds(metric, comparison)
    )
}

fn bounds(metric: &MetricReport, comparison: &Comparison) -> String {
    match (&comparison.interval, comparison.no_interval) {
        (Some(bounds), _) => {
            let looks = if bounds.method == Method::AlwaysValid { ", at every look" } else { "" };
            format!("{} ({:.3} %{looks})", interval(metric.kind, bounds), 100.0 * bounds.confidence)
                .replace(".000 %", " %")
        }
        (None, Some(reason)) => why_not(reason),
        (None, None) => String::new(),
    }
}

fn why_not(reason: NoInterval) -> String {
    match reason {
        NoInterval::TooFewUnits { units, needed } => {
            format!("no interval below {needed} units per variant ({units} so far)")
        }
        NoInterval::TooFewSuccesses { count, needed } => {
            format!("no interval below {needed} successes and failures per variant ({count} so far)")
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
    let number = |value: f64| if percent { format!("{:+.2}", 100.0 * value) } else { digits(value, true) };
    format!("[{}, {}]", number(bounds.lower), number(bounds.upper))
}

pub(super) fn signed(kind: &str, value: f64) -> String {
    if kind == "binary" { format!("{:+.2} pts", 100.0 * value) } else { digits(value, true) }
}

fn plain(kind: &str, value: f64) -> String {
    if kind == "binary" { format!("{:.2} %", 100.0 * value) } else { digits(value, false) }
}

/// Four significant digits at least, without an exponent where that is readable.
fn digits(value: f64, sign: bool) -> String {
    let magnitude = value.abs();
    let places = if magnitude >= 1000.0 {
        1
    } else if magnitude >= 10.0 {
        2
    } else if magnitude >= 0.1 || magnitude == 0.0 {
        3
    } else {
        5
    };
    if sign { format!("{value:+.places$}") } else { format!("{value:.places$}") }
}

pub(super) fn thousands(number: u64) -> String {
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

/// The interval as a line; `|` is no difference, `:` the margin of a guardrail.
fn plot(metric: &MetricReport, bounds: &Interval) -> String {
    let margin = metric.margin.zip(metric.direction).map(|(margin, direction)| direction.turn(-margin));
    let reach = [bounds.lower.abs(), bounds.upper.abs(), margin.unwrap_or(0.0).abs()]
        .into_iter()
        .fold(f64::MIN_POSITIVE, f64::max);
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
    cells[column(f64::midpoint(bounds.lower, bounds.upper))] = '●';
    cells.into_iter().collect::<String>().trim_end().to_owned()
}
