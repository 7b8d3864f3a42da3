//! Finds what a command is about: the tree, a prompt, a version; or says why it cannot be had.

mod which;

use promptassay_registry::name::{InvalidName, PromptName};
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{FindPromptError, Loaded, Prompt, PromptVersion, Tree};
use promptassay_registry::version::{Version, VersionSelector};

use crate::commands::Context;
use crate::failure::Failure;

pub(crate) use which::WhichVersion;

impl Context<'_> {
    /// Everything in the prompts directory.
    pub(crate) fn load(&self) -> Loaded {
        Tree::load(&self.prompts)
    }

    /// The prompt of this name. Mistakes in other prompts stand in nobody's way.
    pub(crate) fn prompt(&self, name: &str) -> Result<Prompt, Failure> {
        find(&self.load(), name).cloned()
    }
}

/// The prompt of this name, or why there is none: its mistakes, a close name, or that there are no prompts at all.
pub(crate) fn find<'a>(loaded: &'a Loaded, name: &str) -> Result<&'a Prompt, Failure> {
    let nothing_there = loaded.tree.prompts().len() == 0 && loaded.tree.broken().is_empty();
    loaded.tree.find(name).map_err(|error| match error {
        FindPromptError::Broken(broken) => Failure::invalid(broken.problems),
        FindPromptError::Unknown { .. } if nothing_there => Failure::invalid(loaded.problems.clone()),
        FindPromptError::Unknown { name, help } => Failure::invalid_one(unknown(&name, help)),
    })
}

/// There is no prompt of this name.
pub(crate) fn unknown(name: &str, help: String) -> Problem {
    let apart = name.rsplit_once('@').filter(|(_, version)| version.parse::<VersionSelector>().is_ok());
    let help =
        apart.map_or(help, |(prompt, version)| format!("write the version apart: `{prompt} {version}`"));
    let error = FindPromptError::Unknown { name: name.to_owned(), help: help.clone() };
    Problem::error("cli::unknown_prompt", error.to_string()).help(help)
}

/// The version that was asked for, else the active one.
pub(crate) fn version<'a>(
    prompt: &'a Prompt,
    selector: Option<&VersionSelector>,
) -> Result<&'a PromptVersion, Failure> {
    prompt.resolve(selector.unwrap_or(prompt.active())).map_err(|error| {
        Failure::invalid_one(Problem::error("cli::unknown_version", error.to_string()).help(error.help()))
    })
}

/// Reads a version on the command line; for `clap`.
pub(crate) fn parse_version(text: &str) -> Result<Version, String> {
    text.parse()
        .map_err(|error: promptassay_registry::version::InvalidVersion| format!("{error}; {}", error.help()))
}

/// Reads a version or `latest` on the command line; for `clap`.
pub(crate) fn parse_selector(text: &str) -> Result<VersionSelector, String> {
    text.parse()
        .map_err(|error: promptassay_registry::version::InvalidVersion| format!("{error}; {}", error.help()))
}

/// Reads the name of a prompt that is to be made; for `clap`.
pub(crate) fn parse_new_name(text: &str) -> Result<PromptName, String> {
    text.parse().map_err(|error: InvalidName| format!("{error}; {}", error.help()))
}

/// Reads the name of an experiment that is to be made; for `clap`.
pub(crate) fn parse_new_experiment(text: &str) -> Result<PromptName, String> {
    text.parse()
        .map_err(|error: InvalidName| error.said_of("an experiment name"))
        .map_err(|error| format!("{error}; {}", error.help()))
}
