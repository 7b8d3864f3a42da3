//! Experiments that run by the store, and that no file defines: it was removed or renamed, or a branch is checked out that lacks it.

use std::path::{Path, PathBuf};

use promptassay_experiments::definition::{file_name, valid_label};
use promptassay_experiments::store::{Phase, Store};
use promptassay_registry::problem::{Place, Problem, Severity};
use promptassay_registry::tree::Loaded;

use super::store_failed;
use crate::failure::Failure;

/// The code of one that runs without a file.
const CODE: &str = "experiment::gone";

/// One that runs without a file.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) name: String,
    pub(crate) phase: Phase,
    /// Where its file should be; `None` where the prompt is not known or not here.
    file: Option<PathBuf>,
}

/// All that a store knows, by name. A file that cannot be read is there: that it is broken is said by whoever reads it.
pub(crate) fn all(loaded: &Loaded, store: &mut dyn Store) -> Result<Vec<Gone>, Failure> {
    let begun = store.begun().map_err(|error| store_failed(&error))?;
    let sound = loaded.tree.prompts().map(|prompt| (prompt.name().as_str(), prompt.directory()));
    let broken = loaded.tree.broken().iter().map(|prompt| (prompt.name.as_str(), prompt.directory.as_path()));
    let directories: Vec<(&str, &Path)> = sound.chain(broken).collect();
    let gone = begun.into_iter().filter_map(|(name, phase)| {
        let has_file = |directory: &Path| {
            valid_label(&name) && directory.join(file_name(&name)).symlink_metadata().is_ok()
        };
        let owner = phase.prompt.as_deref();
        let home = directories.iter().find(|(prompt, _)| Some(*prompt) == owner).map(|(_, home)| *home);
        let is_there = match home {
            Some(home) => has_file(home),
            // The prompt may have another name by now.
            None => directories.iter().any(|(_, directory)| has_file(directory)),
        };
        let file = home.map(|home| home.join(file_name(&name)));
        (!is_there).then_some(Gone { name, phase, file })
    });
    Ok(gone.collect())
}

impl Gone {
    /// Whether `NAME` or `PROMPT/NAME` is this one; whose it is may not be known.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let (owner, name) = name.split_once('/').map_or((None, name), |(owner, name)| (Some(owner), name));
        let is_of = |owner| self.phase.prompt.as_deref().is_none_or(|prompt| prompt == owner);
        name == self.name && owner.is_none_or(is_of)
    }

    /// What is wrong with it, for whoever asks for it by its name.
    pub(crate) fn asked_for(&self) -> Problem {
        if let Some(problem) = self.problem(|_| true) {
            return Problem { severity: Severity::Error, ..problem };
        }
        let Phase { phase, prompt, .. } = &self.phase;
        let owner = prompt.as_deref().unwrap_or_default();
        let message = format!(
            "phase {phase} of `{}` runs in the store, on `{owner}`, which is no prompt here",
            self.name
        );
        Problem::error(CODE, message)
            .help("several repositories may share a store: go to the one with that prompt, or bring it back")
    }

    /// What is wrong with it, for whoever asks about prompts: an error where it is of one of them, a warning where nobody knows whose it
    /// is. Nothing where it is of another prompt, or of one that is not here: several repositories may share a store.
    pub(crate) fn problem(&self, concerns: impl Fn(&str) -> bool) -> Option<Problem> {
        let Self { name, phase: Phase { phase, prompt, .. }, file } = self;
        let stop = format!("`promptassay experiment stop {name} --reason WHY` ends it");
        match (prompt, file) {
            (Some(prompt), Some(file)) if concerns(prompt) => {
                let message = format!("phase {phase} of `{name}` runs, and its file is gone");
                let back = format!(
                    "bring the file back: `git log --all -- {}` knows it; or, where it is over, {stop}",
                    file.display()
                );
                Some(Problem::error(CODE, message).at(Place::whole_file(file.as_path())).help(back))
            }
            (None, _) => {
                let message = format!("phase {phase} of `{name}` runs, and no prompt has a file of it");
                Some(Problem::warning(CODE, message).help(format!("bring its file back; or {stop}")))
            }
            _ => None,
        }
    }
}
