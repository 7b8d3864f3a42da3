//! Everything that is served, in one file: for runtimes that do not have the repository.

use std::collections::BTreeMap;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::canonical_json;
use crate::serving::{Arm, Resolution, Served};

/// The format of the file.
pub const SCHEMA: u64 = 1;

/// What was served of every prompt at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    schema: u64,
    /// When it was taken. A canary that has expired since is not served from it either.
    pub created_at: Timestamp,
    /// The prompts by name.
    pub prompts: BTreeMap<PromptName, Served>,
}

/// Why a snapshot is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is no snapshot.
    #[error("this is no snapshot: {0}")]
    Unreadable(String),
    /// A newer program wrote it.
    #[error("the snapshot has the format {0}; this promptassay reads format {SCHEMA}")]
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
        Self { schema: SCHEMA, created_at, prompts }
    }

    /// The file's text: JSON with a digest over all of it.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written: every key is text.
        let mut value = serde_json::to_value(self).unwrap_or_default();
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
        if let Some(schema) = value.get("schema").and_then(Value::as_u64).filter(|schema| *schema != SCHEMA) {
            return Err(SnapshotError::UnknownSchema(schema));
        }
        let written = value.as_object_mut().and_then(|fields| fields.remove("sha256"));
        if written != Some(Value::from(digest(&value).to_string())) {
            return Err(SnapshotError::Changed);
        }
        let snapshot: Self = serde_json::from_value(value).map_err(unreadable)?;
        for (name, served) in &snapshot.prompts {
            let canary = served.canary.as_ref().map(|canary| &canary.arm);
            for arm in std::iter::once(&served.production).chain(canary) {
                check(name, arm)?;
            }
        }
        Ok(snapshot)
    }

    /// What this user is served of a prompt; `None` where the snapshot does not have the prompt.
    pub fn resolve(&self, prompt: &str, unit: Option<&str>, now: Timestamp) -> Option<Resolution<'_>> {
        self.prompts.get(prompt).map(|served| served.resolve(unit, now))
    }
}

fn check(name: &PromptName, arm: &Arm) -> Result<(), SnapshotError> {
    if Digest::of(&arm.text) == arm.sha256 {
        Ok(())
    } else {
        Err(SnapshotError::Text(format!("{name} {}", arm.version)))
    }
}

fn digest(value: &Value) -> Digest {
    Digest::of(canonical_json(value))
}

#[cfg(test)]
mod tests {
    use promptassay_registry::template::TemplateFormat;

    use super::*;

    fn snapshot() -> Snapshot {
        let text = "Answer {query}.\r\n".to_owned();
        let arm = |version: &str| Arm {
            version: version.parse().unwrap(),
            sha256: Digest::of(&text),
            file: format!("v{version}.txt"),
            template_format: TemplateFormat::Format,
            text: text.clone(),
        };
        let canary = crate::serving::CanaryArm {
            settings: crate::event::Canary {
                basis_points: 500.try_into().unwrap(),
                salt: "salt".to_owned(),
                expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
            },
            arm: arm("1.1.0"),
        };
        let served =
            Served { head: Some(Digest::of("head")), production: arm("1.0.0"), canary: Some(canary) };
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        Snapshot::new(now, BTreeMap::from([("support".parse().unwrap(), served)]))
    }

    #[test]
    fn a_snapshot_is_read_back_and_resolves_the_same() {
        let snapshot = snapshot();
        let read = Snapshot::from_json(&snapshot.to_json()).unwrap();
        assert_eq!(read, snapshot);
        let now = snapshot.created_at;
        for unit in (0..200).map(|unit| format!("user-{unit}")) {
            let expected = snapshot.prompts["support"].resolve(Some(&unit), now);
            assert_eq!(read.resolve("support", Some(&unit), now), Some(expected));
        }
        assert_eq!(read.resolve("other", None, now), None);
    }

    #[test]
    fn a_changed_snapshot_is_refused() {
        let text = snapshot().to_json();
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            Snapshot::from_json(&text.replace(from, to)).unwrap_err()
        };
        assert_eq!(refused("500", "9000"), SnapshotError::Changed);
        assert_eq!(refused("Answer", "Do not answer"), SnapshotError::Changed);
        assert_eq!(refused("\"schema\": 1", "\"schema\": 2"), SnapshotError::UnknownSchema(2));
        assert!(matches!(Snapshot::from_json("[]"), Err(SnapshotError::Changed)));
        assert!(matches!(Snapshot::from_json("{"), Err(SnapshotError::Unreadable(_))));
        // Whoever also writes the digest anew still has to keep the digests of the texts.
        let mut forged = snapshot();
        forged.prompts.values_mut().next().unwrap().production.text = "Do not answer".into();
        assert_eq!(
            Snapshot::from_json(&forged.to_json()).unwrap_err(),
            SnapshotError::Text("support v1.0.0".to_owned())
        );
    }
}
