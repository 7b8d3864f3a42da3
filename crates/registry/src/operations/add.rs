//! A new version: one more file, not registered yet.

use std::path::PathBuf;
use std::sync::Arc;

use super::{PromptError, survey};
use crate::digest::Digest;
use crate::files::{DirectoryLock, WriteError, create_new};
use crate::name::PromptName;
use crate::problem::Problem;
use crate::tree::{MAX_VERSION_BYTES, PromptVersion};
use crate::version::{Bump, Version, next_version};
use crate::version_file::{Form, VersionFile};

/// Which number a new version gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// This one.
    Exact(Version),
    /// The next after every version that is there or was ever used.
    Next(Bump),
}

/// The text of a new version.
#[derive(Debug, Clone)]
pub struct NewVersion<'a> {
    /// Its number.
    pub number: Number,
    /// Whether `text` is one user message or the YAML of a chat.
    pub form: Form,
    /// The bytes of the file.
    pub text: &'a str,
    /// Numbers that were used and are neither there nor registered any more, as a ledger knows them.
    pub used: &'a [Version],
}

/// A version that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its number.
    pub version: Version,
    /// Its file.
    pub path: PathBuf,
    /// A version that has the same text already.
    pub same_as: Option<Version>,
}

/// Why a version was not added. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The prompt cannot be worked on.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The number is that of a version that is there, or was used before.
    #[error("{version} {}; no number is used twice", if *.is_present { "is there already" } else { "was used before" })]
    Taken {
        /// The number.
        version: Version,
        /// Whether its file is there.
        is_present: bool,
        /// The next patch version that is free, where there is one.
        next: Option<Version>,
    },
    /// There is no larger number.
    #[error("there is no version after the newest one: its numbers are as large as they can be")]
    NumbersExhausted,
    /// The text is no version.
    #[error("the text has errors")]
    Invalid {
        /// What is wrong, at its place in the file that was not written.
        problems: Vec<Problem>,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl AddError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Prompt(error) => error.help().map(str::to_owned),
            Self::Taken { next: Some(next), .. } => Some(format!("{next} is free")),
            Self::NumbersExhausted => Some("name a smaller version that is free".to_owned()),
            Self::Taken { next: None, .. } | Self::Invalid { .. } | Self::Write(_) => None,
        }
    }
}

/// Writes a new version, unregistered: it can be evaluated and still be edited. A prompt with errors elsewhere does not stand in
/// the way, only a `prompt.lock` that cannot be read does: without it nobody knows which numbers were used.
pub fn add_version(lock: &DirectoryLock, name: &PromptName, new: &NewVersion<'_>) -> Result<Added, AddError> {
    let survey = survey(lock, name)?;
    let broken = || PromptError::Broken { name: name.clone(), problems: survey.problems.clone() };
    let rows = &survey.lock.as_ref().ok_or_else(broken)?.rows;
    let taken = || survey.present.iter().chain(rows.keys()).chain(new.used);
    let version = match &new.number {
        Number::Next(bump) => next_version(*bump, taken()).ok_or(AddError::NumbersExhausted)?,
        Number::Exact(version) if taken().any(|taken| taken == version) => {
            return Err(AddError::Taken {
                version: version.clone(),
                is_present: survey.present.contains(version),
                next: next_version(Bump::Patch, taken()),
            });
        }
        Number::Exact(version) => version.clone(),
    };
    let path = survey.directory.join(new.form.file_name(&version));
    let format = survey.prompt.as_ref().map(crate::tree::Prompt::template_format).unwrap_or_default();
    check(&path, new, format)?;
    create_new(&path, new.text)?;
    let digest = Digest::of(new.text);
    let is_same = |old: &&PromptVersion| old.digest == digest && old.is_alike_in(format);
    let same = survey.prompt.as_ref().and_then(|prompt| prompt.versions().find(is_same));
    Ok(Added { version, path, same_as: same.map(|old| old.version.clone()) })
}

fn check(
    path: &std::path::Path,
    new: &NewVersion<'_>,
    format: crate::template::TemplateFormat,
) -> Result<(), AddError> {
    let mut problems = Vec::new();
    if new.text.len() as u64 > MAX_VERSION_BYTES {
        problems.push(Problem::error(
            "file::too_large",
            format!("the text has {} bytes; at most {MAX_VERSION_BYTES} are read", new.text.len()),
        ));
    } else if new.text.starts_with('\u{feff}') {
        problems.push(
            Problem::error("file::byte_order_mark", "the text begins with a byte order mark")
                .help("remove it"),
        );
    } else {
        VersionFile::parse(path, &Arc::from(new.text), new.form, format, &mut problems);
    }
    if problems.iter().any(Problem::is_error) { Err(AddError::Invalid { problems }) } else { Ok(()) }
}
