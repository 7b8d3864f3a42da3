//! `promptassay history`: everything that happened to a prompt's versions.

use clap::Args;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::ledger::{Line, commands};
use serde::Serialize;
use serde_json::Value;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{change_of, field, grounds_of, history_of};
use crate::table::{DIM, STRONG, paint};

const EXAMPLES: &str = "Examples:
  promptassay history customer_support
  promptassay history customer_support --json | jq -r '.events[] | select(.break_glass) | .version'";

/// Show every move of a prompt's versions, the newest first: who, when, why, on what grounds.
///
/// Behind each stand the first 12 digits of its head; `verify` and `status` show all 64, and `--expect-head` takes either.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HistoryArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    head: Option<String>,
    /// The lines of the ledger, the oldest first.
    events: Vec<&'a Value>,
}

pub(crate) fn run(arguments: &HistoryArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let name = context.existing_name(&arguments.name)?;
    let ledger = history_of(&name, context)?;
    let answer = Answer {
        prompt: name.as_str(),
        head: ledger.head().map(ToString::to_string),
        events: ledger.lines().iter().map(|line| &line.json).collect(),
    };
    let text = || {
        let entries: Vec<String> =
            commands(ledger.lines()).map(|command| entry(command, context.console.color)).collect();
        entries.into_iter().rev().collect::<Vec<_>>().join("\n")
    };
    context.answer(text, &answer)?;
    context.console.problems(&ledger.problems());
    Ok(Exit::Success)
}

/// A command with its lines.
fn entry(command: &[Line], color: bool) -> String {
    let (Some(first), Some(last)) = (command.first(), command.last()) else { return String::new() };
    let event = &first.event;
    let hash = paint(color, DIM, &last.hash.short());
    let mut text = format!(
        "{}  {}  {}  {hash}\n",
        event.second(),
        paint(color, STRONG, event.command.name()),
        visible(&event.actor.to_string())
    );
    for line in command {
        text.extend([format!("  {:<10}{}\n", line.event.version.to_string(), change_of(&line.event))]);
        if let Some(grounds) = grounds_of(line.event.change.grounds()) {
            text.extend([format!("  {:<10}{grounds}\n", "")]);
        }
    }
    if let Some(reason) = &event.reason {
        text.push_str(&field(2, "why", &visible(reason)));
    }
    text
}
