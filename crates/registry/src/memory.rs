//! A registry in memory, for programs that keep their prompts in code or fetch them themselves. It knows no files.
//!
//! Cloning copies one pointer. A clone is a snapshot: a later change of one registry is not seen by the others, so whoever
//! renders needs no lock and sees one state. Changes take `&mut self` and copy only what they touch (the table of names, if a
//! clone shares it; never a version). To share a registry that changes, keep it behind a lock or an atomic pointer and hand
//! out clones.

mod lookup;
mod registration;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::content::{Rendered, VersionContent};
use crate::digest::Digest;
use crate::name::PromptName;
use crate::template::{RenderError, UnknownVariable, Values};
use crate::variables::{Interface, ValueProblem, Variables};
use crate::version::{Version, VersionSelector};

pub use lookup::LookupError;
pub use registration::{RegisterError, Registered, Registration};

/// Prompts by name. Cheap to clone; `Send` and `Sync`.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    prompts: Arc<BTreeMap<PromptName, Arc<Prompt>>>,
}

/// A prompt: its versions, and which of them is active.
#[derive(Debug, Clone)]
pub struct Prompt {
    name: PromptName,
    active: VersionSelector,
    versions: BTreeMap<Version, Arc<PromptVersion>>,
}

/// A registered version. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptVersion {
    /// Which one.
    pub version: Version,
    /// What it says.
    pub content: VersionContent,
    /// The template language and the variables.
    pub interface: Interface,
    /// Of a text, SHA-256 of its bytes; of a chat, of its messages, parameters and response format as
    /// [canonical JSON](crate::digest::canonical_json). [`Digest::short`] gives the 12 digits for people.
    pub digest: Digest,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it.
    pub created_by: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Anything else worth keeping.
    pub metadata: Map<String, Value>,
}

/// A rendered version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// The version that was rendered.
    pub version: Version,
    /// What is sent to a model.
    pub output: Rendered,
    /// Values that no variable took, probably misspelt. Whether that is an error is for the caller to decide.
    pub unknown: Vec<UnknownVariable>,
}

/// A prompt could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderFailure {
    /// There is no such prompt or version.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Values are missing or do not fit: all of them.
    #[error("{}", joined(.0))]
    Values(Vec<ValueProblem>),
    /// The template does not work with these values.
    #[error(transparent)]
    Template(#[from] RenderError),
}

impl Rendering {
    /// Adds defaults, checks the values and inserts them: what every version is rendered by, wherever it is kept.
    ///
    /// # Errors
    ///
    /// Values are missing or do not fit, all of them; or the template does not work with them.
    pub fn of(
        version: &Version,
        content: &VersionContent,
        variables: &Variables,
        values: &Values,
    ) -> Result<Self, RenderFailure> {
        let resolved = variables.resolve(values).map_err(RenderFailure::Values)?;
        let output = content.render(&resolved.values)?;
        Ok(Self { version: version.clone(), output, unknown: resolved.unknown })
    }
}

fn joined(problems: &[ValueProblem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a version. The same content under the same number again changes nothing; other content under a taken number is an
    /// error. On an error nothing has changed.
    pub fn register(&mut self, registration: Registration) -> Result<Registered, RegisterError> {
        let known = self.prompts.get(&registration.name).map(Arc::as_ref);
        let (name, registered) = registration.check(known)?;
        if registered.is_new {
            let prompt = Arc::make_mut(&mut self.prompts)
                .entry(name.clone())
                .or_insert_with(|| Arc::new(Prompt::new(name)));
            let version = Arc::clone(&registered.version);
            Arc::make_mut(prompt).versions.insert(version.version.clone(), version);
        }
        Ok(registered)
    }

    /// The prompt of this name.
    pub fn prompt(&self, name: &str) -> Result<&Prompt, LookupError> {
        self.prompts
            .get(name)
            .map(Arc::as_ref)
            .ok_or_else(|| LookupError::unknown_prompt(name, self.prompts.keys()))
    }

    /// A version of a prompt; without a selector, the active one.
    pub fn get(
        &self,
        name: &str,
        selector: Option<&VersionSelector>,
    ) -> Result<&Arc<PromptVersion>, LookupError> {
        let prompt = self.prompt(name)?;
        prompt.version(selector.unwrap_or(&prompt.active))
    }

    /// Renders a version of a prompt, by default the active one: adds defaults, checks the values, inserts them.
    pub fn render(
        &self,
        name: &str,
        selector: Option<&VersionSelector>,
        values: &Values,
    ) -> Result<Rendering, RenderFailure> {
        self.get(name, selector)?.render(values)
    }

    /// Says which version is served when nobody asks for one. [`VersionSelector::Latest`] moves with every release that is
    /// registered, so it serves texts that nobody activated.
    pub fn set_active_version(&mut self, name: &str, selector: VersionSelector) -> Result<(), LookupError> {
        self.prompt(name)?.version(&selector)?;
        if let Some(prompt) = Arc::make_mut(&mut self.prompts).get_mut(name) {
            Arc::make_mut(prompt).active = selector;
        }
        Ok(())
    }

    /// The names of all prompts, sorted.
    pub fn list_prompts(&self) -> impl ExactSizeIterator<Item = &PromptName> {
        self.prompts.keys()
    }

    /// The versions of a prompt, from the oldest to the newest by semantic versioning.
    pub fn list_versions(
        &self,
        name: &str,
    ) -> Result<impl DoubleEndedIterator<Item = &Version> + ExactSizeIterator, LookupError> {
        Ok(self.prompt(name)?.versions.keys())
    }
}

impl Prompt {
    fn new(name: PromptName) -> Self {
        Self { name, active: VersionSelector::Latest, versions: BTreeMap::new() }
    }

    /// Its name.
    pub fn name(&self) -> &PromptName {
        &self.name
    }

    /// Which version is served when nobody asks for one; `latest` until somebody says otherwise.
    pub fn active(&self) -> &VersionSelector {
        &self.active
    }

    /// Its versions, from the oldest to the newest by semantic versioning.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Arc<PromptVersion>> + ExactSizeIterator {
        self.versions.values()
    }

    /// The version that a selector means.
    pub fn version(&self, selector: &VersionSelector) -> Result<&Arc<PromptVersion>, LookupError> {
        let found = match selector {
            VersionSelector::Exact(version) => self.versions.get(version),
            VersionSelector::Latest => {
                self.versions.values().rev().find(|version| !version.version.is_prerelease())
            }
        };
        found.ok_or_else(|| LookupError::no_version(self, selector))
    }
}

impl PromptVersion {
    /// Adds defaults, checks the values and inserts them.
    pub fn render(&self, values: &Values) -> Result<Rendering, RenderFailure> {
        Rendering::of(&self.version, &self.content, self.interface.variables(), values)
    }
}

#[cfg(test)]
mod tests;
