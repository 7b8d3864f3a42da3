//! What a run spends, and when that is enough.

use serde::{Deserialize, Serialize};

use crate::event::TrialResult;
use crate::plan::{Plan, Trial};

/// What a run may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The most questions that are asked of models.
    pub max_calls: Option<u64>,
    /// The cost after which no further question is started, in US dollars. Questions that are under way then are finished, and
    /// cost what they cost.
    pub max_cost: Option<f64>,
}

/// What a run has spent on its models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Questions that were sent to a model and came to an end.
    pub calls: u64,
    /// What they cost, as far as it is known, in US dollars.
    pub cost: f64,
    /// Questions whose cost is not known: the model has no price, or the provider counted nothing.
    pub unpriced: u64,
}

impl Spent {
    /// Adds what a result cost. Answers that no model gave in this run cost nothing.
    pub fn add(&mut self, plan: &Plan, trial: &Trial, result: &TrialResult) {
        let Some(usage) = result.answer.live_usage() else { return };
        self.calls += 1;
        match plan.variant(trial).model.cost(&usage) {
            Some(cost) => self.cost += cost,
            None => self.unpriced += 1,
        }
    }
}

impl Budget {
    /// Whether one more question may be started after `started` have been, the finished ones of which cost `cost`.
    pub fn allows(&self, started: u64, cost: f64) -> bool {
        self.max_calls.is_none_or(|most| started < most) && self.max_cost.is_none_or(|most| cost < most)
    }
}
