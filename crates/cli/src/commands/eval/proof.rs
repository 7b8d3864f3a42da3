//! What a run leaves in its directory beside its journal: which attempt it is, and its evidence.

use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;
use promptassay_evaluator::attempts::Attempts;
use promptassay_evaluator::evidence::{FILE_NAME, Origin, statements};
use promptassay_evaluator::gate::{self, Against};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::runs::{RunDirectory, RunFile, Runs};
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::Problem;

use super::attempts;
use super::journal::described;
use crate::commands::Context;
use crate::failure::Failure;

/// Leaves which attempt the run is, and what it proves, if it proves something. An older proof of the same run is replaced, or removed
/// where there is none any more: a resumed run is judged anew.
/// `sources` are the runs that its replies are from, where they are not its own.
pub(crate) fn leave(
    (plan, against): (&Plan, Against<'_>),
    replay: &Replay,
    directory: &RunDirectory,
    (attempts, sources): (&Attempts, Option<&[RunFile]>),
    runs: &Runs,
    context: &Context<'_>,
) -> Result<(), Failure> {
    attempts::leave(attempts, directory)?;
    let place = directory.path().join(FILE_NAME);
    let (_, file) = described(directory.clone())?;
    let asked_since = earliest(sources.unwrap_or(std::slice::from_ref(&file)), runs);
    let finished_at = context.environment.now_in_seconds();
    let origin = Origin { run: &file.id, finished_at, asked_since, attempts };
    let (summaries, gates) = gate::judge_against(plan, &replay.record, against);
    match statements(plan, &replay.record, (&summaries, &gates), origin) {
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
fn earliest(files: &[RunFile], runs: &Runs) -> Option<Timestamp> {
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
