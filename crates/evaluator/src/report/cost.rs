//! What a run cost: its replies, and apart from them the judges.

use crate::spending::Expenses;
use crate::summary::{Cost, VariantSummary};

/// What all versions took together: the replies, and the judges.
pub(super) fn of_all(summaries: &[VariantSummary]) -> (Cost, Cost) {
    summaries.iter().fold((Cost::Nothing, Cost::Nothing), |(replies, judges), summary| {
        (replies.plus(summary.cost), judges.plus(summary.cost_of_judges()))
    })
}

/// What the answers cost when they were given, in a few words; `None` where no model gave any. Where not all of it was spent in this
/// run, it says what was.
pub(super) fn whole(summaries: &[VariantSummary], expenses: Expenses) -> Option<String> {
    let whole = match of_all(summaries) {
        (Cost::Nothing, Cost::Nothing) => return None,
        (replies, Cost::Nothing) => in_words(replies),
        (replies, judges) => {
            let all = in_words(replies.plus(judges));
            format!("{all} in all: replies {}, judges {}", in_words(replies), in_words(judges))
        }
    };
    Some(match not_all_spent(summaries, expenses) {
        Some(spent) => format!("{whole}; {spent}"),
        None => whole,
    })
}

/// What was spent in this run, where that is not the cost of all answers: the cache had some, or all are those of another run.
pub(super) fn not_all_spent(summaries: &[VariantSummary], expenses: Expenses) -> Option<String> {
    let (replies, judges) = of_all(summaries);
    let all = replies.plus(judges);
    let text = format!("spent in this run {}", in_words(expenses.spent()));
    let saved = match (expenses.saved(), expenses.shared()) {
        (Cost::Nothing, Cost::Nothing) => {
            return (all != Cost::Nothing && expenses.spent() == Cost::Nothing).then_some(text);
        }
        // Three times the same word says no more than once.
        (saved, shared) if expenses.spent() == Cost::Unpriced && saved.plus(shared) == Cost::Unpriced => {
            return None;
        }
        (saved, Cost::Nothing) => format!("saved by the cache {}", in_words(saved)),
        (Cost::Nothing, shared) => format!("saved by asking judges once {}", in_words(shared)),
        (saved, shared) => {
            format!("saved by the cache {}, by asking judges once {}", in_words(saved), in_words(shared))
        }
    };
    Some(format!("{text}, {saved}"))
}

/// A cost as reports print it.
pub(super) fn in_words(cost: Cost) -> String {
    match cost {
        Cost::Nothing => "$0".to_owned(),
        Cost::Unpriced => "unpriced".to_owned(),
        Cost::Dollars(sum) => dollars(sum),
    }
}

/// US dollars with at least two digits that say something; what costs something is never $0.
fn dollars(sum: f64) -> String {
    if sum == 0.0 {
        return "$0".to_owned();
    }
    // A tenth of a cent has three decimals, a hundredth of that five.
    let decimals = (2..=9).find(|decimals| sum >= 10.0_f64.powi(1 - decimals)).unwrap_or(9);
    format!("${sum:.*}", usize::try_from(decimals).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_something_is_never_nothing() {
        assert_eq!(
            [dollars(0.0), dollars(12.345), dollars(0.0214), dollars(0.000_04)],
            ["$0", "$12.35", "$0.021", "$0.000040"]
        );
    }
}
