//! Ship, stop or hold: read off the same intervals that are printed.

use jiff::Timestamp;
use promptassay_stats::Undefined;
use promptassay_stats::holm::holm;
use serde::Serialize;

use super::health::{BEFORE_START, Finding, Weight};
use super::text::{counted, difference_of, interval, thousands, why_not};
use super::{Comparison, Health, Interval, MetricReport, Progress};
use crate::definition::{Direction, Role};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The treatment is better and harms nothing.
    Ship,
    /// A guardrail is harmed, or the planned units are in without a winner.
    Stop,
    /// Go on.
    Hold,
    /// The numbers cannot be trusted, so nothing follows from them.
    Unhealthy,
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What to do.
    pub verdict: Verdict,
    /// The treatment to ship.
    pub variant: Option<String>,
    /// Why, in one sentence.
    pub sentence: String,
}

/// Holm over the further success metrics and all their treatments.
pub(super) fn correct_for_many(metrics: &mut [MetricReport]) -> Result<(), Undefined> {
    let mut family: Vec<&mut Comparison> = metrics
        .iter_mut()
        .filter(|metric| metric.role == Role::Success)
        .flat_map(|metric| &mut metric.comparisons)
        .filter(|comparison| comparison.interval.is_some())
        .collect();
    let p_values: Vec<f64> =
        family.iter().filter_map(|comparison| comparison.interval.map(|interval| interval.p_value)).collect();
    for (comparison, corrected) in family.iter_mut().zip(holm(&p_values)?) {
        comparison.corrected_p = Some(corrected);
    }
    Ok(())
}

/// What a guardrail says of a treatment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// The whole interval is within the margin.
    Holds,
    /// Not known yet.
    Open,
    /// The whole interval is on the bad side of no difference, and not within the margin.
    Harmed,
}

impl Guard {
    pub(super) fn of(direction: Direction, margin: f64, interval: &Interval) -> Self {
        let ends = [direction.turn(interval.lower), direction.turn(interval.upper)];
        let (worst, best) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        // Within the margin first: a loss that was declared bearable is no harm, however certain it is.
        if worst > -margin {
            Self::Holds
        } else if best < 0.0 {
            Self::Harmed
        } else {
            Self::Open
        }
    }
}

/// What only one arm records is rather not recorded in the other, and no win; nor is what is missing in one far more often.
pub(super) fn is_superior(metric: &MetricReport, comparison: &Comparison) -> bool {
    let is_told = comparison.recorded_in_one_arm.is_none() && comparison.missing_unevenly.is_none();
    match (metric.direction, comparison.interval) {
        (Some(direction), Some(interval)) if is_told => {
            direction.turn(interval.lower).min(direction.turn(interval.upper)) > 0.0
        }
        _ => false,
    }
}

impl Decision {
    /// The same; a doubt about what a decision to act rests on is said in its sentence, which is often all that is read.
    pub(super) fn said_with(self, doubt: Option<&str>) -> Self {
        match doubt {
            Some(doubt) if matches!(self.verdict, Verdict::Ship | Verdict::Stop) => {
                Self { sentence: format!("{}; but {doubt}", self.sentence), ..self }
            }
            _ => self,
        }
    }
}

/// What follows.
pub(super) fn decide(
    health: &Health,
    metrics: &[MetricReport],
    progress: &Progress,
    now: Timestamp,
) -> Decision {
    let decision = |verdict, variant: Option<&str>, sentence: String| Decision {
        verdict,
        variant: variant.map(str::to_owned),
        sentence,
    };
    let blocks: Vec<&Finding> =
        health.findings.iter().filter(|finding| finding.weight == Weight::Blocks).collect();
    if let Some(finding) = blocks.iter().find(|finding| finding.code != BEFORE_START) {
        return decision(Verdict::Unhealthy, None, format!("no verdict: {}", finding.message));
    }
    let Some(primary) = metrics.iter().find(|metric| metric.role == Role::Primary) else {
        return decision(Verdict::Hold, None, "hold: no metric is primary, so nothing decides".to_owned());
    };
    let guardrails: Vec<&MetricReport> =
        metrics.iter().filter(|metric| metric.role == Role::Guardrail).collect();
    let of = |metric: &MetricReport, variant: &str| {
        metric
            .comparisons
            .iter()
            .find(|comparison| comparison.variant == variant)
            .and_then(|comparison| comparison.guard)
    };
    let harmed =
        |variant: &str| guardrails.iter().copied().find(|metric| of(metric, variant) == Some(Guard::Harmed));
    let harm: Vec<String> = primary
        .comparisons
        .iter()
        .filter_map(|treatment| {
            let metric = harmed(&treatment.variant)?;
            let comparison =
                metric.comparisons.iter().find(|comparison| comparison.variant == treatment.variant)?;
            Some(format!("`{}` harms {}", treatment.variant, shown(metric, comparison)))
        })
        .collect();
    if !harm.is_empty() && harm.len() == primary.comparisons.len() {
        return decision(Verdict::Stop, None, format!("stop: {}", harm.join(", ")));
    }
    // What was there before the plan makes a win too easy, and no harm.
    if let Some(finding) = blocks.first() {
        return decision(Verdict::Unhealthy, None, format!("no verdict: {}", finding.message));
    }
    let holds = |variant: &str| guardrails.iter().all(|metric| of(metric, variant) == Some(Guard::Holds));
    let turned = |comparison: &Comparison| {
        primary
            .direction
            .zip(comparison.difference)
            .map_or(f64::NEG_INFINITY, |(direction, difference)| direction.turn(difference))
    };
    let winner = primary
        .comparisons
        .iter()
        .filter(|comparison| is_superior(primary, comparison) && holds(&comparison.variant))
        .max_by(|a, b| turned(a).total_cmp(&turned(b)));
    if let Some(winner) = winner {
        let guarded = if guardrails.is_empty() { "" } else { ", and every guardrail holds" };
        let sentence = format!("ship `{}`: {}{guarded}", winner.variant, shown(primary, winner));
        return decision(Verdict::Ship, Some(&winner.variant), sentence);
    }
    // One of several treatments that does harm ends nothing, but whoever reads on should know of it.
    let harm = if harm.is_empty() { String::new() } else { format!("; {}", harm.join(", ")) };
    if progress.at_horizon {
        let better = primary.comparisons.iter().find(|comparison| is_superior(primary, comparison));
        let sentence = match better {
            Some(better) => {
                format!(
                    "stop: `{}` is better, but not every guardrail is known to hold{harm}",
                    better.variant
                )
            }
            None => format!("stop: the planned units are in, and {}{harm}", without_a_winner(primary)),
        };
        return decision(Verdict::Stop, None, sentence);
    }
    if progress.is_over(now) {
        let sentence = format!(
            "stop: it was stopped after {}, before its planned end, and no variant was shown to be better by then{harm}",
            counted(progress.units, "unit", "units")
        );
        return decision(Verdict::Stop, None, sentence);
    }
    decision(Verdict::Hold, None, format!("hold: {}{harm}", what_is_left(progress)))
}

/// That nothing is better; where there is no interval nobody can tell.
fn without_a_winner(primary: &MetricReport) -> String {
    let unknown: Vec<String> = primary
        .comparisons
        .iter()
        .filter_map(|comparison| {
            let why = match (comparison.no_interval, comparison.recorded_in_one_arm) {
                (Some(reason), _) => why_not(reason),
                (None, Some(_)) => "it is recorded in one variant only".to_owned(),
                (None, None) if comparison.missing_unevenly.is_some() => {
                    "its values are missing far more often in one variant".to_owned()
                }
                (None, None) => return None,
            };
            Some(format!("`{}` ({why})", comparison.variant))
        })
        .collect();
    let name = &primary.name;
    if unknown.is_empty() {
        return format!("`{name}` is not better in any variant");
    }
    let others = if unknown.len() < primary.comparisons.len() { " and is not better in another" } else { "" };
    format!("whether `{name}` is better cannot be told in {}{others}", unknown.join(", "))
}

fn shown(metric: &MetricReport, comparison: &Comparison) -> String {
    let difference = difference_of(metric, comparison).unwrap_or_default();
    match &comparison.interval {
        Some(bounds) => format!("`{}` {difference} {}", metric.name, interval(metric.kind, bounds)),
        None => format!("`{}` {difference}", metric.name),
    }
}

/// Users and days left.
pub(super) fn what_is_left(progress: &Progress) -> String {
    let units = counted(progress.units, "unit", "units");
    let days = progress
        .days_left
        .map(f64::ceil)
        .map(|days| if days <= 1.0 { "about a day".to_owned() } else { format!("about {days:.0} days") });
    if let (Some(stopped), None, Some(days)) = (&progress.stopped, progress.complete_at, &days) {
        return format!("stopped at {} after {units}; the last windows close in {days}", stopped.at);
    }
    let Some(planned) = progress.planned_units else {
        return format!("{units} so far; no number of units is planned");
    };
    let left = days
        .map_or_else(|| "too early to say how many days are left".to_owned(), |days| format!("{days} left"));
    let pace = if progress.days_left.is_some() { " at this pace" } else { "" };
    let overdue = if progress.overdue { "; its `end` is over, so move that or stop it" } else { "" };
    match progress.units_left {
        Some(to_come) if to_come > 0 => {
            format!(
                "{} of {units}, {} to come; {left}{pace}{overdue}",
                thousands(progress.units),
                thousands(to_come),
                units = counted(planned, "unit", "units")
            )
        }
        _ => format!("all {} units are in, but the week or a window is not over; {left}", thousands(planned)),
    }
}
