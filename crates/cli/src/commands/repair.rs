//! `promptassay repair`: what a crash left of a ledger is cut off or ended, and what mirrors it follows.

use clap::Args;
use promptassay_lifecycle::ledger::{self, RepairError, Repaired};
use promptassay_registry::operations::follow;
use promptassay_registry::problem::Problem;
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{find_live, finish_interrupted, history_of, ledger_of, not_mirrored};

const EXAMPLES: &str = "Examples:
  promptassay repair customer_support

Exit codes: 0 repaired, or nothing to do; 1 somebody changed the ledger, which no repair may hide.";

/// Cut off the end of a ledger that did not reach the disk as a whole, and let `active_version` follow the ledger.
///
/// What was cut off is printed: it is a command that never happened. A last line that lacks nothing but its line feed happened, and is
/// given it. A ledger that somebody changed is not repaired: `verify` names the lines, and git has the ones of before.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RepairArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// Say what would be done; nothing is written.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    dry_run: bool,
    /// What was cut off.
    cut: Option<Cut<'a>>,
    /// Whether the line feed of its last line is written.
    line_feed: bool,
    /// What `active_version` was changed to, from what.
    mirrored: Option<Mirrored<'a>>,
    head: Option<String>,
}

#[derive(Serialize)]
struct Cut<'a> {
    line: usize,
    bytes: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct Mirrored<'a> {
    from: &'a VersionSelector,
    to: &'a Version,
}

pub(crate) fn run(arguments: &RepairArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let name = context.existing_name(&arguments.name)?;
    history_of(&name, context).map_err(|failure| Failure { exit: of_faults(&failure), ..failure })?;
    let lock = if arguments.dry_run { None } else { Some(context.lock()?) };
    let ledger = ledger_of(&name, context)?;
    let repaired = match &lock {
        None => ledger.to_repair(),
        Some(lock) => ledger::repair(lock, &ledger),
    };
    let Repaired { cut, line_feed } = repaired.map_err(|error| match error {
        RepairError::Faults => Failure { exit: Exit::Failed, problems: ledger.problems() },
        RepairError::Write(error) => Failure::from_write(&error),
    })?;
    let ledger = if lock.is_some() { ledger_of(&name, context)? } else { ledger };
    let mut remarks = Vec::new();
    let loaded = context.load();
    let (prompt, of_drafts) = find_live(&loaded, name.as_str())?;
    context.console.problems(&of_drafts);
    let before = prompt.active().clone();
    if let Some(lock) = &lock {
        remarks = finish_interrupted(lock, &name, &ledger, context)?;
    }
    let production = ledger.state().production().cloned();
    let wrong = production.filter(|production| before != VersionSelector::Exact(production.clone()));
    if let (Some(production), Some(lock)) = (&wrong, &lock) {
        follow(lock, &name, production).map_err(|error| not_mirrored(&name, &error))?;
    }
    let answer = Answer {
        prompt: name.as_str(),
        dry_run: arguments.dry_run,
        cut: cut.as_ref().map(|tail| Cut { line: tail.line, bytes: tail.text.len(), text: &tail.text }),
        line_feed,
        mirrored: wrong.as_ref().map(|to| Mirrored { from: &before, to }),
        head: ledger.head().map(ToString::to_string),
    };
    context.answer(|| answer.text(), &answer)?;
    context.console.problems(&remarks);
    Ok(Exit::Success)
}

/// Faults are tampering; everything else is a wrong question.
fn of_faults(failure: &Failure) -> Exit {
    let is_question = |problem: &Problem| {
        matches!(problem.code, "lifecycle::no_ledger") || !problem.code.starts_with("lifecycle::")
    };
    if failure.problems.iter().all(is_question) { failure.exit } else { Exit::Failed }
}

impl Answer<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(cut) = &self.cut {
            text.extend([format!(
                "{}: cut off from line {}, {} bytes of a command that never happened:\n  {}\n",
                self.prompt,
                cut.line,
                cut.bytes,
                cut.text.trim_end().escape_debug()
            )]);
        }
        if self.line_feed {
            text.extend([format!("{}: the line feed of the last line is written\n", self.prompt)]);
        }
        if let Some(mirrored) = &self.mirrored {
            text.extend([format!(
                "{}: `active_version` {} → {}, as the ledger says\n",
                self.prompt, mirrored.from, mirrored.to
            )]);
        }
        if text.is_empty() {
            text = format!("{}: nothing to repair\n", self.prompt);
        } else if self.dry_run {
            text.push_str("nothing was written: this is what would be done\n");
        }
        text.extend([format!("head {}\n", self.head.as_deref().unwrap_or("none"))]);
        text
    }
}
