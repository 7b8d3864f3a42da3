//! The scores of those validators that gates look at. Where no gate looks at one, nothing is kept.

use std::collections::HashMap;

use crate::comparison::validator_scores;
use crate::event::TrialResult;
use crate::plan::Plan;

/// Scores by trial.
#[derive(Debug)]
pub(super) struct ValidatorScores {
    /// For each prompt the names that its gate looks at.
    names: Vec<Vec<String>>,
    of_trial: HashMap<usize, Box<[Option<f64>]>>,
}

impl ValidatorScores {
    pub(super) fn of(plan: &Plan) -> Self {
        let names = |policy: &crate::policy::Policy| policy.validator_metrics().map(str::to_owned).collect();
        Self {
            names: plan.prompts().iter().map(|prompt| names(&prompt.suite.policy)).collect(),
            of_trial: HashMap::new(),
        }
    }

    pub(super) fn apply(&mut self, prompt: usize, trial: usize, result: &TrialResult) {
        let Some(names) = self.names.get(prompt).filter(|names| !names.is_empty()) else { return };
        let scores = validator_scores(result);
        self.of_trial.insert(trial, names.iter().map(|name| scores.get(name).copied()).collect());
    }

    pub(super) fn of_trial(&self, trial: usize) -> impl Iterator<Item = Option<f64>> {
        self.of_trial.get(&trial).into_iter().flatten().copied()
    }
}
