//! The gates of prompts as they were at a commit: a change cannot relax its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use promptassay_evaluator::policy::{Policy, policy_of_files};
use promptassay_evaluator::selection::SuiteThen;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{DatasetFile, Suite};
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::registry_file;
use promptassay_registry::tree::{Prompt, Tree};
use promptassay_registry::yaml::Document;

use super::changed_paths::ChangedPaths;
use super::git::{Git, slashed};
use super::linked::is_touched;
use super::moves::policy_of;
use super::superproject::Base;
use super::{Staged, beside, shown};
use crate::commands::eval::policy::PolicyArguments;

/// The files of a commit, as far as gates are concerned.
pub(crate) struct Then<'a> {
    pub(super) git: Git,
    /// The commit as it was named; of a full id the first digits.
    pub(super) reference: &'a str,
    /// Its full id.
    pub(super) commit: String,
    /// Where the change began: the last commit that both sides share.
    pub(super) fork: String,
    /// `registry.yaml` at the commit.
    pub(super) registry: Registry,
    /// The same where the change began, if that is another commit.
    began: Option<Registry>,
    /// What differs from where the change began.
    pub(super) touched: ChangedPaths,
    /// The digest of the lifecycle rules of today.
    pub(super) policy_here: Digest,
}

/// `registry.yaml` as it was.
#[derive(Default)]
pub(super) struct Registry {
    /// `None` where there was none, or it cannot be read.
    pub(super) document: Option<Document>,
    pub(super) settings: Settings,
}

impl Registry {
    fn of(document: Option<Document>) -> Self {
        // What else is wrong with rows and properties of that day is no news today.
        let settings = document.as_ref().map(|document| Settings::read(document, &mut Vec::new()));
        // Nothing of that day is asked or run: its cases are only read.
        let settings = Settings { allow_commands: true, ..settings.unwrap_or_default() };
        Self { document, settings }
    }
}

impl<'a> Then<'a> {
    /// Reads `registry.yaml` as it was; what is wrong with it is added to `problems`.
    pub(crate) fn read(
        git: Git,
        reference: &'a str,
        tree: &Tree,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Box<Problem>> {
        let Base { commit, fork } = git.base(reference)?;
        let touched = git.changed_since(&fork)?;
        let reference = shown(reference);
        let (registry, began, policy_here) = (Registry::default(), None, policy_of(tree));
        let mut then = Self { git, reference, commit, fork, registry, began, touched, policy_here };
        let file = tree.root().join(registry_file::FILE_NAME);
        then.registry = Registry::of(then.document(&then.commit, &file, problems)?);
        if then.fork != then.commit {
            then.began = Some(Registry::of(then.document(&then.fork, &file, &mut Vec::new())?));
        }
        Ok(then)
    }

    /// `registry.yaml` where the change began.
    pub(super) fn began(&self) -> &Registry {
        self.began.as_ref().unwrap_or(&self.registry)
    }

    /// The index, as far as it differs from where the change began, and what it is compared with.
    pub(crate) fn staged(self, tree: &Tree) -> Result<(Staged, Self), Box<Problem>> {
        let staged = Staged::read(&self.git, tree, Some(&self.fork))?;
        let git = self.git.with_files_in(staged.directory().to_owned());
        let (touched, policy_here) = (staged.touched().clone(), policy_of(&staged.loaded.tree));
        let then = Self { git, touched, policy_here, ..self };
        Ok((staged, then))
    }

    /// What is wrong with a prompt that has no suite today, and has one at the commit and had one where the change began.
    pub(crate) fn removed_suite(&self, prompt: &Prompt) -> Result<Option<Problem>, Box<Problem>> {
        let path = prompt.suite_path();
        let path_then = self.git.named(&path);
        for commit in [&self.fork, &self.commit] {
            if self.git.file_at(commit, &path_then)?.is_none() {
                return Ok(None);
            }
        }
        let message =
            format!("`{}` has a suite at {}, and this change removes it", prompt.name(), self.reference);
        let help = "a change cannot remove its own gate: keep the suite, or remove the prompt with it";
        Ok(Some(Problem::error("changes::suite_removed", message).at(Place::whole_file(path)).help(help)))
    }

    /// Lets the gate of a suite ask for what it did then: its policy, and the cases that had to pass. A file that did not exist then
    /// says nothing. What is wrong with those files, and what the change does to those cases, is added to `problems`.
    pub(crate) fn hold(
        &self,
        prompt: &Prompt,
        suite: &mut Suite,
        flags: &PolicyArguments,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Box<Problem>> {
        let document = self.document(&self.commit, &prompt.suite_path(), problems)?;
        let registry = self.registry.document.as_ref();
        let policy = policy_of_files(document.as_ref(), registry, self.reference, problems);
        // What the command line says counts, whatever the files say.
        let today = flags.over(suite.policy.clone());
        // What is wrong with the files of that day is no news.
        let (at_fork, began) = if self.fork == self.commit {
            (document.clone(), policy.clone())
        } else {
            let registry = self.began().document.as_ref();
            let suite = self.document(&self.fork, &prompt.suite_path(), &mut Vec::new())?;
            let began = policy_of_files(suite.as_ref(), registry, self.reference, &mut Vec::new());
            (suite, began)
        };
        problems.extend(self.not_counted(prompt, &flags.over(policy.clone()), &today, &flags.over(began)));
        suite.policy = policy;
        let Some(document) = document else { return Ok(()) };
        let (directory, path) = (prompt.directory(), prompt.suite_path());
        let then = self.suite_then(&document, prompt, (directory, &path))?;
        let fork = match at_fork {
            Some(document) if self.fork != self.commit => {
                let interface = self.interface(&self.fork, directory, prompt.interface())?;
                let files = |pattern: &str| self.datasets(&self.fork, &path, pattern);
                Some(SuiteThen::of(&document, &interface, &self.began().settings, &files))
            }
            Some(_) => None,
            None => Some(SuiteThen::default()),
        };
        let fork = fork.as_ref().unwrap_or(&then);
        problems.extend(then.hold(fork, prompt.name().as_str(), suite, self.reference));
        Ok(())
    }

    /// A warning that names the programs of checks which the change edits: what they say is judged by, and no digest of a case holds it.
    pub(crate) fn other_programs(
        &self,
        prompt: &Prompt,
        suite: &Suite,
    ) -> Result<Option<Problem>, Box<Problem>> {
        let edited = self.edited(suite, &suite.program_files())?;
        if edited.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "{}: this change edits a program that judges it (a `command` check runs it): {}",
            prompt.name(),
            edited.join(", ")
        );
        let help = "the verdict is by the program as it is here: whoever reviews the change should read what it no longer asks";
        let place = Place::whole_file(suite.file.as_path());
        Ok(Some(Problem::warning("changes::program", message).at(place).help(help)))
    }

    /// A warning that names the programs of model rows which the change edits: all versions are asked through them as they are here.
    pub(crate) fn other_answers(
        &self,
        prompt: &Prompt,
        programs: &BTreeSet<PathBuf>,
        suite: &Suite,
    ) -> Result<Option<Problem>, Box<Problem>> {
        let edited = self.edited(suite, programs)?;
        if edited.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "{}: this change edits a program that answers (provider `command`): {}",
            prompt.name(),
            edited.join(", ")
        );
        let help = "the baseline is asked through the program as it is here, too, and so is not compared with what it was; replies that are recorded are those of the program of that day";
        let place = Place::whole_file(suite.file.as_path());
        Ok(Some(Problem::warning("changes::answering_program", message).at(place).help(help)))
    }

    /// The files and directories among these that the change edits, as they are shown.
    fn edited(&self, suite: &Suite, paths: &BTreeSet<PathBuf>) -> Result<Vec<String>, Box<Problem>> {
        let suite = self.git.named(&suite.file);
        let mut edited = BTreeSet::new();
        for file in paths {
            let path = self.git.named(file);
            // A word may name what the suite itself lies in, and `/`.
            if suite.starts_with(&path) {
                continue;
            }
            // One that is new here came with its check or its row, which is seen. Asked first: what is no file of the repository need not be looked
            // through.
            let mut was_there = false;
            for path in [&path, &self.git.relative(file)] {
                was_there = was_there
                    || self.git.is_file_at(&self.commit, path)?
                    || !self.git.files_in_at(&self.commit, path)?.is_empty();
            }
            if was_there && is_touched(&self.git, file, &self.touched) {
                edited.insert(format!("`{}`", slashed(&path)));
            }
        }
        Ok(edited.into_iter().collect())
    }

    /// A warning that names the rules which the change writes and which do not count for it, and one that names those which the other side
    /// wrote since the change began.
    fn not_counted(&self, prompt: &Prompt, then: &Policy, today: &Policy, began: &Policy) -> Vec<Problem> {
        let (name, reference) = (prompt.name(), self.reference);
        let written: BTreeSet<&str> = began.differences(today).into_iter().map(|(rule, ..)| rule).collect();
        let (of_change, of_other): (Vec<_>, Vec<_>) =
            then.differences(today).into_iter().partition(|(rule, ..)| written.contains(rule));
        let shown = |rules: &[(&str, String, String)]| {
            let rules =
                rules.iter().map(|(rule, then, today)| format!("{rule} is {then} there and {today} here"));
            rules.collect::<Vec<_>>().join("; ")
        };
        let place = || Place::whole_file(prompt.suite_path());
        let mut problems = Vec::new();
        if !of_change.is_empty() {
            let message = format!(
                "{name}: this change writes other gate rules than {reference} has, and they do not count for it: {}",
                shown(&of_change)
            );
            let help = "a change cannot set its own gate; once merged they count for the next change, and on the command line they count at once";
            problems.push(Problem::warning("changes::rules_not_counted", message).at(place()).help(help));
        }
        if !of_other.is_empty() {
            let message = format!(
                "{name}: {reference} has other gate rules than when this change began, and they count: {}",
                shown(&of_other)
            );
            let help = format!("merge {reference} into the change to have them here");
            problems.push(Problem::warning("changes::rules_moved", message).at(place()).help(help));
        }
        problems
    }

    /// The suite at `path` as it was at the commit, of the prompt in `directory` there, which is `prompt` today.
    pub(super) fn suite_then(
        &self,
        document: &Document,
        prompt: &Prompt,
        (directory, path): (&Path, &Path),
    ) -> Result<SuiteThen, Box<Problem>> {
        let interface = self.interface(&self.commit, directory, prompt.interface())?;
        let files = |pattern: &str| self.datasets(&self.commit, path, pattern);
        Ok(SuiteThen::of(document, &interface, &self.registry.settings, &files))
    }

    pub(super) fn document(
        &self,
        commit: &str,
        path: &Path,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Document>, Box<Problem>> {
        let path = self.git.named(path);
        let Some(text) = self.git.file_at(commit, &path)? else { return Ok(None) };
        Ok(Document::parse(format!("{}:{}", self.reference, slashed(&path)), text, problems))
    }

    /// The files that the suite at this path named then, never none.
    fn datasets(&self, commit: &str, suite: &Path, written: &str) -> Result<Vec<DatasetFile>, Box<Problem>> {
        // `..` leads out of where a link of that commit leads to, and not of the link.
        let suite = self.git.named(suite);
        let directory = self.git.real_at(commit, suite.parent().unwrap_or(Path::new("")))?;
        let pattern = beside(&directory.join(suite.file_name().unwrap_or_default()), written);
        let mut files = Vec::new();
        for path in self.git.matching_at(commit, &pattern)? {
            if let Some(text) = self.git.file_at(commit, Path::new(&path))? {
                files.push(DatasetFile { path: format!("{}:{path}", self.reference).into(), text });
            }
        }
        if files.is_empty() {
            let message = match pattern.as_str() {
                "" => format!(
                    "`{written}` leads out of the repository, and {} has nothing there",
                    self.reference
                ),
                pattern => format!("`{pattern}` matches no file at {}", self.reference),
            };
            return Err(Box::new(Problem::error("suite::no_dataset", message)));
        }
        Ok(files)
    }
}
