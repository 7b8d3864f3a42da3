//! `promptassay schema`: the JSON Schema of a kind of file, for editors and for other programs.

use clap::{Args, ValueEnum};
use promptassay_evaluator::report;
use promptassay_evaluator::settings::SettingsSpec;
use promptassay_evaluator::suite::SuiteSpec;
use promptassay_experiments::definition::ExperimentSpec;
use promptassay_lifecycle::policy::PolicySpec;
use promptassay_llm::Params;
use promptassay_registry::schema as files;
use schemars::{JsonSchema, Schema, schema_for};
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
    /// `experiments/NAME.yaml`
    Experiment,
    /// The report of `--format json`
    Report,
}

pub(crate) fn run(arguments: &SchemaArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    context.json(&schema(arguments.kind))?;
    Ok(Exit::Success)
}

fn schema(kind: Kind) -> Schema {
    match kind {
        Kind::Registry => registry(),
        Kind::Prompt => files::schema(files::Kind::Prompt),
        Kind::Version => version(),
        Kind::Lock => files::schema(files::Kind::Lock),
        Kind::TestCases => test_cases(),
        Kind::Experiment => schema_for!(ExperimentSpec),
        Kind::Report => report::json_schema(),
    }
}

/// The registry crate owns the keys of registry.yaml, and others own what stands below some of them.
fn registry() -> Schema {
    let schema = with_sections(files::schema(files::Kind::Registry), schema_for!(SettingsSpec));
    with_sections(schema, schema_for!(LifecycleSection))
}

/// The section of the lifecycle; for the schema only.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct LifecycleSection {
    /// What moves from stage to stage need.
    lifecycle: Option<PolicySpec>,
}

/// What a chat version asks of the model beside its messages; for the schema only.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Request {
    /// Parameters for the model, which win over those of its row in registry.yaml.
    params: Option<Params>,
}

fn version() -> Schema {
    with_sections(files::schema(files::Kind::Version), schema_for!(Request))
}

fn test_cases() -> Schema {
    let mut schema = schema_for!(SuiteSpec);
    schema.insert("title".to_owned(), "test_cases.yaml".into());
    let description = "test_cases.yaml: the cases of a prompt, and what a good reply is like.";
    schema.insert("description".to_owned(), description.into());
    schema
}

/// A schema whose keys are typed by another one where that knows them.
fn with_sections(mut schema: Schema, mut sections: Schema) -> Schema {
    let mut merge = |key: &str| {
        let Some(Value::Object(theirs)) = sections.remove(key) else { return };
        match schema.get_mut(key) {
            Some(Value::Object(own)) => own.extend(theirs),
            _ => {
                schema.insert(key.to_owned(), Value::Object(theirs));
            }
        }
    };
    merge("properties");
    merge("$defs");
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_what_it_is() {
        for kind in Kind::value_variants() {
            let schema = schema(*kind);
            for key in ["title", "description", "$schema"] {
                assert!(schema.get(key).is_some_and(Value::is_string), "{kind:?}: {key}");
            }
        }
    }

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
        for section in ["gate", "lifecycle"] {
            assert!(registry["properties"][section].to_string().contains("$ref"), "{registry:#}");
        }
        let version = serde_json::to_value(version()).unwrap();
        assert!(version["properties"]["params"].to_string().contains("$ref"), "{version:#}");
    }
}
