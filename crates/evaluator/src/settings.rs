//! What `registry.yaml` says to an evaluation: model rows, shared properties, the gate's defaults. Each section is read where it
//! stands, so that a mistake in it has its line and column.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use promptassay_llm::{ModelRow, ModelRowSpec, Price};
use promptassay_registry::problem::Problem;
use promptassay_registry::yaml::{Document, Reading};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::policy::{Metric, PolicySpec};
use crate::validator::{Context, ValidatorSpec};

/// Settings that all suites share.
#[derive(Debug, Default)]
pub struct Settings {
    /// Model rows by name, in the file's order. Rows with mistakes are not among them.
    pub models: IndexMap<String, ModelRow>,
    /// Named checks, with the document that their places are in.
    pub properties: Properties,
    /// The gate's defaults.
    pub policy: PolicySpec,
    /// Whether suites may run programs to check replies. No file says so: whoever starts the run does.
    pub allow_commands: bool,
    /// Where programs that are named without a directory lie: those of `PATH`. Without any, nobody looks whether they are there.
    pub program_directories: Vec<PathBuf>,
}

/// Named checks of one file.
#[derive(Debug, Default, Clone)]
pub struct Properties {
    /// The checks by name.
    pub specs: IndexMap<String, ValidatorSpec>,
    /// Where they stand; `None` where there are none.
    pub document: Option<Document>,
}

/// The sections of `registry.yaml` that belong to an evaluation, as they are written: for schemas.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SettingsSpec {
    /// Model rows: a name, and what it stands for.
    #[serde(default)]
    pub models: IndexMap<String, ModelRowSpec>,
    /// Named checks of a reply that `expected:` refers to.
    #[serde(default)]
    pub properties: IndexMap<String, ValidatorSpec>,
    /// The gate's defaults.
    #[serde(default)]
    pub gate: PolicySpec,
}

impl Settings {
    /// Lets model rows cost what is said here, by their names.
    pub fn set_prices(&mut self, prices: &BTreeMap<String, Price>) {
        for (name, price) in prices {
            if let Some(row) = self.models.get_mut(name) {
                row.price = Some(*price);
            }
        }
    }

    /// Whether a model row of this name is written, sound or not: what is wrong with it is reported where it stands.
    pub(crate) fn has_written_model(&self, name: &str) -> bool {
        has_key(self.properties.document.as_ref(), "models", name)
    }

    /// The names of all model rows that are written, sound or not; those of the sound ones where there is no file.
    pub(crate) fn model_names(&self) -> Vec<&str> {
        match &self.properties.document {
            Some(document) => document.keys_at(&["models"]).into_iter().map(|(name, _)| name).collect(),
            None => self.models.keys().map(String::as_str).collect(),
        }
    }

    /// Reads the sections of a registry document; everything that is wrong with them is added to `problems`.
    pub fn read(document: &Document, problems: &mut Vec<Problem>) -> Self {
        Self {
            models: read_models(document, problems),
            properties: Properties {
                specs: section(document, "properties", problems).unwrap_or_default(),
                document: Some(document.clone()),
            }
            .checked(problems),
            policy: section::<PolicySpec>(document, "gate", problems)
                .inspect(|policy| policy.check(document, problems))
                .unwrap_or_default(),
            allow_commands: false,
            program_directories: Vec::new(),
        }
    }
}

impl Properties {
    /// Whether a check of this name is written, sound or not: what is wrong with it is reported where it stands.
    pub(crate) fn has_written(&self, name: &str) -> bool {
        has_key(self.document.as_ref(), "properties", name)
    }

    /// The same properties; what is wrong with a check is added to `problems` even if nobody refers to it.
    pub(crate) fn checked(self, problems: &mut Vec<Problem>) -> Self {
        if let Some(document) = &self.document {
            for spec in self.specs.values() {
                spec.build(Context { document, surroundings: None }, problems);
            }
            for (name, span) in document.keys_at(&["properties"]) {
                if let Some(message) = Metric::taken(name) {
                    let problem = Problem::error("suite::taken_name", message).help(Metric::HOW_TO_NAME);
                    problems.push(problem.at(document.place(span)));
                }
            }
        }
        self
    }
}

fn has_key(document: Option<&Document>, section: &str, name: &str) -> bool {
    document.is_some_and(|document| document.keys_at(&[section]).iter().any(|(key, _)| *key == name))
}

fn section<T: DeserializeOwned>(document: &Document, key: &str, problems: &mut Vec<Problem>) -> Option<T> {
    let Reading { value, problems: found, .. } = document.read_at(&[key])?;
    problems.extend(found);
    value
}

/// What other tools call by another name.
fn with_our_name(problem: Problem) -> Problem {
    match problem.message.as_str() {
        "unknown key `api_key`" => problem.help(
            "write `api_key_env: NAME`, the environment variable that holds the key; no file may hold the key itself",
        ),
        "unknown key `max_tokens`" => problem.help("write `max_output_tokens`"),
        _ => problem,
    }
}

fn read_models(document: &Document, problems: &mut Vec<Problem>) -> IndexMap<String, ModelRow> {
    let mut found = Vec::new();
    let specs: IndexMap<String, ModelRowSpec> = section(document, "models", &mut found).unwrap_or_default();
    problems.extend(found.into_iter().map(with_our_name));
    let mut models = IndexMap::with_capacity(specs.len());
    for (name, spec) in specs {
        match spec.validate(&name) {
            Ok(row) => {
                models.insert(name, row);
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| {
                let mut path = vec!["models".to_owned(), name.clone()];
                path.extend(problem.path);
                Problem::error("models::invalid_row", problem.message)
                    .maybe_help(problem.help)
                    .at(document.place_at(&path))
            })),
        }
    }
    models
}

#[cfg(test)]
mod secret_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_has_a_name_of_its_own() {
        let mut problems = Vec::new();
        let text = "properties:\n  score: {contains: a}\n  scores: {contains: a}\n";
        let document = Document::parse("registry.yaml", text, &mut problems).unwrap();
        Settings::read(&document, &mut problems);
        insta::assert_snapshot!(problems[0], @"registry.yaml:2:3: `score` is the name of a metric that every suite has (help: give the check another name: a gate could not look at it)");
        assert_eq!(problems.len(), 1);
    }
}
