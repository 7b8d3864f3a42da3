//! The report for programs: one JSON object, whose schema is `docs/schemas/report.schema.json`. Without times: the same results give
//! the same bytes.

mod comparison;
mod shape;

use std::io;

use schemars::{Schema, schema_for};

use super::beside::beside;
use super::{Evaluation, cost, safe_json};
use crate::event::ReplySource;
use crate::gate::{blocking, worst};
use crate::plan::Role;
use crate::record::{Calls, TrialRecord};
use crate::summary::{Cost, VariantSummary, unit_interval};
pub use shape::Nothing;
use shape::{
    Case, Gate, Interval, Judging, Latency, Prompt, Quantile, Repeat, RepeatShape, Report, Results, Skipped,
    Tag, Trials, Variant, WholeCost,
};

/// The version of this shape.
const SCHEMA: u32 = 1;

/// Writes the report; it ends with a line feed. It fails where `out` does.
pub fn json(evaluation: &Evaluation<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let prompts = evaluation.plan.prompts().iter().enumerate().map(|(index, plan)| Prompt {
        name: plan.name.as_str(),
        chosen: &plan.chosen,
        repeat: plan.suite.repeat,
        policy: &plan.suite.policy,
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
                    file: evaluation.files.name(&case.place.file),
                    line: case.place.line,
                    reason: case.skip.as_deref()?,
                })
            })
            .collect(),
    });
    let (replies, judges) = cost::of_all(evaluation.summaries);
    let expenses = evaluation.record.expenses();
    let report = Report {
        schema: SCHEMA,
        verdict: worst(evaluation.gates),
        blocks: blocking(evaluation.gates).is_some(),
        interrupted: evaluation.record.was_interrupted(),
        replies: evaluation.record.sources().iter().map(|source| source.as_str()).collect(),
        oldest_cached_reply: evaluation.record.sources().iter().find_map(|source| match source {
            ReplySource::Cached { at } => Some(at.to_string()),
            ReplySource::Live | ReplySource::Shared | ReplySource::Recorded | ReplySource::Scripted => None,
        }),
        calls: Some(evaluation.record.calls()).filter(|calls| **calls != Calls::default()),
        cost: WholeCost {
            replies: replies.dollars(),
            judges: judges.dollars(),
            total: replies.plus(judges).dollars(),
            spent: sum(expenses.spent()),
            saved: sum(expenses.saved()),
            shared: expenses.shared().dollars(),
        },
        narrowed_by: evaluation.plan.filters(),
        remarks: evaluation.remarks(),
        prompts: prompts.collect(),
    };
    safe_json::write(&report, out)
}

/// A sum that is 0 where nothing was to be paid, and null where nobody knows.
fn sum(cost: Cost) -> Option<f64> {
    if cost == Cost::Nothing { Some(0.0) } else { cost.dollars() }
}

/// The JSON Schema of the report.
pub fn json_schema() -> Schema {
    let mut schema = schema_for!(Report<'static>);
    // Both have remarks, and what these are is defined once.
    let mut nothing = schema_for!(Nothing<'static>);
    for meta in ["$schema", "$defs", "title"] {
        nothing.remove(meta);
    }
    let mut evaluation = Schema::default();
    for key in ["type", "properties", "required"] {
        if let Some(value) = schema.remove(key) {
            evaluation.insert(key.to_owned(), value);
        }
    }
    schema.insert("anyOf".to_owned(), [evaluation, nothing].map(Schema::to_value).to_vec().into());
    schema.insert("title".to_owned(), "report.json".into());
    let description = "The report of an evaluation: what was asked, how it went, how candidates compare, and what the gates say.";
    schema.insert("description".to_owned(), description.into());
    schema
}

fn variant<'a>(evaluation: &'a Evaluation<'a>, summary: &'a VariantSummary) -> Variant<'a> {
    let plan = &evaluation.plan.prompts()[summary.prompt];
    let variant = &plan.variants[summary.variant];
    let policy = &plan.suite.policy;
    let interval = |units: &[f64]| {
        unit_interval(policy, units).map(|interval| Interval {
            lower: interval.lower,
            upper: interval.upper,
            confidence: policy.confidence.value,
        })
    };
    let name = |case: usize| plan.suite.cases[case].name.as_str();
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
        pass_rate_interval: interval(&summary.units),
        score: summary.score,
        score_interval: interval(&summary.score_units),
        pass_hat_k: summary.pass_hat_k,
        flaky: summary.flaky().map(|case| name(case.case)).collect(),
        tags: summary
            .tags
            .iter()
            .map(|tag| Tag {
                name: tag.tag.clone(),
                exploratory: true,
                cases: tag.cases,
                units: tag.units.len(),
                pass_rate: tag.pass_rate,
                pass_rate_interval: interval(&tag.units),
            })
            .collect(),
        latency: summary.latency.as_ref().map(|latency| Latency {
            median: Quantile::of(&latency.median, policy.confidence.value),
            p95: Quantile::of(&latency.p95, policy.confidence.value),
        }),
        tokens: summary.tokens,
        cost: summary.cost.dollars(),
        judging: summary.judging.as_ref().map(|judging| Judging {
            answers: judging.answers,
            tokens: judging.tokens,
            cost: judging.cost.and_then(|sum| Cost::Dollars(sum).dollars()),
        }),
        unpriced: summary.cost == Cost::Unpriced,
        gate: evaluation.gate_of(summary).map(|gate| Gate {
            verdict: gate.verdict,
            row: gate.rule.row(),
            rule: gate.rule.code(),
            blocks: gate.blocks,
            reason: &gate.reason,
            must_pass_failed: summary
                .cases
                .iter()
                .filter(|case| case.counts.failed > 0 && plan.suite.cases[case.case].must_pass)
                .map(|case| name(case.case))
                .collect(),
            remarks: beside(evaluation, gate),
            attempt: evaluation.repeated(gate),
            comparison: gate.comparison.as_ref().map(comparison::of),
        }),
        results: Results(Box::new(move || Box::new(cases(evaluation, summary)))),
    }
}

fn cases<'a>(
    evaluation: &'a Evaluation<'a>,
    summary: &'a VariantSummary,
) -> impl Iterator<Item = Case<'a>> + 'a {
    let suite = &evaluation.plan.prompts()[summary.prompt].suite;
    summary.cases.iter().map(move |case| {
        let definition = &suite.cases[case.case];
        let trials = evaluation.plan.trials_of(summary.prompt, summary.variant, case.case);
        let repeats = trials.map(|(index, trial)| {
            Repeat(RepeatShape {
                repeat: trial.repeat,
                outcome: outcome(evaluation.record.trial(index)),
                trial: trial.id,
                outputs: evaluation.outputs,
            })
        });
        Case {
            name: &definition.name,
            file: evaluation.files.name(&definition.place.file),
            line: definition.place.line,
            must_pass: definition.must_pass,
            cluster: definition.cluster.as_deref(),
            passed: case.counts.passed,
            asked: case.counts.asked,
            missing: case.counts.missing(),
            score: case.score,
            repeats: repeats.collect(),
        }
    })
}

fn outcome(trial: Option<&TrialRecord>) -> &'static str {
    trial.map_or("not_asked", |trial| trial.outcome.as_str())
}
