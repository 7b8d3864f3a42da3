//! What a run spends, and when that is enough.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::event::{Event, ReplySource};
use crate::plan::Plan;

/// What a run may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The most requests to models that are started, those that are tried again included.
    pub max_calls: Option<u64>,
    /// The cost after which no further question is started, in US dollars. Questions that are under way then are finished, and
    /// cost what they cost.
    pub max_cost: Option<f64>,
}

/// What a run has spent on its models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Requests to models that came to an end, failed ones included.
    pub calls: u64,
    /// What the answers cost, as far as it is known, in US dollars.
    pub cost: f64,
}

impl Spent {
    /// Takes an event into account. Answers that no model gave in this run cost nothing; what a failed request cost, nobody knows.
    pub fn apply(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::AttemptFailed(_) => self.calls += 1,
            Event::JudgeAnswered(answered) => {
                if answered.source == ReplySource::Live && !answered.answered_before {
                    self.calls += 1;
                    self.cost += answered.cost.unwrap_or(0.0);
                }
            }
            Event::TrialAnswered(_) | Event::TrialFinished(_) => {
                let Some((trial, usage)) = event.live_usage() else { return };
                self.calls += 1;
                let row = plan.index_of(trial).map(|index| &plan.variant(&plan.trials()[index]).model);
                self.cost += row.and_then(|row| row.cost(&usage)).unwrap_or(0.0);
            }
            Event::RunStarted { .. } | Event::CircuitOpened(_) | Event::RunFinished { .. } => {}
        }
    }
}

/// A budget that is being spent.
#[derive(Debug)]
pub struct Allowance {
    budget: Budget,
    /// Requests that were started, and what the answered ones cost.
    spent: Mutex<Spent>,
    refused: Notify,
}

impl Allowance {
    /// What is left of `budget` after `before` was spent.
    pub fn new(budget: Budget, before: Spent) -> Self {
        Self { budget, spent: Mutex::new(before), refused: Notify::new() }
    }

    /// Whether one more request may be started; then it counts as started.
    pub(crate) fn take(&self) -> bool {
        let mut spent = self.spent();
        let is_allowed = self.budget.max_calls.is_none_or(|most| spent.calls < most)
            && self.budget.max_cost.is_none_or(|most| spent.cost < most);
        if is_allowed {
            spent.calls += 1;
        } else {
            self.refused.notify_one();
        }
        is_allowed
    }

    /// An answer cost so much; what is not known is not counted.
    pub(crate) fn pay(&self, cost: Option<f64>) {
        self.spent().cost += cost.unwrap_or(0.0);
    }

    /// Resolves when a request was refused. For one caller.
    pub(crate) async fn exhausted(&self) {
        self.refused.notified().await;
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // Additions leave nothing half-done.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_when_they_start_and_those_before_count() {
        let budget = Budget { max_calls: Some(5), max_cost: None };
        let allowance = Allowance::new(budget, Spent { calls: 3, cost: 9.0 });
        assert_eq!([allowance.take(), allowance.take(), allowance.take()], [true, true, false]);
    }

    #[test]
    fn cost_is_counted_when_it_is_known() {
        let budget = Budget { max_calls: None, max_cost: Some(1.0) };
        let allowance = Allowance::new(budget, Spent::default());
        assert!(allowance.take());
        allowance.pay(Some(0.75));
        assert!(allowance.take(), "below the limit one more is started");
        allowance.pay(None);
        allowance.pay(Some(0.25));
        assert!(!allowance.take());
    }

    #[test]
    fn without_a_budget_everything_is_allowed() {
        let allowance = Allowance::new(Budget::default(), Spent { calls: u64::MAX - 1, cost: f64::INFINITY });
        assert!(allowance.take());
    }
}
