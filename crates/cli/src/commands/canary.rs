//! `promptassay canary`: a version is served to a share of the users, and judged by what becomes of them.

mod check;

use clap::{Args, Subcommand};
use promptassay_lifecycle::event::Share;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, Reach, WarrantArguments, carry_out};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay canary customer_support v1.1.0 --percent 5 --evidence latest
  promptassay canary customer_support v1.1.0 --percent 25      widens: whoever has it keeps it
  promptassay canary check customer_support                    hold, promote or roll back?
  promptassay abort customer_support --reason \"Escalations doubled\"

Exit codes: 0 done, 1 refused, 2 a file or the command line is invalid, 5 somebody else moved the lifecycle first.";

/// Serve a version in testing to a share of the users, or widen its share.
///
/// Who is served it follows from a hash of the user's id and a salt that is drawn for each canary: the same user gets the same
/// version, and a wider share only adds users. A canary expires by itself; widening it gives it new time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct CanaryArguments {
    #[command(subcommand)]
    command: Option<CanaryCommand>,
    /// The prompt.
    #[arg(value_name = "PROMPT", required = true)]
    name: Option<String>,
    /// The version.
    #[arg(value_parser = parse_version, required = true)]
    version: Option<Version>,
    /// The share of the users, in per cent: `5`, `12.5`, `0.25`.
    #[arg(long, value_name = "P", required = true)]
    percent: Option<Share>,
    #[command(flatten)]
    warrant: WarrantArguments,
    #[command(flatten)]
    moving: MoveArguments,
}

#[derive(Debug, Subcommand)]
enum CanaryCommand {
    Check(check::CheckArguments),
}

pub(crate) fn run(arguments: &CanaryArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let CanaryArguments { command, name, version, percent, warrant, moving } = arguments;
    if let Some(CanaryCommand::Check(arguments)) = command {
        return check::run(arguments, context);
    }
    // Without the subcommand all three are required.
    let (Some(name), Some(version), Some(percent)) = (name, version, percent) else {
        return Ok(Exit::Invalid);
    };
    carry_out(name, moving, (context, Reach::Sound), |loaded, prompt| {
        let warrant = warrant.warrant(version, loaded, prompt, context)?;
        Ok(Request::Canary { version: version.clone(), share: *percent, warrant })
    })
}
