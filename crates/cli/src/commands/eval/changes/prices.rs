//! The prices that a change is counted at: it may not make itself cheaper.

use std::collections::BTreeMap;

use promptassay_evaluator::settings::Settings;
use promptassay_llm::Price;
use promptassay_registry::problem::Problem;

use super::Then;

impl Then<'_> {
    /// The prices that rows had at the commit and that are lower here or gone, by the row's name; a warning for each, which says who wrote
    /// otherwise. A row that was not there then has the price that stands here, which a warning says as well.
    pub(crate) fn prices(&self, today: &Settings) -> (BTreeMap<String, Price>, Vec<Problem>) {
        let (mut prices, mut problems) = (BTreeMap::new(), Vec::new());
        let (then, began) = (&self.registry.settings.models, &self.began().settings.models);
        let reference = self.reference;
        for (name, row) in &today.models {
            // What is here as it was where the change began, the other side moved away from.
            let is_of_change = began.get(name).is_none_or(|began| began.price != row.price);
            let message = match then.get(name) {
                Some(then) => match then.price {
                    Some(price) if row.price.is_none_or(|now| now.is_below(&price)) => {
                        prices.insert(name.clone(), price);
                        if is_of_change {
                            format!(
                                "model {name} counts at its price at {reference}, not at that of this change"
                            )
                        } else {
                            format!(
                                "model {name} counts at its price at {reference}, which is another one since this change began"
                            )
                        }
                    }
                    _ => continue,
                },
                None if row.price.is_none() => continue,
                None if is_of_change => {
                    format!(
                        "model {name} is not at {reference}: it counts at the price that this change writes"
                    )
                }
                None => {
                    format!(
                        "model {name} is not at {reference} any more: it counts at the price that it had when this change began"
                    )
                }
            };
            problems.push(if is_of_change {
                let help = "whoever reviews the change should compare prices with those of the provider; `--max-calls` counts requests";
                Problem::warning("changes::price", message).help(help)
            } else {
                let help = format!("merge {reference} into the change to have it here");
                Problem::warning("changes::price_moved", message).help(help)
            });
        }
        (prices, problems)
    }
}
