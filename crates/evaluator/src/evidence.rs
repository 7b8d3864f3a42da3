//! What a run proves, for whoever decides about a version: in-toto Statements (v1) with the test-result predicate (v0.1), one for each
//! candidate on each model.
//!
//! Only a run that came to its end and asked every case of its suites proves anything. Everything that the verdict depends on stands
//! in it as a digest, so that one byte changed later voids it. The shape is read by the lifecycle and described in docs/lifecycle.md.

use std::collections::BTreeSet;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use serde_json::{Value, json};

use crate::attempts::Attempts;
use crate::event::{ReplySource, RunEnd};
use crate::gate::{Gate, Verdict};
use crate::plan::{Plan, Role};
use crate::policy::{Metric, Policy, Source};
use crate::record::Record;
use crate::runs::RunId;
use crate::summary::{CaseSummary, VariantSummary, unit_interval};

/// The name of the file in a run's directory.
pub const FILE_NAME: &str = "evidence.json";

/// The format of the field `promptassay` of the predicate.
const SCHEMA: u64 = 1;

/// What a run knows of itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The run.
    pub run: &'a RunId,
    /// When the last reply was judged.
    pub finished_at: Timestamp,
    /// When the first model was asked, at the earliest: no live reply is older. `None` where nobody knows.
    pub asked_since: Option<Timestamp>,
    /// Which attempts at the same questions it is.
    pub attempts: &'a Attempts,
}

/// The text of the file; `None` where the run proves nothing: a part of a plan, narrowed cases, a run that was cut short, a gate that was
/// changed by flags, a scripted model.
pub fn statements(
    plan: &Plan,
    record: &Record,
    (summaries, gates): (&[VariantSummary], &[Gate]),
    origin: Origin<'_>,
) -> Option<String> {
    let is_whole = plan.is_complete() && record.end() == Some(RunEnd::Completed) && !gates.is_empty();
    // Whoever relaxes the gate on the command line proves nothing to anybody else.
    let is_by_the_files = plan.prompts().iter().all(|prompt| !has_flag(&prompt.suite.policy));
    if !is_whole || !is_by_the_files || record.sources().contains(&ReplySource::Scripted) {
        return None;
    }
    let statements: Vec<Value> = gates
        .iter()
        .filter_map(|gate| {
            let summary = summaries
                .iter()
                .find(|summary| (summary.prompt, summary.variant) == (gate.prompt, gate.variant))?;
            Some(statement(plan, &Replies::of(plan, record, gate, origin), summary, gate, origin))
        })
        .collect();
    // Nothing in it can fail to be written: every key is text.
    let mut text = serde_json::to_string_pretty(&statements).unwrap_or_default();
    text.push('\n');
    Some(text)
}

/// What answered a candidate.
struct Replies {
    served: BTreeSet<String>,
    /// `live`, `cached` or `recorded`: the last of these that any reply has.
    source: &'static str,
    /// When the oldest was given; `None` where that is not known of all.
    oldest_at: Option<Timestamp>,
    /// Whether every planned question was asked.
    complete: bool,
}

impl Replies {
    fn of(plan: &Plan, record: &Record, gate: &Gate, origin: Origin<'_>) -> Self {
        let mut replies = Self { served: BTreeSet::new(), source: "live", oldest_at: None, complete: true };
        let mut rank = 0;
        let mut times = Vec::new();
        let trials = plan.trials().iter().enumerate();
        let of_gate =
            trials.filter(|(_, trial)| (trial.prompt, trial.variant) == (gate.prompt, gate.variant));
        for (index, _) in of_gate {
            let Some(result) = record.trial(index) else {
                replies.complete = false;
                continue;
            };
            let Some(source) = result.source else { continue };
            let (of_source, at) = match source {
                ReplySource::Live | ReplySource::Shared => (0, origin.asked_since),
                ReplySource::Cached { at } => (1, Some(at)),
                ReplySource::Recorded | ReplySource::Scripted => (2, None),
            };
            rank = rank.max(of_source);
            times.push(at);
            replies.served.extend(record.served_model(index).map(str::to_owned));
        }
        replies.source = ["live", "cached", "recorded"][rank];
        let known: Option<Vec<Timestamp>> = times.into_iter().collect();
        replies.oldest_at = known.and_then(|times| times.into_iter().min());
        replies
    }
}

fn statement(
    plan: &Plan,
    replies: &Replies,
    summary: &VariantSummary,
    gate: &Gate,
    origin: Origin<'_>,
) -> Value {
    let prompt = &plan.prompts()[gate.prompt];
    let variant = &prompt.variants[gate.variant];
    let part = |name: &str, digest: String| json!({"name": name, "digest": {"sha256": digest}});
    let names = |wanted: fn(&CaseSummary) -> bool| -> Vec<&str> {
        let cases = summary.cases.iter().filter(|case| wanted(case));
        cases.map(|case| prompt.suite.cases[case.case].name.as_str()).collect()
    };
    let baseline = prompt
        .variants
        .iter()
        .find(|other| other.role == Role::Baseline && other.model.name == variant.model.name)
        .map(|other| json!({"version": other.version, "sha256": other.digest}));
    let mut statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{
            "name": format!("{}@{}", prompt.name, variant.version.number()),
            "digest": {"sha256": variant.digest},
        }],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": if gate.verdict == Verdict::Passed { "PASSED" } else { "FAILED" },
            "configuration": [
                part("interface", prompt.interface.to_string()),
                part("suite", prompt.suite.digest.to_string()),
                part("gate", gate_digest(&prompt.suite.policy).to_string()),
                part("params", variant.params_digest().to_string()),
            ],
            "passedTests": names(passed),
            "failedTests": names(failed),
            "promptassay": {
                "schema": SCHEMA,
                "run": origin.run.as_str(),
                "finished_at": origin.finished_at,
                "model": {
                    "row": variant.model.name,
                    "model": variant.model.model,
                    "served": replies.served,
                },
                "complete": replies.complete,
                "unfiltered": prompt.suite.narrowed_by.is_empty(),
                "replies": {"source": replies.source, "oldest_at": replies.oldest_at},
                "baseline": baseline,
                "verdict": gate.verdict,
                "counts": {
                    "cases": summary.cases.len(),
                    "passed": names(passed).len(),
                    "failed": names(failed).len(),
                    "incomplete": summary.cases.iter().filter(|case| is_incomplete(case)).count(),
                    "repeats": prompt.suite.repeat,
                },
                "interval": interval(plan, summary, gate),
            },
        },
    });
    // A first attempt is nothing to tell of.
    if let Some(attempt) = origin.attempts.repeated(plan, gate) {
        statement["predicate"]["promptassay"]["attempt"] = json!(attempt);
    }
    statement
}

/// Not judged in every repeat.
fn is_incomplete(case: &CaseSummary) -> bool {
    case.counts.missing() > 0
}

fn passed(case: &CaseSummary) -> bool {
    !is_incomplete(case) && case.passes_by_majority()
}

fn failed(case: &CaseSummary) -> bool {
    !is_incomplete(case) && !case.passes_by_majority()
}

/// SHA-256 of what a gate asks for, wherever that was written.
pub fn gate_digest(policy: &Policy) -> Digest {
    Digest::of_json(&json!({
        "min_pass_rate": policy.min_pass_rate.value,
        "margin": policy.margin.value,
        "confidence": policy.confidence.value,
        "max_missing": policy.max_missing.value,
        "inconclusive": policy.inconclusive.value,
        "metrics": policy.metrics.value,
        "served_model": policy.served_model.value,
    }))
}

fn has_flag(policy: &Policy) -> bool {
    let sources = [
        &policy.min_pass_rate.source,
        &policy.margin.source,
        &policy.confidence.source,
        &policy.max_missing.source,
        &policy.inconclusive.source,
        &policy.metrics.source,
        &policy.served_model.source,
    ];
    sources.into_iter().any(|source| *source == Source::Flag)
}

/// The interval that is printed: of the difference to the baseline where there is one, else of the candidate's pass rate. Each end
/// holds at the policy's confidence, so both together at less.
fn interval(plan: &Plan, summary: &VariantSummary, gate: &Gate) -> Option<Value> {
    let policy = &plan.prompts()[summary.prompt].suite.policy;
    let compared = gate.comparison.as_ref().and_then(|comparison| comparison.metric(&Metric::PassRate));
    let (of, interval) = match compared.map(|metric| metric.difference.as_ref()) {
        Some(Ok(difference)) => ("pass_rate_difference", *difference),
        _ => ("pass_rate", unit_interval(policy, &summary.units)?),
    };
    let level = both_ends(policy.confidence.value);
    Some(json!({"of": of, "low": interval.lower, "high": interval.upper, "level": level}))
}

/// The confidence at which both ends hold, where each alone holds at `each`; without the noise of the last bits.
fn both_ends(each: f64) -> f64 {
    ((2.0 * each - 1.0) * 1e9).round() / 1e9
}
