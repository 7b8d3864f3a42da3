//! `promptassay archive`: out of use for ever.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::problem::{Place, Problem, Severity};
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::experiments::{self, Found, Purpose, StoreArguments};
use crate::failure::Failure;
use crate::lifecycle::{VersionArguments, carry_out};

const EXAMPLES: &str = "Examples:
  promptassay archive customer_support v0.9.0 --reason \"Superseded\"";

/// Take a draft, tested or deprecated version out of use for ever.
///
/// There is no way back: the text can be added again as a new version. A version that a running experiment serves is refused; one
/// that is a canary or in production has to leave that stage first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ArchiveArguments {
    #[command(flatten)]
    of: VersionArguments,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn run(arguments: &ArchiveArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let VersionArguments { name, version, moving } = &arguments.of;
    carry_out(name, moving, context, |loaded, prompt| {
        let now = context.environment.now();
        let running = experiments::running(prompt, &arguments.store, loaded, now, Purpose::Archive)?;
        // Then nobody knows what was started, and what is archived is never served again.
        let unknown =
            running.no_store.clone().map(|problem| Problem { severity: Severity::Warning, ..problem });
        context.console.problems(unknown.as_slice());
        // What no file says may serve it, and there is no way back.
        if let Some(gone) = running.gone.iter().find(|problem| problem.is_error()) {
            return Err(Failure::invalid_one(gone.clone()));
        }
        // What is restored to what was started would serve it again.
        let changed = running.changed.iter().map(|(found, _)| found);
        match running.deciding.iter().chain(changed).find(|found| found.serves(version)) {
            Some(found) => Err(in_use(found, version)),
            None => Ok(Request::Archive { version: version.clone() }),
        }
    })
}

/// An archived version is served to nobody, so the experiment would break for its users.
fn in_use(found: &Found, version: &Version) -> Failure {
    let name = &found.experiment.name;
    let message =
        format!("`{}`: the experiment `{name}` runs, and serves {version}", found.experiment.prompt);
    let help = format!("end it first: `promptassay experiment stop {name} --reason WHY`");
    let problem = Problem::error("archive::in_use", message).at(Place::whole_file(found.file.as_path()));
    Failure { exit: Exit::Failed, problems: vec![problem.help(help)] }
}
