//! The shape of the report. Whatever is not defined is null; nothing is a 0 that means "not known".

use std::borrow::Cow;

use promptassay_stats::Undefined;
use promptassay_stats::quantile::QuantileInterval;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::comparison::Comparison;
use crate::attempts::Attempt;
use crate::gate::Verdict;
use crate::outputs::Outputs;
use crate::plan::{Remark, TrialId};
use crate::policy::Policy;
use crate::record::Calls;

/// The report of an evaluation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Report<'a> {
    /// The version of this shape: 1.
    pub(super) schema: u32,
    /// The worst verdict of all gates.
    pub(super) verdict: Verdict,
    /// Whether a gate blocks; then the exit code is not 0.
    pub(super) blocks: bool,
    /// Whether somebody interrupted the run.
    pub(super) interrupted: bool,
    /// Where the replies came from: `live`, `cached`, `recorded`, `scripted`.
    pub(super) replies: Vec<&'static str>,
    /// When the oldest cached reply was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) oldest_cached_reply: Option<String>,
    /// What asking models took; left out where no model and no cache was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(super) calls: Option<&'a Calls>,
    /// What all of it cost.
    pub(super) cost: WholeCost,
    /// What narrowed the cases or models that were asked, as it was written, with the seed of a sample; left out where all of them
    /// were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) narrowed_by: Vec<&'a str>,
    /// What is to be known of how it came to be, such as rules that do not count yet, or secrets that were cut out of replies; left out
    /// where there is nothing.
    #[serde(skip_serializing_if = "<[Remark]>::is_empty")]
    #[schemars(default)]
    pub(super) remarks: Vec<Remark>,
    /// The prompts, by name.
    pub(super) prompts: Vec<Prompt<'a>>,
}

/// The report where nothing was to be evaluated.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Nothing<'a> {
    /// The version of this shape: 1.
    pub schema: u32,
    /// Why nothing was.
    pub skipped: &'a str,
    /// What a change does all the same; left out where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub remarks: Vec<Remark>,
}

/// What the answers of a run cost, in US dollars; null where no model was asked, or nobody knows: unknown is not free.
#[derive(Serialize, JsonSchema)]
pub(super) struct WholeCost {
    /// The replies.
    pub(super) replies: Option<f64>,
    /// The judges of the replies.
    pub(super) judges: Option<f64>,
    /// Both together: what the answers cost when they were given, in this run or before.
    pub(super) total: Option<f64>,
    /// What was spent in this run; null where a price is not known.
    pub(super) spent: Option<f64>,
    /// What the answers from the cache had cost; null where a price is not known.
    pub(super) saved: Option<f64>,
    /// What judges would have cost beside, had they been asked about each of several replies that are the same; left out where no answer
    /// was shared in this run, or a price is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shared: Option<f64>,
}

/// What judging took, apart from the replies that were judged.
#[derive(Serialize, JsonSchema)]
pub(super) struct Judging {
    /// Answers that judges gave.
    pub(super) answers: u32,
    /// Input and output tokens; null where a provider does not say.
    pub(super) tokens: Option<u64>,
    /// US dollars; null where nobody knows. Recorded answers cost nothing.
    pub(super) cost: Option<f64>,
}

/// A prompt.
#[derive(Serialize, JsonSchema)]
pub(super) struct Prompt<'a> {
    pub(super) name: &'a str,
    /// Why these versions, in a sentence.
    pub(super) chosen: &'a str,
    /// How often each case is asked.
    pub(super) repeat: u32,
    /// What the gate asks for, each value with its source.
    pub(super) policy: &'a Policy,
    /// Each version on each model.
    pub(super) variants: Vec<Variant<'a>>,
    /// Cases that are not asked.
    pub(super) skipped: Vec<Skipped<'a>>,
}

/// A version on a model.
#[derive(Serialize, JsonSchema)]
pub(super) struct Variant<'a> {
    pub(super) version: String,
    /// Of the version's file.
    pub(super) sha256: String,
    /// The name of the model row.
    pub(super) model: &'a str,
    /// The model that the row asks.
    pub(super) requested_model: &'a str,
    /// `baseline` or `candidate`.
    pub(super) role: &'static str,
    /// Cases that passed by the majority of their repeats.
    pub(super) cases_passed: usize,
    pub(super) cases: usize,
    pub(super) trials: Trials,
    /// Units that were judged: a cluster of cases is one, and so is a case without.
    pub(super) units: usize,
    /// The mean pass rate of the units, 0 to 1.
    pub(super) pass_rate: Option<f64>,
    pub(super) pass_rate_interval: Option<Interval>,
    /// The mean score of the units, 0 to 1.
    pub(super) score: Option<f64>,
    pub(super) score_interval: Option<Interval>,
    /// The chance that all repeats of a case pass, mean over the cases that were judged every time.
    pub(super) pass_hat_k: Option<f64>,
    /// Cases of which some repeats passed and some failed.
    pub(super) flaky: Vec<&'a str>,
    /// By tag.
    pub(super) tags: Vec<Tag>,
    /// How long models took, in seconds; null where none was asked.
    pub(super) latency: Option<Latency>,
    /// Input and output tokens; null where a provider does not say.
    pub(super) tokens: Option<u64>,
    /// US dollars; null where no model was asked or nobody knows.
    pub(super) cost: Option<f64>,
    /// Whether a model was asked whose price or usage nobody knows.
    pub(super) unpriced: bool,
    /// What judging took; null where no judge was asked.
    pub(super) judging: Option<Judging>,
    /// The gate of a candidate.
    pub(super) gate: Option<Gate<'a>>,
    /// The cases that were asked.
    #[schemars(with = "Vec<Case<'static>>")]
    pub(super) results: Results<'a>,
}

/// Makes each case when it is written, so that a report holds one at a time.
pub(super) struct Results<'a>(pub(super) Box<dyn Fn() -> Cases<'a> + 'a>);

/// Cases, in their order.
pub(super) type Cases<'a> = Box<dyn Iterator<Item = Case<'a>> + 'a>;

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

/// How many trials came to what.
#[derive(Serialize, JsonSchema)]
pub(super) struct Trials {
    pub(super) asked: usize,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) errored: usize,
    pub(super) unscored: usize,
    pub(super) not_asked: usize,
}

/// An interval whose ends each hold on their own.
#[derive(Serialize, JsonSchema)]
pub(super) struct Interval {
    pub(super) lower: f64,
    pub(super) upper: f64,
    /// Each end holds at this confidence on its own; both hold together at 2 × confidence − 1, which is what people are shown: of 0.95 each,
    /// the 90 % interval.
    pub(super) confidence: f64,
}

/// The cases of a tag. Nothing decides by it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tag {
    pub(super) name: String,
    /// Always true: with many tags some look bad by chance.
    pub(super) exploratory: bool,
    pub(super) cases: usize,
    pub(super) units: usize,
    pub(super) pass_rate: Option<f64>,
    pub(super) pass_rate_interval: Option<Interval>,
}

/// How long models took.
#[derive(Serialize, JsonSchema)]
pub(super) struct Latency {
    pub(super) median: Quantile,
    pub(super) p95: Quantile,
}

/// A quantile with its order-statistic interval; an end is null where there are too few values for it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Quantile {
    pub(super) estimate: f64,
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
    /// Each end holds at this confidence on its own.
    pub(super) confidence: f64,
    /// Of how many values.
    pub(super) count: u64,
}

impl Quantile {
    pub(super) fn of(interval: &QuantileInterval, confidence: f64) -> Self {
        let end = |end: Result<f64, Undefined>| end.ok();
        Self {
            estimate: interval.estimate,
            lower: end(interval.lower),
            upper: end(interval.upper),
            confidence,
            count: interval.count,
        }
    }
}

/// The verdict on a candidate.
#[derive(Serialize, JsonSchema)]
pub(super) struct Gate<'a> {
    pub(super) verdict: Verdict,
    /// The row of the gate's table that decided, 1 to 6.
    pub(super) row: u8,
    /// The rule that decided.
    pub(super) rule: &'static str,
    /// Whether it stands in the way.
    pub(super) blocks: bool,
    /// Why, in a line.
    pub(super) reason: &'a str,
    /// The cases that must pass and of which a repeat failed, whatever the rule; left out where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) must_pass_failed: Vec<&'a str>,
    /// What no row of the gate looks at, a sentence each, such as what the candidate costs beside its baseline; left out where there is
    /// nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) remarks: Vec<String>,
    /// Which attempt at the same questions it is, by the runs that are kept; left out for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<Attempt>,
    /// The candidate compared with its baseline; null where it is judged alone.
    pub(super) comparison: Option<Comparison<'a>>,
}

/// A case that was asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Case<'a> {
    pub(super) name: &'a str,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) must_pass: bool,
    pub(super) cluster: Option<&'a str>,
    pub(super) passed: usize,
    pub(super) asked: usize,
    /// Repeats without a verdict.
    pub(super) missing: usize,
    pub(super) score: Option<f64>,
    pub(super) repeats: Vec<Repeat<'a>>,
}

/// A repeat of a case.
pub(super) struct Repeat<'a>(pub(super) RepeatShape<'a>);

/// Read when it is written, so that a report holds one result at a time.
pub(super) struct RepeatShape<'a> {
    pub(super) repeat: u32,
    pub(super) outcome: &'static str,
    pub(super) trial: TrialId,
    pub(super) outputs: &'a Outputs,
}

impl Serialize for Repeat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let result = self.0.outputs.get(self.0.trial);
        let mut repeat = serializer.serialize_struct("Repeat", 4)?;
        repeat.serialize_field("repeat", &self.0.repeat)?;
        repeat.serialize_field("outcome", self.0.outcome)?;
        repeat.serialize_field("answer", &result.as_ref().map(|result| &result.answer))?;
        let checks = result.as_ref().map_or(&[][..], |result| &result.checks);
        repeat.serialize_field("checks", checks)?;
        repeat.end()
    }
}

impl JsonSchema for Repeat<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Repeat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A repeat of a case.",
            "properties": {
                "repeat": {"type": "integer", "minimum": 1},
                "outcome": {"enum": ["passed", "failed", "errored", "unscored", "not_asked"]},
                "answer": {
                    "description": "What the model said, or why it could not be asked; null where it was not asked.",
                    "type": ["object", "null"],
                },
                "checks": {
                    "description": "What each validator says.",
                    "type": "array",
                    "items": {"type": "object"},
                },
            },
            "required": ["repeat", "outcome", "answer", "checks"],
        })
    }
}

/// A case that is not asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Skipped<'a> {
    pub(super) name: &'a str,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) reason: &'a str,
}
