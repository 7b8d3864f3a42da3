//! What a run leaves in its directory beside its journal: which attempt it is, and its evidence.

use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;
use promptassay_evaluator::attempts::Attempts;
use promptassay_evaluator::evidence::{FILE_NAME, Origin, statements};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::record::Record;
use promptassay_evaluator::runs::{RunDirectory, RunFile, RunId, Runs};
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::Problem;

use super::attempts;
use super::published::Judged;
use crate::commands::Context;
use crate::failure::Failure;

/// What is left of a run, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) directory: &'a RunDirectory,
    pub(crate) run: &'a RunId,
    pub(crate) attempts: &'a Attempts,
    /// When the first of the runs began that its replies are from; `None` where nobody knows.
    pub(crate) asked_since: Option<Timestamp>,
}

/// Leaves which attempt the run is, and what it proves, if it proves something. An older proof of the same run is replaced, or removed
/// where there is none any more: a resumed run is judged anew.
pub(crate) fn leave(
    (plan, judged): (&Plan, &Judged),
    record: &Record,
    left: Left<'_>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let Left { directory, run, attempts, asked_since } = left;
    attempts::leave(attempts, directory)?;
    let place = directory.path().join(FILE_NAME);
    let finished_at = context.environment.now_in_milliseconds();
    let origin = Origin { run, finished_at, asked_since, attempts };
    let (summaries, gates) = judged;
    match statements(plan, record, (summaries, gates), origin) {
        Some(text) => write_atomic(&place, text).map_err(|error| Failure::from_write(&error)),
        None => remove(&place),
    }
}

fn remove(place: &Path) -> Result<(), Failure> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let message = format!("cannot remove `{}`, which holds no longer: {error}", place.display());
            Err(Failure::broken(Problem::error("eval::old_evidence", message)))
        }
        _ => Ok(()),
    }
}

/// When the first of these runs began. One that judges the answers of another is as old as that one; where that is gone, nobody knows.
pub(crate) fn earliest(files: &[RunFile], runs: &Runs) -> Option<Timestamp> {
    let of_one = |file: &RunFile| {
        let sources: Vec<_> = file.rescored_from.iter().chain(&file.merged_from).collect();
        if sources.is_empty() {
            return Some(file.started_at);
        }
        let files: Option<Vec<RunFile>> =
            sources.into_iter().map(|id| runs.find(id.as_str()).ok()?.file().ok()).collect();
        earliest(&files?, runs)
    };
    let times: Option<Vec<Timestamp>> = files.iter().map(of_one).collect();
    times?.into_iter().min()
}
