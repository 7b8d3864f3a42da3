//! The last lines: what asking took, what was asked for, and what the gates say.

use std::fmt::{self, Write as _};

use super::paint::{Tone, label, wrapped};
use super::{COLUMNS, Report};
use crate::gate::{Gate, Verdict, few};
use crate::plan::Remark;
use crate::policy::{Policy, Source};
use crate::report::beside::beside;
use crate::report::compared::stopped_alone;
use crate::report::tally::{let_through, tally};
use crate::report::to_open::summary_of;
use crate::report::{Evaluation, cost, redacted};
use crate::summary::Cost;

/// From so many gates on one line says what they come to.
const MANY: usize = 5;

impl Report {
    /// What asking took, where that is worth a line.
    pub(super) fn calls(&mut self, evaluation: &Evaluation<'_>) -> fmt::Result {
        let calls = evaluation.record.calls();
        // The cost of replies alone stands in the table, if all of it was spent in this run.
        let expenses = evaluation.record.expenses();
        let is_in_table = cost::of_all(evaluation.summaries).1 == Cost::Nothing
            && cost::not_all_spent(evaluation.summaries, expenses).is_none();
        let whole = cost::whole(evaluation.summaries, expenses).filter(|_| !is_in_table);
        let lines = [("retries", calls.retries()), ("calls  ", calls.nothing_asked()), ("cost   ", whole)];
        for (label, text) in lines {
            if let Some(text) = text {
                let indent = "           ";
                writeln!(self.text, "{label}    {}", wrapped(&text, COLUMNS - indent.len(), indent))?;
            }
        }
        Ok(())
    }

    /// What is to be known of the replies. Of a change it is said when it is judged.
    pub(super) fn redacted(&mut self, evaluation: &Evaluation<'_>) -> fmt::Result {
        let indent = "           ";
        for Remark { message, help, .. } in redacted::remarks(evaluation.record) {
            let word = self.tone(Tone::Doubtful, "warning");
            writeln!(self.text, "{word}    {}", wrapped(&message, COLUMNS - indent.len(), indent))?;
            if let Some(help) = help {
                let help = wrapped(&format!("help: {help}"), COLUMNS - indent.len(), indent);
                writeln!(self.text, "{indent}{help}")?;
            }
        }
        Ok(())
    }

    pub(super) fn gate(&mut self, evaluation: &Evaluation<'_>, gate: &Gate) -> fmt::Result {
        let plan = &evaluation.plan.prompts()[gate.prompt];
        let tone = match gate.verdict {
            Verdict::Passed => Tone::Good,
            Verdict::Failed => Tone::Bad,
            Verdict::Inconclusive | Verdict::Broken => Tone::Doubtful,
        };
        let word = self.tone(tone, gate.verdict.as_str());
        let lets_through = if gate.verdict == Verdict::Inconclusive && !gate.blocks {
            "; let through (inconclusive: pass)"
        } else {
            ""
        };
        writeln!(
            self.text,
            "gate  {} {}  {word}  {}{lets_through}   {}",
            plan.name,
            label(plan, gate.variant),
            gate.reason,
            evaluation.replies()
        )
    }

    /// How many gates passed and which stand in the way, where they are too many to be seen at once.
    pub(super) fn total(&mut self, evaluation: &Evaluation<'_>) -> fmt::Result {
        let gates = evaluation.gates;
        if gates.len() < MANY {
            return Ok(());
        }
        let mut text = tally(gates);
        let through: Vec<String> = let_through(gates).map(|gate| named(evaluation, gate)).collect();
        if !through.is_empty() {
            let _ = write!(text, ": {}", few(&through));
        }
        for verdict in [Verdict::Failed, Verdict::Broken, Verdict::Inconclusive] {
            let blocking = gates.iter().filter(|gate| gate.blocks && gate.verdict == verdict);
            let names: Vec<String> = blocking.map(|gate| named(evaluation, gate)).collect();
            if !names.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(text, "; {}: {}", verdict.as_str(), few(&names));
            }
        }
        let tone = match through.is_empty() {
            _ if gates.iter().any(|gate| gate.blocks) => Tone::Bad,
            true => Tone::Good,
            false => Tone::Doubtful,
        };
        let text = wrapped(&text, COLUMNS, "");
        for line in text.lines() {
            let line = self.tone(tone, line);
            writeln!(self.text, "{line}")?;
        }
        Ok(())
    }

    /// What no row of the gate looks at.
    pub(super) fn beside(&mut self, evaluation: &Evaluation<'_>, gate: &Gate) -> fmt::Result {
        let plan = &evaluation.plan.prompts()[gate.prompt];
        for remark in beside(evaluation, gate) {
            let text = format!("{} {}  {remark}", plan.name, label(plan, gate.variant));
            let text = format!("remark {}", wrapped(&text, COLUMNS - 7, "       "));
            for line in text.lines() {
                let line = self.tone(Tone::Doubtful, line);
                writeln!(self.text, "{line}")?;
            }
        }
        Ok(())
    }

    /// That the same questions were asked before.
    pub(super) fn attempt(&mut self, evaluation: &Evaluation<'_>, gate: &Gate) -> fmt::Result {
        let Some(attempt) = evaluation.repeated(gate) else { return Ok(()) };
        let plan = &evaluation.plan.prompts()[gate.prompt];
        // Whoever asks every night what passed so far chooses nothing.
        let why = if attempt.earlier_failed > 0 { "; the first result counts, not the best" } else { "" };
        let text = format!("{} {}  {attempt}{why}", plan.name, label(plan, gate.variant));
        let text = format!("asked  {}", wrapped(&text, COLUMNS - 7, "       "));
        for line in text.lines() {
            let line = self.tone(Tone::Doubtful, line);
            writeln!(self.text, "{line}")?;
        }
        Ok(())
    }

    /// What the gate asks for, where somebody says so, and the row of the table in docs/gating.md that decided.
    pub(super) fn rules(&mut self, evaluation: &Evaluation<'_>, gate: &Gate) -> fmt::Result {
        let plan = &evaluation.plan.prompts()[gate.prompt];
        let policy = written(&plan.suite.policy);
        if policy.is_empty() {
            return Ok(());
        }
        let indent = "       ";
        let subject = format!("{} {}", plan.name, label(plan, gate.variant));
        // Where a margin is set, its reader expects a comparison.
        let alone = match (&gate.comparison, plan.suite.policy.margin.value.is_set()) {
            (Some(_), _) | (None, false) => "",
            (None, true) if plan.suite.policy.min_pass_rate.value.is_some() => {
                "; nothing is compared, so the margin asks for nothing and `min_pass_rate` for all"
            }
            (None, true) => {
                "; nothing is compared, so the margin asks for nothing and every case must pass; `min_pass_rate: 0.9` would let some fail"
            }
        };
        let row =
            format!("decided by row {} of docs/gating.md, {}", gate.rule.row(), gate.rule.row_in_words());
        let summary = summary_of(evaluation, gate);
        let later = summary.and_then(|summary| stopped_alone(gate, summary, &plan.suite.policy));
        let later = later.map(|later| format!("; {later}")).unwrap_or_default();
        let text = format!("{subject}  {}{alone}; {row}{later}", policy.join(", "));
        let text = format!("rules  {}", wrapped(&text, COLUMNS - indent.len(), indent));
        for line in text.lines() {
            let line = self.tone(Tone::Quiet, line);
            writeln!(self.text, "{line}")?;
        }
        Ok(())
    }
}

/// The prompt of a gate, with its version and model where it has several gates.
fn named(evaluation: &Evaluation<'_>, gate: &Gate) -> String {
    let plan = &evaluation.plan.prompts()[gate.prompt];
    if evaluation.gates.iter().filter(|other| other.prompt == gate.prompt).count() == 1 {
        return plan.name.to_string();
    }
    format!("{} {}", plan.name, label(plan, gate.variant))
}

/// What somebody wrote of a policy, each with its source; the rest are defaults.
fn written(policy: &Policy) -> Vec<String> {
    let rules = policy.rules().into_iter().filter(|(.., source)| **source != Source::Default);
    rules.map(|(name, value, source)| format!("{name} {value} ({source})")).collect()
}
