//! `promptassay promote`: a version goes one stage on.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{Loaded, Prompt};
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, Reach, WarrantArguments, carry_out, ledger_of, policy_of};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay promote customer_support v1.1.0 --to testing
  promptassay promote customer_support v1.1.0 --to production --evidence latest --reason \"Fewer escalations\"
  promptassay promote customer_support v1.1.0 --to production --evidence latest --dry-run

Exit codes: 0 done, 1 refused, 2 a file or the command line is invalid, 5 somebody else moved the lifecycle first.";

/// Move a version to testing or production.
///
/// The first step out of draft registers the version: its text is frozen. Promotion to production takes the old version out, ends its
/// canary and lets `active_version` follow, all in one. Evidence is held against the files of today: one byte changed voids it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PromoteArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version.
    #[arg(value_parser = parse_version)]
    version: Version,
    /// The stage: testing, production, or draft again.
    #[arg(long, value_name = "STAGE")]
    to: Stage,
    #[command(flatten)]
    warrant: WarrantArguments,
    #[command(flatten)]
    moving: MoveArguments,
}

pub(crate) fn run(arguments: &PromoteArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let PromoteArguments { name, version, to, warrant, moving } = arguments;
    carry_out(name, moving, (context, Reach::Sound), |loaded, prompt| {
        let warrant = warrant.warrant(version, loaded, prompt, context)?;
        context.console.problems(unasked_guard(version, *to, loaded, prompt, context)?.as_slice());
        Ok(Request::Promote { version: version.clone(), to: *to, warrant })
    })
}

/// What users of a canary met is in a store, which a promotion does not ask: whoever promotes is told so.
fn unasked_guard(
    version: &Version,
    to: Stage,
    loaded: &Loaded,
    prompt: &Prompt,
    context: &Context<'_>,
) -> Result<Option<Problem>, Failure> {
    let guardrails = policy_of(loaded)?.guardrails;
    let ledger = ledger_of(prompt.name(), context)?;
    let is_canary = ledger.state().stage(version) == Stage::Canary;
    if to != Stage::Production || !is_canary || guardrails.is_empty() {
        return Ok(None);
    }
    let message =
        format!("`promote` does not ask whether the canary's guardrails hold: {}", guardrails.join(", "));
    let help = format!("`promptassay canary check {}` does, and with `--apply` acts on it", prompt.name());
    Ok(Some(Problem::warning("lifecycle::guard_not_asked", message).help(help)))
}
