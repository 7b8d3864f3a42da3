//! Which models answered and judged each trial: names once, numbers for the trials.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;

use crate::event::TrialResult;
use crate::judge::Judging;

/// The models of a run.
#[derive(Debug)]
pub(super) struct Models {
    names: Vec<String>,
    numbers: BTreeMap<String, Number>,
    /// For each trial the model that answered, where the provider says: 4 bytes.
    served: Vec<Option<Number>>,
    /// Of judged trials only: most runs have none, and pay nothing for it.
    judges: HashMap<usize, Box<[Number]>>,
    judging: HashMap<usize, Judging>,
}

/// Of a name, from 1.
type Number = NonZeroU32;

impl Models {
    /// Of so many trials, none of which was answered yet.
    pub(super) fn of_nothing(trials: usize) -> Self {
        Self {
            names: Vec::new(),
            numbers: BTreeMap::new(),
            served: vec![None; trials],
            judges: HashMap::new(),
            judging: HashMap::new(),
        }
    }

    pub(super) fn apply(&mut self, trial: usize, result: &TrialResult) {
        let served = result.answer.reply().and_then(|reply| reply.served_model.as_deref());
        self.served[trial] = served.map(|name| self.number(name));
        let judges = result.judging.iter().flat_map(|judging| &judging.models);
        let judges: Box<[Number]> = judges.map(|name| self.number(name)).collect();
        if judges.is_empty() {
            self.judges.remove(&trial);
        } else {
            self.judges.insert(trial, judges);
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
        self.served.get(trial).copied().flatten().map(|number| self.name(number))
    }

    pub(super) fn judges(&self, trial: usize) -> impl Iterator<Item = &str> {
        self.judges.get(&trial).into_iter().flatten().map(|number| self.name(*number))
    }

    fn name(&self, number: Number) -> &str {
        self.names.get(number.get() as usize - 1).map_or("", String::as_str)
    }

    fn number(&mut self, name: &str) -> Number {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.names.push(name.to_owned());
        // There are as many names as models in the world, at most.
        let number = u32::try_from(self.names.len()).ok().and_then(Number::new).unwrap_or(Number::MAX);
        self.numbers.insert(name.to_owned(), number);
        number
    }
}
