//! The judgement of real experiments, applied to made-up units of the primary metric.

use jiff::Timestamp;
use promptassay_stats::Undefined;
use promptassay_stats::sample_ratio::sample_ratio;

use super::comparison::{Comparison, Settings, report};
use super::sample::Sample;
use super::{AnalysisError, Progress};
use crate::definition::{Experiment, Metric, MetricKind, Role};

/// A made-up unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrialUnit {
    pub(crate) variant: usize,
    pub(crate) value: f64,
}

/// A made-up experiment, its units in the order in which they came.
pub(crate) struct Trial<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) metric: &'a Metric,
    pub(crate) units: &'a [TrialUnit],
}

/// What was seen in it.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent answers to independent questions")]
pub(crate) struct Seen {
    pub(crate) significant_at_end: bool,
    pub(crate) significant_early: bool,
    pub(crate) better_at_end: bool,
    pub(crate) sample_ratio_blocked: bool,
}

impl Trial<'_> {
    /// Looks at equal distances before the end, and at the end.
    pub(crate) fn run(&self, looks: u32) -> Result<Seen, Undefined> {
        let mut seen = Seen::default();
        let total = self.units.len();
        for look in 1..=looks as usize {
            let until = total * look / (looks as usize + 1);
            let early = self.compare(&self.units[..until], false)?;
            seen.significant_early |= early.iter().any(|comparison| self.side(comparison).is_some());
        }
        let end = self.compare(self.units, true)?;
        seen.significant_at_end = end.iter().any(|comparison| self.side(comparison).is_some());
        seen.better_at_end = end.iter().any(|comparison| self.side(comparison) == Some(true));
        let mut counts = vec![0_u64; self.experiment.variants.len()];
        for unit in self.units {
            counts[unit.variant] += 1;
        }
        let ratio = sample_ratio(&counts, &self.experiment.effective_shares())?;
        seen.sample_ratio_blocked = ratio.p_value.is_ok_and(|p| p < 0.001);
        Ok(seen)
    }

    /// Whether the interval leaves out 0, and if so whether on the better side.
    fn side(&self, comparison: &Comparison) -> Option<bool> {
        let interval = comparison.interval?;
        let direction = self.metric.direction?;
        let (lower, upper) = (direction.turn(interval.lower), direction.turn(interval.upper));
        if lower.min(upper) > 0.0 {
            Some(true)
        } else if lower.max(upper) < 0.0 {
            Some(false)
        } else {
            None
        }
    }

    fn compare(&self, units: &[TrialUnit], at_horizon: bool) -> Result<Vec<Comparison>, Undefined> {
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
        let settings = Settings { role: Role::Primary, progress: &progress, everyone, ended: false };
        match report(self.experiment, self.metric, &samples, &settings) {
            Ok(report) => Ok(report.comparisons),
            Err(AnalysisError::Undefined { reason, .. }) => Err(reason),
            // Nothing was asked of a store.
            Err(AnalysisError::Store(_)) => Err(Undefined::NoData),
        }
    }
}
