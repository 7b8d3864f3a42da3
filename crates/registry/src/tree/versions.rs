//! Reads the version files of a prompt and compares what they use with what is declared.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::prompt_directory::Files;
use super::reading::{Reader, Reading};
use super::{MAX_VERSION_BYTES, PromptVersion};
use crate::content::{UsageFinding, VersionContent, as_field, check_usage};
use crate::digest::Digest;
use crate::files::read_text;
use crate::lock_file::Lock;
use crate::problem::Problem;
use crate::prompt_file::{Declared, PromptFile, place_of_variable};
use crate::template::TemplateFormat;
use crate::variables::{Interface, Variables};
use crate::version::Version;
use crate::version_file::{VersionFile, place_of_text, place_of_use};
use crate::yaml::Document;

/// The code of a warning: a value goes nowhere, since its name stands in the braces of the other template format.
pub(super) const WRITTEN_AS_TEXT: &str = "variables::written_as_text";

pub(super) type Versions = BTreeMap<Version, PromptVersion>;

/// The versions that could be read, without their lock rows. Where a version has two files, the first is read. The YAML of chat versions
/// is added to `chats`, whether they could be read or not.
pub(super) fn load(
    (files, lock): (&Files, Option<&Lock>),
    document: &Document,
    file: &PromptFile,
    chats: &mut Vec<Document>,
    problems: &mut Vec<Problem>,
) -> Versions {
    let Some(reader) = Reader::new(file, lock) else { return Versions::new() };
    let mut versions = Versions::new();
    let mut broken: BTreeMap<&Version, (VersionContent, Document)> = BTreeMap::new();
    for (version, entries) in &files.versions {
        let Some((entry, form)) = entries.first() else { continue };
        let text: Arc<str> = match read_text(&entry.path, MAX_VERSION_BYTES) {
            Ok(text) => text.into(),
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        let row = lock.and_then(|lock| lock.rows.get(version));
        let Reading { file, interface, grounds } = reader.read(&entry.path, &text, *form, row, problems);
        let VersionFile { content, texts, document } = file;
        chats.extend(document.clone());
        let (Some(content), Some(interface)) = (content, interface) else {
            broken.extend(texts.zip(document).map(|readable| (version, readable)));
            continue;
        };
        let loaded = PromptVersion {
            version: version.clone(),
            path: entry.path.clone(),
            digest: Digest::of(text.as_bytes()),
            text,
            content,
            interface: interface.interface,
            interface_digest: interface.digest,
            grounds,
            registered: None,
            document,
        };
        versions.insert(version.clone(), loaded);
    }
    if let Declared::Valid(variables) = &file.variables {
        let is_complete = versions.len() == files.versions.len();
        let sound = versions.values().map(|loaded| (&loaded.version, Used::of(loaded)));
        let broken = broken.iter().map(|(version, (content, chat))| {
            (*version, Used { path: chat.file(), text: chat.text(), content, document: Some(chat) })
        });
        check_variables(document, variables, &sound.chain(broken).collect(), is_complete, problems);
        problems.extend(without_default(document, variables, &versions));
    }
    versions
}

/// The interface of a prompt as a whole: what is declared, or else what any version uses.
pub(super) fn interface(file: &PromptFile, versions: &Versions) -> Interface {
    let format = file.format.unwrap_or_default();
    let variables = match &file.variables {
        Declared::Valid(variables) => variables.clone(),
        Declared::Not | Declared::Broken => {
            Variables::inferred(format, versions.values().flat_map(|version| version.content.variables()))
        }
    };
    Interface::new(format, variables)
}

/// What uses variables, in a version that is sound or not.
struct Used<'a> {
    path: &'a Path,
    text: &'a str,
    content: &'a VersionContent,
    document: Option<&'a Document>,
}

impl<'a> Used<'a> {
    fn of(loaded: &'a PromptVersion) -> Self {
        let PromptVersion { path, text, content, document, .. } = loaded;
        Self { path, text, content, document: document.as_ref() }
    }
}

fn check_variables(
    document: &Document,
    variables: &Variables,
    versions: &BTreeMap<&Version, Used<'_>>,
    is_complete: bool,
    problems: &mut Vec<Problem>,
) {
    let contents = versions.iter().map(|(version, used)| (*version, used.content));
    for finding in check_usage(variables, contents) {
        match finding {
            UsageFinding::Undeclared { variable, versions: users, suggestion } => {
                problems.extend(undeclared(&variable, &users, suggestion.as_deref(), versions));
            }
            UsageFinding::Unused { variable, written_as_text } if is_complete => {
                problems.push(unused(document, &variable, written_as_text));
            }
            UsageFinding::WrittenAsText { variable, version, text } => {
                problems.extend(written_as_text(&variable, &version, &text, versions));
            }
            // A version that could not be read may use it.
            UsageFinding::Unused { .. } => {}
        }
    }
}

fn undeclared(
    variable: &str,
    users: &[Version],
    suggestion: Option<&str>,
    versions: &BTreeMap<&Version, Used<'_>>,
) -> Option<Problem> {
    let version = users.first()?;
    let Used { path, text, content, document } = versions.get(version)?;
    let others = match users.len() - 1 {
        0 => String::new(),
        1 => format!(" (so does {})", users[1]),
        others => format!(" (so do {others} other versions)"),
    };
    let declare = format!("declare it under `variables:` in {}", crate::prompt_file::FILE_NAME);
    let help = match suggestion {
        Some(suggestion) => format!("did you mean `{suggestion}`? or {declare}"),
        None => declare,
    };
    let message = format!("{version} uses `{variable}`, which is not declared{others}");
    let place = place_of_use(path, text, content, *document, variable);
    Some(Problem::error("variables::undeclared", message).at(place).help(help))
}

fn written_as_text(
    variable: &str,
    version: &Version,
    written: &str,
    versions: &BTreeMap<&Version, Used<'_>>,
) -> Option<Problem> {
    let Used { path, text, content, document } = versions.get(version)?;
    let place = place_of_text(path, text, content, *document, written);
    let field = as_field(content, variable, written);
    let message = format!(
        "{version} writes `{written}`, which is plain text in its template format, and uses `{variable}` nowhere"
    );
    let help =
        format!("write `{field}`, where its value is to stand; a registered text stays, so in a new version");
    Some(Problem::warning(WRITTEN_AS_TEXT, message).at(place).help(help))
}

/// Of versions that are read as `format` in a prompt that has gone on in Jinja: a variable that may be left out there, and without a default
/// leaves its field unfilled here. Where all is `format`, the declaration itself is an error.
fn without_default<'a>(
    document: &'a Document,
    variables: &'a Variables,
    versions: &'a Versions,
) -> impl Iterator<Item = Problem> + 'a {
    let may_be_missing = |name: &str| {
        variables.get(name).is_some_and(|variable| !variable.is_required() && variable.default().is_none())
    };
    variables.names().filter(move |name| may_be_missing(name)).filter_map(move |name| {
        let mut users = versions.values().filter(|version| {
            version.interface.format() == TemplateFormat::Format
                && version.content.variables().into_iter().any(|used| used == name)
        });
        let first = &users.next()?.version;
        let message = format!(
            "{first} was registered with `template_format: format`, in which nothing stands in the place of `{name}` where it is left out"
        );
        let help = format!(
            "add a default: `default: \"\"` leaves its place empty. In versions of Jinja `{name}` is defined from then on, and what asks `is defined` says something else there; where {first} is archived, its file and its row of prompt.lock may be removed instead"
        );
        Some(
            Problem::error("variables::no_default", message).at(place_of_variable(document, name)).help(help),
        )
    })
}

fn unused(document: &Document, variable: &str, written_as_text: Option<(Version, String)>) -> Problem {
    let help = match written_as_text {
        Some((version, text)) => {
            format!("{version} writes `{text}`, which is plain text in its template format")
        }
        None => format!("remove it, or write `{variable}` into a version where it belongs"),
    };
    Problem::warning("variables::unused", format!("no version uses the variable `{variable}`"))
        .at(place_of_variable(document, variable))
        .help(help)
}
