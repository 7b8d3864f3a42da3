//! The directories of runs: what was planned in `run.json`, what happened in `events.jsonl`.
//!
//! This module finds, makes, lists and removes them. It knows neither the clock nor the working directory: ids, times and the
//! directory of all runs come in as arguments.

mod changes;
mod failed;
mod file;
mod id;
mod outline;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use promptassay_registry::files::{
    DirectoryLock, LOCK_FILE_NAME, LockError, WriteError, create_new_with, is_half_written,
};

pub use changes::{changes, changes_beside_cases};
pub use failed::failed_cases;
pub use file::{
    Asking, CacheUse, Header, PlannedCase, PlannedPrompt, PlannedVariant, RunFile, RunFileError, Shard,
};
pub use id::{InvalidRunId, RunId};
pub use outline::Outline;
pub(crate) use outline::Outlining;

const RUN_FILE: &str = "run.json";
const JOURNAL: &str = "events.jsonl";

/// What a run is made of. First what makes it one: without its `run.json` a directory is none, whatever else of it could not be removed.
const FILES: [&str; 4] = [RUN_FILE, JOURNAL, crate::evidence::FILE_NAME, crate::attempts::FILE_NAME];

/// The directory that holds a directory for each run, such as `.promptassay/runs`. It need not exist.
#[derive(Debug, Clone)]
pub struct Runs {
    root: PathBuf,
    /// Whose runs `latest` is one of, where it is said.
    prompts_directory: Option<String>,
}

/// The directory of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

/// Why a run is not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is none at all.
    #[error("there is no run in `{}`", root.display())]
    Empty {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// All are of other prompts directories.
    #[error("there is no run of these prompts in `{}`; of those of other directories there are {runs}", root.display())]
    OfOthers {
        /// Where it was looked for.
        root: PathBuf,
        /// How many there are.
        runs: usize,
    },
    /// There is none of this name.
    #[error("there is no run `{reference}` in `{}`", root.display())]
    Unknown {
        /// What was asked for.
        reference: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// There are not so many.
    #[error("there is no run `{reference}`: there are {runs} in `{}`", root.display())]
    TooFarBack {
        /// What was asked for.
        reference: String,
        /// How many there are.
        runs: usize,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// It was killed before it was described, or removed in part.
    #[error(
        "run {id} has no run.json, so nothing is known of it: it was killed before it began, or removed in part"
    )]
    Undescribed {
        /// The run.
        id: RunId,
    },
    /// Several begin so.
    #[error("several runs begin with `{reference}`: {}", list(candidates))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// The runs, oldest first.
        candidates: Vec<RunId>,
    },
    /// The directory cannot be read.
    #[error("cannot read `{}`: {source}", root.display())]
    Io {
        /// The directory of all runs.
        root: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Why a run's directory cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The directory cannot be made.
    #[error("cannot create `{}`: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What was planned cannot be written down.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Why a run cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// Somebody writes to it.
    #[error("the run is under way: {0}")]
    UnderWay(#[source] LockError),
    /// The operating system refused.
    #[error("cannot remove `{}`: {source}", path.display())]
    Io {
        /// The run's directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// How many runs before the latest `latest~N` means; `None` for another reference.
fn steps_back(reference: &str) -> Option<usize> {
    match reference.strip_prefix("latest")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

fn list(ids: &[RunId]) -> String {
    let few: Vec<&str> = ids.iter().take(4).map(RunId::as_str).collect();
    let more = if ids.len() > few.len() { ", …" } else { "" };
    format!("{}{more}", few.join(", "))
}

impl Runs {
    /// The runs in this directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), prompts_directory: None }
    }

    /// The same, where `latest` means a run of this prompts directory: [`RunFile::prompts_directory`].
    pub fn of(self, prompts_directory: String) -> Self {
        Self { prompts_directory: Some(prompts_directory), ..self }
    }

    /// One that cannot be read is: whoever wants the latest must not get an older one.
    fn is_own(&self, id: &RunId) -> bool {
        let Some(own) = &self.prompts_directory else { return true };
        RunDirectory { path: self.directory_of(id) }.file().map_or(true, |file| file.is_of(own))
    }

    /// Makes the directory of a new run and writes down what was planned. It becomes the latest one, also where the clock was set back
    /// since the last one was made: its id is moved behind that one's then, also in `file`.
    pub fn create(&self, file: &mut RunFile) -> Result<RunDirectory, CreateError> {
        let ids = self.ids().unwrap_or_default();
        // An id that is taken stays an error.
        let latest = ids.last().filter(|latest| **latest > file.id && !ids.contains(&file.id));
        if let Some(latest) = latest {
            file.id = file.id.moved_behind(latest);
        }
        let path = self.root.join(file.id.as_str());
        fs::create_dir_all(&path).map_err(|source| CreateError::Directory { path: path.clone(), source })?;
        let directory = RunDirectory { path };
        if let Err(error) = create_new_with(&directory.file_path(), |out| file.write(out)) {
            // Empty, it would be nothing but a riddle.
            let _ = fs::remove_dir(&directory.path);
            return Err(error.into());
        }
        Ok(directory)
    }

    /// The run that `reference` means: `latest`, `latest~1` for the one before it and so on, an id, or the beginning of one.
    pub fn find(&self, reference: &str) -> Result<RunDirectory, FindError> {
        let ids = self.ids()?;
        let directory = |id: &RunId| RunDirectory { path: self.directory_of(id) };
        if let Some(back) = steps_back(reference) {
            // From the end, so that few files are read of many runs.
            if let Some(id) = ids.iter().rev().filter(|id| self.is_own(id)).nth(back) {
                return Ok(directory(id));
            }
            let root = self.root.clone();
            return Err(match ids.iter().filter(|id| self.is_own(id)).count() {
                0 if ids.is_empty() => FindError::Empty { root },
                0 => FindError::OfOthers { root, runs: ids.len() },
                runs => FindError::TooFarBack { reference: reference.to_owned(), runs, root },
            });
        }
        let candidates: Vec<RunId> =
            ids.into_iter().filter(|id| id.as_str().starts_with(reference)).collect();
        match candidates.as_slice() {
            [id] => Ok(directory(id)),
            several if several.len() > 1 && !reference.is_empty() => {
                Err(FindError::Ambiguous { reference: reference.to_owned(), candidates })
            }
            _ => {
                let undescribed = self.undescribed()?;
                let mut alike = undescribed.into_iter().filter(|id| id.as_str().starts_with(reference));
                Err(match (alike.next(), alike.next()) {
                    (Some(id), None) if !reference.is_empty() => FindError::Undescribed { id },
                    _ => FindError::Unknown { reference: reference.to_owned(), root: self.root.clone() },
                })
            }
        }
    }

    /// The same for whoever is to remove it: also one that was killed before it was described. Both kinds are listed, so a beginning that
    /// a run of either kind has as well names neither: what is removed is gone.
    pub fn find_to_remove(&self, reference: &str) -> Result<RunDirectory, FindError> {
        if steps_back(reference).is_some() || reference.is_empty() {
            return self.find(reference);
        }
        let mut candidates = [self.ids()?, self.undescribed()?].concat();
        candidates.retain(|id| id.as_str().starts_with(reference));
        candidates.sort_unstable();
        match candidates.as_slice() {
            [] => self.find(reference),
            [id] => Ok(RunDirectory { path: self.directory_of(id) }),
            _ => Err(FindError::Ambiguous { reference: reference.to_owned(), candidates }),
        }
    }

    /// The directory of the run of this id, whether it is there or not.
    pub fn directory_of(&self, id: &RunId) -> PathBuf {
        self.root.join(id.as_str())
    }

    /// All runs, oldest first.
    pub fn list(&self) -> Result<Vec<RunDirectory>, FindError> {
        let ids = self.ids()?;
        Ok(ids.iter().map(|id| RunDirectory { path: self.directory_of(id) }).collect())
    }

    /// The ids in the order of their time. Whatever else stands in the directory is none of ours, and a run that was killed before it
    /// was described never was, whatever is wanted of the latest.
    fn ids(&self) -> Result<Vec<RunId>, FindError> {
        let mut ids = self.directories()?;
        ids.retain(|id| self.is_described(id));
        Ok(ids)
    }

    /// The directories of runs that were killed before they were described, or removed in part, or that begin right now; in the order of
    /// their time. Where only what somebody else put there is left of a run that was removed, there is none any more.
    pub fn undescribed(&self) -> Result<Vec<RunId>, FindError> {
        let mut ids = self.directories()?;
        ids.retain(|id| !self.is_described(id) && !holds_foreign_files_only(&self.directory_of(id)));
        Ok(ids)
    }

    /// One that may not be read is described: whoever wants the latest must not get an older one.
    fn is_described(&self, id: &RunId) -> bool {
        let file = fs::symlink_metadata(self.directory_of(id).join(RUN_FILE));
        !file.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    fn directories(&self) -> Result<Vec<RunId>, FindError> {
        let failed = |source| FindError::Io { root: self.root.clone(), source };
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            ids.extend(name.to_str().and_then(|name| name.parse::<RunId>().ok()));
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

impl RunDirectory {
    /// A run's directory that was copied elsewhere, such as a shard's from another machine; `None` where `path` is none.
    pub fn at(path: &Path) -> Option<Self> {
        path.join(RUN_FILE).is_file().then(|| Self { path: path.to_owned() })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it says what was planned.
    fn file_path(&self) -> PathBuf {
        self.path.join(RUN_FILE)
    }

    /// Where it says what happened.
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// What was planned.
    pub fn file(&self) -> Result<RunFile, RunFileError> {
        RunFile::read(&self.file_path())
    }

    /// The right to write to its journal. [`LockError::Held`] where the run is under way.
    pub fn lock(&self) -> Result<DirectoryLock, LockError> {
        DirectoryLock::try_acquire(&self.path)
    }

    /// Whether somebody writes to its journal.
    pub fn is_under_way(&self) -> bool {
        DirectoryLock::is_held(&self.path)
    }

    /// Removes the run: the files that runs are made of, and the directory where nothing else is in it. What somebody else put there stays,
    /// for a run may have been unpacked anywhere; one of its names is returned.
    pub fn remove(self) -> Result<Option<PathBuf>, RemoveError> {
        let lock = self.lock().map_err(|error| match error {
            LockError::Held { .. } => RemoveError::UnderWay(error),
            LockError::Io { source, .. } => RemoveError::Io { path: self.path.clone(), source },
        })?;
        let failed = |source| RemoveError::Io { path: self.path.clone(), source };
        for name in FILES {
            gone(fs::remove_file(self.path.join(name))).map_err(failed)?;
        }
        for name in names_in(&self.path).map_err(failed)?.iter().filter(|name| is_half_written(name)) {
            gone(fs::remove_file(self.path.join(name))).map_err(failed)?;
        }
        let other = names_in(&self.path).map_err(failed)?.into_iter().find(|name| name != LOCK_FILE_NAME);
        // Elsewhere the lock may be somebody else's as well.
        if let Some(other) = other {
            return Ok(Some(self.path.join(other)));
        }
        gone(fs::remove_file(self.path.join(LOCK_FILE_NAME))).map_err(failed)?;
        drop(lock);
        gone(fs::remove_dir(&self.path)).map_err(failed)?;
        Ok(None)
    }
}

/// Whether something is in a directory, and nothing of a run. One that cannot be looked at may hold everything.
fn holds_foreign_files_only(directory: &Path) -> bool {
    let names = names_in(directory).unwrap_or_default();
    let is_ours = |name: &String| FILES.contains(&name.as_str()) || is_half_written(name);
    names.iter().any(|name| name != LOCK_FILE_NAME) && !names.iter().any(is_ours)
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

#[cfg(test)]
mod tests;
