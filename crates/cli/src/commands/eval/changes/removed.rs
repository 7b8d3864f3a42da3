//! Prompts that a change removes. What they were gated by goes with them, also where their texts go on under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use promptassay_evaluator::suite::Suite;
use promptassay_lifecycle::ledger;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::may_be_there;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::prompt_file;
use promptassay_registry::tree::{Prompt, Tree, version_of_file};
use promptassay_registry::version::Version;

use super::Then;
use super::git::slashed;

/// So many cases are named.
const NAMED: usize = 5;

/// A prompt that was there where the change began and at the commit, and is not any more.
struct Removed {
    name: String,
    /// Its directory, as the tree of today would have it.
    directory: PathBuf,
    /// Its versions, by the SHA-256 of their files.
    texts: BTreeMap<Digest, Version>,
    has_ledger: bool,
    /// The version in production at the commit.
    production: Option<Version>,
}

impl Then<'_> {
    /// A prompt is gone, and nothing of it goes on.
    pub(crate) const REMOVED: &'static str = "changes::prompt_removed";

    const PRODUCTION_REMOVED: &'static str = "changes::production_removed";

    /// Whether it is about a prompt of which nothing goes on.
    pub(crate) fn is_about_a_removed_prompt(problem: &Problem) -> bool {
        matches!(problem.code, Self::REMOVED | Self::PRODUCTION_REMOVED)
    }

    /// A warning for each prompt that the change removes, and an error where a version of it is in production at the commit. `suite_of` is the suite of a prompt of today, where that can be read.
    pub(crate) fn removed_prompts<'s>(
        &self,
        tree: &Tree,
        suite_of: impl Fn(&str) -> Option<&'s Suite>,
    ) -> Result<Vec<Problem>, Box<Problem>> {
        let before = self.git.listing_at(&self.fork)?;
        let mut problems = Vec::new();
        for name in self.names_before(tree)? {
            let directory = tree.root().join(&name);
            let path = self.git.named(tree.root()).join(&name);
            // In a file there is nothing.
            let is_here = !directory.is_file() && may_be_there(&directory.join(prompt_file::FILE_NAME));
            // What the other side removed too was not taken away here.
            if is_here || !self.git.is_file_at(&self.commit, &path.join(prompt_file::FILE_NAME))? {
                continue;
            }
            let removed = self.removed(&name, directory, &path)?;
            let new = tree.prompts().filter(|prompt| {
                let file = self.git.relative(prompt.directory()).join(prompt_file::FILE_NAME);
                before.get(&file).is_none()
            });
            let successors: Vec<(&Prompt, Vec<&Version>)> = new
                .map(|prompt| (prompt, removed.texts_in(prompt)))
                .filter(|(_, same)| !same.is_empty())
                .collect();
            if let Some(version) = &removed.production {
                problems.push(self.in_production(&removed, version));
            } else if successors.is_empty() {
                problems.push(self.gone(&removed));
            }
            for (prompt, same) in successors {
                problems.push(self.renamed(&removed, prompt, &same, suite_of(prompt.name().as_str()))?);
            }
        }
        Ok(problems)
    }

    /// A warning where the prompts lay in another directory when the change began, of which nothing is left here: under the names that they
    /// have now there is nothing to compare them with.
    pub(crate) fn moved_root(&self, tree: &Tree) -> Result<Option<Problem>, Box<Problem>> {
        let root = self.git.named(tree.root());
        if !self.prompts_before(&root)?.is_empty() {
            return Ok(None);
        }
        let before = self.git.listing_at(&self.fork)?;
        let gone = |path: &&PathBuf| {
            let here = self.git.here(path);
            path.file_name().is_some_and(|name| name == prompt_file::FILE_NAME)
                && before.get(path).is_some()
                // Under a link it is another file's second name.
                && (!may_be_there(&here) || fs::canonicalize(&here).is_ok_and(|real| real != here))
        };
        let directories: BTreeSet<String> = self
            .touched
            .iter()
            .filter(gone)
            .filter_map(|path| Some(format!("`{}`", slashed(path.parent()?.parent()?))))
            .collect();
        if directories.is_empty() {
            return Ok(None);
        }
        let directories = directories.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!(
            "at {} there were prompts in {directories}, which this change removes, and none in `{}`: its prompts are judged as new ones, and not against what was frozen, asked and in use there",
            self.reference,
            slashed(&root)
        );
        let help = "to move prompts, change nothing else: whoever reviews the change should know that no rule of the base holds for it";
        Ok(Some(
            Problem::warning("changes::prompts_moved", message).at(Place::whole_file(tree.root())).help(help),
        ))
    }

    /// The prompts of where the change began that it touches.
    fn names_before(&self, tree: &Tree) -> Result<BTreeSet<String>, Box<Problem>> {
        let root = self.git.named(tree.root());
        let roots = [root.clone(), self.git.relative(tree.root())];
        let is_touched = |name: &str| {
            let file = Path::new(name).join(prompt_file::FILE_NAME);
            roots.iter().any(|root| self.touched.is_in_one(&root.join(&file)))
        };
        let before = self.prompts_before(&root)?;
        let looked_at = before.into_iter().filter(|(name, is_indirect)| match is_indirect {
            // What links and submodules lead to is not written out with the index.
            true => !self.git.looks_at_the_index(),
            false => is_touched(name),
        });
        Ok(looked_at.map(|(name, _)| name).collect())
    }

    /// The prompts of a directory where the change began, and whether each was a link or a submodule.
    fn prompts_before(&self, root: &Path) -> Result<BTreeMap<String, bool>, Box<Problem>> {
        let files = self.git.files_in_at(&self.fork, root)?;
        let mut prompts: BTreeMap<String, bool> =
            files.iter().filter_map(|path| Some((prompt_of(path)?.to_owned(), false))).collect();
        for indirect in self.git.indirect_in_at(&self.fork, root)? {
            if self.git.is_file_at(&self.fork, &indirect.join(prompt_file::FILE_NAME))? {
                prompts.extend(indirect.file_name().map(|name| (name.to_string_lossy().into_owned(), true)));
            }
        }
        Ok(prompts)
    }

    fn removed(&self, name: &str, directory: PathBuf, path: &Path) -> Result<Removed, Box<Problem>> {
        let files = self.git.files_in_at(&self.fork, path)?;
        let mut texts = BTreeMap::new();
        for file in &files {
            let Some(version) = version_of_file(file) else { continue };
            if let Some(text) = self.git.file_at(&self.fork, &path.join(file))? {
                texts.insert(Digest::of(text), version);
            }
        }
        let has_ledger = files.iter().any(|file| file == ledger::FILE_NAME);
        let production = match name.parse::<PromptName>() {
            Ok(name) => self.standing(&name, path)?.production,
            Err(_) => None,
        };
        Ok(Removed { name: name.to_owned(), directory, texts, has_ledger, production })
    }

    /// Somebody is served it.
    fn in_production(&self, removed: &Removed, version: &Version) -> Problem {
        let Removed { name, directory, .. } = removed;
        let message = format!(
            "`{name}` {version} is in production at {}, and this change removes the prompt",
            self.reference
        );
        let help = format!(
            "keep it, or take it out of production in a change before this one: `promptassay deprecate {name} {version} --reason \"…\"`"
        );
        Problem::error(Self::PRODUCTION_REMOVED, message).at(Place::whole_file(directory)).help(help)
    }

    /// Nothing of it goes on.
    fn gone(&self, removed: &Removed) -> Problem {
        let Removed { name, directory, .. } = removed;
        let message = format!(
            "`{name}` is a prompt at {}, and this change removes it: nothing of it is judged",
            self.reference
        );
        let help = "whoever reviews the change should know that nobody is served it any more";
        Problem::warning(Self::REMOVED, message).at(Place::whole_file(directory)).help(help)
    }

    /// Its texts go on under another name, and its gate does not.
    fn renamed(
        &self,
        removed: &Removed,
        prompt: &Prompt,
        same: &[&Version],
        suite: Option<&Suite>,
    ) -> Result<Problem, Box<Problem>> {
        let Removed { name, directory, has_ledger, .. } = removed;
        let same: Vec<String> = same.iter().map(ToString::to_string).collect();
        // Writing to a string cannot fail.
        let mut message = format!(
            "`{}` has texts of `{name}`, which this change removes ({}): it is judged as a new prompt",
            prompt.name(),
            same.join(", ")
        );
        if let Some(active) = self.git.active_version(&self.commit, directory)? {
            let reference = self.reference;
            let _ = write!(message, ", and not against `{name}` {active}, which is active at {reference}");
        }
        let lost = self.lost_cases(directory, prompt, suite)?;
        if !lost.is_empty() {
            let shown =
                lost.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = match lost.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let _ = write!(message, "; cases that must pass there need not here: {shown}{more}");
        }
        if *has_ledger {
            message.push_str("; its ledger ends, and the new name has none of what it says");
        }
        let help = match &removed.production {
            Some(_) => "a prompt keeps its name as long as a version of it is in production",
            None => {
                "to rename a prompt, move its directory with suite and baseline in a change of its own, judge that by `--candidate` and `--min-pass-rate` because the base has no rule for the new name, and begin a new ledger with `promptassay adopt`, for a ledger's lines name their prompt; else say in review why the old gate does not count"
            }
        };
        let place = Place::whole_file(prompt.directory());
        Ok(Problem::warning("changes::prompt_renamed", message).at(place).help(help))
    }

    /// The cases that had to pass, and that the suite of today does not ask or lets fail.
    fn lost_cases(
        &self,
        directory: &Path,
        prompt: &Prompt,
        suite: Option<&Suite>,
    ) -> Result<Vec<String>, Box<Problem>> {
        let path = directory.join(suite_path_in(prompt));
        let Some(document) = self.document(&self.commit, &path, &mut Vec::new())? else {
            return Ok(Vec::new());
        };
        let cases = suite.into_iter().flat_map(|suite| &suite.cases);
        let kept: BTreeSet<&str> = cases
            .filter(|case| case.must_pass && case.skip.is_none())
            .map(|case| case.name.as_str())
            .collect();
        let then = self.suite_then(&document, prompt, (directory, &path))?;
        let names = then.critical().map(|case| &case.name);
        Ok(names.filter(|name| !kept.contains(name.as_str())).cloned().collect())
    }
}

impl Removed {
    /// Its versions whose text a prompt of today has, under whatever number.
    fn texts_in(&self, prompt: &Prompt) -> Vec<&Version> {
        let today: BTreeSet<Digest> = prompt.versions().map(|version| version.digest).collect();
        self.texts.iter().filter(|(digest, _)| today.contains(digest)).map(|(_, version)| version).collect()
    }
}

/// The prompt whose `prompt.yaml` this is, from the prompts directory.
fn prompt_of(path: &str) -> Option<&str> {
    path.strip_suffix(prompt_file::FILE_NAME)?.strip_suffix('/').filter(|name| !name.contains('/'))
}

/// Where the suite of a prompt is, from its directory.
fn suite_path_in(prompt: &Prompt) -> PathBuf {
    let path = prompt.suite_path();
    path.strip_prefix(prompt.directory()).map(Path::to_owned).unwrap_or(path)
}
