//! `promptassay abort`: a canary ends.

use clap::Args;
use promptassay_lifecycle::plan::Request;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, carry_out};

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
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &AbortArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    carry_out(&arguments.name, &arguments.moving, context, |_, _| Ok(Request::Abort))
}
