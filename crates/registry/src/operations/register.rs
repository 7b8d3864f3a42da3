//! Registering a version: a lock row, and its text is frozen for ever.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{PromptError, survey};
use crate::digest::Digest;
use crate::files::{DirectoryLock, WriteError, write_atomic};
use crate::lock_file::{Lock, LockRow};
use crate::merge_conflict::MERGE_CONFLICT;
use crate::name::PromptName;
use crate::problem::{Problem, Severity, has_errors};
use crate::tree::reading::Grounds;
use crate::tree::{Prompt, PromptVersion, UnknownVersion};
use crate::version::{Version, VersionSelector};

/// Who registers a version, when, and what for.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Now. Kept to the second.
    pub created_at: Timestamp,
    /// A name, often with an address.
    pub created_by: String,
    /// What the version is for.
    pub description: Option<String>,
    /// Anything else worth keeping.
    pub metadata: BTreeMap<String, String>,
}

/// A version that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its lock row.
    pub row: LockRow,
    /// Whether it was registered before, with the same bytes: then the row is that of the first time.
    pub already: bool,
    /// The versions whose template format was written into rows of before it was kept.
    pub formats_kept: Vec<Version>,
}

/// Why a version was not registered. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The prompt cannot be worked on.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// There is no such version.
    #[error(transparent)]
    Unknown(#[from] UnknownVersion),
    /// Other bytes are registered under this number.
    #[error(
        "{version} is registered with another text: recorded {}, found {}",
        recorded.short(), found.as_ref().map_or_else(|| "no file".to_owned(), Digest::short)
    )]
    Differs {
        /// The number.
        version: Version,
        /// The digest of the registered bytes.
        recorded: Digest,
        /// The digest of the file, where there is one.
        found: Option<Digest>,
    },
    /// The lock could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl RegisterError {
    /// What to do.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Prompt(error) => error.help(),
            Self::Unknown(error) => Some(error.help()),
            Self::Differs { .. } => Some(
                "a registered text never changes: restore the file with git, and add the new text as a new version",
            ),
            Self::Write(_) => None,
        }
    }
}

/// Freezes a version: its bytes, its variables and template format, who and when go into `prompt.lock`. Registering the same bytes
/// again changes nothing, but rows of before the template format was kept get it. A text with an unresolved merge is refused: it could not be put right any more.
pub fn register(
    lock: &DirectoryLock,
    name: &PromptName,
    version: &Version,
    registration: Registration,
) -> Result<Registered, RegisterError> {
    let survey = survey(lock, name)?;
    let prompt = survey.prompt.as_ref();
    let loaded = prompt.and_then(|prompt| prompt.version(version));
    if let Some(row) = survey.lock.as_ref().and_then(|lock| lock.rows.get(version)) {
        let found = loaded.map(|loaded| loaded.digest);
        let is_told = loaded.is_some_and(|loaded| !loaded.grounds.are_missing());
        if !is_told && survey.present.contains(version) && has_errors(&survey.problems) {
            // That it is registered already would be half of it: its format is not told, or its file is there and cannot be read.
            return Err(PromptError::Broken { name: name.clone(), problems: survey.problems }.into());
        }
        if found != Some(row.sha256) {
            return Err(RegisterError::Differs { version: version.clone(), recorded: row.sha256, found });
        }
        let mut rows = survey.lock.clone().unwrap_or_default();
        let formats_kept = prompt.map(|prompt| write_down_formats(prompt, &mut rows)).unwrap_or_default();
        if !formats_kept.is_empty() {
            write_atomic(&survey.lock_path(), rows.to_text())?;
        }
        let row = rows.rows.remove(version).unwrap_or_else(|| row.clone());
        return Ok(Registered { row, already: true, formats_kept });
    }
    let (Some(prompt), Some(rows)) = (prompt.filter(|_| !has_errors(&survey.problems)), survey.lock.clone())
    else {
        return Err(PromptError::Broken { name: name.clone(), problems: survey.problems }.into());
    };
    let loaded = prompt.resolve(&VersionSelector::Exact(version.clone()))?;
    let unresolved: Vec<Problem> = survey
        .problems
        .iter()
        .filter(|problem| {
            let file = problem.place.as_ref().map(|place| &place.file);
            problem.code == MERGE_CONFLICT && file == Some(&loaded.path)
        })
        .map(|problem| Problem { severity: Severity::Error, ..problem.clone() })
        .collect();
    if !unresolved.is_empty() {
        return Err(PromptError::Broken { name: name.clone(), problems: unresolved }.into());
    }
    let row = LockRow {
        file: loaded.form().file_name(version),
        sha256: loaded.digest,
        interface: loaded.interface_digest,
        template_format: Some(loaded.interface.format()),
        created_at: to_the_second(registration.created_at),
        created_by: registration.created_by,
        description: registration.description,
        metadata: registration.metadata,
    };
    let mut rows = rows;
    let formats_kept = write_down_formats(prompt, &mut rows);
    rows.rows.insert(version.clone(), row.clone());
    write_atomic(&survey.lock_path(), rows.to_text())?;
    Ok(Registered { row, already: false, formats_kept })
}

/// Rows of before the format was kept get it where their digest proves it, as long as it does: another set of variables ends that.
fn write_down_formats(prompt: &Prompt, lock: &mut Lock) -> Vec<Version> {
    let mut kept = Vec::new();
    for (version, row) in lock.rows.iter_mut().filter(|(_, row)| row.template_format.is_none()) {
        let is_proven =
            |loaded: &&PromptVersion| loaded.grounds == Grounds::Proven && loaded.digest == row.sha256;
        if let Some(loaded) = prompt.version(version).filter(is_proven) {
            row.template_format = Some(loaded.interface.format());
            kept.push(version.clone());
        }
    }
    kept
}

/// Cut, not rounded: nothing is registered in the future.
fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
