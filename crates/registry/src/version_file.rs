//! The file of a version: `v1.0.0.txt`, one user message, or `v1.2.0.yaml`, chat messages with roles.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::content::{Chat, MessageTemplate, Role, VersionContent};
use crate::lock_file::{SCHEMA, unknown_schema};
use crate::merge_conflict;
use crate::problem::{Place, Problem, has_errors};
use crate::template::{Template, TemplateFormat, TemplateProblem, code};
use crate::version::Version;
use crate::yaml::{Document, Located, Span};

mod inside_scalar;
mod tools;

use inside_scalar::place_inside;

pub use tools::ToolSpec;

/// How the file of a version is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `v1.0.0.txt`: the text is one user message.
    Text,
    /// `v1.0.0.yaml`: `messages:` with roles, and parameters for the model if wanted.
    Chat,
}

impl Form {
    /// That of a file, by its extension.
    pub(crate) fn of(file: &Path) -> Self {
        let is_chat = file.extension().is_some_and(|extension| extension == Self::Chat.extension());
        if is_chat { Self::Chat } else { Self::Text }
    }

    /// The extension of its files, without the point.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Chat => "yaml",
        }
    }

    /// The one name that the file of this version may have.
    pub fn file_name(self, version: &Version) -> String {
        format!("{version}.{}", self.extension())
    }
}

/// A chat version: messages with roles, and what goes along with the request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a chat version, such as v1.2.0.yaml")]
pub struct VersionSpec {
    /// The format of this file: 1.
    #[schemars(extend("const" = 1))]
    pub schema: Option<Located<u64>>,
    /// The messages in order, at least one.
    #[schemars(length(min = 1))]
    pub messages: Vec<MessageSpec>,
    /// Parameters for the model, which win over those of its row in registry.yaml.
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// The form of the answer that is asked for.
    #[serde(default)]
    pub response_format: Option<Value>,
    /// The tools that the model may call.
    #[serde(default)]
    pub tools: Option<Vec<ToolSpec>>,
}

/// A message of a chat version.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a message")]
pub struct MessageSpec {
    /// Who speaks.
    pub role: Role,
    /// What is said: a template.
    pub content: Located<String>,
}

/// The text of a message, whatever else is wrong with the message.
#[derive(Deserialize)]
struct ContentSpec {
    content: Located<String>,
}

impl VersionContent {
    /// Reads the text of a version's file; the extension of the name says whether it is a text or a chat.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each at its place.
    pub fn parse(
        file: impl AsRef<Path>,
        text: impl Into<Arc<str>>,
        format: TemplateFormat,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let file = file.as_ref();
        let form = Form::of(file);
        let content = VersionFile::parse(file, &text.into(), form, format, &mut problems).content;
        content.ok_or(problems)
    }
}

/// A version's file, read.
#[derive(Debug, Clone)]
pub(crate) struct VersionFile {
    /// What it says; absent only with an error among the problems.
    pub(crate) content: Option<VersionContent>,
    /// Where there is no content: the texts of a chat that can be read, whatever is wrong with the rest.
    pub(crate) texts: Option<VersionContent>,
    /// A chat's YAML, where it is YAML.
    pub(crate) document: Option<Document>,
}

impl VersionFile {
    /// Reads the text of a file; every error is added to `problems`, each at its place in the file.
    pub(crate) fn parse(
        file: &Path,
        text: &Arc<str>,
        form: Form,
        format: TemplateFormat,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut found = Vec::new();
        let (content, document) = match form {
            Form::Text => (parse_text(file, text, format, &mut found), None),
            Form::Chat => {
                let document = Document::parse(file, Arc::clone(text), &mut found);
                for merge in found.iter_mut().filter(|problem| problem.code == merge_conflict::UNRESOLVED) {
                    merge.help = Some(merge_conflict::one_side(file));
                }
                let content = document.as_ref().and_then(|document| parse_chat(document, format, &mut found));
                (content, document)
            }
        };
        let broken = has_errors(&found);
        problems.extend(found);
        let texts = document.as_ref().filter(|_| broken).and_then(|document| readable(document, format));
        Self { content: content.filter(|_| !broken), texts, document }
    }
}

fn parse_text(
    file: &Path,
    text: &Arc<str>,
    format: TemplateFormat,
    problems: &mut Vec<Problem>,
) -> Option<VersionContent> {
    if text.trim().is_empty() {
        problems.push(empty(file));
        return None;
    }
    problems.extend(merge_conflict::in_prose(file, text));
    match Template::parse(format, Arc::clone(text)) {
        Ok(template) => Some(VersionContent::Text(template)),
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| {
                let place = Place::in_text(file, text, problem.span.clone());
                as_problem(problem, place)
            }));
            None
        }
    }
}

fn parse_chat(
    document: &Document,
    format: TemplateFormat,
    problems: &mut Vec<Problem>,
) -> Option<VersionContent> {
    if document.is_empty() {
        problems.push(empty(document.file()));
        return None;
    }
    let reading = document.read::<VersionSpec>();
    let has_all = reading.problems.is_empty();
    problems.extend(reading.problems);
    check_schema(document, problems);
    let Some(spec) = reading.value.filter(|_| has_all) else {
        // A message that was left out, for a wrong role perhaps, has a text all the same.
        for content in contents(document) {
            parse_content(document, &content, format, problems);
        }
        return None;
    };
    let mut messages = Vec::with_capacity(spec.messages.len());
    for MessageSpec { role, content } in spec.messages {
        let template = parse_content(document, &content, format, problems);
        messages.extend(template.map(|template| MessageTemplate { role, template }));
    }
    let tools = tools::read(spec.tools.unwrap_or_default(), document, problems);
    let chat = Chat::new(messages, spec.params.unwrap_or_default(), spec.response_format)
        .map(|chat| chat.with_tools(tools));
    let chat = chat.map_err(|error| {
        // Messages whose template is broken are problems of their own.
        if !has_errors(problems) {
            problems.push(
                Problem::error("version::no_messages", error.to_string())
                    .at(document.place_at(&["messages"]))
                    .help("write one, such as `- {role: user, content: \"{query}\"}`"),
            );
        }
    });
    chat.ok().map(VersionContent::Chat)
}

/// What is wrong with the type of `schema` is found where the whole is read.
fn check_schema(document: &Document, problems: &mut Vec<Problem>) {
    let schema = document.read_at::<Located<u64>>(&["schema"]).and_then(|reading| reading.value);
    if let Some(schema) = schema.filter(|schema| schema.value != SCHEMA) {
        problems.push(unknown_schema(document, &schema));
    }
}

fn parse_content(
    document: &Document,
    content: &Located<String>,
    format: TemplateFormat,
    problems: &mut Vec<Problem>,
) -> Option<Template> {
    match Template::parse(format, content.value.as_str()) {
        Ok(template) => Some(template),
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| {
                let place = document.place(span_inside(document, content, problem.span.clone()));
                as_problem(problem, place)
            }));
            None
        }
    }
}

/// The messages whose text is sound. Who says them does not matter to what they use.
fn readable(document: &Document, format: TemplateFormat) -> Option<VersionContent> {
    let templates = contents(document).filter_map(|content| Template::parse(format, content.value).ok());
    let messages = templates.map(|template| MessageTemplate { role: Role::User, template }).collect();
    Chat::new(messages, Map::new(), None).ok().map(VersionContent::Chat)
}

/// The texts of all messages that have one.
fn contents(document: &Document) -> impl Iterator<Item = Located<String>> {
    let messages = document.read_at::<Vec<ContentSpec>>(&["messages"]).and_then(|reading| reading.value);
    messages.unwrap_or_default().into_iter().map(|message| message.content)
}

fn empty(file: &Path) -> Problem {
    Problem::error("version::empty", "the file is empty")
        .at(Place::whole_file(file))
        .help("write the prompt into it, or remove it")
}

fn as_problem(problem: TemplateProblem, place: Place) -> Problem {
    // A text that is too large may be one line, which nobody wants to be shown.
    let place = if problem.code == code::TOO_LARGE { Place::whole_file(place.file) } else { place };
    Problem::error(problem.code, problem.message).at(place).maybe_help(problem.help)
}

fn span_inside(document: &Document, content: &Located<String>, part: std::ops::Range<usize>) -> Span {
    let range = place_inside(document.text(), content.span, &content.value, part);
    Span { start: range.start, end: range.end }
}

/// Where a version uses a variable first.
pub(crate) fn place_of_use(
    file: &Path,
    text: &str,
    content: &VersionContent,
    document: Option<&Document>,
    variable: &str,
) -> Place {
    place_in_templates(file, text, content, document, |template| span_of_use(template, variable))
}

/// Where a version first writes a text.
pub(crate) fn place_of_text(
    file: &Path,
    text: &str,
    content: &VersionContent,
    document: Option<&Document>,
    written: &str,
) -> Place {
    place_in_templates(file, text, content, document, |template| {
        let start = template.source().find(written)?;
        Some(start..start + written.len())
    })
}

fn place_in_templates(
    file: &Path,
    text: &str,
    content: &VersionContent,
    document: Option<&Document>,
    find: impl Fn(&Template) -> Option<std::ops::Range<usize>>,
) -> Place {
    let Some(document) = document else {
        let found = content.templates().next().and_then(&find);
        return found.map_or_else(|| Place::whole_file(file), |span| Place::in_text(file, text, span));
    };
    let found = content.templates().find_map(|template| {
        let span = find(template)?;
        // Not every message need be among the templates.
        let content = contents(document).find(|content| content.value == template.source())?;
        Some(document.place(span_inside(document, &content, span)))
    });
    found.unwrap_or_else(|| document.place_at(&["messages"]))
}

fn span_of_use(template: &Template, variable: &str) -> Option<std::ops::Range<usize>> {
    let source = template.source();
    let is_field = |start: usize| match template {
        // An odd number of braces: an even one is literal text.
        Template::Format(_) => {
            (source[..start].len() - source[..start].trim_end_matches('{').len()) % 2 == 1
                && source[start + variable.len()..].starts_with(['}', '!', ':'])
        }
        Template::Jinja(_) => {
            let joins = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
            !source[..start].ends_with(joins)
                && !source[start + variable.len()..].starts_with(|c: char| c != '.' && joins(c))
        }
    };
    let (start, _) = source.match_indices(variable).find(|(start, _)| is_field(*start))?;
    Some(start..start + variable.len())
}
