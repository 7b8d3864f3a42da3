//! Where the texts of an experiment come from.

use std::sync::Arc;

use promptassay_registry::content::Rendered;
use promptassay_registry::memory::Registry;
use promptassay_registry::name::PromptName;
use promptassay_registry::template::Values;
use promptassay_registry::tree::Tree;
use promptassay_registry::version::{Version, VersionSelector};

use super::ManagerError;

/// Where the texts come from.
#[derive(Debug, Clone)]
pub enum Prompts {
    /// A prompts directory.
    Tree(Arc<Tree>),
    /// A registry in memory.
    Memory(Arc<Registry>),
}

impl Prompts {
    /// The prompt's name, and the versions that it has.
    pub(super) fn versions(&self, prompt: &str) -> Result<(PromptName, Vec<Version>), ManagerError> {
        Ok(match self {
            Self::Tree(tree) => {
                let prompt = tree.find(prompt)?;
                (prompt.name().clone(), prompt.versions().map(|version| version.version.clone()).collect())
            }
            Self::Memory(registry) => {
                let prompt = registry.prompt(prompt)?;
                (prompt.name().clone(), prompt.versions().map(|version| version.version.clone()).collect())
            }
        })
    }

    /// Whether a version is there and its text not frozen. In memory there are registered ones only.
    pub(super) fn may_change(&self, prompt: &PromptName, version: &Version) -> bool {
        match self {
            Self::Tree(tree) => tree
                .prompt(prompt.as_str())
                .and_then(|prompt| prompt.version(version))
                .is_some_and(|version| !version.is_registered()),
            Self::Memory(_) => false,
        }
    }

    pub(super) fn render(
        &self,
        prompt: &str,
        selector: Option<&VersionSelector>,
        values: &Values,
    ) -> Result<(Rendered, Version), ManagerError> {
        match self {
            Self::Tree(tree) => {
                let prompt = tree.find(prompt)?;
                let version = prompt.resolve(selector.unwrap_or(prompt.active()))?;
                let rendering = version.render(values)?;
                Ok((rendering.output, rendering.version))
            }
            Self::Memory(registry) => {
                let version = registry.get(prompt, selector)?;
                let rendering = version.render(values)?;
                Ok((rendering.output, rendering.version))
            }
        }
    }
}
