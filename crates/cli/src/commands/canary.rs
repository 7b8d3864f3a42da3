//! `promptassay canary`: a version is served to a share of the users, and judged by what becomes of them.

mod check;

use clap::{Args, Subcommand};
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
    #[command(flatten)]
    start: Option<StartArguments>,
}

#[derive(Debug, Subcommand)]
enum CanaryCommand {
    Check(check::CheckArguments),
}

#[derive(Debug, Args)]
struct StartArguments {
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
    match (&arguments.command, &arguments.start) {
        (Some(CanaryCommand::Check(arguments)), _) => check::run(arguments, context),
        (None, Some(arguments)) => start(arguments, context),
        // The command line was read with one of the two.
        (None, None) => Ok(Exit::Invalid),
    }
}

fn start(arguments: &StartArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let StartArguments { name, version, percent, warrant, moving } = arguments;
    carry_out(name, moving, context, |loaded, prompt| {
        let warrant = warrant.warrant(version, loaded, prompt, context)?;
        Ok(Request::Canary { version: version.clone(), share: *percent, warrant })
    })
}
