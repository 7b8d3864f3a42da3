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

/// The units of the pairs; none is empty.
fn grouped<'a>(pairs: &[Pair<'a>]) -> Vec<Vec<Pair<'a>>> {
    let mut clusters: BTreeMap<&str, Vec<Pair<'_>>> = BTreeMap::new();
    let mut units = Vec::with_capacity(pairs.len());
    for pair in pairs {
        match cluster(pair) {
            Some(cluster) => clusters.entry(cluster).or_default().push(*pair),
            None => units.push(vec![*pair]),
        }
    }
    units.extend(clusters.into_values());
    units
}

/// The units of the pairs, each by its cases of the candidate; none is empty.
pub(super) fn of_candidate<'a>(pairs: &[Pair<'a>]) -> Vec<Vec<&'a CaseResult>> {
    let units = grouped(pairs).into_iter();
    units.map(|unit| unit.into_iter().map(|pair| pair.candidate).collect()).collect()
}

/// How many units have a validator of this name.
pub(super) fn with_validator(pairs: &[Pair<'_>], name: &str) -> WithValidator {
    let has = |pair: &Pair<'_>| {
        [pair.baseline, pair.candidate].iter().any(|case| case.validators.contains_key(name))
    };
    let may_have = |pair: &Pair<'_>| [pair.baseline, pair.candidate].iter().all(|case| case.judged() == 0);
    let mut counts = WithValidator::default();
    for unit in grouped(pairs) {
        counts.known += u64::from(unit.iter().any(has));
        counts.unknown += u64::from(!unit.iter().any(has) && unit.iter().any(may_have));
    }
    counts
}

/// How many units have a validator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WithValidator {
    /// Of which a side says so. A side of a plan says it of every case, whether it was asked or not.
    pub(crate) known: u64,
    /// Of which no side has a verdict to tell by, where sides know of nothing else.
    pub(crate) unknown: u64,
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
