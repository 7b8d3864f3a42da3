//! The report for programs: one JSON object, documented in `docs/formats.md`. Without times: the same results give the same bytes.

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::Evaluation;
use super::visible::escaped_json;
use crate::event::ReplySource;
use crate::gate::{Verdict, worst};
use crate::outputs::Outputs;
use crate::plan::{Role, TrialId};
use crate::record::{Calls, TrialRecord};
use crate::summary::{VariantSummary, pass_rate_interval};

/// The version of this shape.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    verdict: Verdict,
    interrupted: bool,
    replies: Vec<&'static str>,
    /// When the oldest cached reply was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_cached_reply: Option<Timestamp>,
    /// What asking models took; left out where no model and no cache was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<&'a Calls>,
    prompts: Vec<Prompt<'a>>,
}

#[derive(Serialize)]
struct Prompt<'a> {
    name: &'a str,
    chosen: &'a str,
    repeat: u32,
    variants: Vec<Variant<'a>>,
    skipped: Vec<Skipped<'a>>,
}

#[derive(Serialize)]
struct Variant<'a> {
    version: String,
    sha256: String,
    model: &'a str,
    requested_model: &'a str,
    role: &'static str,
    cases_passed: usize,
    cases: usize,
    trials: Trials,
    units: usize,
    pass_rate: Option<f64>,
    pass_rate_interval: Option<Interval>,
    score: Option<f64>,
    tokens: Option<u64>,
    gate: Option<Gate<'a>>,
    results: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Trials {
    asked: usize,
    passed: usize,
    failed: usize,
    errored: usize,
    unscored: usize,
    not_asked: usize,
}

/// Each end holds at `confidence` on its own.
#[derive(Serialize)]
struct Interval {
    lower: f64,
    upper: f64,
    confidence: f64,
}

#[derive(Serialize)]
struct Gate<'a> {
    verdict: Verdict,
    reason: &'a str,
}

#[derive(Serialize)]
struct Case<'a> {
    name: &'a str,
    file: String,
    line: usize,
    must_pass: bool,
    passed: usize,
    asked: usize,
    score: Option<f64>,
    repeats: Vec<Repeat<'a>>,
}

/// Read when it is written, so that a report holds one result at a time.
struct Repeat<'a> {
    number: u32,
    outcome: &'static str,
    trial: TrialId,
    outputs: &'a Outputs,
}

impl Serialize for Repeat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let result = self.outputs.get(self.trial);
        let mut repeat = serializer.serialize_struct("Repeat", 4)?;
        repeat.serialize_field("repeat", &self.number)?;
        repeat.serialize_field("outcome", self.outcome)?;
        repeat.serialize_field("answer", &result.as_ref().map(|result| &result.answer))?;
        let checks = result.as_ref().map_or(&[][..], |result| &result.checks);
        repeat.serialize_field("checks", checks)?;
        repeat.end()
    }
}

#[derive(Serialize)]
struct Skipped<'a> {
    name: &'a str,
    file: String,
    line: usize,
    reason: &'a str,
}

/// The report; it ends with a line feed.
pub fn json(evaluation: &Evaluation<'_>) -> String {
    let prompts = evaluation.plan.prompts().iter().enumerate().map(|(index, plan)| Prompt {
        name: plan.name.as_str(),
        chosen: &plan.chosen,
        repeat: plan.suite.repeat,
        variants: evaluation
            .summaries
            .iter()
            .filter(|summary| summary.prompt == index)
            .map(|summary| variant(evaluation, summary))
            .collect(),
        skipped: plan
            .suite
            .cases
            .iter()
            .filter_map(|case| {
                Some(Skipped {
                    name: &case.name,
                    file: case.place.file.display().to_string(),
                    line: case.place.line,
                    reason: case.skip.as_deref()?,
                })
            })
            .collect(),
    });
    let report = Report {
        schema: SCHEMA,
        verdict: worst(evaluation.gates),
        interrupted: evaluation.record.was_interrupted(),
        replies: evaluation.record.sources().iter().map(|source| source.as_str()).collect(),
        oldest_cached_reply: evaluation.record.sources().iter().find_map(|source| match source {
            ReplySource::Cached { at } => Some(*at),
            ReplySource::Live | ReplySource::Recorded | ReplySource::Scripted => None,
        }),
        calls: Some(evaluation.record.calls()).filter(|calls| **calls != Calls::default()),
        prompts: prompts.collect(),
    };
    // Maps with text keys and finite numbers always have a JSON form.
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    escaped_json(&text)
}

fn variant<'a>(evaluation: &Evaluation<'a>, summary: &VariantSummary) -> Variant<'a> {
    let plan = &evaluation.plan.prompts()[summary.prompt];
    let variant = &plan.variants[summary.variant];
    let gate =
        evaluation.gates.iter().find(|gate| gate.prompt == summary.prompt && gate.variant == summary.variant);
    let results = summary.cases.iter().map(|case| {
        let definition = &plan.suite.cases[case.case];
        let repeats =
            evaluation.plan.trials_of(summary.prompt, summary.variant, case.case).map(|(index, trial)| {
                Repeat {
                    number: trial.repeat,
                    outcome: outcome(evaluation.record.trial(index)),
                    trial: trial.id,
                    outputs: evaluation.outputs,
                }
            });
        Case {
            name: &definition.name,
            file: definition.place.file.display().to_string(),
            line: definition.place.line,
            must_pass: definition.must_pass,
            passed: case.counts.passed,
            asked: case.counts.asked,
            score: case.score,
            repeats: repeats.collect(),
        }
    });
    Variant {
        version: variant.version.number(),
        sha256: variant.digest.to_string(),
        model: &variant.model.name,
        requested_model: &variant.model.model,
        role: match variant.role {
            Role::Baseline => "baseline",
            Role::Candidate => "candidate",
        },
        cases_passed: summary.cases_passed(),
        cases: summary.cases.len(),
        trials: Trials {
            asked: summary.counts.asked,
            passed: summary.counts.passed,
            failed: summary.counts.failed,
            errored: summary.counts.errored,
            unscored: summary.counts.unscored,
            not_asked: summary.counts.not_asked,
        },
        units: summary.units.len(),
        pass_rate: summary.pass_rate,
        pass_rate_interval: pass_rate_interval(&plan.suite.policy, &summary.units).map(|interval| Interval {
            lower: interval.lower,
            upper: interval.upper,
            confidence: plan.suite.policy.confidence.value,
        }),
        score: summary.score,
        tokens: summary.tokens,
        gate: gate.map(|gate| Gate { verdict: gate.verdict, reason: &gate.reason }),
        results: results.collect(),
    }
}

fn outcome(trial: Option<&TrialRecord>) -> &'static str {
    trial.map_or("not_asked", |trial| trial.outcome.as_str())
}
