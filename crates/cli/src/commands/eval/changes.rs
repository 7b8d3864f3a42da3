//! What git says changed since a commit. Git is asked here; what a changed path means is decided by the evaluator.

mod at_commit;
mod changed_paths;
mod contents;
mod formats;
mod frozen;
mod git;
mod given_up;
mod interface;
mod ledger;
mod linked;
mod listing;
mod matching;
mod models;
mod moves;
mod only;
mod own_answers;
mod prices;
pub(super) mod remarks;
mod removed;
mod rules;
mod staged;
mod superproject;
mod then;

use std::path::{Path, PathBuf};

use promptassay_evaluator::selection::{Changed, Paths, PromptFiles, changed_prompts, registry_changes};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{Suite, datasets_named_by, programs_named_by};
use promptassay_registry::problem::Problem;
use promptassay_registry::registry_file;
use promptassay_registry::tree::{Prompt, Tree};

use super::recording;
use at_commit::plain;
pub(crate) use git::Git;
use git::slashed;
pub(super) use only::{Candidate, only_changed};
pub(crate) use staged::Staged;
pub(crate) use then::Then;

/// So many digits of a commit are shown.
const SHOWN_DIGITS: usize = 12;

/// A commit as it was named, for people: of a full id the first digits.
pub(super) fn shown(reference: &str) -> &str {
    let is_id = matches!(reference.len(), 40 | 64) && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &reference[..SHOWN_DIGITS] } else { reference }
}

/// What a suite is made of beside its own file: datasets, and programs that judge or answer.
#[derive(Debug, Default)]
pub(super) struct SuiteFiles {
    /// The files; where the suite cannot be read, those of programs alone.
    pub(super) files: Vec<PathBuf>,
    /// The datasets that it names, also where they cannot be read.
    pub(super) patterns: Vec<String>,
}

impl SuiteFiles {
    fn of(prompt: &Prompt, suite: Option<&Suite>, tree: &Tree, settings: &Settings) -> Self {
        let repository = tree.repository_root();
        match suite {
            Some(suite) => {
                let programs =
                    suite.program_files().into_iter().chain(suite.model_program_files(settings, repository));
                Self {
                    files: suite.datasets.iter().cloned().chain(programs).collect(),
                    patterns: suite.dataset_patterns.clone(),
                }
            }
            None => Self {
                files: programs_named_by(prompt, tree.registry().document.as_ref(), repository),
                patterns: datasets_named_by(prompt),
            },
        }
    }

    /// All that is no file in the prompt's directory, as git knows it: these, the recorded replies, and each link on the way to anything of
    /// the prompt, which is what git names where it leads elsewhere now.
    fn beside(&self, git: &Git, prompt: &Prompt, recorded: Option<&Path>) -> Vec<PathBuf> {
        let replies = recorded.map(|directory| recording::files(directory, prompt.name().as_str()));
        let files: Vec<PathBuf> = self.files.iter().cloned().chain(replies.into_iter().flatten()).collect();
        let suite = prompt.suite_path();
        let directories =
            self.patterns.iter().filter_map(|pattern| Some(suite.parent()?.join(fixed(pattern))));
        let ways = files.iter().cloned().chain(directories).chain([prompt.directory().to_owned()]);
        let mut beside: Vec<PathBuf> = ways.flat_map(|path| linked::links_to(git, &path)).collect();
        beside.extend(files.iter().map(|file| git.relative(file)));
        beside.sort();
        beside.dedup();
        beside
    }
}

/// The prompts among these that changed since a commit: in commits of this side since the two parted, in the index, in the
/// working tree, and in files that git does not know yet. `is_replay`: recorded replies count as files of their prompt.
#[expect(clippy::needless_pass_by_value, reason = "the list is made for this call")]
pub(super) fn since(
    then: &Then<'_>,
    tree: &Tree,
    prompts: Vec<(&Prompt, SuiteFiles)>,
    is_replay: bool,
) -> Result<Changed, Box<Problem>> {
    let Then { git, commit, fork, touched: changed, .. } = then;
    let mut paths = Paths::default();
    (paths.submodules, paths.files) = changed.iter().cloned().partition(|path| git.is_directory(path));
    for submodule in &paths.submodules {
        paths.files.extend(git.changed_in(submodule, fork)?);
    }
    for (prompt, _) in &prompts {
        paths.files.extend(linked::behind_links(git, prompt.directory(), changed));
    }
    paths.files.sort();
    paths.files.dedup();
    // Where nobody is asked, the verdict stands on what is recorded.
    let recorded = tree.registry().replies.as_deref().filter(|_| is_replay);
    let files: Vec<(PathBuf, Vec<PathBuf>, Vec<String>)> = prompts
        .iter()
        .map(|(prompt, of_suite)| {
            let suites = [git.named(&prompt.suite_path()), git.relative(&prompt.suite_path())];
            let patterns = of_suite.patterns.iter();
            (
                git.relative(prompt.directory()),
                of_suite.beside(git, prompt, recorded),
                patterns.flat_map(|pattern| suites.iter().map(move |suite| beside(suite, pattern))).collect(),
            )
        })
        .collect();
    let reread = prompts.iter().map(|(prompt, _)| then.reread(prompt)).collect::<Result<Vec<_>, _>>()?;
    let mut known = Vec::new();
    for (((prompt, _), (directory, files, dataset_patterns)), reread) in
        prompts.iter().zip(&files).zip(&reread)
    {
        known.push(PromptFiles {
            name: prompt.name().as_str(),
            directory,
            files,
            dataset_patterns,
            active: prompt.active_version().ok().map(|active| &active.version),
            active_at_fork: git.active_version(fork, prompt.directory())?,
            active_at_reference: git.active_version(commit, prompt.directory())?,
            reread,
        });
    }
    let registry_path = tree.root().join(registry_file::FILE_NAME);
    let registry = if linked::is_touched(git, &registry_path, changed) {
        registry_changes(then.began().document.as_ref(), tree.registry().document.as_ref())
    } else {
        Vec::new()
    };
    Ok(changed_prompts(&paths, &registry, &known))
}

/// The part of a pattern that leads to one place.
fn fixed(pattern: &str) -> PathBuf {
    pattern.split('/').take_while(|part| !part.contains(['*', '?', '[', '{'])).collect()
}

/// A path or a pattern of a suite as one of the repository, as git writes it. `..` is resolved without the disk: what it leads to may
/// be gone.
fn beside(suite: &Path, pattern: &str) -> String {
    let path = plain(&suite.parent().unwrap_or(Path::new("")).join(pattern));
    // What lies outside of the repository is no file of it.
    path.map(|path| slashed(&path)).unwrap_or_default()
}
