//! Declared variables against used ones, both ways.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::VersionContent;
use crate::problem::closest;
use crate::template::Template;
use crate::variables::Variables;
use crate::version::Version;

/// A difference between the variables that are declared and those that versions use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageFinding {
    /// Versions use a variable that is not declared: an error.
    Undeclared {
        /// The name in the templates.
        variable: String,
        /// The versions that use it.
        versions: Vec<Version>,
        /// A declared variable that may have been meant: one that the first of these versions does not use.
        suggestion: Option<String>,
    },
    /// No version uses a declared variable: a warning.
    Unused {
        /// The declared name.
        variable: String,
        /// Where a version writes the name in the braces of the other template language, which makes it plain text: the
        /// version and what it wrote, such as `{{query}}`.
        written_as_text: Option<(Version, String)>,
    },
    /// Another version uses it, and this one writes its name in the braces of the other template language, and nowhere as a field: a
    /// warning.
    WrittenAsText {
        /// The declared name.
        variable: String,
        /// The version in which the value goes nowhere.
        version: Version,
        /// What it wrote, such as `{{query}}`.
        text: String,
    },
}

/// Compares the declared variables with those that the versions use. Undeclared ones come first, in order of first appearance;
/// then unused ones, in the order of their declaration. Without a version, nothing is unused.
pub fn check_usage<'a>(
    declared: &Variables,
    versions: impl IntoIterator<Item = (&'a Version, &'a VersionContent)>,
) -> Vec<UsageFinding> {
    let versions: Vec<_> = versions.into_iter().collect();
    let mut used = HashSet::new();
    let mut undeclared: IndexMap<&str, (Vec<Version>, Option<String>)> = IndexMap::new();
    for (version, content) in &versions {
        let names = content.variables();
        for name in &names {
            if declared.get(name).is_none() {
                let free = || declared.names().filter(|declared| !names.contains(declared));
                let entry = undeclared.entry(name);
                let (users, _) =
                    entry.or_insert_with(|| (Vec::new(), closest(name, free()).map(str::to_owned)));
                users.push((*version).clone());
            }
        }
        used.extend(names);
    }
    let undeclared = undeclared.into_iter().map(|(name, (versions, suggestion))| UsageFinding::Undeclared {
        variable: name.to_owned(),
        versions,
        suggestion,
    });
    let unused = declared.names().filter(|name| !used.contains(name) && !versions.is_empty());
    let unused = unused.map(|name| UsageFinding::Unused {
        variable: name.to_owned(),
        written_as_text: versions.iter().find_map(|(version, content)| {
            let text = content.templates().find_map(|template| written_as_text(template, name))?;
            Some(((*version).clone(), text.to_owned()))
        }),
    });
    let as_text = versions.iter().flat_map(|(version, content)| {
        let found = in_other_braces(declared, content).into_iter().filter(|(name, _)| used.contains(name));
        found.map(|(name, text)| UsageFinding::WrittenAsText {
            variable: name.to_owned(),
            version: (*version).clone(),
            text: text.to_owned(),
        })
    });
    undeclared.chain(unused).chain(as_text).collect()
}

/// The declared variables that the content does not use and whose names it writes in the braces of the other template language, such as
/// `{{query}}` in `format`: plain text, into which no value is inserted. Each with what is written.
pub fn in_other_braces<'a>(declared: &'a Variables, content: &'a VersionContent) -> Vec<(&'a str, &'a str)> {
    let used = content.variables();
    let names = declared.names().filter(|name| !used.contains(name));
    names
        .filter_map(|name| {
            Some((name, content.templates().find_map(|template| written_as_text(template, name))?))
        })
        .collect()
}

/// How a field is written where [`in_other_braces`] found `written` in the braces of the other language.
pub fn as_field(content: &VersionContent, variable: &str, written: &str) -> String {
    match content.templates().next() {
        Some(Template::Jinja(_)) => format!("{{{{ {} }}}}", written.trim_matches(['{', '}', ' '])),
        Some(Template::Format(_)) | None => format!("{{{variable}}}"),
    }
}

/// The name in the braces of the other language: `{{name}}` in `format`, `{name}` in `jinja`, with a path or filters behind it or not.
fn written_as_text<'a>(template: &'a Template, name: &str) -> Option<&'a str> {
    let source = template.source();
    let (open, close) = match template {
        Template::Format(_) => ("{{", "}}"),
        Template::Jinja(_) => ("{", "}"),
    };
    source.match_indices(name).find_map(|(start, _)| {
        let before = source[..start].trim_end_matches(' ').strip_suffix(open)?;
        let rest = source[start + name.len()..].trim_start_matches(' ');
        let within = rest.starts_with(['.', '[', '|']);
        let end = if within { rest.find(['{', '}', '\n'])? } else { 0 };
        let after = rest[end..].strip_prefix(close)?;
        source.get(before.len()..source.len() - after.len())
    })
}
