//! Whether an experiment decided what users were served, asked of many users at many times.

use jiff::Timestamp;
use promptassay_experiments::assignment::Assignment;
use promptassay_experiments::store::Phase;
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::tree::{Loaded, Prompt};

use super::{Found, Standing, StoreArguments, of_prompt, store_failed};
use crate::failure::Failure;

/// The experiments of a prompt, and their phases where there is a store: it is asked once.
pub(crate) struct Deciders(Vec<(Found, Option<Vec<Phase>>)>);

impl Deciders {
    /// Those of this prompt. The store is not asked about a prompt that has none.
    pub(crate) fn of(prompt: &Prompt, store: &StoreArguments, loaded: &Loaded) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let all = of_prompt(prompt, &mut problems);
        if has_errors(&problems) {
            // An experiment that cannot be read may be one that ran.
            problems.retain(Problem::is_error);
            return Err(Failure::invalid(problems));
        }
        let mut opened = if all.is_empty() { None } else { store.look_if_there(loaded)? };
        let with_phases = |found: Found| {
            let name = found.experiment.name.as_str();
            let phases = opened.as_mut().map(|store| store.phases(name)).transpose();
            let phases = phases.map_err(|error| store_failed(&error))?;
            Ok((found, phases))
        };
        Ok(Self(all.into_iter().map(with_phases).collect::<Result<_, Failure>>()?))
    }

    /// Whether one of them decided at that time what this user was served: then no canary did.
    pub(crate) fn decide(&self, unit: &[u8], at: Timestamp) -> bool {
        let takes_part = |found: &Found| matches!(found.experiment.assign(unit), Ok(Assignment::Variant(_)));
        self.0.iter().any(|(found, phases)| found.decided(phases.as_deref(), at) && takes_part(found))
    }
}

impl Found {
    /// As [`super::running()`] has it; without a store the file says it.
    fn decided(&self, phases: Option<&[Phase]>, at: Timestamp) -> bool {
        if !self.allows(at) {
            return false;
        }
        let Some(phases) = phases else { return self.experiment.start.is_some() };
        let standing = Standing::of(&self.experiment, phases, at);
        matches!(standing, Standing::Runs | Standing::Changed(_)) && !standing.moves_units()
    }
}
