//! `promptassay abort`: a canary ends.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, Reach, carry_out};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay abort customer_support --reason \"Escalations doubled\"";

/// End the canary: its version goes back to testing, and production is served to all.
///
/// Needs a reason. It is refused to nobody who can write: no evidence, no policy.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AbortArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version that must be the canary; without it, whichever it is.
    #[arg(value_parser = parse_version)]
    version: Option<Version>,
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &AbortArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let version = arguments.version.clone();
    carry_out(&arguments.name, &arguments.moving, (context, Reach::Live), |_, _| {
        Ok(Request::Abort { version })
    })
}
