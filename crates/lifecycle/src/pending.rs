//! The note that a command leaves while it writes more than one file, so that whoever comes after a crash can finish and explain it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{WriteError, may_be_there, write_atomic};
use promptassay_registry::version::Version;
use serde::{Deserialize, Serialize};

use crate::event::Verb;

/// The name of the note in a prompt's directory; it is there only while a command writes, and after a crash.
pub const FILE_NAME: &str = ".lifecycle.pending";

/// What a command was about to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// The command.
    pub command: Verb,
    /// The version that it was about.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// The head of the ledger before.
    pub head: Option<Digest>,
}

/// Where the note is.
pub fn path(prompt_directory: &Path) -> PathBuf {
    prompt_directory.join(FILE_NAME)
}

/// Whether a command is under way, or was interrupted. A note that cannot be looked at counts as there: whoever reads it is told why.
pub fn exists(prompt_directory: &Path) -> bool {
    may_be_there(&path(prompt_directory))
}

/// The note, if there is one. One that cannot be read says no more than that something was under way.
pub fn read(prompt_directory: &Path) -> io::Result<Option<Option<Pending>>> {
    match fs::read_to_string(path(prompt_directory)) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).ok())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn write(prompt_directory: &Path, pending: &Pending) -> Result<(), WriteError> {
    let mut text = serde_json::to_string(pending).unwrap_or_default();
    text.push('\n');
    write_atomic(&path(prompt_directory), text)
}

pub(crate) fn remove(prompt_directory: &Path) -> Result<(), WriteError> {
    let path = path(prompt_directory);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError::Io { path, source }),
        _ => Ok(()),
    }
}
