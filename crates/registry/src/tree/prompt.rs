//! A prompt and its versions, as values that cannot be wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::MISNAMED;
use super::reading::Grounds;
use crate::content::VersionContent;
use crate::digest::Digest;
use crate::files::may_be_there;
use crate::lock_file::{Lock, LockRow};
use crate::memory::{RenderFailure, Rendering};
use crate::name::PromptName;
use crate::problem::{Place, Problem};
use crate::template::{TemplateFormat, Values};
use crate::variables::Interface;
use crate::version::{self, Version, VersionSelector, meant_version};
use crate::version_file::Form;
use crate::yaml::Document;

/// Where the suite of a prompt is, in its directory.
pub(super) const SUITE_DIRECTORY: &str = "tests";
pub(super) const SUITE_FILE: &str = "test_cases.yaml";

/// A prompt: its description, its versions, and which of them is active. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prompt {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) name: PromptName,
    pub(super) directory: PathBuf,
    pub(super) document: Document,
    pub(super) description: Option<String>,
    pub(super) active: VersionSelector,
    pub(super) tags: Vec<String>,
    pub(super) owners: Vec<String>,
    pub(super) interface: Interface,
    pub(super) versions: BTreeMap<Version, PromptVersion>,
    pub(super) lock: Lock,
}

/// One version of a prompt.
#[derive(Debug)]
pub struct PromptVersion {
    /// Which one.
    pub version: Version,
    /// Its file.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes; `sha256sum` agrees.
    pub digest: Digest,
    /// The file's text, byte for byte.
    pub text: Arc<str>,
    /// What it says, parsed.
    pub content: VersionContent,
    /// The language and the variables: those that `prompt.yaml` declares, or else those that this version uses.
    pub interface: Arc<Interface>,
    /// Of the interface; a lock row keeps the one of its day.
    pub interface_digest: Digest,
    /// What says in which template format it is read.
    pub(crate) grounds: Grounds,
    /// Its lock row; `None` for a version that may still be edited.
    pub registered: Option<LockRow>,
    /// A chat version's YAML, for whoever types `params` at its place; `None` for a text.
    pub document: Option<Document>,
}

/// A prompt whose files have errors.
#[derive(Debug, Clone)]
pub struct BrokenPrompt {
    /// The name of its directory; it may be no valid name.
    pub name: String,
    /// Where it is.
    pub directory: PathBuf,
    /// What could be read of it, errors in it included: only for whoever knows that none of them concerns what they need. `None` where not
    /// even its name, description and active version are sound.
    pub as_far_as_read: Option<Prompt>,
    /// The YAML of its chat versions, sound or not, for whoever types `params` at its place.
    pub chats: Vec<Document>,
    /// Its problems, warnings too, ordered by file, line and column.
    pub problems: Vec<Problem>,
}

/// There is no such version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownVersion {
    /// No version of this number.
    #[error("`{prompt}` has no version {version}")]
    NoSuchVersion {
        /// The prompt.
        prompt: PromptName,
        /// The version that was asked for.
        version: Version,
        /// The version that was probably meant, or the newest ones.
        help: String,
    },
    /// `latest` was asked for, and names none.
    #[error("`latest` names no version of `{prompt}`")]
    NoLatest {
        /// The prompt.
        prompt: PromptName,
        /// Why, and what to do.
        help: String,
    },
}

impl UnknownVersion {
    /// What to do.
    pub fn help(&self) -> &str {
        match self {
            Self::NoSuchVersion { help, .. } | Self::NoLatest { help, .. } => help,
        }
    }
}

impl Prompt {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Its name, which is that of its directory.
    pub fn name(&self) -> &PromptName {
        &self.inner.name
    }

    /// The directory of its files.
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// Its `prompt.yaml`.
    pub fn document(&self) -> &Document {
        &self.inner.document
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.inner.description.as_deref()
    }

    /// The version that `prompt.yaml` calls active.
    pub fn active(&self) -> &VersionSelector {
        &self.inner.active
    }

    /// Its tags, in the order written.
    pub fn tags(&self) -> &[String] {
        &self.inner.tags
    }

    /// Who is responsible for it, in the order written.
    pub fn owners(&self) -> &[String] {
        &self.inner.owners
    }

    /// The language of its templates.
    pub fn template_format(&self) -> TemplateFormat {
        self.inner.interface.format()
    }

    /// Its variables. Where `prompt.yaml` declares none, those that its versions use.
    pub fn interface(&self) -> &Interface {
        &self.inner.interface
    }

    /// Its versions, in the order of semantic versioning.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &PromptVersion> + ExactSizeIterator {
        self.inner.versions.values()
    }

    /// This version.
    pub fn version(&self, version: &Version) -> Option<&PromptVersion> {
        self.inner.versions.get(version)
    }

    /// The newest version that is not a prerelease; where some are registered, the newest registered one.
    pub fn latest(&self) -> Option<&PromptVersion> {
        let latest = if self.inner.lock.rows.is_empty() {
            version::latest(self.inner.versions.keys())
        } else {
            self.inner.lock.latest()
        };
        latest.and_then(|version| self.version(version))
    }

    /// The version that is meant, or why there is none.
    pub fn resolve(&self, selector: &VersionSelector) -> Result<&PromptVersion, UnknownVersion> {
        match selector {
            VersionSelector::Latest => self.latest().ok_or_else(|| UnknownVersion::NoLatest {
                prompt: self.name().clone(),
                help: if self.inner.lock.rows.is_empty() {
                    "only prereleases are there, and they are never `latest`; name one".to_owned()
                } else {
                    "only prereleases are registered, and they are never `latest`; name a version, or register one".to_owned()
                },
            }),
            VersionSelector::Exact(version) => {
                self.version(version).ok_or_else(|| UnknownVersion::NoSuchVersion {
                    prompt: self.name().clone(),
                    version: version.clone(),
                    help: meant_version(version, self.inner.versions.keys()),
                })
            }
        }
    }

    /// The version that is active now, or why there is none.
    pub fn active_version(&self) -> Result<&PromptVersion, UnknownVersion> {
        self.resolve(self.active())
    }

    /// What `prompt.lock` says.
    pub fn lock(&self) -> &Lock {
        &self.inner.lock
    }

    /// Where its suite is, if it has one.
    pub fn suite_path(&self) -> PathBuf {
        self.directory().join(SUITE_DIRECTORY).join(SUITE_FILE)
    }

    /// Whether it has a suite. What cannot be looked at, such as a link that leads nowhere, counts as there: whoever reads it is told
    /// why it cannot be read, and no gate is green for want of it.
    pub fn has_suite(&self) -> bool {
        may_be_there(&self.suite_path())
    }

    /// What is wrong where a directory is meant as that of the suite and is not read, `Tests` or `TESTS`: an error for whoever judges, for
    /// no gate is green for want of it.
    pub fn misnamed_suite(&self) -> Option<Problem> {
        let is_meant = |name: &str| name != SUITE_DIRECTORY && name.eq_ignore_ascii_case(SUITE_DIRECTORY);
        let mut entries = fs::read_dir(self.directory()).ok()?.flatten();
        let entry = entries.find(|entry| entry.file_name().to_str().is_some_and(is_meant))?;
        let message = format!("the suite of `{}` is not read: names are in lower case", self.name());
        let problem = Problem::error(MISNAMED, message).at(Place::whole_file(entry.path()));
        Some(problem.help(format!("rename the directory to `{SUITE_DIRECTORY}`")))
    }
}

impl PromptVersion {
    /// Adds defaults, checks the values and inserts them. Pure: files are not read again, and no lock is taken.
    pub fn render(&self, values: &Values) -> Result<Rendering, RenderFailure> {
        Rendering::of(&self.version, &self.content, self.interface.variables(), values)
    }

    /// How its file is written.
    pub fn form(&self) -> Form {
        match self.content {
            VersionContent::Text(_) => Form::Text,
            VersionContent::Chat(_) => Form::Chat,
        }
    }

    /// Whether it says in another template format what it says in its own.
    pub fn is_alike_in(&self, format: TemplateFormat) -> bool {
        format == self.interface.format() || self.content.is_alike_in_both_formats()
    }

    /// Whether both say the same: the same bytes, in formats in which these say the same.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.digest == other.digest && self.is_alike_in(other.interface.format())
    }

    /// Whether it is registered and so frozen.
    pub fn is_registered(&self) -> bool {
        self.registered.is_some()
    }
}
