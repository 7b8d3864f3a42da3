//! `promptassay canary`: a version is served to a share of the users.

use clap::Args;
use promptassay_lifecycle::event::Share;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, WarrantArguments, carry_out};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay canary customer_support v1.1.0 --percent 5 --evidence latest
  promptassay canary customer_support v1.1.0 --percent 25      widens: whoever has it keeps it
  promptassay abort customer_support --reason \"Escalations doubled\"

Exit codes: 0 done, 1 refused, 2 a file or the command line is invalid, 5 somebody else moved the lifecycle first.";

/// Serve a version in testing to a share of the users, or widen its share.
///
/// Who is served it follows from a hash of the user's id and a salt that is drawn for each canary: the same user gets the same
/// version, and a wider share only adds users. A canary expires by itself; widening it gives it new time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CanaryArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version.
    #[arg(value_parser = parse_version)]
    version: Version,
    /// The share of the users, in per cent: `5`, `12.5`, `0.25`.
    #[arg(long, value_name = "P")]
    percent: Share,
    #[command(flatten)]
    warrant: WarrantArguments,
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &CanaryArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let CanaryArguments { name, version, percent, warrant, moving } = arguments;
    carry_out(name, moving, context, |loaded, prompt| {
        let warrant = warrant.warrant(version, loaded, prompt, context)?;
        Ok(Request::Canary { version: version.clone(), share: *percent, warrant })
    })
}
