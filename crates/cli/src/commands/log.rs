//! `promptassay log`: where each version of a prompt comes from.

use clap::Args;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::ledger::Ledger;
use promptassay_lifecycle::state::State;
use promptassay_registry::tree::Prompt;
use serde::Serialize;

use super::Context;
use crate::describe::VersionRow;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Asked, find_asked, trusted};
use crate::table::{DIM, STRONG, YELLOW, paint};

const EXAMPLES: &str = "Examples:
  promptassay log customer_support
  promptassay log customer_support --format json | jq '.versions[] | select(.registered | not)'";

/// Show the versions of a prompt, the newest first: who registered them, when and why.
///
/// A version that is not registered yet may still be edited; it is marked. Where there is a ledger, stages are shown too; `history`
/// says how a version came there.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LogArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    versions: Vec<VersionRow<'a>>,
}

pub(crate) fn run(arguments: &LogArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let (prompt, of_drafts) = find_asked(&loaded, &arguments.name, &[Asked::Version(None)])?;
    context.console.problems(&of_drafts);
    // A ledger that cannot be trusted hides nothing of the files, and is an error in the end.
    let ledger = trusted(prompt, context);
    let stages = ledger.as_ref().ok().map(Ledger::state);
    let answer = Answer { name: prompt.name().as_str(), versions: rows(prompt, stages) };
    let exit = context.answer(|| text(&answer.versions, context.console.color), &answer)?;
    ledger.map(|_| exit)
}

fn rows<'a>(prompt: &'a Prompt, stages: Option<&'a State>) -> Vec<VersionRow<'a>> {
    prompt.versions().rev().map(|version| VersionRow::of(prompt, version, stages)).collect()
}

fn text(versions: &[VersionRow<'_>], color: bool) -> String {
    let width = versions.iter().map(|row| row.version.to_string().len()).max().unwrap_or(0);
    let entries: Vec<String> = versions.iter().map(|row| entry(row, width, color)).collect();
    entries.join("\n")
}

fn entry(row: &VersionRow<'_>, width: usize, color: bool) -> String {
    let version = paint(color, STRONG, &format!("{:<width$}", row.version.to_string()));
    let state = paint(color, if row.registered { DIM } else { YELLOW }, &row.state());
    let mut text = format!("{version}  {}  {state}\n", row.sha256.short());
    let mut line = |label: &str, value: &str| {
        for (index, part) in value.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            let line = format!("  {label:<10}{}", visible(part));
            text.extend([line.trim_end(), "\n"]);
        }
    };
    match (row.created_at, row.created_by) {
        (Some(at), Some(by)) => {
            line("when", &at.to_string());
            line("who", by);
        }
        _ => line("file", &format!("{}; may still be edited", row.file.display())),
    }
    if let Some(description) = row.description {
        line("why", description);
    }
    if let Some(grounds) = &row.grounds {
        line("grounds", grounds);
    }
    if !row.metadata.is_empty() {
        line("metadata", &row.metadata_line());
    }
    text
}
