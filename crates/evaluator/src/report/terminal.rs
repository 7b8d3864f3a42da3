//! The report for people at a terminal: how it went, what changed, what to open, and the verdict.

mod cases;
mod changes;
mod errors;
mod gates;
mod numbers;
mod paint;
mod words;

use std::fmt::{self, Write as _};

use super::to_open::skipped;
use super::visible::{visible, without_commands};
use super::{Evaluation, narrowed};
use crate::gate::{Gate, plural};
use crate::plan::PromptPlan;
use crate::summary::VariantSummary;
use errors::SharedErrors;
use paint::{Tone, models, place};

pub(super) use numbers::duration;
pub(super) use paint::wrapped;

/// How the report looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether colours support what the words say.
    pub color: bool,
    /// Whether more is shown: the replies of cases that did not pass, the cases that the baseline did not pass, every tag; of a selection
    /// all cases and their replies.
    pub outputs: bool,
}

/// The width that every reader has.
const COLUMNS: usize = 80;

/// The whole report; it ends with one line per gate, those that stand in the way last, and of many with how many passed.
pub fn terminal(evaluation: &Evaluation<'_>, look: Look) -> String {
    let mut report = Report { text: String::new(), look };
    // Writing to a string cannot fail.
    let _ = report.write(evaluation);
    without_commands(&report.text)
}

/// What the report says of one case of a variant: its place, and every reason why it did not pass. Empty where the variant does not
/// have the case.
pub fn terminal_case(
    evaluation: &Evaluation<'_>,
    summary: &VariantSummary,
    case: usize,
    look: Look,
) -> String {
    let mut report = Report { text: String::new(), look };
    if let Some(case) = summary.cases.iter().find(|summary| summary.case == case) {
        let plan = &evaluation.plan.prompts()[summary.prompt];
        // Writing to a string cannot fail.
        let _ = report.case(evaluation, plan, summary, case, false);
    }
    without_commands(&report.text)
}

struct Report {
    text: String,
    look: Look,
}

impl Report {
    fn write(&mut self, evaluation: &Evaluation<'_>) -> fmt::Result {
        for (prompt, plan) in evaluation.plan.prompts().iter().enumerate() {
            if prompt > 0 {
                writeln!(self.text)?;
            }
            self.prompt(evaluation, prompt, plan)?;
        }
        writeln!(self.text)?;
        self.calls(evaluation)?;
        self.redacted(evaluation)?;
        for gate in evaluation.gates {
            self.rules(evaluation, gate)?;
        }
        for gate in evaluation.gates {
            self.beside(evaluation, gate)?;
            self.attempt(evaluation, gate)?;
        }
        // A log is read from its end.
        let (blocking, others): (Vec<&Gate>, Vec<&Gate>) =
            evaluation.gates.iter().partition(|gate| gate.blocks);
        for gate in others.into_iter().chain(blocking) {
            self.gate(evaluation, gate)?;
        }
        if let Some(why) = evaluation.record.stopped() {
            let tone = self.tone(Tone::Doubtful, why);
            writeln!(self.text, "{tone}: not every question was asked")?;
        }
        self.total(evaluation)
    }

    fn prompt(&mut self, evaluation: &Evaluation<'_>, prompt: usize, plan: &PromptPlan) -> fmt::Result {
        let summaries: Vec<_> =
            evaluation.summaries.iter().filter(|summary| summary.prompt == prompt).collect();
        let asked = plan.suite.cases.iter().filter(|case| case.skip.is_none()).count();
        let name = self.tone(Tone::Strong, plan.name.as_str());
        writeln!(
            self.text,
            "{name}   {} × {}   {}   {}",
            plural(asked, "case"),
            plan.suite.repeat,
            models(plan),
            evaluation.replies()
        )?;
        self.remark(&plan.chosen)?;
        if let Some(narrowed) = narrowed(plan) {
            self.remark(&format!("{}: no evidence for a promotion", visible(&narrowed)))?;
        }
        if plan.suite.cases.iter().any(|case| case.skip.is_none() && case.cluster.is_some()) {
            let units = summaries.iter().map(|summary| summary.units.len()).max().unwrap_or(0);
            self.remark(&format!(
                "a cluster of cases counts as one: rates and scores are over {}",
                plural(units, "unit")
            ))?;
        }
        writeln!(self.text)?;
        self.numbers(plan, &summaries)?;
        for gate in evaluation.gates.iter().filter(|gate| gate.prompt == prompt) {
            self.changes(plan, gate)?;
        }
        self.tags(plan, &summaries)?;
        let errors = SharedErrors::of(evaluation, &summaries);
        for summary in &summaries {
            self.cases(evaluation, plan, summary, evaluation.gate_of(summary), &errors)?;
        }
        self.errors(plan, &errors)?;
        for (case, reason) in skipped(plan) {
            let word = self.tone(Tone::Doubtful, "skipped");
            writeln!(self.text, "\n  {word}  {}   {}\n          {reason}", case.name, place(case))?;
        }
        Ok(())
    }

    fn remark(&mut self, text: &str) -> fmt::Result {
        let text = wrapped(text, COLUMNS, "");
        for line in text.lines() {
            let remark = self.tone(Tone::Quiet, line);
            writeln!(self.text, "{remark}")?;
        }
        Ok(())
    }
}
