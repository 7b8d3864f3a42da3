//! Every number of a comparison, for programs.

use promptassay_stats::score::ScoreInterval;
use schemars::JsonSchema;
use serde::Serialize;

use crate::comparison::{self, Call, MetricComparison, NoValue, Origin, SideLabel};

/// A candidate compared with its baseline; differences are candidate − baseline.
#[derive(Serialize, JsonSchema)]
pub(super) struct Comparison<'a> {
    baseline: Side,
    candidate: Side,
    /// Cases that are the same on both sides.
    cases: usize,
    /// Their units: a cluster is one, and so is a case without.
    units: u64,
    /// How often each case was asked; null where not all were asked as often.
    repeats: Option<Repeats>,
    /// The share of trials without a verdict.
    missing: Missing,
    /// Cases by name that the candidate passes and the baseline did not.
    fixed: &'a [String],
    /// Cases by name that the candidate does not pass and the baseline did.
    broken: &'a [String],
    /// Cases by name that only the candidate has.
    added: &'a [String],
    /// Cases by name that only the baseline has.
    removed: &'a [String],
    /// Cases by name that ask or judge something else.
    edited: &'a [String],
    /// The exact two-sided p of the test of `McNemar`.
    mcnemar_p: Number<'a>,
    /// Models that answered one side only.
    served_models: Vec<&'a str>,
    /// Models that judged one side only.
    judges: Vec<&'a str>,
    /// The margin that counts; null where none does.
    margin: Option<f64>,
    metrics: Vec<Metric<'a>>,
}

/// What a side is.
#[derive(Serialize, JsonSchema)]
struct Side {
    version: String,
    model: String,
    /// `this_run`, `run` or `blessed`.
    origin: &'static str,
    /// The run that its results are from, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// When they were blessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    blessed_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Repeats {
    baseline: u32,
    candidate: u32,
}

#[derive(Serialize, JsonSchema)]
struct Missing {
    baseline: Option<f64>,
    candidate: Option<f64>,
}

/// A candidate compared with its baseline by one metric.
#[derive(Serialize, JsonSchema)]
struct Metric<'a> {
    /// `pass_rate`, `score`, or the name of a validator.
    name: &'a str,
    /// Whether it must not be worse.
    gates: bool,
    call: Call,
    /// Over units that were judged on both sides.
    difference: Difference<'a>,
    /// Missing trials of the candidate counted as failed, those of the baseline as passed. Its lower end decides a pass.
    pessimistic: Difference<'a>,
    /// The reverse.
    optimistic: Difference<'a>,
    /// The upper end of the optimistic interval at the confidence that as many gating metrics ask for. It decides a failure.
    optimistic_upper: Number<'a>,
    units_better: u64,
    units_worse: u64,
    /// The two-sided p of the same statistic at no difference.
    p: Number<'a>,
    /// The smallest difference that so many units show with a probability of 0.8.
    smallest_detectable: Number<'a>,
    /// How many units like these would decide with a probability of 0.8.
    units_to_decide: Number<'a>,
}

/// A mean difference with its score interval; null with a reason where it is not defined.
#[derive(Serialize, JsonSchema)]
struct Difference<'a> {
    estimate: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    /// Of how many units.
    units: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    undefined: Option<&'a NoValue>,
}

/// A number; null with a reason where it is not defined.
#[derive(Serialize, JsonSchema)]
struct Number<'a> {
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undefined: Option<&'a NoValue>,
}

pub(super) fn of(comparison: &comparison::Comparison) -> Comparison<'_> {
    Comparison {
        baseline: Side::of(&comparison.baseline),
        candidate: Side::of(&comparison.candidate),
        cases: comparison.pairing.cases,
        units: comparison.units,
        repeats: comparison.repeats.map(|(baseline, candidate)| Repeats { baseline, candidate }),
        missing: Missing { baseline: comparison.missing.0, candidate: comparison.missing.1 },
        fixed: &comparison.fixed,
        broken: &comparison.broken,
        added: &comparison.pairing.added,
        removed: &comparison.pairing.removed,
        edited: &comparison.pairing.edited,
        mcnemar_p: Number::of(&comparison.mcnemar),
        served_models: comparison.served_models.iter().map(String::as_str).collect(),
        judges: comparison.judges.iter().map(String::as_str).collect(),
        margin: comparison.margin,
        metrics: comparison.metrics.iter().map(Metric::of).collect(),
    }
}

impl Side {
    fn of(label: &SideLabel) -> Self {
        let (origin, run, blessed_at) = match &label.origin {
            Origin::ThisRun => ("this_run", None, None),
            Origin::Run(run) => ("run", Some(run.to_string()), None),
            Origin::Blessed { at, run } => ("blessed", Some(run.to_string()), Some(at.to_string())),
        };
        Self { version: label.version.number(), model: label.model.clone(), origin, run, blessed_at }
    }
}

impl<'a> Metric<'a> {
    fn of(metric: &'a MetricComparison) -> Self {
        Self {
            name: metric.metric.as_str(),
            gates: metric.gates,
            call: metric.call,
            difference: Difference::of(&metric.difference),
            pessimistic: Difference::of(&metric.pessimistic),
            optimistic: Difference::of(&metric.optimistic),
            optimistic_upper: Number::of(&metric.optimistic_upper),
            units_better: metric.units_better,
            units_worse: metric.units_worse,
            p: Number::of(&metric.p),
            smallest_detectable: Number::of(&metric.smallest_detectable),
            units_to_decide: Number::of(&metric.units_to_decide),
        }
    }
}

impl<'a> Difference<'a> {
    fn of(interval: &'a Result<ScoreInterval, NoValue>) -> Self {
        let known = interval.as_ref().ok();
        Self {
            estimate: known.map(|interval| interval.estimate),
            lower: known.map(|interval| interval.lower),
            upper: known.map(|interval| interval.upper),
            units: known.map_or(0, |interval| interval.units),
            undefined: interval.as_ref().err(),
        }
    }
}

impl<'a> Number<'a> {
    fn of(number: &'a Result<f64, NoValue>) -> Self {
        Self { value: number.as_ref().ok().copied(), undefined: number.as_ref().err() }
    }
}
