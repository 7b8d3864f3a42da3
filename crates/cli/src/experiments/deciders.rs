//! Whether an experiment decided what users were served, asked of many users at many times.

use jiff::Timestamp;
use promptassay_experiments::assignment::Assignment;
use promptassay_experiments::definition::Experiment;
use promptassay_experiments::store::Phase;
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::tree::{Loaded, Prompt};

use super::{Found, StoreArguments, of_prompt, store_failed};
use crate::failure::Failure;

/// All phases of a prompt's experiments that ever ran, by the store, which is asked once; without one the files say it.
pub(crate) struct Deciders(Vec<Ran>);

/// What an experiment decided at a time of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decided {
    /// Nothing, so it was for the canary to say.
    Nothing,
    /// What the user was served.
    Served,
    /// Nobody knows: an experiment ran, and its file is not by what it was started, or gone.
    Unknown,
}

/// A phase and its time.
struct Ran {
    from: Timestamp,
    until: Option<Timestamp>,
    /// What spread its units; `None` where no file has it any more.
    by: Option<Experiment>,
    /// Whether it surely served them: while it runs, whoever serves by a file that says something else leaves it out.
    is_sure: bool,
}

impl Deciders {
    /// Those of this prompt.
    pub(crate) fn of(prompt: &Prompt, store: &StoreArguments, loaded: &Loaded) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let all = of_prompt(prompt, &mut problems);
        if has_errors(&problems) {
            // An experiment that cannot be read may be one that ran.
            problems.retain(Problem::is_error);
            return Err(Failure::invalid(problems));
        }
        let Some(mut store) = store.look_if_there(loaded)? else {
            return Ok(Self(all.into_iter().filter_map(Ran::by_file).collect()));
        };
        let mut ran = Vec::new();
        for found in &all {
            let phases =
                store.phases(found.experiment.name.as_str()).map_err(|error| store_failed(&error))?;
            ran.extend(phases.iter().map(|phase| Ran::of(found, phase)));
        }
        // Whose file is gone: one that runs, and one that was stopped and tidied away.
        let phases = store.phases_on(prompt.name().as_str()).map_err(|error| store_failed(&error))?;
        let has_file = |name: &str| all.iter().any(|found| found.experiment.name.as_str() == name);
        let gone = phases.iter().filter(|(name, _)| !has_file(name));
        ran.extend(gone.map(|(_, phase)| Ran::of_unknown(phase)));
        Ok(Self(ran))
    }

    /// What they decided at that time of this user.
    pub(crate) fn decide(&self, unit: &[u8], at: Timestamp) -> Decided {
        let mut decided = Decided::Nothing;
        let then = |ran: &&Ran| ran.from <= at && ran.until.is_none_or(|until| at < until);
        for ran in self.0.iter().filter(then) {
            let takes_part = |by: &Experiment| matches!(by.assign(unit), Ok(Assignment::Variant(_)));
            match ran.by.as_ref().map(takes_part) {
                Some(false) => {}
                Some(true) if ran.is_sure => return Decided::Served,
                Some(true) | None => decided = Decided::Unknown,
            }
        }
        decided
    }
}

impl Ran {
    /// Without a store nobody started it, and one with a `start` runs from then on.
    fn by_file(found: Found) -> Option<Self> {
        let (from, until) = (found.experiment.start?, found.experiment.end);
        Some(Self { from, until, by: Some(found.experiment), is_sure: true })
    }

    fn of_unknown(phase: &Phase) -> Self {
        let until = phase.stopped.as_ref().map(|(stopped, _)| *stopped);
        Self { from: phase.started_at, until, by: None, is_sure: false }
    }

    fn of(found: &Found, phase: &Phase) -> Self {
        let experiment = &found.experiment;
        let ran = Self::of_unknown(phase);
        let is_moved = experiment.changes_since(phase).iter().any(|change| change.moves_units());
        if phase.phase != experiment.allocation.phase || is_moved {
            // `start` and `end` of the file are another phase's, or may be.
            let by = experiment.as_started(phase);
            let is_sure = by.is_some() && ran.until.is_some();
            return Self { by, is_sure, ..ran };
        }
        let from = experiment.start.map_or(ran.from, |start| start.max(ran.from));
        let until = [ran.until, experiment.end].into_iter().flatten().min();
        Self { from, until, by: Some(experiment.clone()), is_sure: true }
    }
}
