//! The report for people at a terminal: what was asked, how it went, what to open, and the verdict.

use std::fmt::{self, Write as _};

use super::visible::without_commands;
use super::{Evaluation, visible};
use crate::event::{Answer, AskErrorKind, TrialResult};
use crate::gate::{Gate, Verdict, percent, plural};
use crate::outcome::CheckOutcome;
use crate::plan::{PromptPlan, Role};
use crate::policy::Policy;
use crate::summary::{CaseSummary, VariantSummary, baseline_of, pass_rate_interval};

/// How the report looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether colours support what the words say.
    pub color: bool,
    /// Whether the replies of cases that did not pass are quoted.
    pub outputs: bool,
}

/// So many lines of a reply are quoted.
const QUOTED_LINES: usize = 12;

/// The width that every reader has.
const COLUMNS: usize = 80;

/// The whole report; it ends with one line per gate.
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
        let _ = report.case(evaluation, plan, summary, case);
    }
    without_commands(&report.text)
}

struct Report {
    text: String,
    look: Look,
}

/// Colours by meaning.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Doubtful,
    Quiet,
    Strong,
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
        for gate in evaluation.gates {
            self.gate(evaluation, gate)?;
        }
        if evaluation.record.was_interrupted() {
            let tone = self.tone(Tone::Doubtful, "interrupted");
            writeln!(self.text, "{tone}: not every question was asked")?;
        }
        Ok(())
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
        if plan.suite.cases.iter().any(|case| case.skip.is_none() && case.cluster.is_some()) {
            let units = summaries.iter().map(|summary| summary.units.len()).max().unwrap_or(0);
            self.remark(&format!(
                "a cluster of cases counts as one: rates and scores are over {}",
                plural(units, "unit")
            ))?;
        }
        writeln!(self.text)?;
        self.table(plan, &summaries)?;
        for summary in &summaries {
            self.changes(evaluation, plan, summary)?;
        }
        for summary in &summaries {
            self.cases(evaluation, plan, summary)?;
        }
        for case in &plan.suite.cases {
            if let Some(reason) = &case.skip {
                let word = self.tone(Tone::Doubtful, "skipped");
                writeln!(self.text, "\n  {word}  {}   {}\n          {reason}", case.name, place(case))?;
            }
        }
        Ok(())
    }

    fn remark(&mut self, text: &str) -> fmt::Result {
        let remark = self.tone(Tone::Quiet, text);
        writeln!(self.text, "{remark}")
    }

    fn table(&mut self, plan: &PromptPlan, summaries: &[&VariantSummary]) -> fmt::Result {
        let labels: Vec<String> = summaries.iter().map(|summary| label(plan, summary.variant)).collect();
        let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let rate = format!("pass rate ({} interval)", both_ends(&plan.suite.policy));
        writeln!(
            self.text,
            "  {:width$}   {:>7}   {rate:<25}   {:>5}   {:>6}",
            "", "passed", "score", "tokens"
        )?;
        for (summary, label) in summaries.iter().zip(&labels) {
            let interval = pass_rate_interval(&plan.suite.policy, &summary.units);
            let rate = match (summary.pass_rate, interval) {
                (Some(rate), Some(interval)) => {
                    let (lower, upper) = (100.0 * interval.lower, 100.0 * interval.upper);
                    format!("{:>7}  [{lower:.1}, {upper:.1}]", percent(rate))
                }
                _ => format!("{:>7}", "–"),
            };
            let score = summary.score.map_or_else(|| "–".to_owned(), |score| format!("{score:.3}"));
            let tokens = summary.tokens.map_or_else(|| "–".to_owned(), |tokens| tokens.to_string());
            let passed = format!("{}/{}", summary.cases_passed(), summary.cases.len());
            write!(self.text, "  {label:width$}   {passed:>7}   {rate:<25}   {score:>5}   {tokens:>6}")?;
            let counts = &summary.counts;
            for (count, noun) in [
                (counts.errored, "error"),
                (counts.unscored, "unscored answer"),
                (counts.not_asked, "question not asked"),
            ] {
                if count > 0 {
                    write!(self.text, "   {}", plural(count, noun))?;
                }
            }
            writeln!(self.text)?;
        }
        Ok(())
    }

    fn changes(
        &mut self,
        evaluation: &Evaluation<'_>,
        plan: &PromptPlan,
        summary: &VariantSummary,
    ) -> fmt::Result {
        let Some(baseline) = baseline_of(evaluation.plan, evaluation.summaries, summary) else {
            return Ok(());
        };
        if baseline.variant == summary.variant {
            return Ok(());
        }
        let changed = |better: bool| {
            let names = summary.cases.iter().zip(&baseline.cases).filter(|(now, before)| {
                now.passes_by_majority() == better && before.passes_by_majority() != better
            });
            names.map(|(case, _)| plan.suite.cases[case.case].name.as_str()).collect::<Vec<_>>()
        };
        let (fixed, broke) = (changed(true), changed(false));
        let versions = format!(
            "{} against {}",
            plan.variants[summary.variant].version, plan.variants[baseline.variant].version
        );
        if fixed.is_empty() && broke.is_empty() {
            return writeln!(self.text, "\n  {versions}: no case changed");
        }
        writeln!(
            self.text,
            "\n  {versions}: {} of {} changed: {} fixed, {} broke",
            fixed.len() + broke.len(),
            plural(summary.cases.len(), "case"),
            fixed.len(),
            broke.len()
        )?;
        for (word, tone, names) in [("fixed", Tone::Good, &fixed), ("broke", Tone::Bad, &broke)] {
            if !names.is_empty() {
                let word = self.tone(tone, word);
                let names = wrapped(&names.join(", "), COLUMNS - 11, "           ");
                writeln!(self.text, "    {word}  {names}")?;
            }
        }
        Ok(())
    }

    /// The cases of a variant that did not pass, with every reason.
    fn cases(
        &mut self,
        evaluation: &Evaluation<'_>,
        plan: &PromptPlan,
        summary: &VariantSummary,
    ) -> fmt::Result {
        let mut out_of_reach: Vec<(String, usize)> = Vec::new();
        for case in summary.cases.iter().filter(|case| case.counts.passed < case.counts.asked) {
            match self::out_of_reach(evaluation, summary, case) {
                // The same sentence for every case would bury the rest.
                Some(message) => match out_of_reach.iter_mut().find(|(known, _)| *known == message) {
                    Some((_, count)) => *count += 1,
                    None => out_of_reach.push((message, 1)),
                },
                None => self.case(evaluation, plan, summary, case)?,
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

    fn case(
        &mut self,
        evaluation: &Evaluation<'_>,
        plan: &PromptPlan,
        summary: &VariantSummary,
        case: &CaseSummary,
    ) -> fmt::Result {
        let (word, tone) = if case.counts.failed > 0 {
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
            for (label, part) in [("expected", &reason.expected), ("got", &reason.got)] {
                if let Some(part) = part {
                    let label = self.tone(Tone::Quiet, &format!("{label:>8}"));
                    let hanging = "                       ";
                    let part = wrapped(&visible(part), COLUMNS - hanging.len(), hanging);
                    writeln!(self.text, "{indent}  {label}  {part}")?;
                }
            }
        }
        if any
            && self.look.outputs
            && let Some(text) = result.answer.shown_text()
        {
            self.quote(&visible(&text), indent)?;
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

    /// What asking took, where that is worth a line.
    fn calls(&mut self, evaluation: &Evaluation<'_>) -> fmt::Result {
        let calls = evaluation.record.calls();
        for (label, text) in [("retries", calls.retries()), ("calls  ", calls.nothing_asked())] {
            if let Some(text) = text {
                let indent = "           ";
                writeln!(self.text, "{label}    {}", wrapped(&text, COLUMNS - indent.len(), indent))?;
            }
        }
        Ok(())
    }

    fn gate(&mut self, evaluation: &Evaluation<'_>, gate: &Gate) -> fmt::Result {
        let plan = &evaluation.plan.prompts()[gate.prompt];
        let tone = match gate.verdict {
            Verdict::Passed => Tone::Good,
            Verdict::Failed => Tone::Bad,
            Verdict::Broken | Verdict::Inconclusive => Tone::Doubtful,
        };
        let word = self.tone(tone, gate.verdict.as_str());
        writeln!(
            self.text,
            "gate  {} {}  {word}  {}   {}",
            plan.name,
            label(plan, gate.variant),
            gate.reason,
            evaluation.replies()
        )
    }

    fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.look.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Doubtful => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
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

/// A variant's version, and its model where there are several.
fn label(plan: &PromptPlan, variant: usize) -> String {
    let variant = &plan.variants[variant];
    let baseline = if variant.role == Role::Baseline { " (baseline)" } else { "" };
    if plan.suite.models.len() > 1 {
        format!("{} {}{baseline}", variant.version, variant.model.name)
    } else {
        format!("{}{baseline}", variant.version)
    }
}

/// How sure the printed pair of ends is together: each end alone is surer.
fn both_ends(policy: &Policy) -> String {
    format!("{} %", (200.0 * policy.confidence.value - 100.0).round())
}

/// Text broken at spaces so that no line is longer than `width` characters, where its words allow it; further lines begin with
/// `indent`.
pub(super) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

fn models(plan: &PromptPlan) -> String {
    let mut names: Vec<String> = Vec::new();
    for variant in &plan.variants {
        let name = format!("{} ({})", variant.model.name, variant.model.model);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!("model{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}

fn place(case: &crate::suite::Case) -> String {
    format!("{}:{}", case.place.file.display(), case.place.line)
}
