//! A budget that is being spent: what may be started, while others are under way whose cost nobody knows yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::price::{Bill, Price};
use super::{Budget, Spent};
use crate::event::RunEnd;

/// Sums of many small numbers are not exact; a budget is not left unspent for that.
const ROUNDING: f64 = 1e-9;

/// A budget that is being spent.
#[derive(Debug)]
pub(crate) struct Allowance {
    budget: Budget,
    state: Mutex<State>,
    /// Told when what is held became less, or a price known.
    changed: Notify,
    refused: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that were started.
    calls: u64,
    /// What the answered ones cost.
    cost: f64,
    /// What questions that are under way are expected to cost.
    held: f64,
    /// What is known of each model.
    lanes: HashMap<usize, Lane>,
}

/// The questions to one model.
#[derive(Debug, Default)]
struct Lane {
    price: Price,
    /// Whether a question is under way that is to show the price.
    is_sought: bool,
}

/// Money for one question, until it is answered or given up.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    allowance: &'a Allowance,
    lane: usize,
    expected: f64,
}

/// Whether a question may be started.
enum Start {
    Now(f64),
    /// When others have been answered.
    Later,
    Never,
}

impl Allowance {
    /// What is left of `budget` after `before` was spent on models, each of which has its lane by the name of its row.
    pub(crate) fn new(budget: Budget, before: &Spent, lanes: &HashMap<String, usize>) -> Self {
        let known = before.prices.iter().filter_map(|(model, price)| Some((*lanes.get(model)?, *price)));
        let lanes = known.map(|(lane, price)| (lane, Lane { price, is_sought: false })).collect();
        let state = State { calls: before.calls, cost: before.cost, held: 0.0, lanes };
        Self { budget, state: Mutex::new(state), changed: Notify::new(), refused: Notify::new() }
    }

    /// Whether one more request may be started; then it counts as started.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.state();
        let is_allowed = self.budget.max_calls.is_none_or(|most| state.calls < most);
        if is_allowed {
            state.calls += 1;
        } else {
            self.refused.notify_one();
        }
        is_allowed
    }

    /// Money for one more question to the model of this lane, as soon as what is under way leaves enough of it; `None` where nothing
    /// ever will.
    pub(crate) async fn hold(&self, lane: usize) -> Option<Hold<'_>> {
        let Some(most) = self.budget.max_cost else {
            return Some(Hold { allowance: self, lane, expected: 0.0 });
        };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before looking, so that no change is missed in between.
            changed.as_mut().enable();
            let start = self.state().start(lane, most);
            match start {
                Start::Now(expected) => return Some(Hold { allowance: self, lane, expected }),
                Start::Later => changed.await,
                Start::Never => {
                    self.refused.notify_one();
                    return None;
                }
            }
        }
    }

    /// The question that this money was held for was answered, and cost so much.
    pub(crate) fn pay(&self, hold: &Hold<'_>, bill: Bill) {
        let mut state = self.state();
        let cost = state.lanes.entry(hold.lane).or_default().price.pay(bill);
        state.cost += cost;
    }

    /// Resolves when a request was refused, with the reason. For one caller.
    pub(crate) async fn exhausted(&self) -> RunEnd {
        self.refused.notified().await;
        if self.budget.max_cost.is_some() && self.state().cost_is_unknown() {
            RunEnd::CostUnknown
        } else {
            RunEnd::BudgetSpent
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Additions leave nothing half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a model's replies come without a cost, so that nobody can tell what is left.
    fn cost_is_unknown(&self) -> bool {
        self.lanes.values().any(|lane| lane.price.is_unknown)
    }

    fn start(&mut self, lane: usize, most: f64) -> Start {
        if self.cost_is_unknown() {
            return Start::Never;
        }
        let (spent, held) = (self.cost, self.held);
        let lane = self.lanes.entry(lane).or_default();
        let Some(expected) = lane.price.dearest else {
            return match lane.is_sought {
                _ if spent >= most => Start::Never,
                true => Start::Later,
                false => {
                    lane.is_sought = true;
                    Start::Now(0.0)
                }
            };
        };
        let fits = |sum: f64| sum <= most * (1.0 + ROUNDING);
        if !fits(spent + expected) || spent >= most {
            return Start::Never;
        }
        if !fits(spent + held + expected) {
            return Start::Later;
        }
        self.held += expected;
        Start::Now(expected)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if self.allowance.budget.max_cost.is_none() {
            return;
        }
        let mut state = self.allowance.state();
        state.held = (state.held - self.expected).max(0.0);
        if let Some(lane) = state.lanes.get_mut(&self.lane) {
            lane.is_sought = false;
        }
        drop(state);
        self.allowance.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use proptest::prelude::*;

    use super::*;
    use crate::spending::price::UNCOUNTED;

    fn dollars(most: f64) -> Allowance {
        Allowance::new(Budget { max_calls: None, max_cost: Some(most) }, &Spent::default(), &HashMap::new())
    }

    /// Why there is no money at the moment.
    #[derive(Debug, PartialEq)]
    enum No {
        NotYet,
        Never,
    }

    fn now(allowance: &Allowance, lane: usize) -> Result<Hold<'_>, No> {
        match allowance.hold(lane).now_or_never() {
            Some(hold) => hold.ok_or(No::Never),
            None => Err(No::NotYet),
        }
    }

    fn answered(allowance: &Allowance, hold: Hold<'_>, cost: f64) {
        allowance.pay(&hold, Bill::Known(cost));
        drop(hold);
    }

    #[test]
    fn calls_are_counted_when_they_start_and_those_before_count() {
        let budget = Budget { max_calls: Some(5), max_cost: None };
        let allowance =
            Allowance::new(budget, &Spent { calls: 3, cost: 9.0, ..Spent::default() }, &HashMap::new());
        assert_eq!([allowance.take(), allowance.take(), allowance.take()], [true, true, false]);
    }

    #[test]
    fn the_first_question_to_a_model_shows_its_price_alone() {
        let allowance = dollars(1.0);
        let first = now(&allowance, 0).unwrap();
        assert_eq!(now(&allowance, 0).err(), Some(No::NotYet), "nobody knows what it costs");
        assert!(now(&allowance, 1).is_ok(), "another model is another price");
        // Given up without an answer, the next one is to show it.
        drop(first);
        let second = now(&allowance, 0).unwrap();
        answered(&allowance, second, 0.25);
        let held: Vec<_> = (0..3).map(|_| now(&allowance, 0).unwrap()).collect();
        assert_eq!(now(&allowance, 0).err(), Some(No::NotYet), "what is under way may need all of it");
        drop(held);
        assert!(now(&allowance, 0).is_ok());
    }

    #[test]
    fn what_would_exceed_it_is_refused_for_good() {
        let allowance = dollars(0.9);
        for _ in 0..4 {
            let hold = now(&allowance, 0).unwrap();
            answered(&allowance, hold, 0.2);
        }
        assert_eq!(now(&allowance, 0).err(), Some(No::Never), "0.8 is spent, and a question costs 0.2");
        // A cheaper model still fits.
        let hold = now(&allowance, 1).unwrap();
        answered(&allowance, hold, 0.05);
        assert!(now(&allowance, 1).is_ok());
        assert!(allowance.exhausted().now_or_never().is_some());
    }

    #[test]
    fn it_can_be_spent_to_the_last_cent_and_not_beyond() {
        let allowance = dollars(0.3);
        for _ in 0..3 {
            let hold = now(&allowance, 0).unwrap();
            answered(&allowance, hold, 0.1);
        }
        assert_eq!(now(&allowance, 0).err(), Some(No::Never));
        assert_eq!(now(&dollars(0.0), 0).err(), Some(No::Never));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let allowance = dollars(1.0);
        let first = now(&allowance, 0).unwrap();
        let mut second = std::pin::pin!(allowance.hold(0));
        assert!(second.as_mut().now_or_never().is_none());
        answered(&allowance, first, 0.1);
        assert!(second.now_or_never().unwrap().is_some());
    }

    #[test]
    fn a_cost_that_nobody_knows_counts_as_the_dearest_and_the_first_one_ends_it() {
        let allowance = dollars(1.0);
        for bill in [Bill::Known(0.25), Bill::Unstated, Bill::Uncounted] {
            let hold = now(&allowance, 0).unwrap();
            allowance.pay(&hold, bill);
        }
        let mut last = now(&allowance, 0).unwrap();
        assert_eq!(now(&allowance, 0).err(), Some(No::NotYet), "as if 0.75 were spent");
        last.lane = 1;
        let mut waiting = std::pin::pin!(allowance.hold(0));
        assert!(waiting.as_mut().now_or_never().is_none());
        allowance.pay(&last, Bill::Unstated);
        drop(last);
        assert!(waiting.now_or_never().unwrap().is_none(), "of another model nothing is known at all");
        assert_eq!(now(&allowance, 1).err(), Some(No::Never));
        assert_eq!(allowance.exhausted().now_or_never(), Some(RunEnd::CostUnknown));
        let spent = dollars(0.0);
        assert_eq!(now(&spent, 0).err(), Some(No::Never));
        assert_eq!(spent.exhausted().now_or_never(), Some(RunEnd::BudgetSpent));
    }

    #[test]
    fn a_model_with_a_price_is_asked_on_one_at_a_time_until_a_reply_has_a_count() {
        let allowance = dollars(1.0);
        for _ in 0..3 {
            let hold = now(&allowance, 0).unwrap();
            allowance.pay(&hold, Bill::Uncounted);
            assert_eq!(now(&allowance, 0).err(), Some(No::NotYet), "still nobody knows what it costs");
        }
        let hold = now(&allowance, 0).unwrap();
        answered(&allowance, hold, 0.2);
        let last = now(&allowance, 0).unwrap();
        assert_eq!(
            now(&allowance, 0).err(),
            Some(No::NotYet),
            "those before count as 0.2 each, so 0.8 is spent"
        );
        answered(&allowance, last, 0.1);
        assert_eq!(now(&allowance, 0).err(), Some(No::Never), "they are counted once");
        assert_eq!(allowance.exhausted().now_or_never(), Some(RunEnd::BudgetSpent));
    }

    #[test]
    fn where_no_reply_of_a_model_with_a_price_has_a_count_it_is_given_up() {
        let allowance = dollars(1.0);
        for number in 0..UNCOUNTED {
            let hold = now(&allowance, 0).unwrap_or_else(|no| panic!("{number}: {no:?}"));
            allowance.pay(&hold, Bill::Uncounted);
        }
        assert_eq!(now(&allowance, 0).err(), Some(No::Never));
        assert_eq!(allowance.exhausted().now_or_never(), Some(RunEnd::CostUnknown));
    }

    #[test]
    fn without_a_budget_everything_is_allowed() {
        let spent = Spent { calls: u64::MAX - 1, cost: f64::INFINITY, ..Spent::default() };
        let allowance = Allowance::new(Budget::default(), &spent, &HashMap::new());
        let (first, second) = (now(&allowance, 0), now(&allowance, 0));
        assert!(allowance.take() && first.is_ok() && second.is_ok());
    }

    proptest! {
        #[test]
        fn what_is_left_after_a_resume_is_what_was_left_before(
            bills in prop::collection::vec(
                (0..2_usize, prop_oneof![
                    (1..9_u32).prop_map(|cents| Bill::Known(f64::from(cents) / 100.0)),
                    Just(Bill::Uncounted), Just(Bill::Uncounted), Just(Bill::Unstated),
                ]),
                0..30,
            ),
        ) {
            let lanes = HashMap::from([("a".to_owned(), 0), ("b".to_owned(), 1)]);
            let budget = Budget { max_calls: Some(30), max_cost: Some(1.0) };
            let whole = Allowance::new(budget, &Spent::default(), &lanes);
            let mut spent = Spent::default();
            for (lane, bill) in bills {
                whole.take();
                whole.pay(&Hold { allowance: &whole, lane, expected: 0.0 }, bill);
                spent.pay(if lane == 0 { "a" } else { "b" }, bill);
            }
            let resumed = Allowance::new(budget, &spent, &lanes);
            for lane in 0..2 {
                let of = |allowance: &Allowance| now(allowance, lane).map(|hold| hold.expected).map_err(|no| format!("{no:?}"));
                prop_assert_eq!(of(&resumed), of(&whole));
            }
            prop_assert_eq!(resumed.take(), whole.take());
        }
    }
}
