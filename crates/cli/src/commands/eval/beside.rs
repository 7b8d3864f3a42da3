//! Other runs that ask the same meanwhile: both pay, because neither finds the other's replies in the cache yet.

use std::collections::BTreeSet;

use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::runs::{RunDirectory, RunFile, Shard};
use promptassay_registry::problem::Problem;

use super::journal::RunsArguments;
use crate::commands::Context;

/// Names the runs under way that ask versions and models of this plan. It stops nobody: what is asked twice is paid for twice, and no
/// verdict is wrong for it.
pub(super) fn say(plan: &Plan, shard: Option<Shard>, runs: &RunsArguments, context: &Context<'_>) {
    // What stands in the way of looking is said by whoever keeps this run.
    let Ok(others) = runs.runs(context).map(|runs| runs.list().unwrap_or_default()) else { return };
    let mut problems = Vec::new();
    for file in others.into_iter().filter(RunDirectory::is_under_way).filter_map(|run| run.file().ok()) {
        // Shards of one plan share no question.
        let is_other_part = shard.zip(file.shard).is_some_and(|(one, other)| one != other);
        let shared = asked_by_both(plan, &file);
        if file.asking.offline || is_other_part || shared.is_empty() {
            continue;
        }
        let shared: Vec<&str> = shared.into_iter().collect();
        let message =
            format!("run {} is under way and asks the same of {}: both pay", file.id, shared.join(", "));
        let help = "run one after the other: the second finds the replies of the first in the cache";
        problems.push(Problem::warning("eval::asked_twice", message).help(help));
    }
    context.console.problems(&problems);
}

/// The prompts of which both ask a version on the same model.
fn asked_by_both<'f>(plan: &Plan, file: &'f RunFile) -> BTreeSet<&'f str> {
    let ours = plan.prompts().iter().flat_map(|prompt| {
        let variants = prompt.variants.iter();
        variants.map(|variant| (prompt.name.as_str(), &variant.version, variant.model.name.as_str()))
    });
    let ours: BTreeSet<_> = ours.collect();
    let theirs = file.prompts.iter().filter(|prompt| {
        let mut variants = prompt.variants.iter();
        variants
            .any(|variant| ours.contains(&(prompt.name.as_str(), &variant.version, variant.model.as_str())))
    });
    theirs.map(|prompt| prompt.name.as_str()).collect()
}
