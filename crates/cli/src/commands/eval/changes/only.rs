//! Of the prompts that are selected, those that a change changes.

use promptassay_evaluator::selection::Changed;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::Suite;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{Prompt, Tree};

use super::remarks::not_judged;
use super::{SuiteFiles, Then};
use crate::commands::CACHE_DIRECTORY;
use crate::commands::eval::policy::PolicyArguments;

/// A prompt, its suite if that can be read, and what is wrong with either.
pub(in crate::commands::eval) struct Candidate<'a> {
    pub(in crate::commands::eval) prompt: &'a Prompt,
    pub(in crate::commands::eval) suite: Option<Suite>,
    pub(in crate::commands::eval) problems: Vec<Problem>,
}

/// Leaves the prompts that changed since a commit, each with the gate that it had there: a change cannot relax its own gate.
pub(in crate::commands::eval) fn only_changed(
    then: &Then<'_>,
    tree: &Tree,
    prompts: &[&Prompt],
    (settings, flags, is_replay): (&Settings, &PolicyArguments, bool),
    candidates: &mut Vec<Candidate<'_>>,
    problems: &mut Vec<Problem>,
) -> Result<Changed, Box<Problem>> {
    let without_suite = prompts.iter().filter(|prompt| !prompt.has_suite());
    let files = candidates.iter().map(|Candidate { prompt, suite, .. }| {
        (*prompt, SuiteFiles::of(prompt, suite.as_ref(), tree, settings))
    });
    let files = files.chain(without_suite.clone().map(|prompt| (*prompt, SuiteFiles::default())));
    let mut changed = super::since(then, tree, files.collect(), is_replay)?;
    for prompt in without_suite {
        let removed = then.removed_suite(prompt)?;
        if let Changed::Prompts(changes) = &mut changed
            && let Some(change) = changes.remove(prompt.name().as_str())
            && removed.is_none()
        {
            problems.push(not_judged(prompt, &change, then.reference));
        }
        problems.extend(removed);
    }
    for prompt in prompts {
        let frozen = then.frozen(prompt)?.into_iter();
        problems.extend(frozen.map(|problem| problem.of_prompt(prompt.name().as_str())));
    }
    let suites = |name: &str| {
        candidates.iter().find(|candidate| candidate.prompt.name().as_str() == name)?.suite.as_ref()
    };
    problems.extend(then.removed_prompts(tree, suites)?);
    problems.extend(then.moved_root(tree)?);
    problems.extend(then.other_rules(tree));
    problems.extend(then.given_up_submodules(tree)?);
    problems.extend(then.own_answers(&tree.repository_root().join(CACHE_DIRECTORY))?);
    if let Changed::Prompts(changes) = &changed {
        if changes.is_empty() {
            return Ok(Changed::Nothing);
        }
        candidates.retain(|candidate| changes.contains_key(candidate.prompt.name().as_str()));
        for candidate in candidates.iter_mut() {
            if let Some(suite) = &mut candidate.suite {
                let (prompt, mut of_prompt) = (candidate.prompt, Vec::new());
                then.hold(prompt, suite, flags, &mut of_prompt)?;
                of_prompt.extend(then.other_programs(prompt, suite)?);
                let answering = suite.model_program_files(settings, tree.repository_root());
                of_prompt.extend(then.other_answers(prompt, &answering, suite)?);
                problems
                    .extend(of_prompt.into_iter().map(|problem| problem.of_prompt(prompt.name().as_str())));
            }
        }
        let judged =
            candidates.iter().filter_map(|candidate| Some((candidate.prompt, candidate.suite.as_ref()?)));
        problems.extend(then.other_rows(&judged.collect::<Vec<_>>(), (tree, settings)));
    }
    Ok(changed)
}
