//! One value per unit: what a metric is made of, variant by variant.

use promptassay_stats::Undefined;
use promptassay_stats::cuped::{CupedArm, cuped};
use promptassay_stats::homogeneity::homogeneity;
use promptassay_stats::moments::Moments;
use promptassay_stats::newcombe::Successes;
use promptassay_stats::ratio::ratio_moments;

use crate::definition::{Experiment, LEAST_SUCCESSES, Metric, MetricKind, PerUnit};
use crate::store::{Population, Store, StoreError, UnitRow, Window};

/// Below this p-value values are not missing by chance.
const UNEVEN: f64 = 0.001;

/// The values of one variant.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// Units of the population.
    pub(super) units: u64,
    /// The value of each unit that has one; of a ratio, its numerator.
    pub(super) values: Vec<f64>,
    /// Of a ratio: the denominators, in the same order. Of a mean with a covariate: the covariates; NaN where nothing was recorded.
    pub(super) beside: Vec<f64>,
    /// Of a rate: units with a success.
    pub(super) successes: u64,
    /// Units for which something was recorded: a sum or a count of nothing is 0.
    pub(super) recorded: u64,
}

impl Sample {
    /// Units that have a value.
    pub(super) fn with_value(&self) -> u64 {
        self.values.len() as u64
    }

    /// Of two variants in a metric in which nothing counts as 0, the units with a record in the one where the other has none at all: rather
    /// it is not recorded there.
    pub(super) fn recorded_in_one(kind: &MetricKind, one: &Self, other: &Self) -> Option<u64> {
        let nothing_is_0 = match kind {
            MetricKind::Mean { per_unit, .. } => *per_unit != PerUnit::Mean,
            MetricKind::Ratio { .. } => true,
            // A unit without a success is a failure, and without successes there is no interval.
            MetricKind::Binary => false,
        };
        let most = one.recorded.max(other.recorded);
        let is_one_sided = one.recorded.min(other.recorded) == 0 && most >= LEAST_SUCCESSES;
        (nothing_is_0 && is_one_sided).then_some(most)
    }

    /// How likely it is that values are missing so unevenly by chance, where that is so unlikely that those that are there are not alike.
    pub(super) fn missing_unevenly(samples: &[&Self]) -> Option<f64> {
        if samples.iter().all(|sample| sample.with_value() == sample.units) {
            return None;
        }
        let known = |sample: &&Self| [sample.with_value(), sample.units - sample.with_value()];
        homogeneity(&samples.iter().map(known).collect::<Vec<_>>()).ok().filter(|p| *p < UNEVEN)
    }

    /// Of a mean with a covariate: whether some unit has one.
    pub(super) fn has_covariate(&self) -> bool {
        self.beside.iter().any(|value| !value.is_nan())
    }

    /// Of a rate: the share of units with a success.
    pub(super) fn share(&self) -> f64 {
        self.successes as f64 / self.with_value() as f64
    }

    /// Of a rate.
    pub(super) fn rate(&self) -> Successes {
        Successes { successes: self.successes, users: self.with_value() }
    }
}

/// The samples of all variants, in the order of the definition.
pub(super) fn read(
    experiment: &Experiment,
    metric: &Metric,
    store: &mut dyn Store,
    population: Population<'_>,
) -> Result<Vec<Sample>, StoreError> {
    let mut samples = vec![Sample::default(); experiment.variants.len()];
    let window = Window::After(metric.window);
    let series = match &metric.kind {
        MetricKind::Ratio { numerator, .. } => numerator,
        MetricKind::Mean { .. } | MetricKind::Binary => &metric.name,
    };
    // Which units have a value, in the order of the store, so that a second series can be laid beside it.
    let mut has_value = Vec::new();
    store.units(population, series, window, &mut |row| {
        let Some(sample) = experiment.variant(row.variant).and_then(|index| samples.get_mut(index)) else {
            return;
        };
        sample.units += 1;
        sample.recorded += u64::from(row.count > 0);
        let value = value(&metric.kind, row);
        has_value.push(value.is_some());
        sample.values.extend(value);
        sample.successes += u64::from(metric.kind == MetricKind::Binary && row.any);
        if let MetricKind::Ratio { denominator: None, .. } = metric.kind {
            sample.beside.push(row.count as f64);
        }
    })?;
    let second = match &metric.kind {
        MetricKind::Ratio { denominator: Some(series), .. } => Some((series, window)),
        MetricKind::Mean { covariate: Some(series), .. } => Some((series, Window::Before)),
        _ => None,
    };
    if let Some((series, window)) = second {
        let is_ratio = matches!(metric.kind, MetricKind::Ratio { .. });
        let mut has_value = has_value.into_iter();
        store.units(population, series, window, &mut |row| {
            let Some(sample) = experiment.variant(row.variant).and_then(|index| samples.get_mut(index))
            else {
                return;
            };
            if has_value.next() == Some(true) {
                let known = is_ratio || row.count > 0;
                let mean = if is_ratio { row.sum } else { row.sum / row.count.max(1) as f64 };
                sample.beside.push(if known { mean } else { f64::NAN });
            }
        })?;
    }
    Ok(samples)
}

fn value(kind: &MetricKind, row: UnitRow<'_>) -> Option<f64> {
    let mean = || row.sum / row.count as f64;
    match kind {
        MetricKind::Binary => Some(f64::from(u8::from(row.any))),
        MetricKind::Ratio { .. } => Some(row.sum),
        MetricKind::Mean { per_unit, cap, .. } => {
            let value = match per_unit {
                PerUnit::Mean => (row.count > 0).then(mean),
                PerUnit::Sum => Some(row.sum),
                PerUnit::Count => Some(row.count as f64),
            };
            value.map(|value| cap.map_or(value, |cap| value.min(cap)))
        }
    }
}

/// Control and treatment as moments: adjusted by the covariate where there is one, linearised where it is a ratio.
pub(super) fn moments(
    kind: &MetricKind,
    control: &Sample,
    treatment: &Sample,
) -> Result<(Moments, Moments), Undefined> {
    match kind {
        MetricKind::Ratio { .. } => Ok((
            ratio_moments(&control.values, &control.beside)?,
            ratio_moments(&treatment.values, &treatment.beside)?,
        )),
        MetricKind::Mean { covariate: Some(_), .. } => {
            let (of_control, of_treatment) = covariates(control, treatment);
            let adjusted = cuped(
                CupedArm { outcomes: &control.values, covariates: &of_control },
                CupedArm { outcomes: &treatment.values, covariates: &of_treatment },
            )?;
            Ok((adjusted.baseline, adjusted.treatment))
        }
        MetricKind::Mean { .. } | MetricKind::Binary => {
            Ok((Moments::of(&control.values)?, Moments::of(&treatment.values)?))
        }
    }
}

/// The covariates of both; a unit without one gets the mean of those that have one, which takes nothing from its outcome.
pub(super) fn covariates(control: &Sample, treatment: &Sample) -> (Vec<f64>, Vec<f64>) {
    let known = || control.beside.iter().chain(&treatment.beside).filter(|value| !value.is_nan());
    let count = known().count();
    let mean = if count == 0 { 0.0 } else { known().sum::<f64>() / count as f64 };
    let filled = |sample: &Sample| {
        sample.beside.iter().map(|value| if value.is_nan() { mean } else { *value }).collect()
    };
    (filled(control), filled(treatment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(units: u64, with_value: usize) -> Sample {
        Sample { units, values: vec![1.0; with_value], ..Sample::default() }
    }

    #[test]
    fn what_is_missing_is_compared_and_not_only_what_is_there() {
        let unevenly = |one: &Sample, other: &Sample| Sample::missing_unevenly(&[one, other]).is_some();
        // Nearly all are there, and the few that are missing are of one variant: those that timed out.
        assert!(unevenly(&sample(2210, 2210), &sample(2192, 2078)));
        assert!(unevenly(&sample(2000, 1200), &sample(2000, 1090)));
        assert!(!unevenly(&sample(2000, 1200), &sample(2000, 1180)));
        assert!(!unevenly(&sample(2210, 2209), &sample(2192, 2190)));
        assert!(!unevenly(&sample(2210, 2210), &sample(2192, 2192)));
    }
}
