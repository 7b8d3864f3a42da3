//! What is said about a prompt or a version that is not there.

use super::Prompt;
use crate::excerpt::excerpt;
use crate::name::PromptName;
use crate::problem::did_you_mean;
use crate::version::{Version, VersionSelector};

/// How many versions help lists.
const LISTED: usize = 10;

/// There is no such prompt or version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No prompt has this name.
    #[error("there is no prompt `{}`", excerpt(.name))]
    UnknownPrompt {
        /// The name that was asked for.
        name: String,
        /// The closest name, or all of them.
        help: String,
    },
    /// The prompt has no such version.
    #[error("prompt `{prompt}` has no version {version}")]
    UnknownVersion {
        /// The prompt.
        prompt: PromptName,
        /// The version that was asked for.
        version: Version,
        /// The versions there are.
        help: String,
    },
    /// `latest` was asked for, and every version is a prerelease.
    #[error("prompt `{prompt}` has no latest version: all its versions are prereleases")]
    NoRelease {
        /// The prompt.
        prompt: PromptName,
        /// The versions there are.
        help: String,
    },
}

impl LookupError {
    pub(super) fn unknown_prompt<'a>(name: &str, known: impl Iterator<Item = &'a PromptName>) -> Self {
        let known: Vec<&str> = known.map(PromptName::as_str).collect();
        Self::UnknownPrompt { name: name.to_owned(), help: did_you_mean(name, known, "prompts") }
    }

    pub(super) fn no_version(prompt: &Prompt, selector: &VersionSelector) -> Self {
        let newest: Vec<String> =
            prompt.versions.keys().rev().take(LISTED).map(ToString::to_string).collect();
        let older = match prompt.versions.len().saturating_sub(LISTED) {
            0 => String::new(),
            count => format!(" and {count} older ones"),
        };
        let help = format!("its versions are {}{older}", newest.join(", "));
        let prompt = prompt.name.clone();
        match selector {
            VersionSelector::Exact(version) => {
                Self::UnknownVersion { prompt, version: version.clone(), help }
            }
            VersionSelector::Latest => Self::NoRelease { prompt, help },
        }
    }

    /// What there is instead.
    pub fn help(&self) -> &str {
        match self {
            Self::UnknownPrompt { help, .. }
            | Self::UnknownVersion { help, .. }
            | Self::NoRelease { help, .. } => help,
        }
    }
}
