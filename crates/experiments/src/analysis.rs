//! What the recorded outcomes say: health first, one interval per metric and treatment, then the decision.
//!
//! A pure function of the definition, the store's answers and the time. Until the planned units are in, every interval holds at every
//! look; from then on it is the fixed-horizon interval of exactly the planned population, so that looking again changes nothing.

mod comparison;
mod contradictions;
mod decision;
mod health;
mod sample;
mod text;
pub(crate) mod trial;

use jiff::{SignedDuration, Timestamp};
use promptassay_stats::Undefined;
use serde::Serialize;

pub use comparison::{Comparison, Estimate, Interval, Method, NoInterval};
pub use decision::{Decision, Guard, Verdict};
pub use health::{ArmShare, Finding, Health, SampleRatioReport, Weight};
pub use text::{markdown, plain, terminal, thousands};

use crate::definition::{Experiment, LEAST_DURATION, Role};
use crate::store::{Population, Store, StoreError};

/// Why nothing could be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Numbers that no method is defined for.
    #[error("`{metric}` cannot be analysed: {reason}")]
    Undefined {
        /// The metric.
        metric: String,
        /// Why.
        reason: Undefined,
    },
}

/// Where an experiment stands on its way to the planned end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Units that were served one variant.
    pub units: u64,
    /// The planned units; `None` where there is no plan.
    pub planned_units: Option<u64>,
    /// When the first unit was exposed.
    pub first_exposure: Option<Timestamp>,
    /// When the planned population is complete: the exposure of the last planned unit, or a week after the start, whichever is later.
    pub complete_at: Option<Timestamp>,
    /// When the last window of the planned population closes; from then on intervals are those of the fixed horizon.
    pub decided_at: Option<Timestamp>,
    /// Whether that moment has come.
    pub at_horizon: bool,
    /// Units still to come.
    pub units_left: Option<u64>,
    /// Days still to go at the pace so far; `None` while a pace would be told from fewer than 30 units or less than a day.
    pub days_left: Option<f64>,
    /// Whether the end in the file is over while planned units are still to come.
    pub overdue: bool,
    /// When somebody stopped it, and why; units that came later are not looked at.
    pub stopped: Option<Stopped>,
}

/// That somebody stopped an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

impl Progress {
    /// Whether the last window of those who came before it was stopped has closed, so that nothing more can come.
    fn is_over(&self, now: Timestamp) -> bool {
        self.stopped.is_some() && self.decided_at.is_some_and(|at| now >= at)
    }
}

/// One metric in one variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmReport {
    /// The variant.
    pub variant: String,
    /// Units whose window has closed.
    pub units: u64,
    /// Units among them that have a value.
    pub with_value: u64,
    /// The mean, rate or ratio; `None` where nothing was recorded.
    pub estimate: Option<f64>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricReport {
    /// Its name.
    pub name: String,
    /// `mean`, `binary` or `ratio`.
    pub kind: &'static str,
    /// What it decides; the only success metric is the primary one.
    pub role: Role,
    /// Where better lies.
    pub direction: Option<crate::definition::Direction>,
    /// How much worse a guardrail may become.
    pub margin: Option<f64>,
    /// How long after the first exposure outcomes count.
    pub window: Option<String>,
    /// Exposed units whose window is still open; they are counted when it has closed.
    pub waiting: u64,
    /// The covariate whose influence is taken out of differences and intervals, not out of the estimates of the variants. `None` as well
    /// where no unit has a value of it.
    pub adjusted_by: Option<String>,
    /// The variants, in the order of the definition.
    pub arms: Vec<ArmReport>,
    /// Each treatment against the control.
    pub comparisons: Vec<Comparison>,
}

/// Everything that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// The experiment.
    pub experiment: String,
    /// The prompt.
    pub prompt: String,
    /// The phase.
    pub phase: u32,
    /// The moment that it is about.
    pub at: Timestamp,
    /// The control.
    pub control: String,
    /// Where it stands.
    pub progress: Progress,
    /// Whether the numbers can be trusted.
    pub health: Health,
    /// The metrics, the primary first.
    pub metrics: Vec<MetricReport>,
    /// What follows.
    pub decision: Decision,
}

/// Analyses one phase as of `now`, by what the definition says. That its units were spread by something else is a finding that blocks;
/// what else a phase was started with is compared by [`Experiment::changes_since`].
pub fn analyze(
    experiment: &Experiment,
    store: &mut dyn Store,
    phase: u32,
    now: Timestamp,
) -> Result<Analysis, AnalysisError> {
    store.begin_reading()?;
    let analysis = read(experiment, store, phase, now);
    // The answer is known; a connection that breaks now takes nothing away.
    let ended = store.end_reading();
    let analysis = analysis?;
    ended?;
    Ok(analysis)
}

fn read(
    experiment: &Experiment,
    store: &mut dyn Store,
    phase: u32,
    now: Timestamp,
) -> Result<Analysis, AnalysisError> {
    let name = experiment.name.as_str();
    let known = store.phases(name)?.into_iter().find(|known| known.phase == phase);
    let started_with = known.as_ref().map(|known| known.exposure_millionths);
    let was_spread_so = known.as_ref().map(|known| known.allocation == experiment.allocation_digest());
    let started_at = known.as_ref().map(|known| known.started_at);
    let stopped = known
        .and_then(|known| known.stopped)
        .map(|(at, reason)| Stopped { at, reason })
        .filter(|stopped| stopped.at <= now);
    let until = stopped.as_ref().map_or(now, |stopped| stopped.at);
    let everybody = Population { now, ..Population::as_of(name, phase, until) };
    let progress = progress(experiment, store, everybody, now, stopped)?;
    // Whoever came after the planned population is not looked at: else every look would be another test. Nor is what it was served once the
    // last window had closed.
    let (last, settled) = match (progress.complete_at, progress.decided_at) {
        (Some(last), Some(decided)) if progress.at_horizon => (last.min(until), decided.min(until)),
        _ => (until, until),
    };
    let everybody = Population { settled, ..everybody };
    let arms = store.arms(Population { until: last, ..everybody })?;
    let unexposed = store.unexposed(everybody)?;
    let everyone: u64 = arms.units.iter().map(|(_, units)| units).sum();
    let mut health = health::check(experiment, &arms, unexposed);
    let mut doubt = None;
    if let Some((started_at, (first, _))) = started_at.zip(arms.span)
        && first < started_at
    {
        let until = before(started_at, MOMENT).min(last);
        let earlier = store.arms(Population { until, ..everybody })?;
        let finding = health::before_start(started_at, [&earlier, &arms]);
        doubt = Some(finding.message.clone()).filter(|_| health::are_many(&earlier, &arms));
        health.findings.push(finding);
    }
    if let Some(window) = longest_window(experiment) {
        let cut_short = store.cut_short(Population { until: last, ..everybody }, window)?;
        health.findings.extend(health::cut_short(cut_short));
    }
    match was_spread_so {
        Some(false) => health.findings.push(health::started_otherwise(phase)),
        None if phase != experiment.allocation.phase => {
            health.findings.push(health::of_another_phase(phase, experiment.allocation.phase));
        }
        Some(true) | None => {
            let population = Population { until: last, ..everybody };
            let of_phase = experiment.in_phase(phase);
            health.findings.extend(contradictions::find(&of_phase, store, population, started_with)?);
        }
    }
    let primary = experiment.primary().map(|metric| metric.name.as_str());
    let mut metrics = Vec::new();
    for metric in &experiment.metrics {
        let role = if Some(metric.name.as_str()) == primary { Role::Primary } else { metric.role };
        let closed = metric.window.map_or(last, |window| last.min(before(now, window)));
        let population = Population { until: closed, ..everybody };
        let samples = sample::read(experiment, metric, store, population)?;
        health.findings.extend(health::of_samples(metric, &samples, experiment));
        let settings = comparison::Settings {
            role,
            progress: &progress,
            everyone,
            ended: experiment.end.is_some_and(|end| now >= end),
        };
        let report = comparison::report(experiment, metric, &samples, &settings)?;
        health.findings.extend(health::of_one_arm(metric, &report));
        health.findings.extend(health::of_room(metric, &report));
        metrics.push(report);
    }
    decision::correct_for_many(&mut metrics)
        .map_err(|reason| AnalysisError::Undefined { metric: "all success metrics".to_owned(), reason })?;
    metrics.sort_by_key(|metric| metric.role as u8);
    let decision = decision::decide(&health, &metrics, &progress, now);
    let decision = decision.said_with(doubt.as_deref());
    Ok(Analysis {
        experiment: name.to_owned(),
        prompt: experiment.prompt.as_str().to_owned(),
        phase,
        at: now,
        control: experiment.variants[experiment.control].name.clone(),
        progress,
        health,
        metrics,
        decision,
    })
}

fn progress(
    experiment: &Experiment,
    store: &mut dyn Store,
    everybody: Population<'_>,
    now: Timestamp,
    stopped: Option<Stopped>,
) -> Result<Progress, StoreError> {
    let arms = store.arms(everybody)?;
    let units: u64 = arms.units.iter().map(|(_, units)| units).sum();
    let planned = experiment.plan.units;
    let first = arms.span.map(|(first, _)| first);
    let nth = match planned {
        Some(planned) => store.nth_exposure(everybody, planned)?,
        None => None,
    };
    let week = first.map(|first| after(first, LEAST_DURATION));
    let complete_at = nth.zip(week).map(|(nth, week)| nth.max(week));
    let longest = longest_window(experiment);
    // Whoever was exposed before somebody stopped it is waited for, and nobody else.
    let last = complete_at.or(stopped.as_ref().map(|stopped| stopped.at));
    let decided_at = last.map(|at| longest.map_or(at, |window| after(at, window)));
    let at_horizon = complete_at.is_some() && decided_at.is_some_and(|at| now >= at);
    // Who crosses over once they are in takes none away.
    let units_left = match nth {
        Some(_) => Some(0),
        None => planned.map(|planned| planned.saturating_sub(units)),
    };
    Ok(Progress {
        units,
        planned_units: planned,
        first_exposure: first,
        complete_at,
        decided_at,
        at_horizon,
        units_left,
        days_left: days_left(now, first, units, units_left, longest, decided_at),
        overdue: complete_at.is_none() && experiment.end.is_some_and(|end| now >= end),
        stopped,
    })
}

/// How long the outcomes of a unit count for the decision.
fn longest_window(experiment: &Experiment) -> Option<SignedDuration> {
    experiment.metrics.iter().filter(|metric| metric.decides()).filter_map(|metric| metric.window).max()
}

/// Times are kept in microseconds.
const MOMENT: SignedDuration = SignedDuration::from_micros(1);
const SECONDS_PER_DAY: f64 = 86_400.0;
/// A pace told from fewer units is off by a fifth and more: one standard deviation of a count of 30 is 18 % of it.
const LEAST_UNITS_OF_A_PACE: u64 = 30;
/// Traffic has its hours, so a pace holds a whole day.
const LEAST_TIME_OF_A_PACE: SignedDuration = SignedDuration::from_hours(24);

fn days_left(
    now: Timestamp,
    first: Option<Timestamp>,
    units: u64,
    left: Option<u64>,
    window: Option<SignedDuration>,
    decided_at: Option<Timestamp>,
) -> Option<f64> {
    let days = |duration: SignedDuration| (duration.as_secs_f64() / SECONDS_PER_DAY).max(0.0);
    if let Some(at) = decided_at {
        return Some(days(at.duration_since(now)));
    }
    let elapsed = now.duration_since(first?);
    if units < LEAST_UNITS_OF_A_PACE || elapsed < LEAST_TIME_OF_A_PACE {
        return None;
    }
    let elapsed = days(elapsed);
    let to_come = left? as f64 * elapsed / units as f64;
    let of_the_week = days(LEAST_DURATION) - elapsed;
    Some(to_come.max(of_the_week) + window.map_or(0.0, days))
}

fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

fn before(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}
