//! `promptassay snapshot`: everything that is served, in one file.

use std::path::PathBuf;

use clap::Args;
use promptassay_lifecycle::snapshot::Snapshot;
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Prompt;
use serde_json::json;

use super::Context;
use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::prompts::find;
use crate::table::count;

const EXAMPLES: &str = "Examples:
  promptassay snapshot > prompts.json
  promptassay snapshot customer_support --output dist/prompts.json
  promptassay resolve customer_support --unit user_123 --snapshot dist/prompts.json";

/// Write what is served now into one JSON file, for programs that do not have the repository.
///
/// It holds the texts with their digests, the canaries with their salts, and a digest over all of it. `resolve --snapshot` reads it,
/// and so does the library. A prompt of which nothing can be served is an error, and then nothing is written.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SnapshotArguments {
    /// The prompts; without any, all.
    #[arg(value_name = "PROMPT")]
    names: Vec<String>,
    /// Where to [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &SnapshotArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    if let Some(output) = &arguments.output {
        context.refuse_among_prompts(output)?;
    }
    let loaded = context.load();
    let prompts: Vec<&Prompt> = if arguments.names.is_empty() {
        if loaded.has_errors() || loaded.tree.prompts().len() == 0 {
            return Err(Failure::invalid(loaded.problems));
        }
        loaded.tree.prompts().collect()
    } else {
        arguments.names.iter().map(|name| find(&loaded, name)).collect::<Result<_, _>>()?
    };
    let mut served = std::collections::BTreeMap::new();
    let mut problems: Vec<Problem> = Vec::new();
    for prompt in prompts {
        match super::resolve::served(prompt, None, context) {
            Ok((one, remarks)) => {
                // Whoever takes the snapshot elsewhere hears nothing of an end that is torn, so nothing is taken from there.
                let (errors, warnings): (Vec<_>, Vec<_>) = remarks.into_iter().partition(Problem::is_error);
                problems.extend(errors);
                context.console.problems(&warnings);
                served.insert(prompt.name().clone(), one);
            }
            Err(failure) => problems.extend(failure.problems),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::invalid(problems));
    }
    let number = served.len();
    let text = Snapshot::new(context.environment.now_in_seconds(), served).to_json();
    let Some(output) = &arguments.output else {
        context.data(text)?;
        return Ok(Exit::Success);
    };
    write_atomic(output, &text).map_err(|error| Failure::from_write(&error))?;
    match context.format {
        OutputFormat::Human => {
            context.data(format!("{}: {}\n", output.display(), count(number, "prompt")))?;
        }
        OutputFormat::Json => context.json(&json!({"file": output, "prompts": number}))?,
    }
    Ok(Exit::Success)
}
