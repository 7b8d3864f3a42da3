//! Evidence: what an evaluation says of one text, in a form that others can read too.
//!
//! A run leaves `evidence.json`: in-toto Statements (v1) with the test-result predicate (v0.1), one for each version and model. Here
//! they are read, held against what is there today, and summarised for the ledger. Nothing here evaluates anything.

mod judge;
mod statement;

use std::fmt;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use judge::is_since;
pub use judge::{EvidenceFault, Judged, ModelToday, Today, judge};
pub use statement::{
    Configuration, DigestSet, Extension, InvalidEvidence, MAX_EVIDENCE_BYTES, PREDICATE_TYPE, Predicate,
    ResultWord, SCHEMA, Statement, Subject, TYPE,
};

/// The name of the file in a run's directory.
pub const FILE_NAME: &str = "evidence.json";

/// The statements of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// What it says; never empty.
    pub findings: Vec<Finding>,
}

/// What one statement says: one version of one prompt on one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The prompt.
    pub prompt: PromptName,
    /// The version.
    pub version: Version,
    /// SHA-256 of the version's file.
    pub sha256: Digest,
    /// Of the variables and the template format.
    pub interface: Digest,
    /// Of the resolved suite.
    pub suite: Digest,
    /// Of what the gate asked for.
    pub gate: Digest,
    /// Of the effective parameters on this model.
    pub params: Digest,
    /// Everything else.
    pub details: Extension,
}

/// The model that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluatedModel {
    /// Its row in `registry.yaml`.
    pub row: String,
    /// The model that the row named then.
    pub model: String,
    /// The models that the provider said it served; empty where it said nothing.
    #[serde(default)]
    pub served: Vec<String>,
}

/// Where the replies of an evaluation came from; the last of these that any reply has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplySource {
    /// The model was asked.
    Live,
    /// Some replies came from the cache.
    Cached,
    /// Some replies were recorded earlier, or written by hand.
    Recorded,
}

/// Where the replies came from, and how old they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    /// Where from.
    pub source: ReplySource,
    /// When the model gave the oldest of them; none where that is not known.
    pub oldest_at: Option<Timestamp>,
}

/// What an evaluation ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The gate is open.
    Passed,
    /// It is not.
    Failed,
    /// More cases would be needed.
    Inconclusive,
    /// It could not be judged.
    Broken,
}

/// The version that the candidate was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The version.
    pub version: Version,
    /// SHA-256 of its file.
    pub sha256: Digest,
}

/// Cases, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All that were asked.
    pub cases: u64,
    /// Passed in the majority of their repeats.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
    /// Could not be judged in every repeat.
    pub incomplete: u64,
    /// How often each was asked.
    pub repeats: u64,
}

/// An interval, and what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// What it is of.
    pub of: Estimate,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The confidence at which both ends together hold, between 0 and 1.
    pub level: f64,
}

/// Which attempt at the same questions an evaluation was, by the runs that were kept: at least so many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u64,
    /// How many of the earlier ones a gate stopped.
    pub earlier_failed: u64,
}

/// What an interval is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimate {
    /// The candidate's pass rate.
    PassRate,
    /// The candidate's pass rate less that of the baseline.
    PassRateDifference,
}

/// What the ledger keeps of evidence that was good enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSummary {
    /// The run.
    pub run: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Always `passed`: nothing else gets here.
    pub verdict: Passed,
    /// Where replies came from; of several models, the last of live, cached, recorded.
    pub replies: ReplySource,
    /// When the oldest reply was given; none where that is not known.
    pub oldest_reply_at: Option<Timestamp>,
    /// SHA-256 of the resolved suite.
    pub suite: Digest,
    /// What was found on each model.
    pub models: Vec<ModelSummary>,
}

/// The one verdict that allows a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passed {
    /// It passed.
    Passed,
}

/// What the ledger keeps of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSummary {
    /// Its row in `registry.yaml`.
    pub row: String,
    /// The model that the row named.
    pub model: String,
    /// The models that were served.
    pub served: Vec<String>,
    /// How many cases.
    pub cases: u64,
    /// How many of them passed.
    pub passed: u64,
    /// The interval, where there is one.
    pub interval: Option<Interval>,
    /// Which attempt it was, where it was not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

impl ReplySource {
    /// The name, as in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Cached => "cached",
            Self::Recorded => "recorded",
        }
    }
}

impl fmt::Display for ReplySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Broken => "broken",
        })
    }
}
