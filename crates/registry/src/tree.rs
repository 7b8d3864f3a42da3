//! The `prompts/` tree: every prompt of a directory, and every problem of every file.
//!
//! Loading reads and checks; it writes nothing. One bad prompt hides no good one: it is listed as broken, with its reasons.
//! What suites, experiments and ledgers say is not read here.

mod directory;
mod file_name;
mod load;
mod not_told;
mod prompt;
mod prompt_directory;
pub(crate) mod reading;
mod registered;
pub(crate) mod single;
mod versions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use file_name::{version_meant_by_file, version_of_file};
pub use load::no_directory;
pub use prompt::{BrokenPrompt, Prompt, PromptVersion, UnknownVersion};
pub use reading::template_format_of;

use crate::name::PromptName;
use crate::problem::{Problem, did_you_mean, has_errors};
use crate::registry_file::RegistryFile;

/// The code of problems with files and directories whose names mean something and are not read.
pub(crate) const MISNAMED: &str = "prompt::misnamed";

/// A version has a name that is not read.
pub const MISNAMED_VERSION: &str = "version::misnamed";

/// The code of a problem: nothing says in which template format a registered version is to be read.
pub const FORMAT_NOT_TOLD: &str = "version::format_not_told";

/// The largest version file that is read: a template may have 1 MiB, and YAML around it takes room.
pub const MAX_VERSION_BYTES: u64 = 4 << 20;

/// The largest `prompt.yaml` and `registry.yaml` that are read.
pub const MAX_YAML_BYTES: u64 = 4 << 20;

/// The largest `prompt.lock` that is read: more than 20,000 versions.
pub const MAX_LOCK_BYTES: u64 = 16 << 20;

/// The prompts of a directory, as they were on disk when it was read. Nothing in it is invalid.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    root: PathBuf,
    repository: PathBuf,
    registry: RegistryFile,
    prompts: BTreeMap<PromptName, Prompt>,
    broken: Vec<BrokenPrompt>,
}

/// What reading a directory gave.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Everything that is sound.
    pub tree: Tree,
    /// Everything that is not, and what is worth knowing, ordered by file, line and column.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Whether something is refused; warnings refuse nothing.
    pub fn has_errors(&self) -> bool {
        has_errors(&self.problems)
    }
}

impl Tree {
    /// Reads the prompts directory `root`. Always gives a tree; where nothing can be read, an empty one with the reason.
    pub fn load(root: impl Into<PathBuf>) -> Loaded {
        load::load(root.into())
    }

    /// The prompts directory, as it was named.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory that no path in a file may leave: see [`crate::files::repository_root`].
    pub fn repository_root(&self) -> &Path {
        &self.repository
    }

    /// What `registry.yaml` says.
    pub fn registry(&self) -> &RegistryFile {
        &self.registry
    }

    /// The sound prompts, by name.
    pub fn prompts(&self) -> impl ExactSizeIterator<Item = &Prompt> {
        self.prompts.values()
    }

    /// The prompts with errors, by name.
    pub fn broken(&self) -> &[BrokenPrompt] {
        &self.broken
    }

    /// The sound prompt of this name.
    pub fn prompt(&self, name: &str) -> Option<&Prompt> {
        self.prompts.get(name)
    }

    /// The sound prompt of this name, or why there is none.
    pub fn find(&self, name: &str) -> Result<&Prompt, FindPromptError> {
        if let Some(prompt) = self.prompt(name) {
            return Ok(prompt);
        }
        if let Some(broken) = self.broken.iter().find(|broken| broken.name == name) {
            return Err(FindPromptError::Broken(broken.clone()));
        }
        let known = self.prompts.keys().map(PromptName::as_str);
        let known: Vec<&str> = known.chain(self.broken.iter().map(|broken| broken.name.as_str())).collect();
        let help = did_you_mean(name, known.iter().copied(), "prompts");
        Err(FindPromptError::Unknown { name: name.to_owned(), help })
    }
}

/// Why a prompt cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FindPromptError {
    /// There is none of this name.
    #[error("there is no prompt `{}`", crate::excerpt::excerpt(name))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The closest name, or all of them.
        help: String,
    },
    /// There is one, but its files have errors.
    #[error("the prompt `{}` has errors", .0.name)]
    Broken(BrokenPrompt),
}
