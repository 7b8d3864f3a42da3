//! Which experiments of a prompt run, and what keeps one that was started from deciding.

use jiff::Timestamp;
use promptassay_experiments::store::{Phase, Store};
use promptassay_registry::problem::{Place, Problem, Severity, has_errors};
use promptassay_registry::tree::{Loaded, Prompt};

use super::{Found, NO_STORE_BY_NAME, STORE_FAILED, Standing, StoreArguments, gone, of_prompt, store_failed};
use crate::failure::Failure;

/// The experiments of a prompt that are started and not stopped.
#[derive(Debug, Default)]
pub(crate) struct Running {
    /// What is wrong with the store: then only what files write down is known to have begun.
    pub(crate) no_store: Option<Problem>,
    /// Those that decide what users are served.
    pub(crate) deciding: Vec<Found>,
    /// Those that begin later; [`Purpose::Serve`] does not ask for them.
    pub(crate) later: Vec<Found>,
    /// What is to be said of those that ran at a time that is past, and of which no file has any more what they served.
    pub(crate) unknown: Vec<Problem>,
    /// What is wrong with those whose file is not by what they were started, so that they decide nothing and nobody knows what they serve.
    pub(crate) changed: Vec<Problem>,
    /// Those that no file defines any more, which cannot decide either. A warning where it is not known that they are of this prompt.
    pub(crate) gone: Vec<Problem>,
}

/// What the answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve a user, who waits: what decides now. Where no file defines an experiment, no server is waited for long.
    Serve,
    /// To take a version out of use for ever: whatever was started and is not over, whenever it begins and whatever its file says by now.
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
    let is_served = purpose == Purpose::Serve;
    // The times in a file are those of its own phase, and an earlier one may have run before that.
    let mut others = Vec::new();
    if is_served {
        (found, others) = found.into_iter().partition(|found| found.allows(now));
    }
    if is_served && found.is_empty() {
        match store.location(loaded) {
            Err(failure) if store.is_by_variable() => {
                return Ok(Running { no_store: Some(out_of_reach(failure, prompt)?), ..Running::default() });
            }
            _ => {}
        }
    }
    let mut running = Running { no_store: store.emptied(loaded)?, ..Running::default() };
    let opened =
        if is_served && found.is_empty() { store.look_briefly(loaded) } else { store.look_if_there(loaded) };
    let opened = match opened {
        // A prompt without experiments is served even where the store is out of reach; what is archived does not come back.
        Err(failure) if is_served && found.is_empty() => {
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
        let by_file =
            found.into_iter().filter(|found| found.experiment.start.is_some() && !found.is_over(now));
        (running.deciding, running.later) = by_file.partition(|found| found.allows(now));
        return Ok(running);
    };
    match purpose {
        Purpose::Serve => {
            let found = found.into_iter().chain(others).collect();
            running.add_deciding(found, opened.as_mut(), now)?;
        }
        Purpose::Archive => running.add_started(found, opened.as_mut(), now)?,
    }
    let gone = gone::all(loaded, opened.as_mut())?;
    let begun = gone.iter().filter(|gone| !is_served || gone.phase.started_at <= now);
    running.gone.extend(begun.filter_map(|gone| gone.problem(|owner| owner == prompt.name().as_str())));
    Ok(running)
}

impl Running {
    /// Those that decide now, by their file and by the store.
    fn add_deciding(
        &mut self,
        found: Vec<Found>,
        store: &mut dyn Store,
        now: Timestamp,
    ) -> Result<(), Failure> {
        for found in found {
            let phases =
                store.phases(found.experiment.name.as_str()).map_err(|error| store_failed(&error))?;
            if let Some(earlier) = found.earlier(&phases, now) {
                match found.experiment.as_started(earlier) {
                    Some(experiment) => self.deciding.push(Found { experiment, ..found }),
                    None => self.unknown.push(unknown_then(&found, earlier)),
                }
                continue;
            }
            if !found.allows(now) {
                continue;
            }
            let standing = Standing::of(&found.experiment, &phases, now);
            let problem = found.changed(&standing).filter(|_| standing.moves_units());
            match (&standing, problem) {
                (_, Some(problem)) => self.changed.push(problem),
                (Standing::Runs | Standing::Changed(_), None) => self.deciding.push(found),
                _ => {}
            }
        }
        Ok(())
    }

    /// Those that were started and not stopped, now or later. The store does not know their versions, so their file must be by what they
    /// were started; only then it also says when they are over.
    fn add_started(
        &mut self,
        found: Vec<Found>,
        store: &mut dyn Store,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let begun = store.begun().map_err(|error| store_failed(&error))?;
        for found in found {
            let Some(phase) = begun.get(found.experiment.name.as_str()) else { continue };
            if phase.allocation != found.experiment.allocation_digest() {
                self.changed.push(unknown_versions(&found, phase));
            } else if phase.started_at <= now && found.allows(now) {
                self.deciding.push(found);
            } else if !found.is_over(now) {
                self.later.push(found);
            }
        }
        Ok(())
    }
}

impl Found {
    /// The phase that ran at this time and was stopped, where it is not that of the file.
    fn earlier<'a>(&self, phases: &'a [Phase], at: Timestamp) -> Option<&'a Phase> {
        phases.iter().find(|phase| {
            let until = phase.stopped.as_ref().map(|(stopped, _)| *stopped);
            phase.phase != self.experiment.allocation.phase
                && phase.started_at <= at
                && until.is_some_and(|until| at < until)
        })
    }
}

fn unknown_then(found: &Found, phase: &Phase) -> Problem {
    let message = format!(
        "phase {} of `{}` ran then, with other variants, weights or another seed than its file has by now: nobody knows whom it served, and this is what the canary or production gives",
        phase.phase, found.experiment.name
    );
    Problem::warning("experiment::changed", message)
        .at(Place::whole_file(found.file.as_path()))
        .help("ask in a checkout of a commit that has its file")
}

fn unknown_versions(found: &Found, phase: &Phase) -> Problem {
    let name = &found.experiment.name;
    let message = format!(
        "phase {} of `{name}` was started with other variants, weights or another seed than its file has, so nobody knows which versions it serves",
        phase.phase
    );
    Problem::error("experiment::changed", message).at(Place::whole_file(found.file.as_path())).help(format!(
        "undo the change: `git restore {}`, where it is not committed; or `promptassay experiment stop {name} --reason WHY` ends it",
        found.file.display()
    ))
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
