//! What there is to know beside the verdict of a gate, and what no row of it looks at.

use super::taken::takes_much;
use super::to_open::summary_of;
use super::{Evaluation, endings, served};
use crate::gate::{Gate, percent, plural};
use crate::policy::Policy;
use crate::summary::{VariantSummary, baseline_of};

/// A sentence each: that a margin is not judged because of a selection, how replies ended that are no whole answers, that several models
/// gave them, that the baseline itself is below what the gate asks of a candidate, and that the candidate takes far more than it.
pub(super) fn beside(evaluation: &Evaluation<'_>, gate: &Gate) -> Vec<String> {
    let mut beside = Vec::new();
    if let Some(why) = evaluation.plan.prompts()[gate.prompt].suite.policy.margin_not_judged() {
        beside.push(format!("narrowed: {why}"));
    }
    beside.extend(endings::beside(evaluation, gate));
    beside.extend(served::beside(evaluation, gate));
    beside.extend(beside_baseline(evaluation, gate).into_iter().flatten().flatten());
    beside
}

fn beside_baseline(evaluation: &Evaluation<'_>, gate: &Gate) -> Option<[Option<String>; 2]> {
    let after = summary_of(evaluation, gate)?;
    let before = baseline_of(evaluation.plan, evaluation.summaries, after)?;
    let plan = &evaluation.plan.prompts()[gate.prompt];
    let version = |summary: &VariantSummary| &plan.variants[summary.variant].version;
    let below = below_minimum(before, &plan.suite.policy).map(|below| {
        format!("the baseline {} does not reach `min_pass_rate` itself: {below}", version(before))
    });
    let much = takes_much(before, after)
        .map(|much| format!("beside {}, {} {much}", version(before), version(after)));
    Some([below, much])
}

/// By how much a version stays below the pass rate that is asked for, whatever the trials without a verdict would come to.
fn below_minimum(summary: &VariantSummary, policy: &Policy) -> Option<String> {
    let needed = policy.min_pass_rate.value?;
    let counts = &summary.counts;
    let rate = |passed: usize| passed as f64 / counts.asked.max(1) as f64;
    (rate(counts.passed + counts.missing()) < needed).then(|| {
        let (passed, of) = (percent(rate(counts.passed)), plural(counts.asked, "trial"));
        format!("{passed} of {of} passed, {} needed", percent(needed))
    })
}
