//! Which models answered and judged each trial: names once, numbers for the trials.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::event::TrialResult;
use crate::judge::Judging;

/// The models of a run. A trial whose provider says nothing, and that nobody judged, takes no memory.
#[derive(Debug, Default)]
pub(super) struct Models {
    names: Vec<String>,
    numbers: BTreeMap<String, u32>,
    of_trial: HashMap<usize, OfTrial>,
    /// Of judged trials only: most runs have none, and pay nothing for it.
    judging: HashMap<usize, Judging>,
}

#[derive(Debug, Default)]
struct OfTrial {
    served: Option<u32>,
    judges: Box<[u32]>,
}

impl Models {
    pub(super) fn apply(&mut self, trial: usize, result: &TrialResult) {
        let served = result.answer.reply().and_then(|reply| reply.served_model.as_deref());
        let served = served.map(|name| self.number(name));
        let judges = result.judging.iter().flat_map(|judging| &judging.models);
        let judges: Box<[u32]> = judges.map(|name| self.number(name)).collect();
        if served.is_none() && judges.is_empty() {
            self.of_trial.remove(&trial);
        } else {
            self.of_trial.insert(trial, OfTrial { served, judges });
        }
        match &result.judging {
            None => self.judging.remove(&trial),
            // The names of the models are kept once, as numbers.
            Some(judging) => self.judging.insert(trial, Judging { models: BTreeSet::new(), ..*judging }),
        };
    }

    pub(super) fn judging(&self, trial: usize) -> Option<&Judging> {
        self.judging.get(&trial)
    }

    pub(super) fn served(&self, trial: usize) -> Option<&str> {
        self.of_trial.get(&trial).and_then(|models| models.served).map(|number| self.name(number))
    }

    pub(super) fn judges(&self, trial: usize) -> impl Iterator<Item = &str> {
        let judges = self.of_trial.get(&trial).map(|models| &models.judges);
        judges.into_iter().flatten().map(|number| self.name(*number))
    }

    fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // There are as many names as models in the world, at most.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}
