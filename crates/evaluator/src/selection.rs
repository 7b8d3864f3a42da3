//! Which prompts, cases and models of what is there are evaluated. Pure: what it needs of files, runs and commits comes in.
//!
//! Values of one flag widen, flags narrow: `--tag a --tag b --case refund` takes the cases with either tag whose name has `refund`.

mod cases;
mod changed;
mod checks;
mod critical;
mod difference;
mod idle;
mod narrow;

use std::collections::BTreeSet;

use promptassay_registry::files::matches_glob;
use promptassay_registry::problem::{Problem, did_you_mean};
use promptassay_registry::version::Version;
use regex::Regex;

pub use changed::{Changed, Paths, PromptFiles, changed_prompts, registry_changes};
pub use critical::SuiteThen;
pub use narrow::narrow_to;
pub(crate) use narrow::units_by_model;

/// What somebody wants evaluated; the default is everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Names of prompts, with `*` and `?`; empty: all.
    pub prompts: Vec<String>,
    /// Only prompts with one of these tags; empty: all.
    pub prompt_tags: Vec<String>,
    /// Only cases in whose name one of these is found, and of one that is the whole name of a case that case alone; empty: all.
    pub cases: Vec<Regex>,
    /// Only cases with one of these tags; empty: all.
    pub tags: Vec<String>,
    /// Only cases that failed before.
    pub failed_in: Option<FailedIn>,
    /// Only these model rows, where suites ask them; empty: all.
    pub models: Vec<String>,
    /// Only some cases of each prompt.
    pub sample: Option<Sample>,
}

/// The cases that did not pass in an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedIn {
    /// What the run is called.
    pub run: String,
    /// Prompt and case.
    pub cases: BTreeSet<(String, String)>,
}

/// A part of the cases of each prompt: those with the lowest SHA-256(seed as decimal digits ‖ 0 ‖ prompt ‖ 0 ‖ case). The same
/// everywhere; a larger sample contains the smaller one, and a new case displaces at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many cases of each prompt, at least 1.
    pub size: usize,
    /// Chooses among samples.
    pub seed: u64,
}

/// What is known of a prompt before its suite is read.
#[derive(Debug, Clone, Copy)]
pub struct PromptFacts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its tags.
    pub tags: &'a [String],
}

impl Selection {
    /// The names among `names` that the patterns of this selection mean, in order. A pattern that means none is a problem.
    pub fn prompt_names<'a>(&self, names: &[&'a str]) -> Result<BTreeSet<&'a str>, Vec<Problem>> {
        if self.prompts.is_empty() {
            return Ok(names.iter().copied().collect());
        }
        let mut chosen = BTreeSet::new();
        let mut problems = Vec::new();
        for pattern in &self.prompts {
            let before = chosen.len();
            let matching = names.iter().copied().filter(|name| matches_glob(pattern, name));
            let matching: Vec<&str> = matching.collect();
            if matching.is_empty() && chosen.len() == before {
                let is_pattern = pattern.contains(['*', '?']);
                let message = if is_pattern {
                    format!("no prompt is called like `{pattern}`")
                } else {
                    format!("there is no prompt `{pattern}`")
                };
                let help = about_version(pattern)
                    .unwrap_or_else(|| did_you_mean(pattern, names.iter().copied(), "prompts"));
                problems.push(Problem::error("selection::unknown_prompt", message).help(help));
            }
            chosen.extend(matching);
        }
        if problems.is_empty() { Ok(chosen) } else { Err(problems) }
    }

    /// The prompts that have one of the tags asked for. None at all is a problem.
    pub fn tagged_prompts<'a>(&self, prompts: &[PromptFacts<'a>]) -> Result<BTreeSet<&'a str>, Box<Problem>> {
        let has_tag = |prompt: &&PromptFacts<'_>| {
            self.prompt_tags.is_empty() || prompt.tags.iter().any(|tag| self.prompt_tags.contains(tag))
        };
        let chosen: BTreeSet<&str> = prompts.iter().filter(has_tag).map(|prompt| prompt.name).collect();
        if !chosen.is_empty() || prompts.is_empty() {
            return Ok(chosen);
        }
        let known: BTreeSet<&str> =
            prompts.iter().flat_map(|prompt| prompt.tags).map(String::as_str).collect();
        let tags = self.prompt_tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(" or ");
        let message = format!("no prompt has the tag {tags}");
        let typed = self.prompt_tags.first().map_or("", String::as_str);
        let help = did_you_mean(typed, known.iter().copied(), "tags of prompts");
        Err(Box::new(Problem::error("selection::unknown_tag", message).help(help)))
    }
}

/// What to do where a version stands in the place of a prompt: several prompts may stand there, so a version is an option.
fn about_version(pattern: &str) -> Option<String> {
    let (prompt, version) = pattern.rsplit_once('@').unwrap_or(("PROMPT", pattern));
    let version: Version = version.parse().ok()?;
    Some(format!("a version is an option: `{prompt} --version {version}`"))
}

#[cfg(test)]
mod tests;
