//! Prompts that lie in a submodule, asked about from the repository around it: a commit that is named there is one of that repository, and
//! what the submodule was at it, its tree says.

use std::fs;
use std::path::{Path, PathBuf};

use promptassay_registry::problem::Problem;
use tempfile::TempDir;

use super::at_commit::not_fetched;
use super::git::{Git, slashed};
use super::shown;
use crate::environment;

/// The repository around a submodule.
pub(super) struct Superproject {
    git: Box<Git>,
    /// The submodule, from the top of that repository.
    submodule: PathBuf,
}

/// What a change is compared with.
pub(super) struct Base {
    /// The commit that was named, in full.
    pub(super) commit: String,
    /// Where the change began: the last commit that both sides share.
    pub(super) fork: String,
}

impl Superproject {
    /// The repository that is asked in place of the one with its top at `root`, where that is a submodule: the one around it that the working
    /// directory is in, or else the outermost; and none where that directory is in `root` itself.
    pub(super) fn around(root: &Path) -> Result<Option<Self>, Box<Problem>> {
        let here = environment::directory().and_then(fs::canonicalize);
        match here {
            Ok(here) => Self::seen_from(&here, root),
            // Whoever stands in a directory that is gone stands in no repository.
            Err(_) => Ok(None),
        }
    }

    fn seen_from(here: &Path, root: &Path) -> Result<Option<Self>, Box<Problem>> {
        if here.starts_with(root) {
            return Ok(None);
        }
        let around = Git::alone_at(root, &["rev-parse", "--show-superproject-working-tree"]);
        // Git before 2.13 does not know the question, and has no answer.
        let around = around.unwrap_or_default();
        let around = around.trim_end_matches(['\n', '\r']);
        if around.is_empty() {
            return Ok(None);
        }
        let git = Git::at(Path::new(around))?;
        let submodule = root.strip_prefix(git.root()).ok().map(Path::to_owned);
        Ok(submodule.map(|submodule| Self { git: Box::new(git), submodule }))
    }

    /// The commit of the submodule at one of the repository around.
    fn submodule_at(&self, commit: &str, reference: &str) -> Result<String, Box<Problem>> {
        let found = self.git.submodule_at(commit, &self.submodule)?;
        found.ok_or_else(|| {
            let (submodule, reference) = (slashed(&self.submodule), shown(reference));
            let message = format!(
                "the prompts lie in `{submodule}`, which is no submodule at {reference}: nothing there can be compared with"
            );
            let help = format!(
                "look at everything in the change that brings it, without the commit; within `{submodule}` its own commits are meant"
            );
            Box::new(Problem::error("changes::no_submodule", message).help(help))
        })
    }
}

impl Git {
    /// Lets the index be what a commit takes: of a submodule that is its commit in the index of the repository around it, whatever is staged
    /// in the submodule itself.
    pub(super) fn take_the_index_of_a_commit(&self) -> Result<(), Box<Problem>> {
        let Some(Superproject { git, submodule }) = &self.superproject else { return Ok(()) };
        let shown = slashed(submodule);
        let failed = |message: String| {
            let message = format!("what is staged of the submodule `{shown}` cannot be looked at: {message}");
            let help = format!("`git submodule status {shown}` says where it stands");
            Box::new(Problem::error("changes::no_index", message).help(help))
        };
        let commit = git.submodule_in_index(submodule)?;
        let commit = commit.ok_or_else(|| failed("it is not in the index".to_owned()))?;
        // As a directory, because git makes the file.
        let directory = TempDir::new().map_err(|error| failed(error.to_string()))?;
        if self.index.set(directory).is_ok() {
            self.run(&["read-tree", &commit]).map_err(failed)?;
        }
        Ok(())
    }

    /// The commit of a submodule in the index; `None` where there is no submodule.
    pub(super) fn submodule_in_index(&self, path: &Path) -> Result<Option<String>, Box<Problem>> {
        let path = slashed(path);
        let staged = self.paths(&["--literal-pathspecs", "ls-files", "--stage", "-z", "--", &path])?;
        Ok(staged.iter().find_map(|line| {
            let mut words = line.to_str()?.split(['\t', ' ']);
            (words.next()? == "160000").then_some(())?;
            words.next().map(str::to_owned)
        }))
    }

    /// The submodule whose files these are, where it is asked about from the repository around it.
    pub(super) fn as_submodule(&self) -> Option<&Path> {
        self.superproject.as_ref().map(|superproject| superproject.submodule.as_path())
    }

    /// What a change is compared with, by a commit that is named.
    pub(super) fn base(&self, reference: &str) -> Result<Base, Box<Problem>> {
        let Some(superproject) = &self.superproject else {
            let commit = self.commit(reference)?;
            let fork = self.fork(&commit)?;
            return Ok(Base { commit, fork });
        };
        let around = superproject.git.base(reference)?;
        let commit = superproject.submodule_at(&around.commit, reference)?;
        let fork = superproject.submodule_at(&around.fork, &around.fork)?;
        for commit in [&commit, &fork] {
            let is_there = self.run(&["cat-file", "-e", &format!("{commit}^{{tree}}")]);
            is_there.map_err(|_| {
                let message = not_fetched(&superproject.submodule, commit);
                Box::new(Problem::error("changes::unknown_commit", message))
            })?;
        }
        Ok(Base { commit, fork })
    }

    /// Whether there is a commit to compare with: nothing was ever committed in a new repository, nor a submodule that is new and has nothing in its
    /// place there.
    pub(crate) fn has_a_first_commit(&self) -> bool {
        match &self.superproject {
            Some(Superproject { git, submodule }) => git.commit("HEAD").is_ok_and(|head| {
                let inside = git.files_in_at(&head, submodule);
                // That git does not tell is told where it is asked again.
                git.is_submodule_at(&head, submodule) || inside.map_or(true, |files| !files.is_empty())
            }),
            None => self.commit("HEAD").is_ok(),
        }
    }
}
