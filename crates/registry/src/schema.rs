//! JSON Schemas of the files that this crate reads, made from the types that read them.

use schemars::{Schema, schema_for};

use crate::lock_file::LockSpec;
use crate::prompt_file::PromptSpec;
use crate::registry_file::RegistrySpec;
use crate::version_file::VersionSpec;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `registry.yaml`. The sections of others are any map here; their owners know more.
    Registry,
    /// `prompt.yaml`.
    Prompt,
    /// A chat version, such as `v1.2.0.yaml`.
    Version,
    /// `prompt.lock`.
    Lock,
}

/// The schema of a kind of file. Looser than reading it: what one value means for another is not in it.
pub fn schema(kind: Kind) -> Schema {
    match kind {
        Kind::Registry => schema_for!(RegistrySpec),
        Kind::Prompt => schema_for!(PromptSpec),
        Kind::Version => schema_for!(VersionSpec),
        Kind::Lock => schema_for!(LockSpec),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_key_of_every_file_is_explained() {
        for kind in [Kind::Registry, Kind::Prompt, Kind::Version, Kind::Lock] {
            let schema = schema(kind);
            assert!(schema.get("title").is_some() && schema.get("description").is_some(), "{kind:?}");
            assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{kind:?}");
            let properties = schema.get("properties").and_then(Value::as_object).unwrap();
            for (key, property) in properties {
                assert!(property.get("description").is_some(), "{kind:?}: `{key}`");
            }
        }
    }

    #[test]
    fn what_reading_demands_the_schema_demands() {
        let required = |kind| schema(kind).get("required").cloned().unwrap_or_default();
        assert_eq!(required(Kind::Registry), Value::Null);
        assert_eq!(required(Kind::Prompt), serde_json::json!(["name"]));
        assert_eq!(required(Kind::Version), serde_json::json!(["messages"]));
        assert_eq!(required(Kind::Lock), serde_json::json!(["schema"]));
    }
}
