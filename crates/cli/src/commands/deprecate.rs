//! `promptassay deprecate`: out of production, with nothing in its place.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, carry_out};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay deprecate customer_support v1.1.0 --reason \"The product is gone\"";

/// Take the version in production out, with nothing in its place.
///
/// Needs a reason. Afterwards `resolve` serves nothing of this prompt. Whoever wants another version served uses `promote` or
/// `rollback`, which replace it in one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeprecateArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version that is in production.
    #[arg(value_parser = parse_version)]
    version: Version,
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &DeprecateArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    carry_out(&arguments.name, &arguments.moving, context, |_, _| {
        Ok(Request::Deprecate { version: arguments.version.clone() })
    })
}
