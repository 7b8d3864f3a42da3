//! Everything that is served, in one file: for runtimes that do not have the repository.

use std::collections::BTreeMap;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::canonical_json;
use crate::serving::{Arm, Resolution, Served};

/// The format of the file. Programs that do not know the variables refuse any key that they do not know; by the number they say why.
pub const SCHEMA: u64 = 2;

/// The format before, without variables: every variable that a text uses needs a value, and nothing limits it.
const WITHOUT_VARIABLES: u64 = 1;

/// What was served of every prompt at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When it was taken. A canary that has expired since is not served from it either.
    pub created_at: Timestamp,
    /// The prompts by name.
    pub prompts: BTreeMap<PromptName, Served>,
}

/// A snapshot as it is written.
#[derive(Serialize)]
struct Written<'a> {
    schema: u64,
    created_at: Timestamp,
    prompts: &'a BTreeMap<PromptName, Served>,
}

/// A snapshot as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotSpec {
    #[serde(rename = "schema")]
    _schema: u64,
    created_at: Timestamp,
    prompts: BTreeMap<PromptName, Value>,
}

/// Why a snapshot is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is no snapshot.
    #[error("this is no snapshot: {0}")]
    Unreadable(String),
    /// A newer program wrote it.
    #[error(
        "the snapshot has the format {0}; this promptassay reads the formats {WITHOUT_VARIABLES} and {SCHEMA}"
    )]
    UnknownSchema(u64),
    /// Its content was changed.
    #[error("the content of the snapshot does not fit its digest: it was changed after it was written")]
    Changed,
    /// A text is not what its digest says.
    #[error("the text of {0} does not fit its digest")]
    Text(String),
}

impl Snapshot {
    /// A snapshot of these prompts.
    pub fn new(created_at: Timestamp, prompts: BTreeMap<PromptName, Served>) -> Self {
        Self { created_at, prompts }
    }

    /// The file's text: JSON with a digest over all of it.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written: every key is text.
        let Self { created_at, prompts } = self;
        let written = Written { schema: SCHEMA, created_at: *created_at, prompts };
        let mut value = serde_json::to_value(written).unwrap_or_default();
        let digest = digest(&value);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("sha256".to_owned(), Value::from(digest.to_string()));
        }
        let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the file's text, and checks the digest over all and that of every text.
    pub fn from_json(text: &str) -> Result<Self, SnapshotError> {
        let unreadable = |error: serde_json::Error| SnapshotError::Unreadable(error.to_string());
        let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
        if let Some(schema) = value.get("schema").and_then(Value::as_u64)
            && ![WITHOUT_VARIABLES, SCHEMA].contains(&schema)
        {
            return Err(SnapshotError::UnknownSchema(schema));
        }
        let written = value.as_object_mut().and_then(|fields| fields.remove("sha256"));
        if written != Some(Value::from(digest(&value).to_string())) {
            return Err(SnapshotError::Changed);
        }
        let spec: SnapshotSpec = serde_json::from_value(value).map_err(unreadable)?;
        let mut prompts = BTreeMap::new();
        for (name, served) in spec.prompts {
            let served: Served = serde_json::from_value(served)
                .map_err(|error| SnapshotError::Unreadable(format!("`{name}`: {error}")))?;
            let canary = served.canary.as_ref().map(|canary| &canary.arm);
            for arm in std::iter::once(&served.production).chain(canary) {
                check(&name, arm)?;
            }
            prompts.insert(name, served);
        }
        Ok(Self::new(spec.created_at, prompts))
    }

    /// What this user is served of a prompt; `None` where the snapshot does not have the prompt.
    pub fn resolve(&self, prompt: &str, unit: Option<&str>, now: Timestamp) -> Option<Resolution<'_>> {
        self.prompts.get(prompt).map(|served| served.resolve(unit, now))
    }
}

fn check(name: &PromptName, arm: &Arm) -> Result<(), SnapshotError> {
    if Digest::of(arm.text.as_bytes()) == arm.sha256 {
        Ok(())
    } else {
        Err(SnapshotError::Text(format!("{name} {}", arm.version)))
    }
}

fn digest(value: &Value) -> Digest {
    Digest::of(canonical_json(value))
}

#[cfg(test)]
mod tests;
