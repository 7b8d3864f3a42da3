//! The cases to open, with every reason: first those that the candidate broke.

use std::fmt::{self, Write as _};

use super::errors::SharedErrors;
use super::paint::{Tone, label, place, wrapped};
use super::words::{Change, diff};
use super::{COLUMNS, Look, Report};
use crate::event::{Answer, TrialResult};
use crate::gate::{Gate, plural};
use crate::outcome::{CheckOutcome, Reason};
use crate::plan::{PromptPlan, Role};
use crate::report::repeats::numbered;
use crate::report::to_open::{is_unasked, unasked_in_words};
use crate::report::{Evaluation, visible};
use crate::summary::{CaseSummary, VariantSummary};

/// So many lines of a reply are quoted.
const QUOTED_LINES: usize = 12;

impl Report {
    /// The cases of a variant that did not pass, and where more is wanted of a few that somebody selected, those that did. What a baseline failed is left out where nobody asks for more: it is what is in use
    /// today. What could not be judged of it is not.
    pub(super) fn cases(
        &mut self,
        evaluation: &Evaluation<'_>,
        plan: &PromptPlan,
        summary: &VariantSummary,
        gate: Option<&Gate>,
        errors: &SharedErrors,
    ) -> fmt::Result {
        let is_baseline = plan.variants[summary.variant].role == Role::Baseline;
        let broken = |case: &CaseSummary| {
            let name = &plan.suite.cases[case.case].name;
            let comparison = gate.and_then(|gate| gate.comparison.as_ref());
            comparison.is_some_and(|comparison| comparison.broken.binary_search(name).is_ok())
        };
        let is_selected = self.look.outputs && !plan.suite.narrowed_by.is_empty();
        let interesting = |case: &&CaseSummary| {
            let hidden = is_baseline && !self.look.outputs && case.counts.missing() == 0;
            is_selected || case.counts.passed < case.counts.asked && !hidden
        };
        let (broke, others): (Vec<_>, Vec<_>) =
            summary.cases.iter().filter(interesting).partition(|case| broken(case));
        let cases: Vec<&CaseSummary> = broke.into_iter().chain(others).collect();
        let lacks_answers = |case: &&CaseSummary| is_unasked(case) && case.counts.passed < case.counts.asked;
        let unasked: Vec<&CaseSummary> = cases.iter().copied().filter(lacks_answers).collect();
        for case in cases.iter().filter(|case| unasked.len() < 2 || !lacks_answers(case)) {
            if !errors.hold(summary, case) {
                self.case(evaluation, plan, summary, case, broken(case))?;
            }
        }
        if unasked.len() > 1 {
            let word = self.tone(Tone::Doubtful, "unasked");
            let unasked = unasked.iter().map(|case| (&plan.suite.cases[case.case], *case));
            let subject = label(plan, summary.variant);
            let text = format!("{subject}  {}", visible(&unasked_in_words(unasked)));
            let indent = "           ";
            writeln!(self.text, "\n  {word}  {}", wrapped(&text, COLUMNS - indent.len(), indent))?;
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
        let definition = &plan.suite.cases[case.case];
        let passed = case.counts.passed == case.counts.asked;
        let (word, tone) = if passed {
            ("passed ", Tone::Good)
        } else if broke {
            ("broke  ", Tone::Bad)
        } else if case.counts.failed > 0 && case.passes_by_majority() && !definition.must_pass {
            ("flaky  ", Tone::Doubtful)
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
        let must = if definition.must_pass { "   must pass" } else { "" };
        let repeats = if case.counts.asked > 1 {
            format!("   {} of {} passed", case.counts.passed, case.counts.asked)
        } else {
            String::new()
        };
        writeln!(
            self.text,
            "\n  {word}  {}  {}   {}{must}{repeats}",
            label(plan, summary.variant),
            visible(&definition.name),
            place(definition)
        )?;
        for (repeats, result) in self.alike(evaluation, summary, case) {
            let prefix =
                if case.counts.asked > 1 { format!("{} ", numbered(&repeats, "#")) } else { String::new() };
            self.reasons(&result, &prefix)?;
            if passed && result.checks.iter().all(|check| check.outcome.reason().is_none()) {
                self.passing(&result, &prefix)?;
            }
        }
        Ok(())
    }

    /// The results of a case, those of repeats that would read the same put together.
    fn alike(
        &self,
        evaluation: &Evaluation<'_>,
        summary: &VariantSummary,
        case: &CaseSummary,
    ) -> Vec<(Vec<u32>, TrialResult)> {
        let mut alike: Vec<(Vec<u32>, String, TrialResult)> = Vec::new();
        for (_, trial) in evaluation.plan.trials_of(summary.prompt, summary.variant, case.case) {
            let Some(result) = evaluation.outputs.get(trial.id) else { continue };
            let mut plain = Self { text: String::new(), look: Look { color: false, ..self.look } };
            // Writing to a string cannot fail.
            let _ = plain.reasons(&result, "").and_then(|()| plain.passing(&result, ""));
            match alike.iter_mut().find(|(_, text, _)| *text == plain.text) {
                Some((repeats, ..)) => repeats.push(trial.repeat),
                None => alike.push((vec![trial.repeat], plain.text, result)),
            }
        }
        alike.into_iter().map(|(repeats, _, result)| (repeats, result)).collect()
    }

    fn reasons(&mut self, result: &TrialResult, prefix: &str) -> fmt::Result {
        let indent = "           ";
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

    /// The reply of which there is nothing to say, where replies are shown.
    fn passing(&mut self, result: &TrialResult, prefix: &str) -> fmt::Result {
        let indent = "           ";
        let Some(text) = result.answer.shown_text().filter(|_| self.look.outputs) else { return Ok(()) };
        if !prefix.is_empty() {
            writeln!(self.text, "{indent}{}", prefix.trim_end())?;
        }
        self.quote(&visible(&text), indent)
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
