//! What git says changed since a commit. Git is asked here; what a changed path means is decided by the evaluator.

mod git;
mod then;

use std::path::{Path, PathBuf};

use promptassay_evaluator::selection::{Changed, PromptFiles, changed_prompts};
use promptassay_evaluator::suite::Suite;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{Prompt, Tree};

use git::Git;
pub(super) use then::Then;

/// The prompts among these that changed since `reference`: in commits of this side since the two parted, in the index, in the
/// working tree, and in files that git does not know yet.
#[expect(clippy::needless_pass_by_value, reason = "the list is made for this call")]
pub(super) fn since(
    reference: &str,
    tree: &Tree,
    prompts: Vec<(&Prompt, Option<&Suite>)>,
) -> Result<Changed, Box<Problem>> {
    let git = Git::at(tree.repository_root())?;
    let reference = git.commit(reference)?;
    let fork = git.fork(&reference)?;
    let mut paths = git.paths(&["diff", "--name-only", "--no-renames", "-z", &fork])?;
    paths.extend(git.paths(&["ls-files", "--others", "--exclude-standard", "-z"])?);
    let relative = |path: &Path| git.relative(path);
    let files: Vec<(PathBuf, Vec<PathBuf>)> = prompts
        .iter()
        .map(|(prompt, suite)| {
            let datasets = suite.iter().flat_map(|suite| &suite.datasets);
            (relative(prompt.directory()), datasets.map(|dataset| relative(dataset)).collect())
        })
        .collect();
    let known: Vec<PromptFiles<'_>> = prompts
        .iter()
        .zip(&files)
        .map(|((prompt, _), (directory, datasets))| PromptFiles {
            name: prompt.name().as_str(),
            directory,
            datasets,
            active: prompt.active_version().ok().map(|active| &active.version),
            active_at_fork: git.active_version(&fork, directory),
            active_at_reference: git.active_version(&reference, directory),
        })
        .collect();
    let registry_file = relative(&tree.root().join("registry.yaml"));
    Ok(changed_prompts(&paths, &registry_file, &known))
}
