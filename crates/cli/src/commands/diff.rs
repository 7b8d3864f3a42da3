//! `promptassay diff`: what changes between two versions of a prompt.

mod compare;
mod draw;

use clap::Args;
use promptassay_registry::version::VersionSelector;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Asked, find_asked};
use crate::prompts::{parse_selector, version};

const EXAMPLES: &str = "Examples:
  promptassay diff customer_support                  what the newest version changes of the active one
  promptassay diff customer_support v1.0.0 v1.1.0
  promptassay diff customer_support v1.1.0 latest --color always | less -R
  promptassay diff customer_support v1.0.0 v1.1.0 --format json | jq '.variables'

Changed words are marked like this: [-old-]{+new+}.";

/// Show what changes between two versions, word by word.
///
/// First what a caller notices (variables, parameters, response format), then the text. Whether the versions differ makes no
/// difference to the exit code.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The old version, or `latest` [default: the active version].
    #[arg(value_name = "A", value_parser = parse_selector)]
    from: Option<VersionSelector>,
    /// The new version, or `latest` [default: the newest, registered or not].
    #[arg(value_name = "B", value_parser = parse_selector)]
    to: Option<VersionSelector>,
}

pub(crate) fn run(arguments: &DiffArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let newer = arguments.to.as_ref().map_or(Asked::Newest, |to| Asked::Version(Some(to)));
    let asked = [Asked::Version(arguments.from.as_ref()), newer];
    let (prompt, of_drafts) = find_asked(&loaded, &arguments.name, &asked)?;
    context.console.problems(&of_drafts);
    let from = version(prompt, arguments.from.as_ref())?;
    // What was just added is not `latest` until it is registered.
    let newest =
        || prompt.versions().next_back().map(|newest| VersionSelector::Exact(newest.version.clone()));
    let to = version(prompt, arguments.to.clone().or_else(newest).as_ref())?;
    if arguments.from.is_none() && from.version == to.version {
        let only = &from.version;
        context
            .console
            .note(&format!("{only} is active and the newest: name the version to compare it with"));
    }
    let difference = compare::compare(prompt.name().as_str(), from, to);
    context.answer(|| draw::draw(&difference, prompt.interface(), context.console.color), &difference)
}
