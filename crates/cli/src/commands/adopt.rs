//! `promptassay adopt`: what is live already enters the ledger.

use clap::Args;
use promptassay_lifecycle::plan::Request;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Reach, VersionArguments, carry_out};

const EXAMPLES: &str = "Examples:
  promptassay adopt customer_support v1.0.0 --reason \"Live since spring\"";

/// Record that a version is live already: where a team begins.
///
/// Needs no evidence, and works once: while nothing has been in production according to the ledger. A version that `active_version` does not
/// name is refused where it names another one. The version is registered, and `active_version` names it from then on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AdoptArguments {
    #[command(flatten)]
    of: VersionArguments,
}

pub(crate) fn run(arguments: &AdoptArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let VersionArguments { name, version, moving } = &arguments.of;
    carry_out(name, moving, (context, Reach::Sound), |_, _| Ok(Request::Adopt { version: version.clone() }))
}
