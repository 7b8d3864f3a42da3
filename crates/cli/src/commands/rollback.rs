//! `promptassay rollback`: back to what was in production before.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, Reach, carry_out};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay rollback customer_support --reason \"Wrong opening hours\"
  promptassay rollback customer_support --to v1.0.0 --reason \"Wrong opening hours\"";

/// Go back to the version that was in production before, or to another one that was.
///
/// Needs a reason and no evidence. A canary that runs is aborted in the same moment. The version that is left is marked: nothing
/// rolls back to it, and it returns to production only with evidence whose every reply is younger than this: `eval --refresh`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RollbackArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version to go back to [default: the last that was in production before].
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    to: Option<Version>,
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &RollbackArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    carry_out(&arguments.name, &arguments.moving, (context, Reach::Live), |_, _| {
        Ok(Request::Rollback { to: arguments.to.clone() })
    })
}
