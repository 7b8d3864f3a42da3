//! What changes a prompt's files: adding a version, registering it, making it active.
//!
//! Every operation takes the [`DirectoryLock`] of the prompts directory as proof that nobody else writes, reads the files again under
//! it, checks everything before the first write, and writes one file, atomically. Time and author come in as arguments. Rules of a
//! lifecycle are not known here.

mod activate;
mod add;
mod register;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::{DirectoryLock, may_be_there};
use crate::name::PromptName;
use crate::problem::{Problem, did_you_mean};
use crate::prompt_file;
use crate::tree::single::{self, Survey};

pub use activate::{ActivateError, Activated, activate, activation, follow};
pub use add::{AddError, Added, NewVersion, Number, add_version};
pub use register::{RegisterError, Registered, Registration, register};

/// Why the files of a prompt cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// There is no such prompt.
    #[error("there is no prompt `{name}`")]
    Unknown {
        /// The name that was asked for.
        name: PromptName,
        /// The closest name, or all of them.
        help: String,
    },
    /// Its directory cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Its files have errors that stand in the way.
    #[error("the files of `{name}` have errors; correct them first")]
    Broken {
        /// The prompt.
        name: PromptName,
        /// The errors, and warnings beside them.
        problems: Vec<Problem>,
    },
}

impl PromptError {
    /// What to do.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Unknown { help, .. } => Some(help),
            Self::Io { .. } | Self::Broken { .. } => None,
        }
    }
}

/// Reads the prompt's files again, under the lock.
fn survey(lock: &DirectoryLock, name: &PromptName) -> Result<Survey, PromptError> {
    let root = lock.directory();
    let directory = root.join(name.as_str());
    let io = |path: &Path, source| PromptError::Io { path: path.to_owned(), source };
    if !may_be_there(&directory) || directory.is_file() {
        let names = prompt_names(root).map_err(|source| io(root, source))?;
        let help = did_you_mean(name.as_str(), names.iter().map(String::as_str), "prompts");
        return Err(PromptError::Unknown { name: name.clone(), help });
    }
    single::survey(root, &directory, name).map_err(|source| io(&directory, source))
}

fn prompt_names(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.path().is_file() && may_be_there(&entry.path().join(prompt_file::FILE_NAME)) {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;
