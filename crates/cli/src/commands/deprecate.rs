//! `promptassay deprecate`: out of production, with nothing in its place.

use clap::Args;
use promptassay_lifecycle::plan::Request;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Reach, VersionArguments, carry_out};

const EXAMPLES: &str = "Examples:
  promptassay deprecate customer_support v1.1.0 --reason \"The product is gone\"";

/// Take the version in production out, with nothing in its place.
///
/// Needs a reason. Afterwards `resolve` serves nothing of this prompt. Whoever wants another version served uses `promote` or
/// `rollback`, which replace it in one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeprecateArguments {
    #[command(flatten)]
    of: VersionArguments,
}

pub(crate) fn run(arguments: &DeprecateArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let VersionArguments { name, version, moving } = &arguments.of;
    carry_out(name, moving, (context, Reach::Live), |_, _| {
        Ok(Request::Deprecate { version: version.clone() })
    })
}
