//! `prompt.yaml`: what people say about a prompt. Written by hand; this crate changes one value of it and nothing else.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::lock_file::{SCHEMA, unknown_schema};
use crate::problem::{Place, Problem};
use crate::template::TemplateFormat;
use crate::variables::{SpecProblem, Variables, VariablesSpec};
use crate::version::VersionSelector;
use crate::yaml::{Document, Located, spelled};

/// The name of the file in a prompt's directory.
pub const FILE_NAME: &str = "prompt.yaml";

/// prompt.yaml: the name of a prompt, which of its versions is active, and the variables that they use.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "prompt.yaml")]
pub struct PromptSpec {
    /// The format of this file: 1.
    #[schemars(extend("const" = 1))]
    pub schema: Option<Located<u64>>,
    /// The prompt's name, the same as its directory.
    #[schemars(required, regex(pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"))]
    pub name: Option<Located<String>>,
    /// What the prompt is for.
    pub description: Option<String>,
    /// The version that is active: one version, or `latest`. Absent: `latest`.
    #[schemars(with = "Option<VersionSelector>")]
    #[serde(default, deserialize_with = "spelled")]
    pub active_version: Option<Located<String>>,
    /// The language of the templates. Absent: `format`.
    pub template_format: Option<TemplateFormat>,
    /// The variables: a list of names, or a map from names to declarations. Absent: whatever the versions use.
    pub variables: Option<VariablesSpec>,
    /// Words to find the prompt by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who is responsible for the prompt.
    #[serde(default)]
    pub owners: Vec<String>,
}

/// `prompt.yaml` as far as it could be read; what is missing is among the problems.
#[derive(Debug, Clone)]
pub(crate) struct PromptFile {
    pub(crate) description: Option<String>,
    /// `None` where something is written that names no version.
    pub(crate) active: Option<ActiveVersion>,
    /// `None` where an unknown format is written.
    pub(crate) format: Option<TemplateFormat>,
    /// Whether the format is written, and not the one that goes without saying.
    pub(crate) format_is_told: bool,
    pub(crate) variables: Declared,
    pub(crate) tags: Vec<String>,
    pub(crate) owners: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct ActiveVersion {
    pub(crate) selector: VersionSelector,
    /// Where it is written, or where the prompt is named if it is not.
    pub(crate) place: Place,
}

/// The variables that a prompt declares.
#[derive(Debug, Clone)]
pub enum Declared {
    /// There is no `variables` key: the templates decide.
    Not,
    /// These.
    Valid(Variables),
    /// The declaration has errors, so that nothing can be held against it.
    Broken,
}

/// The variables that a `prompt.yaml` declares, whatever else is wrong with it: for one of another day, whose directory is not at hand.
pub fn declared_variables(document: &Document) -> Declared {
    PromptFile::read(document, "", &mut Vec::new()).map_or(Declared::Broken, |file| file.variables)
}

impl PromptFile {
    /// Reads the file of the prompt in `directory`; everything that is wrong is added to `problems`.
    pub(crate) fn read(document: &Document, directory: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        if document.is_empty() {
            problems.push(
                Problem::error("prompt::empty", "the file is empty")
                    .at(Place::whole_file(document.file()))
                    .help(format!("its least text is `name: {directory}`")),
            );
            return None;
        }
        let reading = document.read::<PromptSpec>();
        let is_written = |key: &str| document.keys_at(&[]).iter().any(|(written, _)| *written == key);
        problems.extend(reading.problems);
        let spec = reading.value.unwrap_or_default();
        if let Some(schema) = spec.schema.filter(|schema| schema.value != SCHEMA) {
            problems.push(unknown_schema(document, &schema));
        }
        check_name(document, spec.name.as_ref(), directory, problems);
        let format = match spec.template_format {
            None if is_written("template_format") => None,
            format => Some(format.unwrap_or_default()),
        };
        let variables = match &spec.variables {
            None if is_written("variables") => Declared::Broken,
            None => Declared::Not,
            Some(variables) => declared(document, variables, format.unwrap_or_default(), problems),
        };
        // An unknown key inside a declaration was left out and reported; what is left of it is no ground for more.
        let variables = match document.read_at::<VariablesSpec>(&["variables"]) {
            Some(reading) if !reading.problems.is_empty() => Declared::Broken,
            _ => variables,
        };
        Some(Self {
            description: spec.description,
            active: active(document, spec.active_version.as_ref(), is_written("active_version"), problems),
            format,
            format_is_told: is_written("template_format"),
            variables,
            tags: spec.tags,
            owners: spec.owners,
        })
    }
}

fn check_name(
    document: &Document,
    name: Option<&Located<String>>,
    directory: &str,
    problems: &mut Vec<Problem>,
) {
    match name {
        Some(name) if name.value == directory => {}
        Some(name) => problems.push(
            Problem::error(
                "prompt::name_differs",
                format!(
                    "the name `{}` is not that of the directory, `{directory}`",
                    name.value.escape_debug()
                ),
            )
            .at(document.place(name.span))
            .help(format!("write `name: {directory}`, or rename the directory")),
        ),
        None if problems.iter().any(|problem| problem.place == Some(document.place_at(&["name"]))) => {}
        None => problems.push(
            Problem::error("yaml::missing_key", "the key `name` is missing")
                .at(Place::whole_file(document.file()))
                .help(format!("write `name: {directory}`")),
        ),
    }
}

fn active(
    document: &Document,
    written: Option<&Located<String>>,
    is_written: bool,
    problems: &mut Vec<Problem>,
) -> Option<ActiveVersion> {
    let Some(written) = written else {
        // `active_version:` with nothing behind it says as little as no such key; a number is a problem already.
        let is_number =
            is_written && document.read_at::<Option<String>>(&["active_version"])?.value.is_none();
        let place = document.place_at(&["name"]);
        return (!is_number).then_some(ActiveVersion { selector: VersionSelector::Latest, place });
    };
    let place = document.place(written.span);
    match written.parse() {
        Ok(selector) => Some(ActiveVersion { selector, place }),
        Err(error) => {
            problems.push(
                Problem::error("prompt::active_version", error.to_string()).at(place).help(error.help()),
            );
            None
        }
    }
}

fn declared(
    document: &Document,
    spec: &VariablesSpec,
    format: TemplateFormat,
    problems: &mut Vec<Problem>,
) -> Declared {
    match spec.validate(format) {
        Ok(variables) => Declared::Valid(variables),
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| place_variable_problem(document, problem)));
            Declared::Broken
        }
    }
}

fn place_variable_problem(document: &Document, problem: SpecProblem) -> Problem {
    // In the list form only the message says which element is meant; of two alike, the second is the one too many.
    let is_meant = |element: &&Located<String>| problem.message.contains(&format!("`{}`", element.value));
    let element = listed(document).into_iter().rev().find(|element| is_meant(&element));
    let by_path = || document.place_at(&[vec!["variables".to_owned()], problem.path.clone()].concat());
    let place = element.map_or_else(by_path, |element| document.place(element.span));
    Problem::error("prompt::variable", problem.message).at(place).maybe_help(problem.help)
}

/// The elements of the list form of `variables`.
fn listed(document: &Document) -> Vec<Located<String>> {
    let reading = document.read_at::<Vec<Located<String>>>(&["variables"]);
    reading.and_then(|reading| reading.value).unwrap_or_default()
}

/// Where a variable is declared.
pub(crate) fn place_of_variable(document: &Document, name: &str) -> Place {
    match listed(document).iter().find(|element| element.value == name) {
        Some(element) => document.place(element.span),
        None => match document.keys_at(&["variables"]).iter().find(|(key, _)| *key == name) {
            Some((_, span)) => document.place(*span),
            None => document.place_at(&["variables"]),
        },
    }
}
