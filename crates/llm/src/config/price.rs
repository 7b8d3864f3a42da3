//! What tokens cost. Prices are the user's data: none is built in, and an unknown price is never zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::RowProblem;
use crate::reply::Usage;

const TOKENS_PER_PRICE_UNIT: f64 = 1_000_000.0;

/// Prices in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceSpec {
    /// US dollars per million input tokens.
    pub input: f64,
    /// US dollars per million output tokens, reasoning included.
    pub output: f64,
    /// US dollars per million input tokens read from the provider's prompt cache; the price of `input` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
}

/// Valid prices: finite, 0 or more, in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PriceSpec", into = "PriceSpec")]
pub struct Price {
    input: f64,
    output: f64,
    cached_input: f64,
}

impl From<Price> for PriceSpec {
    fn from(Price { input, output, cached_input }: Price) -> Self {
        Self { input, output, cached_input: Some(cached_input) }
    }
}

impl TryFrom<PriceSpec> for Price {
    type Error = String;

    fn try_from(spec: PriceSpec) -> Result<Self, String> {
        let in_words = |problems: Vec<RowProblem>| {
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join(", ")
        };
        spec.validate().map_err(in_words)
    }
}

impl PriceSpec {
    pub(crate) fn validate(self) -> Result<Price, Vec<RowProblem>> {
        let cached_input = self.cached_input.unwrap_or(self.input);
        let prices = [("input", self.input), ("output", self.output), ("cached_input", cached_input)];
        let problems: Vec<_> = prices
            .into_iter()
            .filter(|(key, value)| {
                let written = *key != "cached_input" || self.cached_input.is_some();
                written && !(value.is_finite() && *value >= 0.0)
            })
            .map(|(key, _)| {
                RowProblem::at(
                    [key],
                    format!("`{key}` is not a price"),
                    "write US dollars per million tokens, 0 or more",
                )
            })
            .collect();
        if problems.is_empty() {
            Ok(Price { input: self.input, output: self.output, cached_input })
        } else {
            Err(problems)
        }
    }
}

impl Price {
    /// The cost of these tokens in US dollars; `None` unless input and output are both counted, or all is free. Cached tokens that
    /// were not counted are priced as uncached. Writing to a provider's cache is priced as plain input.
    pub fn cost(&self, usage: &Usage) -> Option<f64> {
        if [self.input, self.output, self.cached_input].iter().all(|price| *price <= 0.0) {
            return Some(0.0);
        }
        let (input, output) = (usage.input?, usage.output?);
        let cached = usage.cached_input.unwrap_or(0).min(input);
        let millionths = (input - cached) as f64 * self.input
            + cached as f64 * self.cached_input
            + output as f64 * self.output;
        Some(millionths / TOKENS_PER_PRICE_UNIT)
    }

    /// Whether some tokens cost less than at another price.
    pub fn is_below(&self, other: &Self) -> bool {
        self.input < other.input || self.output < other.output || self.cached_input < other.cached_input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_their_own_price() {
        let price = PriceSpec { input: 2.0, output: 8.0, cached_input: Some(0.5) }.validate().unwrap();
        let usage = Usage {
            input: Some(1_000_000),
            cached_input: Some(400_000),
            output: Some(500_000),
            ..Usage::default()
        };
        assert_eq!(price.cost(&usage), Some(0.6 * 2.0 + 0.4 * 0.5 + 0.5 * 8.0));
        assert_eq!(price.cost(&Usage { cached_input: Some(u64::MAX), ..usage }), Some(0.5 + 4.0));
    }

    #[test]
    fn half_a_count_is_no_cost() {
        let price = PriceSpec { input: 2.0, output: 8.0, cached_input: None }.validate().unwrap();
        assert_eq!(price.cost(&Usage { input: Some(10), ..Usage::default() }), None);
        assert_eq!(price.cost(&Usage { output: Some(10), ..Usage::default() }), None);
    }

    #[test]
    fn what_is_free_needs_no_count() {
        let price = |cached_input| PriceSpec { input: 0.0, output: 0.0, cached_input };
        assert_eq!(price(None).validate().unwrap().cost(&Usage::default()), Some(0.0));
        assert_eq!(price(Some(1.0)).validate().unwrap().cost(&Usage::default()), None);
    }

    #[test]
    fn a_price_is_below_another_one_if_any_part_is() {
        let price = |input, output| PriceSpec { input, output, cached_input: None }.validate().unwrap();
        assert!(price(1.0, 8.0).is_below(&price(2.0, 8.0)));
        assert!(price(9.0, 7.0).is_below(&price(2.0, 8.0)));
        assert!(!price(2.0, 8.0).is_below(&price(2.0, 8.0)));
        assert!(!price(3.0, 8.0).is_below(&price(2.0, 8.0)));
    }

    #[test]
    fn every_bad_price_is_named() {
        let problems = PriceSpec { input: -1.0, output: f64::NAN, cached_input: Some(f64::INFINITY) }
            .validate()
            .unwrap_err();
        let keys: Vec<_> = problems.iter().map(|problem| problem.path[0].as_str()).collect();
        assert_eq!(keys, ["input", "output", "cached_input"]);
    }
}
