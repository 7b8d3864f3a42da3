//! Why a case did not pass, as plain text for reports that lay nothing out: every repeat, every reason.

use std::fmt::Write as _;

use super::Evaluation;
use super::repeats::in_words;
use crate::event::{Answer, TrialResult};
use crate::outcome::{CheckOutcome, RepeatOutcome};
use crate::summary::{CaseSummary, Counts, VariantSummary};
use crate::validator::excerpt::excerpt;

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
        (counts.errored - counts.unchecked, "could not be asked"),
        (counts.unchecked, "could not be checked"),
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

/// Every reason of every repeat of a case, a line each, those of repeats that read the same put together; empty where there is none.
pub(super) fn reasons(
    evaluation: &Evaluation<'_>,
    summary: &VariantSummary,
    case: &CaseSummary,
    quoted: Quoted,
) -> String {
    let said =
        evaluation.plan.trials_of(summary.prompt, summary.variant, case.case).filter_map(|(index, trial)| {
            // Of most there is nothing to say, and their results need not be read from the disk.
            if evaluation.record.trial(index).is_some_and(|trial| !trial.has_reasons) {
                return None;
            }
            let said = match evaluation.outputs.get(trial.id) {
                None => vec!["not asked\n".to_owned()],
                Some(result) => repeat(&result, quoted),
            };
            Some((trial.repeat, said))
        });
    together(said, case.counts.asked > 1)
}

/// Paragraphs, with the repeats of which they are said before each.
fn together(said: impl Iterator<Item = (u32, Vec<String>)>, are_many: bool) -> String {
    let mut alike: Vec<(Vec<u32>, Vec<String>)> = Vec::new();
    for (repeat, paragraphs) in said {
        match alike.iter_mut().find(|(_, known)| *known == paragraphs) {
            Some((repeats, _)) => repeats.push(repeat),
            None => alike.push((vec![repeat], paragraphs)),
        }
    }
    let mut out = String::new();
    for (repeats, paragraphs) in alike {
        let prefix = if are_many { format!("{}: ", in_words(&repeats)) } else { String::new() };
        for paragraph in paragraphs {
            out.push_str(&prefix);
            out.push_str(&paragraph);
        }
    }
    out
}

/// What is to be said of a repeat, a paragraph for each reason; the reply belongs to the last.
fn repeat(result: &TrialResult, quoted: Quoted) -> Vec<String> {
    if let Answer::Error(error) = &result.answer {
        return vec![match quoted {
            Quoted::Nothing => format!("{}\n", error.kind.as_str()),
            _ => format!("{}: {}\n", error.kind.as_str(), cut(&error.message)),
        }];
    }
    let output = (quoted == Quoted::Outputs && result.outcome != RepeatOutcome::Passed)
        .then(|| result.answer.shown_text())
        .flatten();
    let begins = output.as_ref().filter(|text| !text.trim().is_empty()).map(|text| excerpt(text));
    let mut said = Vec::new();
    for check in &result.checks {
        let Some(reason) = check.outcome.reason() else { continue };
        let kind = match (&check.outcome, check.warn) {
            (_, true) => " (warning)",
            (CheckOutcome::Error(_), _) => " (not carried out)",
            (CheckOutcome::Unscored(_), _) => " (unscored)",
            _ => "",
        };
        if quoted == Quoted::Nothing {
            said.push(format!("{}{kind}: did not pass\n", check.name));
            continue;
        }
        let mut paragraph = format!("{}{kind}: {}\n", check.name, cut(&reason.message));
        // How the reply begins is seen below, where it stands whole.
        let got = reason.got.as_ref().filter(|got| begins.as_ref() != Some(*got));
        for (label, part) in [("expected", reason.expected.as_ref()), ("got", got)] {
            if let Some(part) = part {
                // Writing to a string cannot fail.
                let _ = writeln!(paragraph, "  {label}: {}", cut(part));
            }
        }
        said.push(paragraph);
    }
    if let Some(text) = output {
        let output = format!("  output:\n{}\n", cut(&text));
        match said.last_mut() {
            Some(last) => last.push_str(&output),
            None => said.push(output),
        }
    }
    said
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
    use promptassay_llm::Reply;

    use super::*;
    use crate::event::ReplySource;
    use crate::outcome::{CheckResult, Reason};

    fn failed(text: &str, reasons: Vec<Reason>) -> TrialResult {
        let check = |(index, reason)| CheckResult {
            name: format!("check_{index}"),
            outcome: CheckOutcome::Fail(reason),
            score: 0.0,
            weight: 1.0,
            warn: false,
        };
        TrialResult {
            trial: "0123456789abcdef".parse().unwrap(),
            answer: Answer::Reply { reply: Box::new(Reply::from_text(text)), source: ReplySource::Live },
            checks: reasons.into_iter().enumerate().map(check).collect(),
            outcome: RepeatOutcome::Failed,
            answered_before: false,
            judging: None,
        }
    }

    fn said(results: &[TrialResult], quoted: Quoted) -> String {
        together((1..).zip(results.iter().map(|result| repeat(result, quoted))), results.len() > 1)
    }

    #[test]
    fn repeats_that_read_the_same_are_told_once() {
        let result = |text: &str| {
            let words = Reason::new("2 words, limit 1");
            failed(text, vec![words, Reason::new("is another text").expected("\"yes\"").got(excerpt(text))])
        };
        let results = ["no, never", "no, never", "not this", "no, never", "no, never"].map(result);
        let all = [Quoted::Outputs, Quoted::Reasons, Quoted::Nothing].map(|quoted| said(&results, quoted));
        insta::assert_snapshot!(format!("{}\n{}", all.join("\n"), said(&results[..1], Quoted::Outputs)));
    }

    #[test]
    fn what_came_stays_where_the_reply_below_does_not_begin_with_it() {
        let long = "word ".repeat(100);
        let shown = |text: &str, got: String| {
            said(&[failed(text, vec![Reason::new("no").got(got)])], Quoted::Outputs).contains("  got: ")
        };
        assert!(!shown("a\nb", excerpt("a\nb")) && !shown(&long, excerpt(&long)));
        assert!(shown("a b", "\"b\"".to_owned()) && shown("", excerpt("")));
        assert!(shown(&long, format!("{} (cut off by the token limit)", excerpt(&long))));
        let mut passed = failed("a", vec![Reason::new("no").got("\"a\"")]);
        passed.outcome = RepeatOutcome::Passed;
        assert!(said(&[passed], Quoted::Outputs).contains("  got: "));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(MAX_QUOTED);
        let shown = cut(&format!("a{text}"));
        assert!(shown.ends_with("é\n… cut after 64 kB of 131073 bytes"), "{}", &shown[shown.len() - 60..]);
        assert_eq!(shown.lines().next().unwrap().len(), MAX_QUOTED - 1);
        assert_eq!(cut("short"), "short");
    }
}
