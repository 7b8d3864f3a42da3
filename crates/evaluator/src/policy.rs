//! What the gate asks for, and who says so: a suite, `registry.yaml`, the command line, or nobody, and then the default holds.

mod margin;
mod metric;
mod spec;

use std::fmt;

use promptassay_registry::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::suite::{Suite, metric_names};

pub use margin::{InvalidMargin, Margin, TooFewUnits};
pub use metric::Metric;
pub use spec::{PolicySpec, policy_of_files};

/// What the gate asks for. Every value remembers where it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The smallest share of passed trials that passes; `None`: every case by the majority of its repeats.
    pub min_pass_rate: Sourced<Option<f64>>,
    /// By how much a candidate may be worse than its baseline.
    pub margin: Sourced<Margin>,
    /// How sure each end of an interval is, above 0.5 and below 1.
    pub confidence: Sourced<f64>,
    /// The largest share of trials without a verdict, on either side of a comparison.
    pub max_missing: Sourced<f64>,
    /// What an inconclusive comparison does.
    pub inconclusive: Sourced<OnInconclusive>,
    /// What must not be worse; never empty, each once.
    pub metrics: Sourced<Vec<Metric>>,
    /// Whether both sides must have been answered and judged by the same models.
    pub served_model: Sourced<ServedModel>,
}

/// A value, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub source: Source,
}

/// Where a value of a policy was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nowhere.
    Default,
    /// In the suite.
    Suite,
    /// In `registry.yaml`.
    Registry,
    /// In the suite as it was at this commit.
    SuiteAt(String),
    /// In `registry.yaml` as it was at this commit.
    RegistryAt(String),
    /// On the command line.
    Flag,
    /// Nowhere: a selection leaves too few cases for what the files ask. What that is, in words.
    Narrowed(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Suite => formatter.write_str("suite"),
            Self::Registry => formatter.write_str("registry"),
            Self::SuiteAt(reference) => write!(formatter, "suite at {reference}"),
            Self::RegistryAt(reference) => write!(formatter, "registry at {reference}"),
            Self::Flag => formatter.write_str("flag"),
            Self::Narrowed(_) => formatter.write_str("narrowed"),
        }
    }
}

/// What a comparison does that cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnInconclusive {
    /// It blocks.
    Fail,
    /// It lets through what does not look worse than the margin.
    Pass,
}

/// Which models may have answered and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServedModel {
    /// The same on both sides, as far as providers say.
    Same,
    /// Any.
    Any,
}

/// What the command line says of the policy; it goes before every file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyOverrides {
    /// See [`Policy::min_pass_rate`].
    pub min_pass_rate: Option<f64>,
    /// See [`Policy::margin`].
    pub margin: Option<Margin>,
    /// See [`Policy::confidence`].
    pub confidence: Option<f64>,
    /// See [`Policy::max_missing`].
    pub max_missing: Option<f64>,
    /// See [`Policy::inconclusive`].
    pub inconclusive: Option<OnInconclusive>,
    /// See [`Policy::metrics`]; empty: as the files say.
    pub metrics: Vec<Metric>,
    /// See [`Policy::served_model`].
    pub served_model: Option<ServedModel>,
}

impl OnInconclusive {
    /// The word that files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Pass => "pass",
        }
    }
}

impl ServedModel {
    /// The word that files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Any => "any",
        }
    }
}

impl<T> Sourced<T> {
    /// A value that nobody wrote.
    pub fn default(value: T) -> Self {
        Self { value, source: Source::Default }
    }

    fn replace(&mut self, flag: Option<T>) {
        if let Some(value) = flag {
            *self = Self { value, source: Source::Flag };
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_pass_rate: Sourced::default(None),
            margin: Sourced::default(Margin::None),
            confidence: Sourced::default(0.95),
            max_missing: Sourced::default(0.02),
            inconclusive: Sourced::default(OnInconclusive::Fail),
            metrics: Sourced::default(vec![Metric::PassRate]),
            served_model: Sourced::default(ServedModel::Same),
        }
    }
}

impl Policy {
    /// The same policy with what the command line says.
    #[must_use]
    pub fn overridden(mut self, flags: &PolicyOverrides) -> Self {
        self.min_pass_rate.replace(flags.min_pass_rate.map(Some));
        self.margin.replace(flags.margin);
        self.confidence.replace(flags.confidence);
        self.max_missing.replace(flags.max_missing);
        self.inconclusive.replace(flags.inconclusive);
        self.served_model.replace(flags.served_model);
        if !flags.metrics.is_empty() {
            let mut metrics = Vec::new();
            for metric in &flags.metrics {
                if !metrics.contains(metric) {
                    metrics.push(metric.clone());
                }
            }
            self.metrics = Sourced { value: metrics, source: Source::Flag };
        }
        self
    }

    /// Its rules by the names that files use: what each asks for, and where that was written.
    pub fn rules(&self) -> [(&'static str, String, &Source); 7] {
        let minimum = self.min_pass_rate.value.map_or_else(|| "none".to_owned(), |share| share.to_string());
        let metrics: Vec<&str> = self.metrics.value.iter().map(Metric::as_str).collect();
        [
            ("min_pass_rate", minimum, &self.min_pass_rate.source),
            ("margin", self.margin.value.to_string(), &self.margin.source),
            ("confidence", self.confidence.value.to_string(), &self.confidence.source),
            ("max_missing", self.max_missing.value.to_string(), &self.max_missing.source),
            ("inconclusive", self.inconclusive.value.as_str().to_owned(), &self.inconclusive.source),
            ("metrics", metrics.join("+"), &self.metrics.source),
            ("served_model", self.served_model.value.as_str().to_owned(), &self.served_model.source),
        ]
    }

    /// The rules that ask for something else in `other`: the name, what this asks for, what the other does.
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
        let both = self.rules().into_iter().zip(other.rules());
        both.filter(|(here, there)| here.1 != there.1)
            .map(|(here, there)| (here.0, here.1, there.1))
            .collect()
    }

    /// What of it a suite does not have: its cases have no validator of that name.
    pub fn unknown_metrics(&self, suite: &Suite) -> Vec<Problem> {
        let validators = metric_names(&suite.cases);
        self.metrics.value.iter().filter_map(|metric| spec::unknown_metric(metric, &validators)).collect()
    }

    /// That a selection left too few cases for the margin of the files, in words; `None` where that is not so.
    pub fn margin_not_judged(&self) -> Option<&str> {
        match &self.margin.source {
            Source::Narrowed(why) => Some(why),
            _ => None,
        }
    }

    /// The names of the validators whose scores gate.
    pub fn validator_metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.value.iter().filter_map(|metric| match metric {
            Metric::Validator(name) => Some(name.as_str()),
            Metric::PassRate | Metric::Score => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_files_and_say_so() {
        let flags = PolicyOverrides {
            margin: Some(Margin::Auto),
            metrics: vec![Metric::Score, Metric::Score],
            ..PolicyOverrides::default()
        };
        let policy = Policy::default().overridden(&flags);
        assert_eq!(policy.margin, Sourced { value: Margin::Auto, source: Source::Flag });
        assert_eq!(policy.metrics, Sourced { value: vec![Metric::Score], source: Source::Flag });
        assert_eq!(policy.confidence.source, Source::Default);
        assert_eq!(Policy::default().overridden(&PolicyOverrides::default()), Policy::default());
    }

    #[test]
    fn a_policy_survives_its_json() {
        let policy = Policy {
            min_pass_rate: Sourced { value: Some(0.9), source: Source::SuiteAt("origin/main".into()) },
            margin: Sourced { value: Margin::Share(0.1), source: Source::Registry },
            metrics: Sourced::default(vec![Metric::PassRate, Metric::Validator("tone".into())]),
            ..Policy::default()
        };
        let json = serde_json::to_string(&policy).unwrap();
        insta::assert_snapshot!(json, @r#"{"min_pass_rate":{"value":0.9,"source":{"suite_at":"origin/main"}},"margin":{"value":0.1,"source":"registry"},"confidence":{"value":0.95,"source":"default"},"max_missing":{"value":0.02,"source":"default"},"inconclusive":{"value":"fail","source":"default"},"metrics":{"value":["pass_rate","tone"],"source":"default"},"served_model":{"value":"same","source":"default"}}"#);
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
        assert_eq!(policy.min_pass_rate.source.to_string(), "suite at origin/main");
    }
}
