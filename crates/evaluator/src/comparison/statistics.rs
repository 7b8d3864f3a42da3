//! The numbers of a comparison. Every decision about a difference reads the two ends of one interval.
#![expect(clippy::doc_markdown, reason = "people have capital letters inside their names")]

use std::collections::BTreeSet;

use promptassay_stats::mcnemar::mcnemar as mcnemar_test;
use promptassay_stats::power::{smallest_detectable_difference, units_to_decide};
use promptassay_stats::score::{ScoreInterval, ScoreSample};
use promptassay_stats::{Confidence, Undefined};

use super::pairing::Pair;
use super::units::{Missing, differences};
use super::{CaseResult, NoValue};
use crate::policy::{Metric, Policy};

/// So many units must have changed before a difference is called one.
pub const UNITS_THAT_SHOW_A_CHANGE: u64 = 4;

/// The power at which sizes are stated.
const POWER: f64 = 0.8;

/// A candidate compared with its baseline by one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricComparison {
    /// The metric.
    pub metric: Metric,
    /// Whether it must not be worse.
    pub gates: bool,
    /// The units that have it, with a verdict or without: where it is a validator's score, perhaps not all of the comparison's.
    pub units: u64,
    /// The mean difference with its score interval, over units that were judged on both sides.
    pub difference: Result<ScoreInterval, NoValue>,
    /// The same where every trial is counted that is missing: as failed for the candidate, as passed for the baseline.
    pub pessimistic: Result<ScoreInterval, NoValue>,
    /// The reverse.
    pub optimistic: Result<ScoreInterval, NoValue>,
    /// The upper end of the optimistic interval at the confidence that as many gating metrics together ask for: 1 − α/m.
    pub optimistic_upper: Result<f64, NoValue>,
    /// Units of [`MetricComparison::difference`] that are better.
    pub units_better: u64,
    /// Units that are worse.
    pub units_worse: u64,
    /// The two-sided p of the same statistic at no difference.
    pub p: Result<f64, NoValue>,
    /// What the ends say.
    pub call: Call,
    /// The smallest difference, in either direction, that so many units show with a probability of 0.8.
    pub smallest_detectable: Result<f64, NoValue>,
    /// How many units like these would decide with a probability of 0.8: that it is within the margin, or else that it is worse.
    pub units_to_decide: Result<f64, NoValue>,
}

/// What the two ends of an interval say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Wholly above 0.
    Better,
    /// Wholly below 0.
    Worse,
    /// Wholly within the margin on both sides.
    Equivalent,
    /// None of these.
    Inconclusive,
}

impl Call {
    /// The word that reports use, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }

    fn of(interval: &ScoreInterval, changed: u64, margin: Option<f64>) -> Self {
        let shows = changed >= UNITS_THAT_SHOW_A_CHANGE;
        if interval.lower > 0.0 && shows {
            Self::Better
        } else if interval.upper < 0.0 && shows {
            Self::Worse
        } else if margin.is_some_and(|margin| interval.lower > -margin && interval.upper < margin) {
            Self::Equivalent
        } else {
            Self::Inconclusive
        }
    }
}

impl MetricComparison {
    /// Units that changed, in either direction.
    pub fn units_changed(&self) -> u64 {
        self.units_better + self.units_worse
    }
}

/// Every metric that the pairs have: the gating ones first.
pub(super) fn metrics(pairs: &[Pair<'_>], policy: &Policy, margin: Option<f64>) -> Vec<MetricComparison> {
    let gating = &policy.metrics.value;
    let mut metrics = gating.clone();
    for metric in [Metric::PassRate, Metric::Score].into_iter().chain(validators(pairs)) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    let confidences = Confidences::of(policy);
    metrics
        .into_iter()
        .map(|metric| {
            let gates = gating.contains(&metric);
            compare_by(pairs, metric, gates, confidences.as_ref(), margin)
        })
        .collect()
}

/// The validators whose scores both sides have, by name.
fn validators<'a>(pairs: &[Pair<'a>]) -> Vec<Metric> {
    let scored = |side: fn(&Pair<'a>) -> &'a CaseResult| -> BTreeSet<&str> {
        let validators = pairs.iter().flat_map(|pair| &side(pair).validators);
        validators.filter(|(_, mean)| mean.trials > 0).map(|(name, _)| name.as_str()).collect()
    };
    let (before, after) = (scored(|pair| pair.baseline), scored(|pair| pair.candidate));
    before.intersection(&after).map(|name| Metric::Validator((*name).to_owned())).collect()
}

/// How sure the ends are: each of them, and each of those that prove a regression.
struct Confidences {
    ends: Confidence,
    regression: Confidence,
}

impl Confidences {
    fn of(policy: &Policy) -> Result<Self, Undefined> {
        let level = policy.confidence.value;
        let metrics = policy.metrics.value.len().max(1) as f64;
        Ok(Self {
            ends: Confidence::each_end(level)?,
            regression: Confidence::each_end(1.0 - (1.0 - level) / metrics)?,
        })
    }
}

fn compare_by(
    pairs: &[Pair<'_>],
    metric: Metric,
    gates: bool,
    confidences: Result<&Confidences, &Undefined>,
    margin: Option<f64>,
) -> MetricComparison {
    let sample = |missing| {
        let confidences = confidences.map_err(|undefined| *undefined)?;
        Ok((ScoreSample::of_differences(&differences(pairs, &metric, missing))?, confidences))
    };
    let interval = |missing| -> Result<ScoreInterval, Undefined> {
        let (sample, confidences) = sample(missing)?;
        Ok(sample.interval(confidences.ends))
    };
    let judged: Result<_, Undefined> = sample(Missing::LeftOut);
    let (units_better, units_worse) = match &judged {
        Ok((sample, _)) => (sample.units_above_zero(), sample.units_below_zero()),
        Err(_) => (0, 0),
    };
    let difference = judged.as_ref().map(|(sample, confidences)| sample.interval(confidences.ends));
    let call = match &difference {
        Ok(interval) => Call::of(interval, units_better + units_worse, margin),
        Err(_) => Call::Inconclusive,
    };
    let of_sample = |number: &dyn Fn(&ScoreSample, &Confidences) -> Result<f64, NoValue>| {
        let (sample, confidences) = judged.as_ref().map_err(|undefined| NoValue::from(*undefined))?;
        number(sample, confidences)
    };
    let pessimistic = interval(Missing::Pessimistic);
    MetricComparison {
        gates,
        units: pessimistic.as_ref().map_or(0, |interval| interval.units),
        p: of_sample(&|sample, _| Ok(sample.p_two_sided(0.0)?)),
        smallest_detectable: of_sample(&|sample, confidences| {
            let (units, changed) = (sample.units(), sample.mean_square());
            Ok(smallest_detectable_difference(units, changed, confidences.ends, POWER)?)
        }),
        units_to_decide: of_sample(&|sample, confidences| decided_after(sample, confidences.ends, margin)),
        difference: difference.map_err(|undefined| NoValue::from(*undefined)),
        pessimistic: pessimistic.map_err(NoValue::from),
        optimistic: interval(Missing::Optimistic).map_err(NoValue::from),
        optimistic_upper: sample(Missing::Optimistic)
            .map(|(sample, confidences)| sample.interval(confidences.regression).upper)
            .map_err(NoValue::from),
        units_better,
        units_worse,
        call,
        metric,
    }
}

/// The units after which the lower end would be above −margin, where the estimate is; else those after which the upper end would
/// be below 0.
fn decided_after(sample: &ScoreSample, ends: Confidence, margin: Option<f64>) -> Result<f64, NoValue> {
    let margin = margin.ok_or_else(|| NoValue::new("no_margin", "no margin is set"))?;
    let target = if sample.estimate() > -margin { -margin } else { 0.0 };
    Ok(units_to_decide(sample, target, ends, POWER)?)
}

/// The names of the cases that the candidate fixed and broke, by the majority of their repeats.
pub(super) fn changed_cases(pairs: &[Pair<'_>]) -> (Vec<String>, Vec<String>) {
    let changed = |before: bool, after: bool| -> Vec<String> {
        let changed = pairs.iter().filter(|pair| {
            pair.baseline.passes_by_majority() == Some(before)
                && pair.candidate.passes_by_majority() == Some(after)
        });
        changed.map(|pair| pair.candidate.name.clone()).collect()
    };
    (changed(false, true), changed(true, false))
}

/// McNemar's exact p, where its assumptions hold.
pub(super) fn mcnemar(pairs: &[Pair<'_>]) -> Result<f64, NoValue> {
    if pairs.is_empty() {
        return Err(Undefined::NoData.into());
    }
    if pairs.iter().any(|pair| pair.baseline.asked > 1 || pair.candidate.asked > 1) {
        return Err(NoValue::new(
            "repeated",
            "cases were asked more than once; McNemar's test counts one answer",
        ));
    }
    if pairs.iter().any(|pair| pair.candidate.cluster.is_some()) {
        return Err(NoValue::new(
            "clustered",
            "cases of a cluster depend on each other; McNemar's test counts independent ones",
        ));
    }
    let (fixed, broken) = changed_cases(pairs);
    let test = mcnemar_test(broken.len() as u64, fixed.len() as u64)?;
    match test.caveat {
        Some(caveat) => Err(caveat.into()),
        None => Ok(test.exact_p),
    }
}
