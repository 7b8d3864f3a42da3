//! `eval --record`: keeps what models answered, for review and for runs without a network.

use std::fs;
use std::path::{Path, PathBuf};

use promptassay_evaluator::event::JudgeAnswered;
use promptassay_evaluator::outputs::Outputs;
use promptassay_evaluator::plan::{Plan, PromptInput, PromptPlan, Trial};
use promptassay_evaluator::replies::{self, Merged, RecordedJudgements};
use promptassay_registry::files::{check_inside, write_atomic};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Tree;

use super::journal::broken;
use crate::commands::Context;
use crate::failure::Failure;

/// Where the replies of these prompts are kept.
pub(super) fn directory(
    tree: &Tree,
    inputs: &[PromptInput<'_>],
    problems: &mut Vec<Problem>,
) -> Option<PathBuf> {
    let directory = tree.registry().replies.clone();
    if let Some(directory) = &directory {
        // Known before anything is paid for.
        let files = inputs.iter().flat_map(|input| files(directory, input.prompt.name().as_str()));
        let leaving = files.filter_map(|file| check_inside(&file, tree.repository_root()).err());
        problems.extend(leaving.map(|problem| *problem));
    } else {
        problems.push(
            Problem::error("eval::no_replies", "`--record` keeps replies, and nothing says where")
                .at(Place::whole_file(tree.root().join("registry.yaml")))
                .help("add `replies: ../fixtures/replies` to registry.yaml"),
        );
    }
    directory
}

/// The replies of a prompt, and the answers of its judges.
fn files(directory: &Path, prompt: &str) -> [PathBuf; 2] {
    [directory.join(format!("{prompt}.jsonl")), RecordedJudgements::path(directory, prompt)]
}

/// Writes the replies of each prompt into its file, and says how many.
pub(super) fn write(
    plan: &Plan,
    outputs: &Outputs,
    directory: &Path,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let judge_answers = outputs.judge_answers().map_err(broken)?;
    for (index, prompt) in plan.prompts().iter().enumerate() {
        let [path, of_judges] = files(directory, prompt.name.as_str());
        let reply = |trial: &Trial| outputs.get(trial.id);
        write_into(&path, prompt, context, |old| replies::merge(plan, index, old, reply))?;
        let is_judged = |answered: &JudgeAnswered| {
            plan.index_of(answered.trial).is_some_and(|trial| plan.trials()[trial].prompt == index)
        };
        if judge_answers.iter().any(is_judged) {
            write_into(&of_judges, prompt, context, |old| {
                replies::merge_judgements(plan, index, old, &judge_answers)
            })?;
        }
    }
    Ok(())
}

fn write_into(
    path: &Path,
    prompt: &PromptPlan,
    context: &Context<'_>,
    merge: impl FnOnce(&str) -> Merged,
) -> Result<(), Failure> {
    let failed = |error: String| {
        let message = format!("the replies of {} were not recorded: {error}", prompt.name);
        Failure::broken(Problem::error("eval::cannot_record", message))
    };
    let old = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        result => result.map_err(|error| failed(error.to_string()))?,
    };
    let Merged { text, written, kept_by_hand } = merge(&old);
    if written > 0 {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        }
        write_atomic(path, text).map_err(|error| failed(error.to_string()))?;
    }
    let rows = |count: usize| format!("{count} {}", if count == 1 { "reply" } else { "replies" });
    match written {
        // What stays as somebody wrote it may well say something else; the next remark is about that.
        0 if kept_by_hand > 0 => {}
        0 => context.console.note(&format!("{} says all of this already", path.display())),
        _ => context.console.note(&format!("recorded {} in {}", rows(written), path.display())),
    }
    if kept_by_hand > 0 {
        let row = if kept_by_hand == 1 { "its row" } else { "such a row" };
        context.console.note(&format!(
            "kept {} written by hand in {}; delete {row} to have it recorded",
            rows(kept_by_hand),
            path.display()
        ));
    }
    Ok(())
}
