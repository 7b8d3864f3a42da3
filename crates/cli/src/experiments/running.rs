//! Which experiments of a prompt run, and what keeps one that was started from deciding.

use jiff::Timestamp;
use promptassay_experiments::store::Location;
use promptassay_registry::problem::{Problem, Severity, has_errors};
use promptassay_registry::tree::{Loaded, Prompt};

use super::{Found, NO_STORE_BY_NAME, STORE_FAILED, Standing, StoreArguments, gone, of_prompt};
use crate::failure::Failure;

/// The experiments of a prompt that are started and not stopped.
#[derive(Debug, Default)]
pub(crate) struct Running {
    /// What is wrong with the store: then only what files write down is known to have begun.
    pub(crate) no_store: Option<Problem>,
    /// Those that decide what users are served.
    pub(crate) deciding: Vec<Found>,
    /// Those whose file would move users by now, so that they decide nothing, and what is wrong with it.
    pub(crate) changed: Vec<(Found, Problem)>,
    /// Those that no file defines any more, which cannot decide either. A warning where it is not known that they are of this prompt.
    pub(crate) gone: Vec<Problem>,
}

/// What the answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve a user, who waits: where no file defines an experiment, no server is asked whether one runs all the same.
    Serve,
    /// To take a version out of use for ever: whatever may run is asked for.
    Archive,
}

/// The experiments of one prompt that run at this time. Where there is a store, it knows what was started and stopped; without one
/// the file says it.
pub(crate) fn running(
    prompt: &Prompt,
    store: &StoreArguments,
    loaded: &Loaded,
    now: Timestamp,
    purpose: Purpose,
) -> Result<Running, Failure> {
    let mut problems = Vec::new();
    let mut found = of_prompt(prompt, &mut problems);
    if has_errors(&problems) {
        // An experiment that cannot be read may be one that runs.
        problems.retain(Problem::is_error);
        return Err(Failure::invalid(problems));
    }
    found.retain(|found| found.allows(now));
    if purpose == Purpose::Serve && found.is_empty() {
        match store.location(loaded) {
            Ok(Some(Location::Postgres(_))) => return Ok(Running::default()),
            Err(failure) if store.is_by_variable() => {
                return Ok(Running { no_store: Some(out_of_reach(failure, prompt)?), ..Running::default() });
            }
            _ => {}
        }
    }
    let mut running = Running { no_store: store.emptied(loaded)?, ..Running::default() };
    let opened = match store.look_if_there(loaded) {
        // A prompt without experiments is served even where the store is out of reach.
        Err(failure) if found.is_empty() => {
            running.no_store = Some(out_of_reach(failure, prompt)?);
            return Ok(running);
        }
        opened => opened?,
    };
    let Some(mut opened) = opened else {
        if running.no_store.is_none() && !found.is_empty() {
            running.no_store = store.location(loaded)?.map(|location| {
                let message = format!("there is no store at `{location}`, so an experiment of `{}` runs only where its file says since when", prompt.name());
                Problem::warning("experiment::empty_store", message)
                    .help("`--store` names another one; where nothing was started yet, `promptassay experiment start` makes it")
            });
        }
        running.deciding.extend(found.into_iter().filter(|found| found.experiment.start.is_some()));
        return Ok(running);
    };
    for found in found {
        let standing = found.standing(opened.as_mut(), now)?;
        let problem = found.changed(&standing).filter(|_| standing.moves_units());
        match (&standing, problem) {
            (_, Some(problem)) => running.changed.push((found, problem)),
            (Standing::Runs | Standing::Changed(_), None) => running.deciding.push(found),
            _ => {}
        }
    }
    let gone = gone::all(loaded, opened.as_mut())?;
    let begun = gone.iter().filter(|gone| gone.phase.started_at <= now);
    running.gone.extend(begun.filter_map(|gone| gone.problem(|owner| owner == prompt.name().as_str())));
    Ok(running)
}

/// A store that does not answer or cannot be one, as a warning; any other failure stays one.
fn out_of_reach(mut failure: Failure, prompt: &Prompt) -> Result<Problem, Failure> {
    match failure.problems.pop() {
        Some(problem)
            if [STORE_FAILED, NO_STORE_BY_NAME].contains(&problem.code) && failure.problems.is_empty() =>
        {
            let message = format!(
                "{}; so nobody knows whether an experiment of `{}` runs whose file is gone",
                problem.message,
                prompt.name()
            );
            Ok(Problem { severity: Severity::Warning, message, ..problem })
        }
        last => {
            failure.problems.extend(last);
            Err(failure)
        }
    }
}
