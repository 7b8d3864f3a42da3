//! `promptassay register`: freezes a version, with who, when and why.

use std::collections::BTreeMap;

use clap::Args;
use promptassay_lifecycle::verify;
use promptassay_registry::lock_file::LockRow;
use promptassay_registry::operations::{RegisterError, Registration, register};
use promptassay_registry::problem::Problem;
use promptassay_registry::version::Version;
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key_value::{self, KeyValue};
use crate::lifecycle::{ledger_of, sound};
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay register customer_support v1.1.0 -m \"Name the account status\"
  promptassay register customer_support v1.1.0 -m \"Be shorter\" --metadata ticket=SUP-12 --by \"Ada <ada@example.com>\"";

/// Register a version: its text is frozen for ever.
///
/// A row in prompt.lock keeps the digest of the file, its variables, who, when and why. Editing the file afterwards is an error that
/// every command reports. Registering the same bytes again changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RegisterArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The version.
    #[arg(value_parser = parse_version)]
    version: Version,
    /// What the version is for.
    #[arg(long, short)]
    message: String,
    /// Who registers it [default: the name and address that git knows].
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Anything else worth keeping, such as a ticket; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value::parse)]
    metadata: Vec<KeyValue>,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    version: &'a Version,
    /// Whether it was registered before, so that nothing changed.
    already: bool,
    #[serde(flatten)]
    row: &'a LockRow,
}

pub(crate) fn run(arguments: &RegisterArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let registration = registration(arguments, context)?;
    let lock = context.lock()?;
    let name = context.existing_name(&arguments.name)?;
    let version = &arguments.version;
    let ledger = sound(ledger_of(&name, context)?)?;
    if let Some(other) = verify::text(&ledger, version) {
        return Err(Failure::invalid_one(other));
    }
    let registered = register(&lock, &name, version, registration).map_err(failure)?;
    let answer = Answer { name: name.as_str(), version, already: registered.already, row: &registered.row };
    let digest = registered.row.sha256.short();
    let text = || {
        if registered.already {
            let LockRow { created_by, created_at, .. } = &registered.row;
            let changed = match registered.formats_kept.as_slice() {
                [] => "nothing changed".to_owned(),
                kept => {
                    let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
                    format!("prompt.lock now keeps the template format of {}", kept.join(", "))
                }
            };
            format!("{name} {version} is registered already, by {created_by} at {created_at}; {changed}\n")
        } else {
            format!("registered {name} {version}  {digest}\n")
        }
    };
    context.answer(text, &answer)
}

fn registration(arguments: &RegisterArguments, context: &Context<'_>) -> Result<Registration, Failure> {
    let description = arguments.message.trim();
    if description.is_empty() {
        return Err(Failure::invalid_one(
            Problem::error("register::no_message", "the message is empty")
                .help("say in a sentence what the version is for: `-m \"Name the account status\"`"),
        ));
    }
    let given = arguments.by.as_deref().map(str::trim).filter(|by| !by.is_empty()).map(str::to_owned);
    let created_by = given.or_else(|| context.environment.git_identity()).ok_or_else(|| {
        Failure::invalid_one(
            Problem::error("register::no_author", "nobody says who registers this version")
                .help("pass `--by \"Name <address>\"`, or tell git: `git config user.name \"Name\"`"),
        )
    })?;
    let mut metadata = BTreeMap::new();
    for KeyValue { key, value } in &arguments.metadata {
        if metadata.insert(key.clone(), value.clone()).is_some() {
            return Err(Failure::invalid_one(
                Problem::error("register::metadata_twice", format!("the metadata `{key}` is given twice"))
                    .help("keep one of the two"),
            ));
        }
    }
    Ok(Registration {
        created_at: context.environment.now(),
        created_by,
        description: Some(description.to_owned()),
        metadata,
    })
}

fn failure(error: RegisterError) -> Failure {
    let (message, help) = (error.to_string(), error.help().map(str::to_owned));
    match error {
        RegisterError::Prompt(error) => error.into(),
        RegisterError::Write(error) => Failure::from_write(&error),
        RegisterError::Unknown(_) => {
            Failure::invalid_one(Problem::error("cli::unknown_version", message).maybe_help(help))
        }
        RegisterError::Differs { .. } => {
            Failure::invalid_one(Problem::error("register::differs", message).maybe_help(help))
        }
    }
}
