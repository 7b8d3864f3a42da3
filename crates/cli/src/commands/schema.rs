//! `promptassay schema`: the JSON Schema of a kind of file, for editors and for other programs.

use clap::{Args, ValueEnum};
use promptassay_evaluator::settings::SettingsSpec;
use promptassay_evaluator::suite::SuiteSpec;
use promptassay_registry::schema as files;
use schemars::{Schema, schema_for};
use serde_json::Value;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay schema prompt > prompt.schema.json
  promptassay schema test_cases | jq '.properties | keys'

In an editor with a YAML language server, the first line of a file may name its schema:
  # yaml-language-server: $schema=../../docs/schemas/prompt.schema.json";

/// Print the JSON Schema of a kind of file.
///
/// A schema knows the keys and their types; `promptassay check` knows more.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArguments {
    /// The kind of file.
    #[arg(value_enum)]
    kind: Kind,
}

/// The files that people or programs write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    /// `registry.yaml`
    Registry,
    /// `prompt.yaml`
    Prompt,
    /// A chat version such as `v1.2.0.yaml`
    Version,
    /// `prompt.lock`
    Lock,
    /// `test_cases.yaml`
    TestCases,
}

pub(crate) fn run(arguments: &SchemaArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    context.json(&schema(arguments.kind))?;
    Ok(Exit::Success)
}

fn schema(kind: Kind) -> Schema {
    match kind {
        Kind::Registry => registry(),
        Kind::Prompt => files::schema(files::Kind::Prompt),
        Kind::Version => files::schema(files::Kind::Version),
        Kind::Lock => files::schema(files::Kind::Lock),
        Kind::TestCases => schema_for!(SuiteSpec),
    }
}

/// The registry crate owns the keys of registry.yaml, and others own what stands below some of them.
fn registry() -> Schema {
    let mut schema = files::schema(files::Kind::Registry);
    let mut sections = schema_for!(SettingsSpec);
    let properties = sections.remove("properties");
    if let (Some(Value::Object(own)), Some(Value::Object(sections))) =
        (schema.get_mut("properties"), properties)
    {
        own.extend(sections);
    }
    if let Some(definitions) = sections.remove("$defs") {
        match (schema.get_mut("$defs"), definitions) {
            (Some(Value::Object(own)), Value::Object(others)) => own.extend(others),
            (_, definitions) => {
                schema.insert("$defs".to_owned(), definitions);
            }
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_of_the_registry_is_typed_and_every_reference_leads_somewhere() {
        for kind in Kind::value_variants() {
            let schema = serde_json::to_value(schema(*kind)).unwrap();
            let text = schema.to_string();
            for reference in text.split("\"#/$defs/").skip(1) {
                let name = reference.split('"').next().unwrap();
                assert!(schema["$defs"].get(name).is_some(), "{kind:?}: {name}");
            }
        }
        let registry = serde_json::to_value(registry()).unwrap();
        for section in ["models", "properties"] {
            assert!(registry["properties"][section]["additionalProperties"]["$ref"].is_string(), "{section}");
        }
        assert!(registry["properties"]["gate"].to_string().contains("$ref"), "{registry:#}");
    }
}
