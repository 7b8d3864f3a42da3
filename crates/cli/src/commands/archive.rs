//! `promptassay archive`: out of use for ever.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, carry_out};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay archive customer_support v0.9.0 --reason \"Superseded\"";

/// Take a draft, tested or deprecated version out of use for ever.
///
/// There is no way back: the text can be added again as a new version.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ArchiveArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version.
    #[arg(value_parser = parse_version)]
    version: Version,
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &ArchiveArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    carry_out(&arguments.name, &arguments.moving, context, |_, _| {
        Ok(Request::Archive { version: arguments.version.clone() })
    })
}
