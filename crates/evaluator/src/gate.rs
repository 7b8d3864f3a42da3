//! The gate: from a record to a verdict for every candidate, by the first rule that applies. Pure; the same numbers always give the
//! same answer.

mod chances;
mod conditions;
mod narrowed;
mod outlook;
mod preflight;
mod reason;
mod rule;
#[cfg(test)]
mod tests;
mod two_runs;
mod wording;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::comparison::{Baseline, Comparison, Side, compare};
use crate::plan::{Plan, Role};
use crate::policy::{OnInconclusive, Policy};
use crate::record::Record;
use crate::summary::{VariantSummary, summarise};
use conditions::{Candidate, Reference};

pub use chances::{Chance, Needed, Seen};
pub use conditions::{Conditions, Ends};
pub use narrowed::{without_margin_out_of_reach, without_margins_out_of_reach};
pub use outlook::{History, Outlook, outlook};
pub use preflight::{margin_out_of_reach, preflight};
pub use rule::Rule;
pub use two_runs::{CandidateOfRun, Judged, judge_sides, verdict_of_run};
pub use wording::points;

pub(crate) use wording::{few, grouped, percent, plural, size};

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may merge.
    Passed,
    /// It may not merge.
    Failed,
    /// It could not be told whether it is worse than it may be.
    Inconclusive,
    /// It could not be judged.
    Broken,
}

impl Verdict {
    /// The word that reports print.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Broken => "BROKEN",
        }
    }

    /// The worse of two verdicts: failed, then broken, then inconclusive, then passed.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |verdict| match verdict {
            Self::Failed => 3,
            Self::Broken => 2,
            Self::Inconclusive => 1,
            Self::Passed => 0,
        };
        if rank(self) >= rank(other) { self } else { other }
    }
}

/// The gate of one candidate: a prompt, a version, a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Which prompt of the plan.
    pub prompt: usize,
    /// Which variant of the prompt.
    pub variant: usize,
    /// What it says.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Rule,
    /// Whether it stands in the way: it did not pass, and it is not an inconclusive one that the policy lets through.
    pub blocks: bool,
    /// Why, in one line.
    pub reason: String,
    /// The candidate compared with its baseline, where there is one.
    pub comparison: Option<Comparison>,
}

/// What the candidates of a plan are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Against<'a> {
    /// The baselines of the plan, where it has some.
    Plan,
    /// Blessed files by prompt; a prompt without one lacks its baseline.
    Blessed(&'a BTreeMap<String, Baseline>),
}

/// Judges every candidate of a plan against the plan's own baselines, in the plan's order.
pub fn judge(plan: &Plan, record: &Record) -> (Vec<VariantSummary>, Vec<Gate>) {
    judge_against(plan, record, Against::Plan)
}

/// Judges every candidate of a plan, in the plan's order.
pub fn judge_against(plan: &Plan, record: &Record, against: Against<'_>) -> (Vec<VariantSummary>, Vec<Gate>) {
    let summaries = summarise(plan, record);
    let of_candidate = |summary: &&VariantSummary| {
        plan.prompts()[summary.prompt].variants[summary.variant].role == Role::Candidate
    };
    let gates = summaries
        .iter()
        .filter(of_candidate)
        .map(|summary| {
            let prompt = &plan.prompts()[summary.prompt];
            let (side, baseline) = sides(plan, record, summary.prompt, summary.variant, against);
            let must_pass = prompt.suite.cases.iter().filter(|case| case.must_pass);
            let must_pass = must_pass.map(|case| case.name.as_str()).collect();
            let candidate = Candidate {
                side: &side,
                must_pass,
                gaps: summary.gaps,
                cut_short: cut_short((plan, record), &summaries, summary.prompt),
                errors: errors((plan, record), summary),
            };
            let reference = match (&baseline, against) {
                (Some(side), _) => Reference::Side(side),
                (None, Against::Plan) => Reference::None,
                (None, Against::Blessed(_)) => Reference::Absent,
            };
            let decided = decide(&candidate, reference, &prompt.suite.policy);
            Gate {
                prompt: summary.prompt,
                variant: summary.variant,
                verdict: decided.rule.verdict(),
                rule: decided.rule,
                blocks: decided.blocks,
                reason: decided.reason,
                comparison: decided.comparison,
            }
        })
        .collect();
    (summaries, gates)
}

/// The candidate and what it is compared with, where that is there.
fn sides(
    plan: &Plan,
    record: &Record,
    prompt: usize,
    variant: usize,
    against: Against<'_>,
) -> (Side, Option<Side>) {
    let baseline = match against {
        Against::Plan => {
            plan.baseline_of(prompt, variant).map(|baseline| Side::of_variant(plan, record, prompt, baseline))
        }
        Against::Blessed(files) => {
            let prompt = &plan.prompts()[prompt];
            let file = files.get(prompt.name.as_str());
            file.and_then(|file| file.side(&prompt.variants[variant].model.name))
        }
    };
    (Side::of_variant(plan, record, prompt, variant), baseline)
}

/// Why a prompt cannot be judged whose questions were not all asked, or whose replies not all judged, because the run was stopped.
fn cut_short(
    (plan, record): (&Plan, &Record),
    summaries: &[VariantSummary],
    prompt: usize,
) -> Option<String> {
    let why = record.cut_short()?;
    let of_prompt = || summaries.iter().filter(|summary| summary.prompt == prompt);
    let without_result: usize = of_prompt().map(|summary| summary.counts.not_asked).sum();
    let all: usize = of_prompt().map(|summary| summary.counts.asked).sum();
    if without_result == 0 {
        return None;
    }
    let is_of_prompt = |index: usize| plan.trials()[index].prompt == prompt;
    let is_here = |trial| {
        plan.index_of(trial).is_some_and(|index| is_of_prompt(index) && record.trial(index).is_none())
    };
    let waiting: BTreeMap<_, _> = record.calls().waiting().filter(|(trial, _)| is_here(*trial)).collect();
    let mut failed = BTreeMap::new();
    for kind in waiting.values() {
        *failed.entry(kind.as_str()).or_insert(0) += 1;
    }
    let unanswered = waiting.len();
    // Whose judge does not answer waits for an answer too, and is counted there.
    let waits = |index: usize| waiting.contains_key(&plan.trials()[index].id);
    let not_judged = record.not_judged().filter(|&index| is_of_prompt(index) && !waits(index)).count();
    let not_asked = without_result.saturating_sub(unanswered + not_judged);
    // Whoever reads of the clock alone gives it more time, and waits for the same.
    let without_answer = format!("without an answer ({})", by_kind(&failed));
    let parts = [(unanswered, without_answer.as_str()), (not_asked, "not asked"), (not_judged, "not judged")];
    let mut parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let (first, what) = parts.next()?;
    let first = format!("{} of {} {what}", grouped(first as u64), plural(all, "question"));
    let rest = parts.map(|(count, what)| format!(", {} {what}", grouped(count as u64)));
    Some(format!("{why}: {first}{}", rest.collect::<String>()))
}

/// Why questions to a variant could not be asked, and how many; `None` where all could.
fn errors((plan, record): (&Plan, &Record), summary: &VariantSummary) -> Option<String> {
    let mut errors = BTreeMap::new();
    for case in summary.cases.iter().filter(|case| case.counts.errored > 0) {
        for (index, _) in plan.trials_of(summary.prompt, summary.variant, case.case) {
            if let Some(kind) = record.trial(index).and_then(|trial| trial.error) {
                *errors.entry(kind.as_str()).or_insert(0) += 1;
            }
        }
    }
    (!errors.is_empty()).then(|| by_kind(&errors))
}

fn by_kind(counts: &BTreeMap<&str, usize>) -> String {
    let kinds =
        counts.iter().map(|(kind, count)| format!("{} {}", grouped(*count as u64), kind.replace('_', " ")));
    kinds.collect::<Vec<_>>().join(", ")
}

/// The verdict on one candidate.
#[derive(Debug, Clone, PartialEq)]
struct Decided {
    rule: Rule,
    blocks: bool,
    reason: String,
    comparison: Option<Comparison>,
}

/// The first rule that applies, and why.
fn decide(candidate: &Candidate<'_>, reference: Reference<'_>, policy: &Policy) -> Decided {
    let comparison = match reference {
        Reference::Side(baseline) | Reference::Run(baseline) => {
            Some(compare(baseline, candidate.side, policy))
        }
        Reference::None | Reference::Absent => None,
    };
    let conditions = Conditions::of(candidate, reference, comparison.as_ref(), policy);
    let rule = conditions.rule();
    let blocks = match rule.verdict() {
        Verdict::Passed => false,
        Verdict::Inconclusive => {
            policy.inconclusive.value == OnInconclusive::Fail || !looks_harmless(comparison.as_ref())
        }
        Verdict::Failed | Verdict::Broken => true,
    };
    let reason = reason::reason(rule, candidate, comparison.as_ref(), policy);
    Decided { rule, blocks, reason, comparison }
}

/// Whether the estimate of every gating metric is above −margin.
fn looks_harmless(comparison: Option<&Comparison>) -> bool {
    let Some(comparison) = comparison else { return false };
    let Some(margin) = comparison.margin else { return false };
    comparison
        .gating()
        .all(|metric| metric.difference.as_ref().is_ok_and(|difference| difference.estimate > -margin))
}

/// The worst verdict of all gates. No gate at all is broken: a run that judged nothing is never green.
pub fn worst(gates: &[Gate]) -> Verdict {
    gates.iter().map(|gate| gate.verdict).reduce(Verdict::worse).unwrap_or(Verdict::Broken)
}

/// The worst verdict of the gates that block; `None` where none does, and then the run ends with exit code 0. No gate at all blocks.
pub fn blocking(gates: &[Gate]) -> Option<Verdict> {
    if gates.is_empty() {
        return Some(Verdict::Broken);
    }
    gates.iter().filter(|gate| gate.blocks).map(|gate| gate.verdict).reduce(Verdict::worse)
}
