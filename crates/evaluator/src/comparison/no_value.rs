//! Why a number is not there. It is never a 0, a 1 or a NaN that a reader could take for a result.

use std::fmt;

use promptassay_stats::Undefined;
use serde::{Deserialize, Serialize};

/// The reason why a number is not defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NoValue {
    /// A stable word for programs.
    pub code: String,
    /// A sentence for people: lower case, no full stop.
    pub reason: String,
}

impl NoValue {
    /// A reason of its own.
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self { code: code.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for NoValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl From<Undefined> for NoValue {
    fn from(undefined: Undefined) -> Self {
        Self { code: undefined.code().to_owned(), reason: undefined.to_string() }
    }
}
