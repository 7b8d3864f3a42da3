//! `promptassay schema`: the JSON Schema of a kind of file, for editors and for other programs.
//!
//! Files that are made here name their schema in their first line, as a path: editors find it without a network, and the schema is
//! that of the program that made the file.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use promptassay_evaluator::report;
use promptassay_evaluator::settings::SettingsSpec;
use promptassay_evaluator::suite::SuiteSpec;
use promptassay_experiments::definition::ExperimentSpec;
use promptassay_lifecycle::policy::PolicySpec;
use promptassay_llm::Params;
use promptassay_mock_llm::ScriptSpec;
use promptassay_registry::files::{WriteError, write_atomic};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::schema as files;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::Value;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where the schemas of a tree are, below its root. It is hidden, so that it is no prompt.
pub(super) const DIRECTORY: &str = ".schemas";

const EXAMPLES: &str = "Examples:
  promptassay schema prompt > prompt.schema.json
  promptassay schema test_cases | jq '.properties | keys'
  promptassay schema --write           all of them, into prompts/.schemas

In an editor with a YAML language server, the first line of a file may name its schema. In prompts/NAME/prompt.yaml:
  # yaml-language-server: $schema=../.schemas/prompt.schema.json";

/// Print the JSON Schema of a kind of file, or write all of them beside the prompts.
///
/// A schema knows the keys and their types; `promptassay check` knows more.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArguments {
    /// The kind of file.
    #[arg(value_enum, required_unless_present = "write")]
    kind: Option<Kind>,
    /// Write the schemas of all files into `.schemas` of the prompts directory, where files made by `init`, `new` and
    /// `experiment new` look for them.
    #[arg(long, conflicts_with = "kind")]
    write: bool,
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
    /// A script of `promptassay mock`
    Mock,
    /// The report of `--format json`
    Report,
}

#[derive(Serialize)]
struct Answer<'a> {
    written: &'a [PathBuf],
}

pub(crate) fn run(arguments: &SchemaArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    if let Some(kind) = arguments.kind {
        context.json(&schema(kind))?;
        return Ok(Exit::Success);
    }
    if !context.prompts.is_dir() {
        return Err(Failure::invalid(context.load().problems));
    }
    let written =
        write(&context.prompts, |path, text| fs::read_to_string(path).is_ok_and(|there| there == text))?;
    let text = || match written.as_slice() {
        [] => "the schemas are up to date\n".to_owned(),
        paths => {
            let lines: Vec<String> = paths.iter().map(|path| format!("wrote {}\n", path.display())).collect();
            lines.concat()
        }
    };
    context.answer(text, &Answer { written: &written })
}

/// The schemas of the files of a tree: where they are below its root, and their texts.
pub(super) fn all() -> impl Iterator<Item = (PathBuf, String)> {
    // Nobody edits a report, and the scripts of a mock model stand somewhere else.
    let is_of_tree = |kind: &&Kind| !matches!(kind, Kind::Mock | Kind::Report);
    Kind::value_variants().iter().filter(is_of_tree).map(|kind| {
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let text = serde_json::to_string_pretty(&schema(*kind)).unwrap_or_default();
        (Path::new(DIRECTORY).join(format!("{name}.schema.json")), text + "\n")
    })
}

/// Writes the schemas that a tree does not have; whoever makes a file that names one calls it.
pub(super) fn write_missing(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    write(root, |path, _| path.exists())
}

fn write(root: &Path, is_fine: impl Fn(&Path, &str) -> bool) -> Result<Vec<PathBuf>, Failure> {
    let directory = root.join(DIRECTORY);
    fs::create_dir_all(&directory)
        .map_err(|source| Failure::from_write(&WriteError::Io { path: directory, source }))?;
    let mut written = Vec::new();
    for (relative, text) in all() {
        let path = root.join(relative);
        if !is_fine(&path, &text) {
            write_atomic(&path, text).map_err(|error| Failure::from_write(&error))?;
            written.push(path);
        }
    }
    Ok(written)
}

/// Schemas of a tree that are those of another version of the program: an editor would then mark what is right.
pub(super) fn outdated(root: &Path) -> Option<Problem> {
    let differs = |(relative, text): &(PathBuf, String)| {
        fs::read_to_string(root.join(relative)).is_ok_and(|there| there.replace("\r\n", "\n") != *text)
    };
    all().any(|file| differs(&file)).then(|| {
        Problem::warning(
            "schema::outdated",
            "the schemas for editors are not those of this version of promptassay",
        )
        .at(Place::whole_file(root.join(DIRECTORY)))
        .help("`promptassay schema --write` brings them up to date")
    })
}

fn schema(kind: Kind) -> Schema {
    match kind {
        Kind::Registry => registry(),
        Kind::Prompt => files::schema(files::Kind::Prompt),
        Kind::Version => version(),
        Kind::Lock => files::schema(files::Kind::Lock),
        Kind::TestCases => titled(
            schema_for!(SuiteSpec),
            "test_cases.yaml",
            "test_cases.yaml: the cases of a prompt, and what a good reply is like.",
        ),
        Kind::Experiment => schema_for!(ExperimentSpec),
        Kind::Mock => titled(
            schema_for!(ScriptSpec),
            "script of promptassay mock",
            "A script of `promptassay mock`: a call is answered by `rate_limit`, a fault, the first rule whose conditions hold, or `default`.",
        ),
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

/// A schema that is called as its readers call the file.
fn titled(mut schema: Schema, title: &str, description: &str) -> Schema {
    schema.insert("title".to_owned(), title.into());
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
