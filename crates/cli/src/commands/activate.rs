//! `promptassay activate`: which version is served.

use clap::Args;
use promptassay_lifecycle::ledger;
use promptassay_registry::name::PromptName;
use promptassay_registry::operations::{ActivateError, activate};
use promptassay_registry::problem::Problem;
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::directory_of;
use crate::prompts::{self, parse_selector};

const EXAMPLES: &str = "Examples:
  promptassay activate customer_support v1.1.0
  promptassay activate customer_support latest    follows every new version: it serves texts that nobody reviewed";

/// Make a version the active one.
///
/// Changes the value of `active_version` in prompt.yaml; comments and order stay. A prompt that has a ledger is moved with `promote`
/// and `rollback` instead.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ActivateArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// A version, or `latest`.
    #[arg(value_parser = parse_selector)]
    version: VersionSelector,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    previous: &'a VersionSelector,
    active: &'a VersionSelector,
    active_version: &'a Version,
    changed: bool,
}

pub(crate) fn run(arguments: &ActivateArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let lock = context.lock()?;
    let name = context.existing_name(&arguments.name)?;
    let selector = &arguments.version;
    refuse_where_governed(&name, selector, context)?;
    let activated = activate(&lock, &name, selector).map_err(failure)?;
    let prompt = context.prompt(name.as_str())?;
    let version = prompts::version(&prompt, Some(selector))?;
    let answer = Answer {
        name: name.as_str(),
        previous: &activated.previous,
        active: selector,
        active_version: &version.version,
        changed: activated.changed,
    };
    let text = || {
        if activated.changed {
            format!("{name}: {} → {selector}\n", activated.previous)
        } else {
            format!("{name}: {selector} is active already\n")
        }
    };
    context.answer(text, &answer)?;
    if *selector == VersionSelector::Latest {
        context.console.problems(&[Problem::warning(
            "activate::latest",
            format!("`latest` is {} today: whoever adds a version changes what is served", version.version),
        )]);
    } else if !version.is_registered() && !prompt.lock().rows.is_empty() {
        let message = format!("{} is not registered, so its text may still change", version.version);
        context.console.problems(&[Problem::warning("activate::unregistered", message)
            .help(format!("`promptassay register {name} {} -m MESSAGE` freezes it", version.version))]);
    }
    Ok(Exit::Success)
}

/// Where there is a ledger, production decides, and `active_version` follows it.
fn refuse_where_governed(
    name: &PromptName,
    selector: &VersionSelector,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if !ledger::exists(&directory_of(name, context)) {
        return Ok(());
    }
    let version = match selector {
        VersionSelector::Exact(version) => version.to_string(),
        VersionSelector::Latest => "VERSION".to_owned(),
    };
    let problem = Problem::error(
        "activate::governed",
        format!("`{name}` has a ledger: what is in production is served, and `active_version` follows it"),
    )
    .help(format!(
        "`promptassay promote {name} {version} --to production` brings a version there; `promptassay rollback {name}` brings back the one before"
    ));
    Err(Failure { exit: Exit::Failed, problems: vec![problem] })
}

fn failure(error: ActivateError) -> Failure {
    let (message, help) = (error.to_string(), error.help());
    match error {
        ActivateError::Prompt(error) => error.into(),
        ActivateError::Write(error) => Failure::from_write(&error),
        ActivateError::Unknown(_) => {
            Failure::invalid_one(Problem::error("cli::unknown_version", message).maybe_help(help))
        }
        ActivateError::NotInPlace { .. } => {
            Failure::invalid_one(Problem::error("activate::not_in_place", message).maybe_help(help))
        }
    }
}
