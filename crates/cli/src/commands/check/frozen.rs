//! What a commit hook asks: whether what is registered at a commit is still there as it was. The tree alone cannot tell, because a
//! version whose file and row of prompt.lock are both gone leaves no trace in it.

use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Loaded;

use crate::commands::Context;
use crate::commands::eval::Then;
use crate::failure::Failure;

/// What is wrong with what is registered at `reference`. Before the first commit nothing is.
pub(super) fn problems(
    reference: &str,
    loaded: &Loaded,
    context: &Context<'_>,
) -> Result<Vec<Problem>, Failure> {
    let refused = |problem: Box<Problem>| Failure::invalid_one(*problem);
    context.repository()?;
    if reference == "HEAD" && Then::is_before_the_first_commit(&loaded.tree).map_err(refused)? {
        return Ok(Vec::new());
    }
    let then = Then::read(reference, &loaded.tree, &mut Vec::new()).map_err(refused)?;
    // A prompt that cannot be read cannot be compared: a row of prompt.lock whose file is gone is one.
    let mut problems: Vec<Problem> =
        loaded.problems.iter().filter(|problem| problem.is_error()).cloned().collect();
    for prompt in loaded.tree.prompts() {
        problems.extend(then.frozen(prompt).map_err(refused)?);
    }
    problems.extend(then.removed_prompts(&loaded.tree, |_| None).map_err(refused)?);
    Ok(problems)
}
