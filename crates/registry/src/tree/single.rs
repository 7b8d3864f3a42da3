//! One prompt of a tree, read for a change: also what a broken prompt still shows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::{Entry, Kind};
use super::prompt::Prompt;
use super::prompt_directory::{self, Files, Found};
use crate::files::repository_root;
use crate::lock_file::{FILE_NAME, Lock};
use crate::name::PromptName;
use crate::problem::{self, Problem};
use crate::version::Version;

pub(crate) use super::prompt_directory::ACTIVE_UNKNOWN;

/// The files of one prompt.
pub(crate) struct Survey {
    pub(crate) directory: PathBuf,
    /// As far as it could be read; absent only with an error among the problems.
    pub(crate) prompt: Option<Prompt>,
    pub(crate) problems: Vec<Problem>,
    /// Every version that has a file, sound or not.
    pub(crate) present: Vec<Version>,
    /// `None` where there is a lock that cannot be read.
    pub(crate) lock: Option<Lock>,
}

impl Survey {
    pub(crate) fn lock_path(&self) -> PathBuf {
        self.directory.join(FILE_NAME)
    }
}

pub(crate) fn survey(root: &Path, directory: &Path, name: &PromptName) -> io::Result<Survey> {
    let (real_root, repository) = (fs::canonicalize(root)?, repository_root(root)?);
    let files = Files::list(directory, &real_root, &mut Vec::new());
    let lock = prompt_directory::read_lock(&files, &mut Vec::new()).into_lock();
    let entry = Entry { name: name.to_string(), path: directory.to_owned(), kind: Kind::Directory };
    let (prompt, mut problems) = match prompt_directory::load(&entry, &real_root, &repository) {
        Found::Prompt(loaded) => (loaded.prompt, loaded.problems),
        Found::Nothing(problems) => (None, problems),
    };
    problem::sort(&mut problems);
    Ok(Survey {
        directory: directory.to_owned(),
        prompt,
        problems,
        present: files.versions.into_keys().collect(),
        lock,
    })
}
