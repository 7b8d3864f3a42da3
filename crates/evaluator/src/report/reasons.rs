//! Why a case did not pass, as plain text for reports that lay nothing out: every repeat, every reason.

use std::fmt::Write as _;

use super::Evaluation;
use crate::event::{Answer, TrialResult};
use crate::outcome::{CheckOutcome, RepeatOutcome};
use crate::summary::{CaseSummary, Counts, VariantSummary};

/// The most bytes of a reply, or of a part of a reason, that are quoted.
const MAX_QUOTED: usize = 64 * 1024;

/// How much of what a model said is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoted {
    /// The names of checks and what they come to; not a word of a model, and no message that may hold one.
    Nothing,
    /// Reasons, expected and got.
    Reasons,
    /// Reasons, and the replies of repeats that did not pass.
    Outputs,
}

/// `2 of 3 passed`, and how many have no verdict, by cause.
pub(super) fn counts_in_words(counts: &Counts) -> String {
    let mut parts = vec![format!("{} of {} passed", counts.passed, counts.asked)];
    for (count, words) in [
        (counts.errored, "could not be asked"),
        (counts.unscored, "unscored"),
        (counts.not_asked, "not asked"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    parts.join(", ")
}

/// Whether there is a reason to tell of any repeat of a case.
pub(super) fn has_reasons(evaluation: &Evaluation<'_>, summary: &VariantSummary, case: &CaseSummary) -> bool {
    let mut trials = evaluation.plan.trials_of(summary.prompt, summary.variant, case.case);
    trials.any(|(index, _)| evaluation.record.trial(index).is_none_or(|trial| trial.has_reasons))
}

/// Every reason of every repeat of a case, a line each; empty where there is none.
pub(super) fn reasons(
    evaluation: &Evaluation<'_>,
    summary: &VariantSummary,
    case: &CaseSummary,
    quoted: Quoted,
) -> String {
    let mut out = String::new();
    for (index, trial) in evaluation.plan.trials_of(summary.prompt, summary.variant, case.case) {
        // Of most there is nothing to say, and their results need not be read from the disk.
        if evaluation.record.trial(index).is_some_and(|trial| !trial.has_reasons) {
            continue;
        }
        let prefix = if case.counts.asked > 1 { format!("repeat {}: ", trial.repeat) } else { String::new() };
        // Writing to a string cannot fail.
        let _ = match evaluation.outputs.get(trial.id) {
            None => writeln!(out, "{prefix}not asked"),
            Some(result) => repeat(&mut out, &prefix, &result, quoted),
        };
    }
    out
}

fn repeat(out: &mut String, prefix: &str, result: &TrialResult, quoted: Quoted) -> std::fmt::Result {
    if let Answer::Error(error) = &result.answer {
        return match quoted {
            Quoted::Nothing => writeln!(out, "{prefix}{}", error.kind.as_str()),
            _ => writeln!(out, "{prefix}{}: {}", error.kind.as_str(), cut(&error.message)),
        };
    }
    for check in &result.checks {
        let Some(reason) = check.outcome.reason() else { continue };
        let kind = match (&check.outcome, check.warn) {
            (_, true) => " (warning)",
            (CheckOutcome::Error(_), _) => " (not carried out)",
            (CheckOutcome::Unscored(_), _) => " (unscored)",
            _ => "",
        };
        if quoted == Quoted::Nothing {
            writeln!(out, "{prefix}{}{kind}: did not pass", check.name)?;
            continue;
        }
        writeln!(out, "{prefix}{}{kind}: {}", check.name, cut(&reason.message))?;
        for (label, part) in [("expected", &reason.expected), ("got", &reason.got)] {
            if let Some(part) = part {
                writeln!(out, "  {label}: {}", cut(part))?;
            }
        }
    }
    if quoted == Quoted::Outputs
        && result.outcome != RepeatOutcome::Passed
        && let Some(text) = result.answer.shown_text()
    {
        writeln!(out, "  output:\n{}", cut(&text))?;
    }
    Ok(())
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_QUOTED {
        return text.to_owned();
    }
    format!("{}\n… cut after 64 kB of {} bytes", beginning(text, MAX_QUOTED), text.len())
}

/// At most so many bytes from the beginning of a text, cut between characters.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(MAX_QUOTED);
        let shown = cut(&format!("a{text}"));
        assert!(shown.ends_with("é\n… cut after 64 kB of 131073 bytes"), "{}", &shown[shown.len() - 60..]);
        assert_eq!(shown.lines().next().unwrap().len(), MAX_QUOTED - 1);
        assert_eq!(cut("short"), "short");
    }
}
