//! What a commit hook asks: whether what is registered at a commit is still there as it was, in the files here and in the index, which is
//! what a commit takes. The tree alone cannot tell, because a version whose file and row of prompt.lock are both gone leaves no trace in it.

use std::path::{Path, PathBuf};

use promptassay_registry::problem::{Problem, Severity};
use promptassay_registry::tree::{Loaded, Tree};

use crate::commands::Context;
use crate::commands::eval::{Git, Staged, Then};
use crate::failure::Failure;

/// What is wrong with what is registered at `reference`. Before the first commit only the index can be wrong.
pub(super) fn problems(
    reference: &str,
    loaded: &Loaded,
    context: &Context<'_>,
) -> Result<Vec<Problem>, Failure> {
    let refused = |problem: Box<Problem>| Failure::invalid_one(*problem);
    context.repository()?;
    let tree = &loaded.tree;
    let git = Git::at(tree.repository_root()).map_err(refused)?;
    if reference == "HEAD" && !git.has_a_first_commit() {
        let staged = Staged::before_the_first_commit(&git, tree).map_err(refused)?;
        return Ok(errors(&staged.loaded)
            .map(|problem| of_the_index(staged.in_tree(problem, tree), tree, staged.submodule.as_deref()))
            .collect());
    }
    let then = Then::read(git, reference, tree, &mut Vec::new()).map_err(refused)?;
    let mut problems = compared(loaded, &then).map_err(refused)?;
    let (staged, then) = then.staged(tree).map_err(refused)?;
    let in_index = compared(&staged.loaded, &then).map_err(refused)?;
    let only_there: Vec<Problem> = in_index
        .into_iter()
        .map(|problem| staged.in_tree(problem, tree))
        .filter(|problem| !problems.contains(problem))
        // A prompt may be removed, and that is said; whether it is cannot be told where its files are still here.
        .filter(|problem| problem.is_error() || problem.code == Then::REMOVED)
        .map(|problem| of_the_index(problem, tree, staged.submodule.as_deref()))
        .collect();
    problems.extend(only_there);
    Ok(problems)
}

/// What is wrong with a tree, compared with a commit.
fn compared(loaded: &Loaded, then: &Then<'_>) -> Result<Vec<Problem>, Box<Problem>> {
    // A prompt that cannot be read cannot be compared: a row of prompt.lock whose file is gone is one.
    let mut problems: Vec<Problem> = errors(loaded).collect();
    for prompt in loaded.tree.prompts() {
        problems.extend(then.frozen(prompt)?);
    }
    problems.extend(then.removed_prompts(&loaded.tree, |_| None)?);
    problems.extend(then.moved_root(&loaded.tree)?);
    problems.extend(then.given_up_submodules(&loaded.tree)?);
    Ok(problems)
}

/// That there are no prompts is none: where there were some, they are named.
fn errors(loaded: &Loaded) -> impl Iterator<Item = Problem> {
    let is_one = |problem: &&Problem| {
        problem.is_error() && !matches!(problem.code, "tree::empty" | "tree::no_directory")
    };
    loaded.problems.iter().filter(is_one).cloned()
}

/// An error about the index, with the commands that change it.
fn of_the_index(problem: Problem, tree: &Tree, submodule: Option<&Path>) -> Problem {
    let (message, mut help) = if let Some(submodule) = submodule {
        let shown = submodule.display();
        let message = format!("in the commit of `{shown}` that is staged here: {}", problem.message);
        (message, format!("commit in `{shown}` what is meant, and stage that: `git add {shown}`"))
    } else {
        let place = problem.place.as_ref().map(|place| place.file.as_path());
        let inside = place.and_then(|file| file.strip_prefix(tree.root()).ok()?.components().next());
        let path = tree.root().join(inside.as_ref().map_or(Path::new(""), |first| Path::new(first)));
        let path: PathBuf = path.components().collect();
        let path = path.display();
        let message = format!("in the index, which is what `git commit` takes: {}", problem.message);
        let help = format!(
            "`git add -A -- {path}` stages the files as they are here, `git reset -- {path}` what the last commit has"
        );
        (message, help)
    };
    if problem.code == Then::REMOVED {
        help.push_str("; to remove the prompt, remove its files as well");
    }
    Problem { severity: Severity::Error, message, help: Some(help), ..problem }
}
