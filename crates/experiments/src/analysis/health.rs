//! Whether the numbers can be trusted. While they cannot, there is no verdict.

use jiff::Timestamp;
use promptassay_stats::moments::Moments;
use promptassay_stats::sample_ratio::{SampleRatioMethod, sample_ratio};
use promptassay_stats::welch::welch;
use serde::Serialize;

use super::sample::{Sample, covariates};
use super::text::{counted, thousands};
use super::{Comparison, MetricReport};
use crate::definition::{Direction, Experiment, Metric, MetricKind, PerUnit, confidence, no_bound};
use crate::store::Arms;

/// Below this p-value the sample ratio blocks.
const BLOCKS: f64 = 0.001;
/// Below this one it warns.
const WARNS: f64 = 0.01;
/// From this share of units in several variants on nothing is believed.
pub(super) const MOST_CROSSOVERS: f64 = 0.01;

/// The code of [`before_start`].
pub(super) const BEFORE_START: &str = "before_start";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// Worth looking into.
    Warning,
    /// No verdict while it lasts.
    Blocks,
}

/// Something about the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// A stable word for programs.
    pub code: &'static str,
    /// What it is, and what to look at.
    pub message: String,
}

/// A variant in the sample ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmShare {
    /// Its name.
    pub variant: String,
    /// The units that were served it and nothing else.
    pub units: u64,
    /// The share of units that assignment really gives it.
    pub effective_share: f64,
}

/// Observed units against the shares that assignment really gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleRatioReport {
    /// The variants, in the order of the definition.
    pub arms: Vec<ArmShare>,
    /// The p-value of "the units follow the shares"; `None` where there is none.
    pub p_value: Option<f64>,
    /// `chi_square` or `exact`.
    pub method: &'static str,
}

/// Whether the numbers can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// The sample ratio.
    pub sample_ratio: SampleRatioReport,
    /// Units that were served several variants; they are in no estimate.
    pub crossovers: u64,
    /// Units with outcomes that were never exposed in this phase.
    pub unexposed: u64,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Health {
    /// Whether there may be a verdict.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.weight < Weight::Blocks)
    }

    fn add(&mut self, weight: Weight, code: &'static str, message: impl Into<String>) {
        self.findings.push(Finding { weight, code, message: message.into() });
    }
}

/// A small p-value. One that is smaller than numbers can be is not 0.
fn exponent(p: f64) -> String {
    if p < 1e-300 { "< 1e-300".to_owned() } else { format!("= {p:.2e}") }
}

/// Units that were served before the phase was started: recorded by a program that did not ask, or brought from elsewhere.
pub(super) fn before_start(started_at: Timestamp, [earlier, all]: [&Arms; 2]) -> Finding {
    let mut message = format!(
        "{} of {} exposed before the phase was started at {started_at}, so its plan may have been made with them in view",
        thousands(units(earlier)),
        counted(units(all), "unit was", "units were"),
    );
    // What most of the units bring was there when the plan was written, such as that of the pilot which suggested the effect.
    let is_most = units(earlier) > units(all) / 2;
    if is_most {
        message.push_str("; the next `phase:` counts none of them");
    }
    let weight = if is_most { Weight::Blocks } else { Weight::Warning };
    Finding { weight, code: BEFORE_START, message }
}

/// Whether more than a few of all are among the earlier: clocks of servers differ, and a service may begin a little too soon.
pub(super) fn are_many(earlier: &Arms, all: &Arms) -> bool {
    units(earlier) > units(all) / 20
}

fn units(arms: &Arms) -> u64 {
    arms.units.iter().map(|(_, units)| units).sum::<u64>() + arms.crossovers
}

/// Units that came back in the next phase too early: of those less is known than of the others.
pub(super) fn cut_short(units: u64) -> Option<Finding> {
    let message = format!(
        "{} exposed in a later phase before the window was over: outcomes from then on count there",
        counted(units, "unit was", "units were")
    );
    (units > 0).then_some(Finding { weight: Weight::Warning, code: "cut_short", message })
}

/// Its units were spread by other shares than those that they would be held against.
pub(super) fn started_otherwise(phase: u32) -> Finding {
    let message =
        format!("phase {phase} was started with other variants, weights or seed than the definition has");
    Finding { weight: Weight::Blocks, code: "started_otherwise", message }
}

/// Nothing tells by which weights the units of this phase were spread, and how it was to be judged.
pub(super) fn of_another_phase(phase: u32, of_definition: u32) -> Finding {
    let message = format!(
        "the definition is of phase {of_definition}, and nothing tells what phase {phase} was started with: it is judged by the variants, weights and metrics of phase {of_definition}"
    );
    Finding { weight: Weight::Warning, code: "other_phase", message }
}

pub(super) fn check(experiment: &Experiment, arms: &Arms, unexposed: u64) -> Health {
    let of =
        |name: &str| arms.units.iter().find(|(variant, _)| variant == name).map_or(0, |(_, units)| *units);
    let observed: Vec<u64> = experiment.variants.iter().map(|variant| of(&variant.name)).collect();
    let shares = experiment.effective_shares();
    let ratio = sample_ratio(&observed, &shares);
    let rows = experiment.variants.iter().zip(&observed).zip(&shares);
    let mut health = Health {
        sample_ratio: SampleRatioReport {
            arms: rows
                .map(|((variant, units), share)| ArmShare {
                    variant: variant.name.clone(),
                    units: *units,
                    effective_share: *share,
                })
                .collect(),
            p_value: ratio.as_ref().ok().and_then(|ratio| ratio.p_value.ok()),
            method: match ratio.as_ref().map(|ratio| ratio.method) {
                Ok(SampleRatioMethod::Exact | SampleRatioMethod::ExactPerArm) => "exact",
                Ok(SampleRatioMethod::ChiSquare) | Err(_) => "chi_square",
            },
        },
        crossovers: arms.crossovers,
        unexposed,
        findings: Vec::new(),
    };
    if let Ok(ratio) = ratio
        && ratio.users_without_share > 0
    {
        let message = format!(
            "{} in a variant of weight 0: it must have been served otherwise",
            counted(ratio.users_without_share, "unit is", "units are")
        );
        health.add(Weight::Blocks, "zero_weight", message);
    }
    let look = "look for a variant that crashes, redirects, is cached or logs less than the others";
    match health.sample_ratio.p_value {
        Some(p) if p < BLOCKS => health.add(
            Weight::Blocks,
            "sample_ratio",
            format!(
                "the variants do not hold the units that their weights give them (p {}): {look}",
                exponent(p)
            ),
        ),
        Some(p) if p < WARNS => health.add(
            Weight::Warning,
            "sample_ratio",
            format!("the variants may not hold the units that their weights give them (p = {p:.4}): {look}"),
        ),
        _ => {}
    }
    let unknown: Vec<&str> = arms
        .units
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| experiment.variant(name).is_none())
        .collect();
    if !unknown.is_empty() {
        let message = format!(
            "units were exposed to variants that the definition does not know: {}",
            unknown.join(", ")
        );
        health.add(Weight::Blocks, "unknown_variant", message);
    }
    let everybody = arms.units.iter().map(|(_, units)| units).sum::<u64>() + arms.crossovers;
    if arms.crossovers > 0 {
        let share = arms.crossovers as f64 / everybody as f64;
        let message = format!(
            "{} ({:.2} %) with more than one variant, left out of everything",
            counted(arms.crossovers, "unit", "units"),
            100.0 * share
        );
        let weight = if share >= MOST_CROSSOVERS { Weight::Blocks } else { Weight::Note };
        health.add(weight, "crossovers", message);
    }
    if unexposed > 0 {
        let message = format!(
            "{} outcomes but no exposure in this phase; they are left out",
            counted(unexposed, "unit has", "units have")
        );
        health.add(Weight::Note, "unexposed", message);
    }
    if everybody == 0 {
        health.add(Weight::Note, "no_units", "no unit was exposed in this phase yet");
    }
    health
}

/// What looks better for a treatment because nothing was recorded in one variant.
pub(super) fn of_one_arm(metric: &Metric, report: &MetricReport) -> Vec<Finding> {
    // A count has no 0 that could be recorded, and a ratio would have one more below.
    let advice = match &metric.kind {
        MetricKind::Mean { per_unit: PerUnit::Sum, .. } => " (where it is 0, record a 0)",
        _ => "",
    };
    let of_arm = |comparison: &Comparison| {
        let units = counted(comparison.recorded_in_one_arm?, "unit has", "units have");
        let message = format!(
            "`{}` looks better in `{}` because it is recorded in one variant only, where {units} it: nothing counts as 0, and is rather not recorded, so neither a win nor a guardrail rests on it{advice}",
            metric.name, comparison.variant
        );
        Some(Finding { weight: Weight::Warning, code: "recorded_in_one_arm", message })
    };
    report.comparisons.iter().filter_map(of_arm).collect()
}

/// A guardrail whose margin bounds nothing by what the control shows; what its `baseline` says of that is told already.
pub(super) fn of_room(metric: &Metric, report: &MetricReport) -> Option<Finding> {
    let room = report.comparisons.iter().find_map(|comparison| comparison.room_within_margin);
    let (room, direction) = room.zip(metric.direction).filter(|_| metric.room_within_margin().is_none())?;
    let end = match direction {
        Direction::Lower => format!("high as {:.2} %", 100.0 * (1.0 - room)),
        Direction::Higher => format!("low as {:.2} %", 100.0 * room),
    };
    let message = format!(
        "the control's `{}` may be as {end}, from where it can become worse by {:.2} points at most, which is within its margin, so it does not count as a guardrail that holds",
        metric.name,
        100.0 * room
    );
    Some(Finding { weight: Weight::Warning, code: "margin", message })
}

/// What the values of one metric say about the data.
pub(super) fn of_samples(metric: &Metric, samples: &[Sample], experiment: &Experiment) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(room) = metric.room_within_margin() {
        let message =
            format!("{}, so it does not count as a guardrail that holds", no_bound(&metric.name, room));
        findings.push(Finding { weight: Weight::Warning, code: "margin", message });
    }
    if let Some(p) = Sample::missing_unevenly(&samples.iter().collect::<Vec<_>>()) {
        let message = format!(
            "a value of `{}` is missing more often in some variants than in others (p {}), so those that are there may not be alike, and neither a win nor a guardrail rests on them",
            metric.name,
            exponent(p)
        );
        findings.push(Finding { weight: Weight::Warning, code: "missing_values", message });
    }
    let control = &samples[experiment.control];
    if let MetricKind::Mean { covariate: Some(covariate), .. } = &metric.kind {
        if samples.iter().any(|sample| sample.with_value() > 0) && !samples.iter().any(Sample::has_covariate)
        {
            let message = format!(
                "no value of `{covariate}` was recorded before the exposure: nothing of `{}` is adjusted",
                metric.name
            );
            findings.push(Finding { weight: Weight::Warning, code: "no_covariate", message });
            return findings;
        }
        for index in experiment.treatments() {
            let (before, after) = covariates(control, &samples[index]);
            let p = Moments::of(&before).and_then(|before| {
                let confidence = confidence(1)?;
                Ok(welch(&before, &Moments::of(&after)?, confidence)?.p_two_sided)
            });
            if p.is_ok_and(|p| p < BLOCKS) {
                let name = &experiment.variants[index].name;
                let message = format!(
                    "units of `{name}` differed from the control before they were exposed, in what `{}` is adjusted by",
                    metric.name
                );
                findings.push(Finding { weight: Weight::Warning, code: "covariate", message });
            }
        }
    }
    findings
}
