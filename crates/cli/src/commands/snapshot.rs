//! `promptassay snapshot`: everything that is served, in one file.

use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_lifecycle::snapshot::Snapshot;
use promptassay_registry::files::{WriteError, write_atomic};
use promptassay_registry::problem::{Problem, Severity};
use promptassay_registry::tree::Loaded;
use serde_json::json;

use super::Context;
use super::resolve::{NOTHING_IN_PRODUCTION, served};
use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::find_live;
use crate::stream::Stream;
use crate::table::count;

const EXAMPLES: &str = "Examples:
  promptassay snapshot > prompts.json
  promptassay snapshot customer_support --output dist/prompts.json
  promptassay resolve customer_support --unit user_123 --snapshot dist/prompts.json";

/// Write what is served now into one JSON file, for programs that do not have the repository.
///
/// It holds the texts with their variables and digests, the canaries with their salts, and a digest over all of it. `resolve --snapshot` reads it,
/// and so does the library. A prompt that cannot be served is an error, and then nothing is written.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SnapshotArguments {
    /// The prompts; without any, all.
    #[arg(value_name = "PROMPT")]
    names: Vec<String>,
    /// Where to; `-` is standard output [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &SnapshotArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let stream = arguments.output.as_deref().and_then(Stream::named);
    let is_stdout = |output: &&PathBuf| *output == Path::new("-") || stream.is_some_and(Stream::is_stdout);
    let output = arguments.output.as_ref().filter(|output| !is_stdout(output));
    if let Some(output) = output
        && stream.is_none()
    {
        context.refuse_among_prompts(output)?;
    }
    let loaded = context.load();
    let names: Vec<&str> = if arguments.names.is_empty() {
        all_names(&loaded)?
    } else {
        arguments.names.iter().map(String::as_str).collect()
    };
    let mut all = std::collections::BTreeMap::new();
    let (mut problems, mut left_out): (Vec<Problem>, Vec<Problem>) = (Vec::new(), Vec::new());
    for name in names {
        let (prompt, of_drafts) = find_live(&loaded, name)?;
        context.console.problems(&of_drafts);
        match served(prompt, None, context) {
            Ok((one, remarks)) => {
                // Whoever takes the snapshot elsewhere hears nothing of an end that is torn, so nothing is taken from there.
                let (errors, warnings): (Vec<_>, Vec<_>) = remarks.into_iter().partition(Problem::is_error);
                problems.extend(errors);
                context.console.problems(&warnings);
                all.insert(prompt.name().clone(), one);
            }
            // Whoever takes all takes what is served: a prompt of which nothing is live yet, or any more, stands in no other's way.
            Err(failure) if arguments.names.is_empty() && is_not_live(&failure) => {
                left_out.extend(failure.problems);
            }
            Err(failure) => problems.extend(failure.problems),
        }
    }
    // A snapshot of nothing is none.
    if all.is_empty() {
        problems.append(&mut left_out);
    }
    if !problems.is_empty() {
        return Err(Failure::invalid(problems));
    }
    context.console.problems(&left_out.into_iter().map(as_left_out).collect::<Vec<_>>());
    let number = all.len();
    let text = Snapshot::new(context.environment.now_in_seconds(), all).to_json();
    let Some(output) = output else {
        context.data(text)?;
        return Ok(Exit::Success);
    };
    let written = match stream {
        Some(stream) => stream
            .write(&mut text.as_bytes(), context.console)
            .map_err(|source| WriteError::Io { path: output.clone(), source }),
        None => write_atomic(output, &text),
    };
    written.map_err(|error| Failure::from_write(&error))?;
    match context.format {
        OutputFormat::Human => {
            context.data(format!("{}: {}\n", output.display(), count(number, "prompt")))?;
        }
        OutputFormat::Json => context.json(&json!({"file": output, "prompts": number}))?,
    }
    Ok(Exit::Success)
}

/// Every prompt, those with errors too: whoever asks for each hears whether they concern what is live.
fn all_names(loaded: &Loaded) -> Result<Vec<&str>, Failure> {
    let broken = loaded.tree.broken();
    let is_of_a_prompt = |problem: &&Problem| broken.iter().any(|broken| broken.problems.contains(problem));
    let of_no_prompt =
        loaded.problems.iter().filter(|problem| problem.is_error() && !is_of_a_prompt(problem));
    if of_no_prompt.count() > 0 || loaded.tree.prompts().len() + broken.len() == 0 {
        return Err(Failure::invalid(loaded.problems.clone()));
    }
    let sound = loaded.tree.prompts().map(|prompt| prompt.name().as_str());
    let mut names: Vec<&str> = sound.chain(broken.iter().map(|broken| broken.name.as_str())).collect();
    names.sort_unstable();
    Ok(names)
}

fn is_not_live(failure: &Failure) -> bool {
    matches!(failure.problems.as_slice(), [problem] if problem.code == NOTHING_IN_PRODUCTION)
}

fn as_left_out(problem: Problem) -> Problem {
    let message = format!("{}, so it is not in the snapshot", problem.message);
    Problem { severity: Severity::Warning, message, ..problem }
}
