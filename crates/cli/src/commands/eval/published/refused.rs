//! What is left in the place of a report where there is none: nothing that could be taken for one of this run.

use std::fs;

use promptassay_evaluator::report::{self, JunitLook};
use promptassay_registry::files::write_atomic;

use super::requested::{ReportArguments, ReportFormat, Requested, Target};
use super::spooled;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Why a command that reports fails.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Before it wrote a report.
    Before(Failure),
    /// With its reports written, or as many as could be.
    After(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Before(failure)
    }
}

/// Does `work`, whose reports go where `reports` says, if they may go there. Where it ends before there are any, an older JUnit report becomes one that says why
/// there is no newer one, and the others are removed, and emptied behind a link: a green report of another run must not stand beside a red exit code.
pub(crate) fn reporting(
    reports: &ReportArguments,
    context: &Context<'_>,
    work: impl FnOnce() -> Result<Exit, Ended>,
) -> Result<Exit, Failure> {
    // Known before the first question is paid for.
    let work = || reports.requested(context).map_err(Ended::Before).and_then(|_| work());
    work().map_err(|ended| match ended {
        Ended::After(failure) => failure,
        Ended::Before(mut failure) => {
            // What is no report is somebody's, and stays, whatever else is wrong.
            let is_ours = |requested: &&Requested| {
                requested.target != Target::Stdout
                    && requested.refuse_elsewhere(context).is_ok()
                    && requested.target.try_writing().is_ok()
            };
            for requested in reports.all().iter().filter(is_ours) {
                if let Err(found) = replace(requested, &failure, context) {
                    failure.problems.extend(found.problems);
                }
            }
            failure
        }
    })
}

/// What is wrong, each once, as much as a reader takes in.
fn troubles(failure: &Failure) -> Vec<String> {
    const SHOWN: usize = 10;
    let mut troubles: Vec<String> = Vec::new();
    for problem in failure.problems.iter().filter(|problem| problem.is_error()) {
        if !troubles.contains(&problem.message) {
            troubles.push(problem.message.clone());
        }
    }
    let more = troubles.len().saturating_sub(SHOWN);
    troubles.truncate(SHOWN);
    troubles.extend((more > 0).then(|| format!("and {more} more")));
    troubles
}

fn replace(requested: &Requested, failure: &Failure, context: &Context<'_>) -> Result<(), Failure> {
    match (requested.format, &requested.target) {
        (ReportFormat::Junit, target) => {
            let troubles = troubles(failure);
            let began = context.environment.now_in_seconds();
            let look = JunitLook { redact: false, began, troubles: &troubles };
            let written = super::with_nothing(Vec::new(), context, |evaluation| {
                target.write(&mut spooled(|out| report::junit(evaluation, look, out))?, context)
            });
            written.unwrap_or(Ok(()))
        }
        // What is neither there nor a file, such as a pipe, holds no older report.
        (_, Target::File(path)) if fs::metadata(path).is_ok_and(|found| found.is_file()) => {
            if path.is_symlink() {
                // Reports to come are written through the link as well, so it stays, and leads to nothing that says anything.
                return write_atomic(path, "").map_err(|error| super::cannot_write(error.to_string()));
            }
            fs::remove_file(path)
                .map_err(|error| super::cannot_write(format!("cannot remove `{}`: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
