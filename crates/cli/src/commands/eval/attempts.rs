//! The trace of repeated evaluation: which attempt a run is, left in its directory for its reports and for its evidence.

use promptassay_evaluator::attempts::{Attempts, FILE_NAME, Questions};
use promptassay_evaluator::gate::Gate;
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::record::Record;
use promptassay_evaluator::runs::{RunDirectory, RunId, Runs};
use promptassay_registry::files::{may_be_there, read_text, write_atomic};
use promptassay_registry::problem::{Place, Problem};

use crate::failure::Failure;

/// So many of the latest runs are looked at.
const LOOKED_AT: usize = 100;
/// The largest file that is read: a few lines for each gate.
const MAX_BYTES: u64 = 64 << 20;

/// Which attempt a run is that came to its end, counted by the runs that are kept beside it. `questions` is what it had planned, and
/// `merged_from` the shards that it was merged from.
pub(crate) fn count(
    (plan, gates): (&Plan, &[Gate]),
    record: &Record,
    (questions, merged_from): (&Questions, &[RunId]),
    directory: &RunDirectory,
    runs: &Runs,
) -> Attempts {
    let before = before(directory, runs);
    // The same shards merged again are the same answers.
    let is_merged_again = |one: &RunDirectory| {
        !merged_from.is_empty() && one.file().is_ok_and(|then| then.merged_from == merged_from)
    };
    if let Some((_, same)) = before.iter().find(|(one, _)| is_merged_again(one)) {
        return Attempts::inherited(same, plan, gates, questions);
    }
    let before: Vec<Attempts> = before.into_iter().map(|(_, attempts)| attempts).collect();
    Attempts::count(plan, record, gates, questions, &before)
}

/// The attempts of the runs before this one, the oldest first.
fn before(directory: &RunDirectory, runs: &Runs) -> Vec<(RunDirectory, Attempts)> {
    // Without a directory of runs there is no earlier one; what is wrong with it is for the run itself to find.
    let mut found = runs.list().unwrap_or_default();
    found.truncate(found.iter().take_while(|one| *one != directory).count());
    let latest = found.split_off(found.len().saturating_sub(LOOKED_AT));
    let attempts = latest.into_iter().filter_map(|one| Some((read(&one).ok()?, one)));
    attempts.filter(|(attempts, _)| !attempts.is_empty()).map(|(attempts, one)| (one, attempts)).collect()
}

/// Which attempt a run is that judges the answers of the run in `source` anew.
pub(crate) fn inherited(
    source: &RunDirectory,
    (plan, gates): (&Plan, &[Gate]),
    questions: &Questions,
) -> Result<Attempts, Failure> {
    Ok(Attempts::inherited(&read(source)?, plan, gates, questions))
}

/// What a run left; nothing where it was no attempt.
pub(crate) fn read(directory: &RunDirectory) -> Result<Attempts, Failure> {
    let path = directory.path().join(FILE_NAME);
    if !may_be_there(&path) {
        return Ok(Attempts::default());
    }
    let text = read_text(&path, MAX_BYTES).map_err(|problem| Failure::broken(*problem))?;
    Attempts::parse(&text).map_err(|error| {
        let problem = Problem::error("runs::attempts", format!("these are no attempts: {error}"));
        let help = "copy the run's directory again; without this file the run is reported as a first attempt";
        Failure::broken(problem.at(Place::whole_file(path)).help(help))
    })
}

/// Leaves it beside the run. What an earlier end of the same run left is replaced.
pub(crate) fn leave(attempts: &Attempts, directory: &RunDirectory) -> Result<(), Failure> {
    let path = directory.path().join(FILE_NAME);
    if attempts.is_empty() && !may_be_there(&path) {
        return Ok(());
    }
    write_atomic(&path, attempts.to_json()).map_err(|error| Failure::from_write(&error))
}
