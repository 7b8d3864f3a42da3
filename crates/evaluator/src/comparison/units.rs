//! From paired cases to one difference for each unit.

use std::collections::BTreeMap;

use super::pairing::Pair;
use super::{CaseResult, MetricMean};
use crate::policy::Metric;

/// What is assumed of trials that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing: cases without a judged trial on both sides are left out.
    LeftOut,
    /// Those of the candidate failed, those of the baseline passed.
    Pessimistic,
    /// The reverse.
    Optimistic,
}

/// Differences so small are rounding: repeats are at most thousands.
const ROUNDING: f64 = 1e-12;

/// The units of the pairs, each by its cases of the candidate; none is empty.
pub(super) fn grouped<'a>(pairs: &[Pair<'a>]) -> Vec<Vec<&'a CaseResult>> {
    let mut clusters: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    let mut units = Vec::with_capacity(pairs.len());
    for pair in pairs {
        match cluster(pair) {
            Some(cluster) => clusters.entry(cluster).or_default().push(pair.candidate),
            None => units.push(vec![pair.candidate]),
        }
    }
    units.extend(clusters.into_values());
    units
}

/// How many units the pairs have.
pub(super) fn count(pairs: &[Pair<'_>]) -> u64 {
    grouped(pairs).len() as u64
}

/// The cluster of a pair: the one that the candidate's suite gives it, since that is what is judged today.
fn cluster<'a>(pair: &Pair<'a>) -> Option<&'a str> {
    pair.candidate.cluster.as_deref()
}

/// The differences candidate − baseline of the units that have the metric; each in [−1, 1].
pub(super) fn differences(pairs: &[Pair<'_>], metric: &Metric, missing: Missing) -> Vec<f64> {
    let mut clusters: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    let mut units = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let Some(difference) = difference(pair, metric, missing) else { continue };
        match cluster(pair) {
            Some(cluster) => {
                let (sum, cases) = clusters.entry(cluster).or_default();
                *sum += difference;
                *cases += 1;
            }
            None => units.push(difference),
        }
    }
    units.extend(clusters.into_values().map(|(sum, cases)| sum / f64::from(cases)));
    for unit in &mut units {
        *unit = if unit.abs() < ROUNDING { 0.0 } else { unit.clamp(-1.0, 1.0) };
    }
    units
}

fn difference(pair: &Pair<'_>, metric: &Metric, missing: Missing) -> Option<f64> {
    let (before, after) = (pair.baseline.mean(metric), pair.candidate.mean(metric));
    // A case that neither side has the metric of says nothing about it. One side alone: the digests agree, so the other's is missing.
    if before.is_none() && after.is_none() {
        return None;
    }
    let absent = MetricMean { mean: 0.0, trials: 0 };
    let (before, after) = (before.unwrap_or(absent), after.unwrap_or(absent));
    let (before, after) = match missing {
        Missing::LeftOut if before.trials == 0 || after.trials == 0 => return None,
        Missing::LeftOut => (before.mean, after.mean),
        Missing::Pessimistic => {
            (filled(before, pair.baseline.asked, 1.0), filled(after, pair.candidate.asked, 0.0))
        }
        Missing::Optimistic => {
            (filled(before, pair.baseline.asked, 0.0), filled(after, pair.candidate.asked, 1.0))
        }
    };
    Some(after - before)
}

/// The mean with `value` in the place of every trial that is missing.
fn filled(mean: MetricMean, asked: u32, value: f64) -> f64 {
    if asked <= mean.trials {
        return mean.mean;
    }
    let (trials, asked) = (f64::from(mean.trials), f64::from(asked));
    (mean.mean * trials + value * (asked - trials)) / asked
}
