//! The judgement of real experiments, applied to made-up units.

use jiff::Timestamp;
use promptassay_stats::Undefined;
use promptassay_stats::sample_ratio::sample_ratio;

use super::comparison::{Settings, report};
use super::decision::{Guard, is_superior};
use super::sample::Sample;
use super::{AnalysisError, Comparison, MetricReport, Progress};
use crate::definition::{Experiment, Metric, MetricKind, Role};

/// A made-up unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrialUnit {
    pub(crate) variant: usize,
    pub(crate) value: f64,
}

/// The units of a made-up experiment with their values of one metric, in the order in which they came.
pub(crate) struct Trial<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) metric: &'a Metric,
    pub(crate) units: &'a [TrialUnit],
}

/// What was seen in the primary metric.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) significant_at_end: bool,
    pub(crate) significant_early: bool,
    /// The treatments that were better at the end.
    pub(crate) better_at_end: Vec<String>,
    pub(crate) sample_ratio_blocked: bool,
}

impl Trial<'_> {
    /// Looks at the primary metric at equal distances before the end, and at the end.
    pub(crate) fn run(&self, looks: u32) -> Result<Seen, Undefined> {
        let mut seen = Seen::default();
        let total = self.units.len();
        for look in 1..=looks as usize {
            let until = total * look / (looks as usize + 1);
            let early = self.report(&self.units[..until], Role::Primary, false)?;
            seen.significant_early |= early.comparisons.iter().any(is_significant);
        }
        let end = self.report(self.units, Role::Primary, true)?;
        seen.significant_at_end = end.comparisons.iter().any(is_significant);
        let better = end.comparisons.iter().filter(|comparison| is_superior(&end, comparison));
        seen.better_at_end = better.map(|comparison| comparison.variant.clone()).collect();
        let mut counts = vec![0_u64; self.experiment.variants.len()];
        for unit in self.units {
            counts[unit.variant] += 1;
        }
        let ratio = sample_ratio(&counts, &self.experiment.effective_shares())?;
        seen.sample_ratio_blocked = ratio.p_value.is_ok_and(|p| p < 0.001);
        Ok(seen)
    }

    /// The treatments of which a guardrail was shown to hold at the end.
    pub(crate) fn holds_at_end(&self) -> Result<Vec<String>, Undefined> {
        let end = self.report(self.units, Role::Guardrail, true)?;
        let holds = end.comparisons.iter().filter(|comparison| comparison.guard == Some(Guard::Holds));
        Ok(holds.map(|comparison| comparison.variant.clone()).collect())
    }

    fn report(&self, units: &[TrialUnit], role: Role, at_horizon: bool) -> Result<MetricReport, Undefined> {
        let mut samples = vec![Sample::default(); self.experiment.variants.len()];
        let is_ratio = matches!(self.metric.kind, MetricKind::Ratio { .. });
        for unit in units {
            let sample = &mut samples[unit.variant];
            sample.units += 1;
            sample.values.push(unit.value);
            sample.successes += u64::from(unit.value > 0.0);
            // Ratios are tried with one part of each unit, means without a covariate.
            sample.beside.push(if is_ratio { 1.0 } else { f64::NAN });
        }
        let progress = Progress {
            units: units.len() as u64,
            planned_units: Some(self.units.len() as u64),
            first_exposure: Some(Timestamp::UNIX_EPOCH),
            complete_at: None,
            decided_at: None,
            at_horizon,
            units_left: None,
            days_left: None,
            overdue: false,
            stopped: None,
        };
        let everyone = units.len() as u64;
        let settings = Settings { role, progress: &progress, everyone, ended: false };
        report(self.experiment, self.metric, &samples, &settings).map_err(|error| match error {
            AnalysisError::Undefined { reason, .. } => reason,
            // Nothing was asked of a store.
            AnalysisError::Store(_) => Undefined::NoData,
        })
    }
}

/// Whether the interval leaves out 0.
fn is_significant(comparison: &Comparison) -> bool {
    comparison.interval.is_some_and(|interval| interval.lower > 0.0 || interval.upper < 0.0)
}
