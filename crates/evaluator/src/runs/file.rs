//! `run.json`: what was planned, in digests. It is written once, before the first question, and never changed.
//!
//! With it and the files of the same day the plan is made again, question by question; with other files it is refused, and
//! [`changes`](super::changes()) names what differs.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use promptassay_llm::Price;
use promptassay_registry::digest::{Digest, canonical_text};
use promptassay_registry::files::read_text;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::Problem;
use promptassay_registry::version::Version;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunId;
use crate::plan::{Plan, Remark, Role};
use crate::policy::Policy;

/// The version of this shape.
const SCHEMA: u32 = 1;
/// The largest file that is read: a line for each of millions of cases.
const MAX_BYTES: u64 = 1 << 30;

/// What was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// The version of this shape: 1.
    pub schema: u32,
    /// The run.
    pub id: RunId,
    /// Who made it, such as `promptassay 0.1.0`.
    pub tool: String,
    /// When it began, cut to the millisecond; earlier versions cut it to the second.
    pub started_at: Timestamp,
    /// What every random choice of the run derives from that decides something: the seed of its sample. Waits draw from elsewhere.
    pub seed: u64,
    /// Which part of its plan was asked, where it was not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The shards that it was merged from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_from: Vec<RunId>,
    /// The run whose answers it judges anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescored_from: Option<RunId>,
    /// The files of blessed results that its candidates are compared with: SHA-256 of each by the name of its prompt. Empty where
    /// they are compared with what the run itself asks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub blessed: BTreeMap<String, Digest>,
    /// Rows whose answers were not taken from the cache: written by programs whose cache knew no headers, and read by nobody.
    #[serde(default, skip_serializing)]
    pub asked_anew: IgnoredAny,
    /// How it asks: what a run that goes on with it keeps.
    #[serde(default, skip_serializing_if = "Asking::is_default")]
    pub asking: Asking,
    /// The prompts directory that it is of, relative to the repository and with `/`: several may keep their runs in one place. `None` where
    /// that is not known, as of runs from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts_directory: Option<String>,
    /// The prices by which a budget counts, by the name of a model row, where they are those of the commit that a change is judged
    /// against and not those of its own files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, Price>,
    /// How many trials there are in this run.
    pub trials: usize,
    /// SHA-256 over the trials' ids in the plan's order, each followed by a line feed.
    pub trials_sha256: Digest,
    /// The prompts, by name.
    pub prompts: Vec<PlannedPrompt>,
    /// What its readers should know beside its numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

/// One of several parts of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which part, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// Where a run takes its replies from, and whether it records them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asking {
    /// Whether recorded replies answer, and no model is asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// Whether replies are recorded for later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub record: bool,
    /// What it does with the cache, where models are asked.
    #[serde(skip_serializing_if = "CacheUse::is_default")]
    pub cache: CacheUse,
}

/// What a run does with the cache of replies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// Takes replies from it, and keeps new ones there.
    #[default]
    Use,
    /// The same, with replies that are no older.
    NoOlder {
        /// The most, in milliseconds.
        max_age_ms: u64,
    },
    /// Asks every question anew, and keeps the new replies.
    Refresh,
    /// Neither.
    Off,
}

/// A prompt's part of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPrompt {
    /// Its name.
    pub name: PromptName,
    /// Why these versions, in a sentence.
    pub chosen: String,
    /// Of its template format and variables.
    pub interface: Digest,
    /// Of its whole resolved suite.
    pub suite: Digest,
    /// What narrowed its cases or models, in the words of the selection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub narrowed_by: Vec<String>,
    /// How often each case is asked.
    pub repeat: u32,
    /// What the gate asks for.
    pub policy: Policy,
    /// What is evaluated.
    pub variants: Vec<PlannedVariant>,
    /// Its cases, in the suite's order; those that are not asked are not among them.
    pub cases: Vec<PlannedCase>,
}

/// A version on a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedVariant {
    /// The version.
    pub version: Version,
    /// Of the version's file.
    pub sha256: Digest,
    /// What it is evaluated for.
    pub role: Role,
    /// The name of the model row.
    pub model: String,
    /// What decides its answers beside the text, as JSON: `provider`, `endpoint`, `model`, `params`, `extra`, `response_format`, and
    /// where there are any, in `headers` a digest of them as they are written.
    pub settings: Value,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCase {
    /// Its name.
    pub name: String,
    /// Of everything that counts: its digest, its cluster, and whether it must pass.
    pub sha256: Digest,
    /// Of the resolved case: what it asks and everything that judges its answers. Comparisons pair by it.
    pub digest: Digest,
    /// The cluster that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The model rows that it is asked on, where those are not all of the prompt's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Of what it asks alone: answers to the same question can be judged anew.
    pub question: Digest,
}

/// A `run.json` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// It is not there, or not text.
    #[error("{0}")]
    Unreadable(Box<Problem>),
    /// It is not the description of a run.
    #[error("`{}` does not describe a run: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another version of promptassay wrote it.
    #[error("`{}` has schema {schema}; this version of promptassay reads schema {SCHEMA}", path.display())]
    UnknownSchema {
        /// The file.
        path: PathBuf,
        /// What it has.
        schema: u64,
    },
}

/// What a run file is made of beside its plan.
#[derive(Debug, Clone)]
pub struct Header {
    /// The run.
    pub id: RunId,
    /// Who makes it.
    pub tool: String,
    /// When it begins.
    pub started_at: Timestamp,
    /// See [`RunFile::seed`].
    pub seed: u64,
    /// Which part of its plan is asked, where it is not all.
    pub shard: Option<Shard>,
    /// See [`RunFile::blessed`].
    pub blessed: BTreeMap<String, Digest>,
    /// How it asks.
    pub asking: Asking,
    /// See [`RunFile::prompts_directory`].
    pub prompts_directory: Option<String>,
    /// See [`RunFile::prices`].
    pub prices: BTreeMap<String, Price>,
}

impl Asking {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl CacheUse {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl PlannedCase {
    /// The digest of everything that counts of a case: of `[digest, cluster, must_pass]` as canonical JSON.
    pub(crate) fn digest_of(digest: &Digest, cluster: Option<&str>, must_pass: bool) -> Digest {
        let cluster = cluster.map_or_else(|| "null".to_owned(), canonical_text);
        Digest::of(format!("[\"{digest}\",{cluster},{must_pass}]"))
    }

    /// Whether every repeat of it must pass.
    pub fn must_pass(&self) -> bool {
        self.sha256 == Self::digest_of(&self.digest, self.cluster.as_deref(), true)
    }

    /// Whether it is asked on this model row.
    pub fn is_asked_on(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|asked| asked == model))
    }
}

impl RunFile {
    /// What is planned.
    pub fn of(plan: &Plan, header: Header) -> Self {
        let Header { id, tool, started_at, seed, shard, blessed, asking, prompts_directory, prices } = header;
        let mut ids = String::with_capacity(plan.trials().len() * 17);
        for trial in plan.trials() {
            ids.push_str(&trial.id.to_string());
            ids.push('\n');
        }
        Self {
            schema: SCHEMA,
            id,
            tool,
            started_at,
            seed,
            shard,
            merged_from: Vec::new(),
            rescored_from: None,
            blessed,
            asked_anew: IgnoredAny,
            asking,
            prompts_directory,
            prices,
            trials: plan.trials().len(),
            trials_sha256: Digest::of(ids),
            prompts: plan.planned(),
            remarks: plan.remarks().to_vec(),
        }
    }

    /// Whether it may be of this prompts directory.
    pub fn is_of(&self, prompts_directory: &str) -> bool {
        self.prompts_directory.as_deref().is_none_or(|own| own == prompts_directory)
    }

    /// What it is made of beside its plan.
    pub fn header(&self) -> Header {
        Header {
            id: self.id.clone(),
            tool: self.tool.clone(),
            started_at: self.started_at,
            seed: self.seed,
            shard: self.shard,
            blessed: self.blessed.clone(),
            asking: self.asking,
            prompts_directory: self.prompts_directory.clone(),
            prices: self.prices.clone(),
        }
    }

    /// Reads a `run.json`.
    pub fn read(path: &Path) -> Result<Self, RunFileError> {
        let text = read_text(path, MAX_BYTES).map_err(RunFileError::Unreadable)?;
        let invalid = |error: serde_json::Error| RunFileError::Invalid {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let schema = serde_json::from_str::<AnySchema>(&text).map_err(invalid)?.schema;
        if schema != u64::from(SCHEMA) {
            return Err(RunFileError::UnknownSchema { path: path.to_owned(), schema });
        }
        serde_json::from_str(&text).map_err(invalid)
    }

    /// Writes the text of the file; it fails where `out` does. With many cases it is larger than the plan.
    pub(super) fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut out = io::BufWriter::with_capacity(64 << 10, out);
        // Maps with text keys and finite numbers always have a JSON form.
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// The one key that all versions of the shape share.
#[derive(Deserialize)]
struct AnySchema {
    schema: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_counts_of_a_case_is_digested_as_canonical_json() {
        let digest = Digest::of("case");
        for cluster in [None, Some(""), Some("a \"b\"\n")] {
            for must_pass in [true, false] {
                let whole = Digest::of_json(&json!([digest, cluster, must_pass]));
                assert_eq!(PlannedCase::digest_of(&digest, cluster, must_pass), whole);
            }
        }
    }
}
