//! What stood in the way of many cases for one reason: the same sentence for every case and model would bury the rest.

use std::fmt::{self, Write as _};

use indexmap::{IndexMap, IndexSet};

use super::paint::{Tone, label, wrapped};
use super::{COLUMNS, Report};
use crate::event::{Answer, AskErrorKind};
use crate::gate::{few, plural};
use crate::plan::PromptPlan;
use crate::report::{Evaluation, visible};
use crate::summary::{CaseSummary, VariantSummary};

/// Errors of a prompt, each with the cases that could not be judged for it alone.
pub(super) struct SharedErrors(IndexMap<String, SharedError>);

#[derive(Default)]
struct SharedError {
    /// The variants and their cases, by index.
    cases: IndexSet<(usize, usize)>,
    /// How many questions were never sent, since the model had refused others for this reason.
    unsent: usize,
}

impl SharedErrors {
    /// Those that stand in the way of more than one case, or of one case with more than one variant.
    pub(super) fn of(evaluation: &Evaluation<'_>, summaries: &[&VariantSummary]) -> Self {
        let mut errors: IndexMap<String, SharedError> = IndexMap::new();
        for summary in summaries {
            // Looking up an answer reads the journal.
            let hopeless = summary.cases.iter().filter(|case| case.counts.errored == case.counts.asked);
            for case in hopeless {
                let Some((message, unsent)) = only_error(evaluation, summary, case) else { continue };
                let error = errors.entry(message).or_default();
                error.cases.insert((summary.variant, case.case));
                error.unsent += unsent;
            }
        }
        errors.retain(|_, error| error.cases.len() > 1);
        Self(errors)
    }

    /// Whether a case of a variant is among them.
    pub(super) fn hold(&self, summary: &VariantSummary, case: &CaseSummary) -> bool {
        self.0.values().any(|error| error.cases.contains(&(summary.variant, case.case)))
    }
}

impl Report {
    pub(super) fn errors(&mut self, plan: &PromptPlan, errors: &SharedErrors) -> fmt::Result {
        for (message, error) in &errors.0 {
            let variants: IndexSet<String> =
                error.cases.iter().map(|&(variant, _)| label(plan, variant)).collect();
            let variants: Vec<String> = variants.into_iter().collect();
            let names: IndexSet<&str> =
                error.cases.iter().map(|&(_, case)| plan.suite.cases[case].name.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let indent = "           ";
            let word = self.tone(Tone::Doubtful, "error  ");
            let subject = format!(
                "{}  {}: {}",
                variants.join(", "),
                plural(names.len(), "case"),
                visible(&few(&names))
            );
            let subject = wrapped(&subject, COLUMNS - indent.len(), indent);
            let unsent = match error.unsent {
                0 => String::new(),
                1 => "; so 1 question was not sent".to_owned(),
                unsent => format!("; so {unsent} questions were not sent"),
            };
            let message = format!("{}{unsent}", visible(message));
            let message = wrapped(&message, COLUMNS - indent.len(), indent);
            writeln!(self.text, "\n  {word}  {subject}\n{indent}{message}")?;
        }
        Ok(())
    }
}

/// What stood in the way of every repeat of a case, where that was one and the same, and how many of the repeats were not sent.
fn only_error(
    evaluation: &Evaluation<'_>,
    summary: &VariantSummary,
    case: &CaseSummary,
) -> Option<(String, usize)> {
    let (mut only, mut unsent) = (None, 0);
    for (_, trial) in evaluation.plan.trials_of(summary.prompt, summary.variant, case.case) {
        let Answer::Error(error) = evaluation.outputs.get(trial.id)?.answer else { return None };
        unsent += usize::from(error.kind == AskErrorKind::ModelOutOfReach);
        let message = error.cause().to_owned();
        if only.as_ref().is_some_and(|known| *known != message) {
            return None;
        }
        only = Some(message);
    }
    Some((only?, unsent))
}
