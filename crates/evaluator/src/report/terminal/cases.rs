//! The cases to open, with every reason: first those that the candidate broke.

use std::fmt::{self, Write as _};

use super::paint::{Tone, place, wrapped};
use super::words::{Change, diff};
use super::{COLUMNS, Report};
use crate::event::{Answer, AskErrorKind, TrialResult};
use crate::gate::{Gate, plural};
use crate::outcome::{CheckOutcome, Reason};
use crate::plan::PromptPlan;
use crate::report::{Evaluation, visible};
use crate::summary::{CaseSummary, VariantSummary};

/// So many lines of a reply are quoted.
const QUOTED_LINES: usize = 12;

impl Report {
    /// The cases of a variant that did not pass. What a baseline failed is left out where nobody asks for more: it is what is in use
    /// today. What could not be judged of it is not.
    pub(super) fn cases(
        &mut self,
        evaluation: &Evaluation<'_>,
        plan: &PromptPlan,
        summary: &VariantSummary,
        gate: Option<&Gate>,
        is_baseline: bool,
    ) -> fmt::Result {
        let broken = |case: &CaseSummary| {
            let name = &plan.suite.cases[case.case].name;
            let comparison = gate.and_then(|gate| gate.comparison.as_ref());
            comparison.is_some_and(|comparison| comparison.broken.binary_search(name).is_ok())
        };
        let interesting = |case: &&CaseSummary| {
            let hidden = is_baseline && !self.look.outputs && case.counts.missing() == 0;
            case.counts.passed < case.counts.asked && !hidden
        };
        let (broke, others): (Vec<_>, Vec<_>) =
            summary.cases.iter().filter(interesting).partition(|case| broken(case));
        let broke_some = broke.len();
        let mut out_of_reach: Vec<(String, usize)> = Vec::new();
        for (index, case) in broke.into_iter().chain(others).enumerate() {
            match self::out_of_reach(evaluation, summary, case) {
                // The same sentence for every case would bury the rest.
                Some(message) => match out_of_reach.iter_mut().find(|(known, _)| *known == message) {
                    Some((_, count)) => *count += 1,
                    None => out_of_reach.push((message, 1)),
                },
                None => self.case(evaluation, plan, summary, case, index < broke_some)?,
            }
        }
        for (message, count) in out_of_reach {
            let word = self.tone(Tone::Doubtful, "error  ");
            let version = &plan.variants[summary.variant].version;
            let text = wrapped(&visible(&message), COLUMNS - 11, "           ");
            writeln!(
                self.text,
                "\n  {word}  {version}  {}\n           {text}",
                plural(count, "further case")
            )?;
        }
        Ok(())
    }

    pub(super) fn case(
        &mut self,
        evaluation: &Evaluation<'_>,
        plan: &PromptPlan,
        summary: &VariantSummary,
        case: &CaseSummary,
        broke: bool,
    ) -> fmt::Result {
        let (word, tone) = if broke {
            ("broke  ", Tone::Bad)
        } else if case.counts.failed > 0 {
            ("failed ", Tone::Bad)
        } else if case.counts.errored > 0 {
            ("error  ", Tone::Doubtful)
        } else if case.counts.unscored > 0 {
            ("unread ", Tone::Doubtful)
        } else {
            ("unasked", Tone::Doubtful)
        };
        let word = self.tone(tone, word);
        let definition = &plan.suite.cases[case.case];
        let variant = &plan.variants[summary.variant];
        let must = if definition.must_pass { "   must pass" } else { "" };
        let repeats = if case.counts.asked > 1 {
            format!("   {} of {} passed", case.counts.passed, case.counts.asked)
        } else {
            String::new()
        };
        writeln!(
            self.text,
            "\n  {word}  {}  {}   {}{must}{repeats}",
            variant.version,
            definition.name,
            place(definition)
        )?;
        for (_, trial) in evaluation.plan.trials_of(summary.prompt, summary.variant, case.case) {
            if let Some(result) = evaluation.outputs.get(trial.id) {
                self.reasons(&result, trial.repeat, case.counts.asked)?;
            }
        }
        Ok(())
    }

    fn reasons(&mut self, result: &TrialResult, repeat: u32, repeats: usize) -> fmt::Result {
        let indent = "           ";
        let prefix = if repeats > 1 { format!("#{repeat} ") } else { String::new() };
        if let Answer::Error(error) = &result.answer {
            let message = format!("{prefix}{}", visible(&error.message));
            return writeln!(self.text, "{indent}{}", wrapped(&message, COLUMNS - indent.len(), indent));
        }
        let mut any = false;
        for check in &result.checks {
            let Some(reason) = check.outcome.reason() else { continue };
            any = true;
            let kind = match (&check.outcome, check.warn) {
                (_, true) => " (warning)",
                (CheckOutcome::Error(_), _) => " (not carried out)",
                (CheckOutcome::Unscored(_), _) => " (unscored)",
                _ => "",
            };
            let message = format!("{prefix}{}{kind}   {}", check.name, visible(&reason.message));
            writeln!(self.text, "{indent}{}", wrapped(&message, COLUMNS - indent.len(), "             "))?;
            self.expectation(reason, indent)?;
        }
        if any
            && self.look.outputs
            && let Some(text) = result.answer.shown_text()
        {
            self.quote(&visible(&text), indent)?;
        }
        Ok(())
    }

    /// What was expected and what came; word by word where the two are alike.
    fn expectation(&mut self, reason: &Reason, indent: &str) -> fmt::Result {
        let hanging = "                       ";
        let part = |report: &mut Self, label: &str, text: &str| {
            let label = report.tone(Tone::Quiet, &format!("{label:>8}"));
            let text = wrapped(text, COLUMNS - hanging.len(), hanging);
            writeln!(report.text, "{indent}  {label}  {text}")
        };
        let (expected, got) = (reason.expected.as_deref().map(visible), reason.got.as_deref().map(visible));
        if let (Some(expected), Some(got)) = (&expected, &got)
            && let Some(words) = diff(expected, got)
        {
            // Colours would be cut by a line's end, so every word has its own.
            let words: Vec<String> = words
                .iter()
                .map(|(change, word)| match change {
                    Change::Same => word.clone(),
                    Change::Expected => self.tone(Tone::Good, &format!("[-{word}-]")),
                    Change::Got => self.tone(Tone::Bad, &format!("{{+{word}+}}")),
                })
                .collect();
            part(self, "expected", expected)?;
            let label = self.tone(Tone::Quiet, "    diff");
            let lines = lines(&words, COLUMNS - hanging.len());
            return writeln!(self.text, "{indent}  {label}  {}", lines.join(&format!("\n{hanging}")));
        }
        for (label, text) in [("expected", expected), ("got", got)] {
            if let Some(text) = text {
                part(self, label, &text)?;
            }
        }
        Ok(())
    }

    fn quote(&mut self, text: &str, indent: &str) -> fmt::Result {
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(QUOTED_LINES) {
            let line = self.tone(Tone::Quiet, &format!("| {line}"));
            writeln!(self.text, "{indent}  {line}")?;
        }
        if lines.len() > QUOTED_LINES {
            writeln!(self.text, "{indent}  | … {} more", plural(lines.len() - QUOTED_LINES, "line"))?;
        }
        Ok(())
    }
}

/// Words in lines of at most `width` characters; colours take no room.
fn lines(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut column = 0;
    for word in words {
        let length = shown_width(word);
        match lines.last_mut() {
            Some(line) if column + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
                column += 1 + length;
            }
            _ => {
                lines.push(word.clone());
                column = length;
            }
        }
    }
    lines
}

/// The characters of a word without the sequences that colour it.
fn shown_width(word: &str) -> usize {
    let mut width = 0;
    let mut in_sequence = false;
    for character in word.chars() {
        match character {
            '\u{1b}' => in_sequence = true,
            'm' if in_sequence => in_sequence = false,
            _ if in_sequence => {}
            _ => width += 1,
        }
    }
    width
}

/// Why a case was not asked, where none of its repeats was because the model was out of reach.
fn out_of_reach(evaluation: &Evaluation<'_>, summary: &VariantSummary, case: &CaseSummary) -> Option<String> {
    let mut message = None;
    for (_, trial) in evaluation.plan.trials_of(summary.prompt, summary.variant, case.case) {
        match evaluation.outputs.get(trial.id)?.answer {
            Answer::Error(error) if error.kind == AskErrorKind::ModelOutOfReach => {
                message = Some(error.message);
            }
            _ => return None,
        }
    }
    message
}
