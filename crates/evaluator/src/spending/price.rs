//! What is known of the price of one question to a model, from what its replies cost.

use promptassay_llm::{ModelRow, Usage};

/// So many replies of a model with a price may come before the first that counts its tokens: filters withhold some without a count,
/// and the first cases of a suite may all be made for a filter.
pub(super) const UNCOUNTED: u32 = 10;

/// What a reply cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bill {
    /// In US dollars.
    Known(f64),
    /// The model has a price, and this reply came without the tokens to multiply it by. The next one may have them.
    Uncounted,
    /// The model has no price, and its replies do not state their cost.
    Unstated,
}

impl Bill {
    /// For a reply with this usage.
    pub(crate) fn of(row: &ModelRow, usage: &Usage) -> Self {
        Self::from_cost(row.cost(usage), row)
    }

    /// For a reply of this model of which this is known.
    pub(super) fn from_cost(cost: Option<f64>, row: &ModelRow) -> Self {
        match cost {
            Some(cost) => Self::Known(cost),
            None if row.price.is_some() => Self::Uncounted,
            None => Self::Unstated,
        }
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Price {
    /// That of the dearest reply so far; `None` before the first of which it is known.
    pub(super) dearest: Option<f64>,
    /// How many replies came before it without a count.
    uncounted: u32,
    /// Whether its replies come without a cost, so that nobody can tell what is left.
    pub(super) is_unknown: bool,
}

impl Price {
    /// Takes a reply into account, and says what it adds to what was spent. What nobody knows counts as the dearest so far: a reply that
    /// was withheld may come without a count. Those that came before any cost count as the first that has one. Where none has, a
    /// limit that counts nothing is none.
    pub(super) fn pay(&mut self, bill: Bill) -> f64 {
        match (bill, self.dearest) {
            (Bill::Known(cost), dearest) => {
                self.dearest = Some(dearest.map_or(cost, |dearest| dearest.max(cost)));
                let before = f64::from(std::mem::take(&mut self.uncounted));
                cost * (1.0 + before)
            }
            (_, Some(dearest)) => dearest,
            (Bill::Uncounted, None) => {
                self.uncounted += 1;
                self.is_unknown |= self.uncounted >= UNCOUNTED;
                0.0
            }
            (Bill::Unstated, None) => {
                self.is_unknown = true;
                0.0
            }
        }
    }
}
