//! What a run spends, and when that is enough.

mod allowance;
mod price;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Event, ReplySource};
use crate::plan::Plan;
use crate::summary::Cost;

pub(crate) use allowance::Allowance;
pub(crate) use price::Bill;
use price::Price;

/// What a run may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The most requests to models that are started, those that are tried again included.
    pub max_calls: Option<u64>,
    /// The most that it may cost, in US dollars. No question is started that would exceed it at the price of the dearest one so far to
    /// the same model. Before a reply of a model, a judge included, shows what one costs, one question at a time is under way to it,
    /// and may go beyond. A model with a price shows it by the first reply that counts its tokens; where ten do not, nothing more is
    /// asked. Of any other model the first reply shows it, or nothing more is asked.
    pub max_cost: Option<f64>,
}

/// What a run has spent on its models: after a resume, what would be counted had it not been stopped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spent {
    /// Requests to models that came to an end, failed ones included.
    pub calls: u64,
    /// What the answers cost, in US dollars. One whose cost nobody knows counts as the dearest of its model.
    pub cost: f64,
    /// What is known of each model, by the name of its row.
    prices: BTreeMap<String, Price>,
}

impl Spent {
    /// Takes an event into account. Answers that no model gave in this run cost nothing; what a failed request cost, nobody knows, and counts as nothing.
    pub fn apply(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::AttemptFailed(_) => self.calls += 1,
            Event::JudgeAnswered(answered) => {
                if answered.source == ReplySource::Live && !answered.answered_before {
                    self.calls += 1;
                    let case = plan.index_of(answered.trial).map(|index| plan.case(&plan.trials()[index]));
                    let mut judges = case
                        .iter()
                        .flat_map(|case| &case.validators)
                        .flat_map(|validator| validator.judges());
                    let bill = match judges.find(|row| row.name == answered.judge) {
                        Some(row) => Bill::from_cost(answered.cost, row),
                        None => answered.cost.map_or(Bill::Uncounted, Bill::Known),
                    };
                    self.pay(&answered.judge, bill);
                }
            }
            Event::TrialAnswered(_) | Event::TrialFinished(_) => {
                let Some((trial, usage)) = event.live_usage() else { return };
                self.calls += 1;
                if let Some(index) = plan.index_of(trial) {
                    let row = &plan.variant(&plan.trials()[index]).model;
                    self.pay(&row.name, Bill::of(row, &usage));
                }
            }
            Event::RunStarted { .. } | Event::CircuitOpened(_) | Event::RunFinished { .. } => {}
        }
    }

    fn pay(&mut self, model: &str, bill: Bill) {
        self.cost += match self.prices.get_mut(model) {
            Some(price) => price.pay(bill),
            None => self.prices.entry(model.to_owned()).or_default().pay(bill),
        };
    }
}

/// Money, by who was paid. Answers of another run that are judged anew are in none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expenses {
    spent: Sum,
    saved: Sum,
    shared: Sum,
}

/// A sum that is the same in whatever order answers come: in whole numbers of 10⁻¹⁵ US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    known: u128,
    answers: u64,
    /// Answers whose cost nobody knows.
    unknown: u64,
}

impl Sum {
    const UNITS: f64 = 1e15;

    fn add(&mut self, cost: Option<f64>) {
        self.answers += 1;
        match cost {
            // A cost is finite and not negative, so nothing is cut off but what is smaller than a unit.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rounded; casts saturate"
            )]
            Some(cost) => self.known = self.known.saturating_add((cost * Self::UNITS).round() as u128),
            None => self.unknown += 1,
        }
    }

    fn cost(self) -> Cost {
        match self {
            Self { answers: 0, .. } => Cost::Nothing,
            Self { unknown: 0, known, .. } => Cost::Dollars(known as f64 / Self::UNITS),
            _ => Cost::Unpriced,
        }
    }
}

impl Expenses {
    /// For answers that models gave in this run, judges included.
    pub fn spent(&self) -> Cost {
        self.spent.cost()
    }

    /// What the answers had cost that came from the cache instead.
    pub fn saved(&self) -> Cost {
        self.saved.cost()
    }

    /// What answers of judges would have cost that were given once for several replies, as these are the same.
    pub fn shared(&self) -> Cost {
        self.shared.cost()
    }

    /// Takes an event into account.
    pub fn apply(&mut self, plan: &Plan, event: &Event) {
        let (source, cost) = match event {
            Event::JudgeAnswered(answered) if !answered.answered_before => (answered.source, answered.cost),
            _ => {
                let Some((trial, source, usage)) = event.first_answer() else { return };
                let row = plan.index_of(trial).map(|index| &plan.variant(&plan.trials()[index]).model);
                (source, row.and_then(|row| row.cost(&usage)))
            }
        };
        match source {
            ReplySource::Live => self.spent.add(cost),
            ReplySource::Cached { .. } => self.saved.add(cost),
            ReplySource::Shared => self.shared.add(cost),
            ReplySource::Recorded | ReplySource::Scripted => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_the_same_in_any_order_and_unknown_where_one_price_is() {
        let costs = [0.1, 0.2, 0.3, 0.000_001_3, 12.5];
        let sum = |costs: &mut dyn Iterator<Item = f64>| {
            let mut sum = Sum::default();
            costs.for_each(|cost| sum.add(Some(cost)));
            sum
        };
        let (forwards, backwards) = (sum(&mut costs.iter().copied()), sum(&mut costs.iter().rev().copied()));
        assert_eq!((forwards, forwards.cost()), (backwards, Cost::Dollars(13.100_001_3)));
        let mut unknown = forwards;
        unknown.add(None);
        assert_eq!((unknown.cost(), Sum::default().cost()), (Cost::Unpriced, Cost::Nothing));
    }
}
