//! What the gate asks for, as written (`gate:` in a suite or in `registry.yaml`) and as it counts.

use promptassay_registry::problem::Problem;
use promptassay_registry::yaml::{Document, Located};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file shape of `gate:`. What is not written is taken from the next file: suite, then `registry.yaml`, then defaults.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// The smallest share of passed cases that passes, 0 to 1. Unset, every case must pass by the majority of its repeats.
    pub min_pass_rate: Option<Located<f64>>,
    /// How sure each end of a printed interval is, above 0.5 and below 1.
    pub confidence: Option<Located<f64>>,
    /// The largest share of trials that may lack an answer, 0 to 1, before nothing can be judged.
    pub max_missing: Option<Located<f64>>,
}

/// What the gate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The smallest share of passed cases that passes; `None`: every case by the majority of its repeats.
    pub min_pass_rate: Option<f64>,
    /// How sure each end of an interval is.
    pub confidence: f64,
    /// The largest share of missing trials.
    pub max_missing: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { min_pass_rate: None, confidence: 0.95, max_missing: 0.02 }
    }
}

impl PolicySpec {
    /// Adds every number that is out of its range to `problems`.
    pub(crate) fn check(&self, document: &Document, problems: &mut Vec<Problem>) {
        let mut refuse = |value: Option<Located<f64>>, usable: fn(f64) -> bool, message: &str, help: &str| {
            if let Some(value) = value.filter(|value| !usable(value.value)) {
                let message = format!("{message} is {}", value.value);
                problems.push(
                    Problem::error("gate::out_of_range", message).at(document.place(value.span)).help(help),
                );
            }
        };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        refuse(self.min_pass_rate, share, "`min_pass_rate`", "write a share from 0 to 1, such as 0.9");
        refuse(self.max_missing, share, "`max_missing`", "write a share from 0 to 1, such as 0.02");
        refuse(
            self.confidence,
            |value| value > 0.5 && value < 1.0,
            "`confidence`",
            "write a number above 0.5 and below 1, such as 0.95",
        );
    }

    /// This policy where it says something, else `base`, else the defaults.
    pub(crate) fn over(&self, base: &Self) -> Policy {
        let pick =
            |own: Option<Located<f64>>, base: Option<Located<f64>>| own.or(base).map(|located| located.value);
        let default = Policy::default();
        Policy {
            min_pass_rate: pick(self.min_pass_rate, base.min_pass_rate),
            confidence: pick(self.confidence, base.confidence).unwrap_or(default.confidence),
            max_missing: pick(self.max_missing, base.max_missing).unwrap_or(default.max_missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_goes_before_the_registry() {
        let located = |value| Some(Located { value, span: promptassay_registry::yaml::Span::default() });
        let registry =
            PolicySpec { min_pass_rate: located(0.5), confidence: located(0.9), max_missing: None };
        let suite = PolicySpec { min_pass_rate: located(0.8), ..PolicySpec::default() };
        assert_eq!(
            suite.over(&registry),
            Policy { min_pass_rate: Some(0.8), confidence: 0.9, max_missing: 0.02 }
        );
    }
}
