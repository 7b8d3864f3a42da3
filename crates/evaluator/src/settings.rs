//! What `registry.yaml` says to an evaluation: model rows, shared properties, the gate's defaults. Each section is read where it
//! stands, so that a mistake in it has its line and column.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use promptassay_llm::{ModelRow, ModelRowSpec, Price};
use promptassay_registry::problem::{Place, Problem};
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

/// Keys of a row where somebody may have written a secret that is refused.
const SECRET_KEYS: [&str; 5] = ["api_key_env", "base_url", "extra", "headers", "model"];

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

/// Where secrets may stand in rows that cannot be read, and so cannot be looked through: an error of such a row shows its line.
fn unread_secrets(document: &Document) -> Vec<Place> {
    let mut places = Vec::new();
    for (row, _) in document.keys_at(&["models"]) {
        for (key, _) in document.keys_at(&["models", row]) {
            if ["extra", "headers"].contains(&key) {
                values_below(document, &mut vec!["models", row, key], &mut places);
            }
        }
    }
    places
}

fn values_below<'a>(document: &'a Document, path: &mut Vec<&'a str>, places: &mut Vec<Place>) {
    let keys = document.keys_at(path);
    if keys.is_empty() {
        places.push(document.place_at(path));
    }
    for (key, _) in keys {
        path.push(key);
        values_below(document, path, places);
        path.pop();
    }
}

fn read_models(document: &Document, problems: &mut Vec<Problem>) -> IndexMap<String, ModelRow> {
    let mut found = Vec::new();
    let specs: IndexMap<String, ModelRowSpec> = section(document, "models", &mut found).unwrap_or_default();
    let unread = if found.is_empty() { Vec::new() } else { unread_secrets(document) };
    problems.extend(found.into_iter().map(|problem| {
        let mut problem = with_our_name(problem);
        problem.place = problem.place.map(|place| place.hiding(&unread));
        problem
    }));
    let mut models = IndexMap::with_capacity(specs.len());
    let mut invalid = Vec::new();
    let mut hidden = Vec::new();
    for (name, spec) in specs {
        match spec.validate(&name) {
            Ok(row) => {
                models.insert(name, row);
            }
            Err(found) => invalid.extend(found.into_iter().map(|problem| {
                let mut path = vec!["models".to_owned(), name.clone()];
                let may_hold_a_secret = problem.path.first().is_some_and(|key| SECRET_KEYS.contains(&&**key));
                path.extend(problem.path);
                let place = document.place_at(&path);
                hidden.extend(may_hold_a_secret.then(|| place.clone()));
                let found = Problem::error("models::invalid_row", problem.message).maybe_help(problem.help);
                (found, place)
            })),
        }
    }
    // Two of them may stand in one line.
    problems.extend(invalid.into_iter().map(|(problem, place)| problem.at(place.hiding(&hidden))));
    models
}

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

    #[test]
    fn no_secret_of_a_row_is_shown_again() {
        let rows = [
            "api_key: abc123",
            "api_key_env: abc-123",
            "headers: {X-Token: abc123}",
            "extra: {litellm: {api_key: abc123}}",
            "model: sk-abc123",
            "base_url: 'https://me:abc123@host/v1'",
            "base_url: 'https://host/v1?api_key=abc123'",
            "timeout: 30, extra: {token: abc123, api_key: [a, abc123]}, headers: {x-auth: abc123}",
            "modle: x, extra: {token: abc123, api_key: [a, abc123]}, headers: {x-auth: abc123}",
            "params: {max_tokens: 4}, headers: {X-A: sk-proj-abc123abc123}",
        ];
        let mut shown = Vec::new();
        for row in rows {
            let mut problems = Vec::new();
            let model = if row.starts_with("model:") { "" } else { "model: m, " };
            let text = format!("models:\n  a: {{provider: openai, {model}{row}}}\n");
            let document = Document::parse("registry.yaml", text, &mut problems).unwrap();
            Settings::read(&document, &mut problems);
            for problem in problems {
                let line = &problem.place.as_ref().unwrap().line_text;
                assert!(!line.contains("abc123") && !line.contains("abc-123"), "{line}");
                shown.push(format!("{problem}\n{line}"));
            }
        }
        insta::assert_snapshot!(shown.join("\n\n"));
    }
}
