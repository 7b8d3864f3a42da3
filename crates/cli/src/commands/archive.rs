//! `promptassay archive`: out of use for ever.

use clap::Args;
use promptassay_lifecycle::plan::Request;
use promptassay_registry::problem::{Place, Problem, Severity};
use promptassay_registry::version::Version;

use super::Context;
use crate::exit::Exit;
use crate::experiments::{self, Found, Purpose, StoreArguments};
use crate::failure::Failure;
use crate::lifecycle::{Reach, VersionArguments, carry_out};

const EXAMPLES: &str = "Examples:
  promptassay archive customer_support v0.9.0 --reason \"Superseded\"";

/// Take a draft, tested or deprecated version out of use for ever.
///
/// There is no way back: the text can be added again as a new version. A version that an experiment serves which runs or is scheduled is
/// refused; one that is a canary or in production has to leave that stage first. So is what `active_version` serves where there is no
/// ledger yet; then `adopt` comes before the first archiving.
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
    carry_out(name, moving, (context, Reach::Sound), |loaded, prompt| {
        let now = context.environment.now();
        let running = experiments::running(prompt, &arguments.store, loaded, now, Purpose::Archive)?;
        // Then nobody knows what was started, and what is archived is never served again.
        let unknown =
            running.no_store.clone().map(|problem| Problem { severity: Severity::Warning, ..problem });
        context.console.problems(unknown.as_slice());
        let in_use = [(&running.deciding, "runs"), (&running.later, "is scheduled")];
        for (experiments, how) in in_use {
            if let Some(found) = experiments.iter().find(|found| found.serves(version)) {
                return Err(in_use_by(found, how, version));
            }
        }
        // What no file says may serve it, and there is no way back.
        let unknown: Vec<Problem> =
            running.changed.into_iter().chain(running.gone).filter(Problem::is_error).collect();
        if unknown.is_empty() {
            Ok(Request::Archive { version: version.clone() })
        } else {
            Err(Failure::invalid(unknown))
        }
    })
}

/// An archived version is served to nobody, so the experiment would break for its users.
fn in_use_by(found: &Found, how: &str, version: &Version) -> Failure {
    let name = &found.experiment.name;
    let message =
        format!("`{}`: the experiment `{name}` {how}, and serves {version}", found.experiment.prompt);
    let help = format!("end it first: `promptassay experiment stop {name} --reason WHY`");
    let problem = Problem::error("archive::in_use", message).at(Place::whole_file(found.file.as_path()));
    Failure { exit: Exit::Failed, problems: vec![problem.help(help)] }
}
