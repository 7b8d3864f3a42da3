//! Making a version active: one value of a hand-written file changes, every other byte stays.

use serde_json::Value;

use super::{PromptError, survey};
use crate::files::{DirectoryLock, WriteError, write_atomic};
use crate::name::PromptName;
use crate::problem::Problem;
use crate::tree::single::{ACTIVE_UNKNOWN, Survey};
use crate::tree::{Prompt, UnknownVersion, version_of_file};
use crate::version::{Version, VersionSelector};
use crate::yaml::{Document, Located, Span, replace_scalar};

const KEY: &str = "active_version";

/// What `activate` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// What was active before.
    pub previous: VersionSelector,
    /// Whether the file changed; not if the version was active already.
    pub changed: bool,
}

/// Why a version was not made active. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The prompt cannot be worked on.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// There is no such version.
    #[error(transparent)]
    Unknown(#[from] UnknownVersion),
    /// The file is written in a way that cannot be changed at one place.
    #[error("`prompt.yaml` cannot be changed at one place")]
    NotInPlace {
        /// The line to write by hand.
        line: String,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ActivateError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Prompt(error) => error.help().map(str::to_owned),
            Self::Unknown(error) => Some(error.help().to_owned()),
            Self::NotInPlace { line } => Some(format!("write `{line}` into it by hand")),
            Self::Write(_) => None,
        }
    }
}

/// Writes `active_version` into `prompt.yaml`. Comments, order and line endings stay. A prompt whose one error is that its active
/// version does not exist can be cured so.
pub fn activate(
    lock: &DirectoryLock,
    name: &PromptName,
    selector: &VersionSelector,
) -> Result<Activated, ActivateError> {
    let survey = survey(lock, name)?;
    point_at(survey, name, selector, |_| true)
}

/// Lets `active_version` follow what was decided elsewhere: as [`activate`], but what is wrong in the file of another version stands in
/// nobody's way, so that whoever goes back need not mend a draft first.
pub fn follow(
    lock: &DirectoryLock,
    name: &PromptName,
    version: &Version,
) -> Result<Activated, ActivateError> {
    let survey = survey(lock, name)?;
    let directory = survey.directory.clone();
    let concerns = |problem: &Problem| {
        let file = problem.place.as_ref().and_then(|place| place.file.strip_prefix(&directory).ok());
        file.and_then(|file| version_of_file(file.to_str()?)).is_none_or(|of_file| of_file == *version)
    };
    point_at(survey, name, &VersionSelector::Exact(version.clone()), concerns)
}

fn point_at(
    survey: Survey,
    name: &PromptName,
    selector: &VersionSelector,
    concerns: impl Fn(&Problem) -> bool,
) -> Result<Activated, ActivateError> {
    let stands_in_the_way =
        |problem: &Problem| problem.is_error() && problem.code != ACTIVE_UNKNOWN && concerns(problem);
    let prompt = match survey.prompt {
        Some(prompt) if !survey.problems.iter().any(stands_in_the_way) => prompt,
        _ => return Err(PromptError::Broken { name: name.clone(), problems: survey.problems }.into()),
    };
    let previous = prompt.active().clone();
    let Some(text) = activation(&prompt, selector)? else {
        return Ok(Activated { previous, changed: false });
    };
    write_atomic(prompt.document().file(), text)?;
    Ok(Activated { previous, changed: true })
}

/// The text that `prompt.yaml` would have with this version active; `None` where it has it already. Nothing is written: whoever must
/// not fail later asks first.
pub fn activation(prompt: &Prompt, selector: &VersionSelector) -> Result<Option<String>, ActivateError> {
    prompt.resolve(selector)?;
    let document = prompt.document();
    if document.read_at::<Option<String>>(&[KEY]).is_some() && prompt.active() == selector {
        return Ok(None);
    }
    match edited(document, &selector.to_string()) {
        Some(text) => Ok(Some(text)),
        None => Err(ActivateError::NotInPlace { line: format!("{KEY}: {selector}") }),
    }
}

/// The text with the value changed or the key added, if that is all that changes.
fn edited(document: &Document, value: &str) -> Option<String> {
    let mut expected = document.read::<Value>().value?;
    expected.as_object_mut()?.insert(KEY.to_owned(), Value::from(value));
    let is_right = |text: &String| {
        let mut problems = Vec::new();
        let read = Document::parse(document.file(), text.as_str(), &mut problems);
        problems.is_empty() && read.and_then(|read| read.read::<Value>().value) == Some(expected.clone())
    };
    candidates(document, value).into_iter().flatten().find(is_right)
}

fn candidates(document: &Document, value: &str) -> [Option<String>; 3] {
    let text = document.text();
    let written = document.read_at::<Located<Option<String>>>(&[KEY]).and_then(|reading| reading.value);
    if let Some(written) = written.filter(|written| written.span.end > written.span.start) {
        return [replace_scalar(text, written.span, value).ok(), None, None];
    }
    let keys = document.keys_at(&[]);
    let key = |wanted: &str| keys.iter().find(|(key, _)| *key == wanted).map(|(_, span)| *span);
    if let Some(key) = key(KEY) {
        // `active_version:` with nothing behind it.
        let colon = text.get(key.end..).and_then(|rest| rest.strip_prefix(':')).map(|_| key.end + 1);
        return [colon.map(|colon| insert(text, colon, &format!(" {value}"))), None, None];
    }
    let after = |wanted: &str| new_line_after(document, key(wanted)?, wanted, value);
    [after("description"), after("name"), in_flow_map(document, value)]
}

/// The key on a line of its own, below the line of another key whose value ends on that line.
fn new_line_after(document: &Document, key: Span, name: &str, value: &str) -> Option<String> {
    let text = document.text();
    let scalar = document.read_at::<Located<String>>(&[name])?.value?.span;
    if text.get(key.start..scalar.end)?.contains('\n') {
        return None;
    }
    let line_start = text[..key.start].rfind('\n').map_or(0, |newline| newline + 1);
    let indentation = &text[line_start..key.start];
    let line_end = text[scalar.end..].find('\n').map(|offset| scalar.end + offset + 1);
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Some(match line_end {
        Some(line_end) => insert(text, line_end, &format!("{indentation}{KEY}: {value}{ending}")),
        None => format!("{text}{ending}{indentation}{KEY}: {value}{ending}"),
    })
}

/// `{name: support, active_version: v1.0.0}`.
fn in_flow_map(document: &Document, value: &str) -> Option<String> {
    let name = document.read_at::<Located<String>>(&["name"])?.value?.span;
    Some(insert(document.text(), name.end, &format!(", {KEY}: {value}")))
}

fn insert(text: &str, position: usize, addition: &str) -> String {
    [&text[..position], addition, &text[position..]].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(text: &str) -> Option<String> {
        let mut problems = Vec::new();
        edited(&Document::parse("prompt.yaml", text, &mut problems).unwrap(), "v1.1.0")
    }

    #[test]
    fn only_the_value_changes() {
        for (before, after) in [
            (
                "# hi\nname: a # me\nactive_version:   v1.0.0   # why\ntags: [x]\n",
                "# hi\nname: a # me\nactive_version:   v1.1.0   # why\ntags: [x]\n",
            ),
            ("name: a\r\nactive_version: 'v1.0.0'", "name: a\r\nactive_version: 'v1.1.0'"),
            ("{name: a, active_version: \"v1.0.0\"}", "{name: a, active_version: \"v1.1.0\"}"),
            ("active_version: # later\nname: a\n", "active_version: v1.1.0 # later\nname: a\n"),
            ("name: a\nactive_version:\n", "name: a\nactive_version: v1.1.0\n"),
            ("name: a\nactive_version: ~\n", "name: a\nactive_version: v1.1.0\n"),
        ] {
            assert_eq!(edit(before).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn an_absent_key_comes_below_the_description_or_the_name() {
        for (before, after) in [
            (
                "name: a\ndescription: b # c\n\ntags: []\n",
                "name: a\ndescription: b # c\nactive_version: v1.1.0\n\ntags: []\n",
            ),
            (
                "name: a\ndescription: |\n  b\n  c\ntags: []\n",
                "name: a\nactive_version: v1.1.0\ndescription: |\n  b\n  c\ntags: []\n",
            ),
            ("  name: a\r\n  tags: []\r\n", "  name: a\r\n  active_version: v1.1.0\r\n  tags: []\r\n"),
            ("name: a", "name: a\nactive_version: v1.1.0\n"),
            ("{name: a, tags: []}\n", "{name: a, active_version: v1.1.0, tags: []}\n"),
        ] {
            assert_eq!(edit(before).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn what_cannot_be_changed_at_one_place_is_refused() {
        for text in [
            "name: &v v1.0.0\nactive_version: *v\n",
            "name: a\nactive_version: >-\n  v1.0.0\n",
            "name: >-\n  a\n",
        ] {
            assert_eq!(edit(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_else_stays(
            comment in "( # [a-z :#'\"{]{0,10})?",
            description in prop::option::of("[a-zA-Z0-9 ]{1,10}"),
            active in prop::option::of(prop_oneof![Just("v1.0.0"), Just("'1.0.0'"), Just("latest"), Just("")]),
            ending in prop_oneof![Just("\n"), Just("\r\n")],
        ) {
            let mut lines = vec![format!("name: a{comment}")];
            lines.extend(description.map(|text| format!("description: \"{text}\"{comment}")));
            lines.extend(active.map(|value| format!("active_version: {value}{comment}")));
            lines.push("tags: [x] # last".to_owned());
            let text = lines.join(ending) + ending;
            let after = edit(&text).unwrap();
            let is_active = |line: &&str| line.starts_with(KEY);
            let others = |text: &str| text.split_inclusive('\n').filter(|line| !is_active(line)).collect::<String>();
            prop_assert_eq!(others(&after), others(&text));
            prop_assert_eq!(after.lines().filter(is_active).count(), 1);
        }
    }
}
