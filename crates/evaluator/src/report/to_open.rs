//! Which cases a reader should open, the one that matters most first.

use super::Evaluation;
use crate::gate::{Gate, few, plural};
use crate::plan::PromptPlan;
use crate::suite::Case;
use crate::summary::{CaseSummary, VariantSummary};

/// A case that did not pass every repeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToOpen<'a> {
    /// What was asked.
    pub(super) definition: &'a Case,
    /// How it went.
    pub(super) case: &'a CaseSummary,
    /// Why it is worth opening.
    pub(super) cause: Cause,
}

/// Why a case is worth opening; in the order of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// It must pass.
    MustPass,
    /// It passed with the baseline.
    Broke,
    /// It fails by the majority of its repeats.
    Failed,
    /// It could not be judged.
    NotJudged,
    /// It fails sometimes.
    Flaky,
}

impl Cause {
    /// The word that reports print.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MustPass => "must pass",
            Self::Broke => "broke",
            Self::Failed => "failed",
            Self::NotJudged => "not judged",
            Self::Flaky => "flaky",
        }
    }
}

/// The cases of a gate's variant that did not pass every repeat: by cause, then in the suite's order.
pub(super) fn to_open<'a>(
    evaluation: &Evaluation<'a>,
    summary: &'a VariantSummary,
    gate: &Gate,
) -> Vec<ToOpen<'a>> {
    let suite = &evaluation.plan.prompts()[summary.prompt].suite;
    let broken: &[String] = gate.comparison.as_ref().map_or(&[], |comparison| &comparison.broken);
    let mut open: Vec<ToOpen<'a>> = summary
        .cases
        .iter()
        .filter(|case| case.counts.passed < case.counts.asked)
        .map(|case| {
            let definition = &suite.cases[case.case];
            let cause = if definition.must_pass {
                Cause::MustPass
            } else if case.counts.failed == 0 {
                Cause::NotJudged
            } else if case.passes_by_majority() {
                Cause::Flaky
            } else if broken.contains(&definition.name) {
                Cause::Broke
            } else {
                Cause::Failed
            };
            ToOpen { definition, case, cause }
        })
        .collect();
    open.sort_by_key(|open| open.cause);
    open
}

/// Cases of which nothing is known but that they were not asked, or not as often as planned: said once where there are several. Each
/// of the others has its own entry.
pub(super) fn fold_unasked(open: Vec<ToOpen<'_>>) -> (Vec<ToOpen<'_>>, Option<String>) {
    let (unasked, others): (Vec<_>, Vec<_>) = open.iter().partition(|open| is_unasked(open.case));
    if unasked.len() < 2 {
        return (open, None);
    }
    (others, Some(unasked_in_words(unasked.iter().map(|open| (open.definition, open.case)))))
}

/// `24 questions of 12 cases: greeting, refund and 10 more`.
pub(super) fn unasked_in_words<'a>(cases: impl Iterator<Item = (&'a Case, &'a CaseSummary)>) -> String {
    let (mut names, mut questions) = (Vec::new(), 0);
    for (definition, case) in cases {
        names.push(definition.name.as_str());
        questions += case.counts.not_asked;
    }
    format!("{} of {}: {}", plural(questions, "question"), plural(names.len(), "case"), few(&names))
}

/// The cases of a prompt that are skipped, each with its reason.
pub(super) fn skipped(plan: &PromptPlan) -> impl Iterator<Item = (&Case, &str)> {
    plan.suite.cases.iter().filter_map(|case| Some((case, case.skip.as_deref()?)))
}

/// Whether all that is wrong with a case is that it was not asked, or not as often as planned.
pub(super) fn is_unasked(case: &CaseSummary) -> bool {
    case.counts.failed + case.counts.errored + case.counts.unscored == 0
}

/// The summary of the variant that a gate stands on.
pub(super) fn summary_of<'a>(evaluation: &Evaluation<'a>, gate: &Gate) -> Option<&'a VariantSummary> {
    evaluation
        .summaries
        .iter()
        .find(|summary| summary.prompt == gate.prompt && summary.variant == gate.variant)
}
