//! What a gate looks at.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number of each case that can gate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Metric {
    /// The share of repeats that passed.
    PassRate,
    /// The mean score.
    Score,
    /// The mean score of the validators of this name.
    Validator(String),
}

impl Metric {
    /// The metrics that every suite has, by their names.
    pub const KNOWN: [&'static str; 2] = ["pass_rate", "score"];

    /// What to do about a check whose name is [`Self::taken`].
    pub(crate) const HOW_TO_NAME: &'static str = "give the check another name: a gate could not look at it";

    /// Why a check cannot have this name; `None` where it can.
    pub(crate) fn taken(name: &str) -> Option<String> {
        Self::KNOWN.contains(&name).then(|| format!("`{name}` is the name of a metric that every suite has"))
    }

    /// The name that files use.
    pub fn as_str(&self) -> &str {
        match self {
            Self::PassRate => "pass_rate",
            Self::Score => "score",
            Self::Validator(name) => name,
        }
    }
}

impl From<String> for Metric {
    fn from(name: String) -> Self {
        match name.as_str() {
            "pass_rate" => Self::PassRate,
            "score" => Self::Score,
            _ => Self::Validator(name),
        }
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.as_str().to_owned()
    }
}

/// The name for people.
impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::PassRate => "pass rate",
            Self::Score => "score",
            Self::Validator(name) => name,
        })
    }
}

impl JsonSchema for Metric {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}
