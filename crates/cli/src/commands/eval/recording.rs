//! `eval --record`: keeps what models answered, for review and for runs without a network.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use promptassay_evaluator::event::JudgeAnswered;
use promptassay_evaluator::outputs::Outputs;
use promptassay_evaluator::plan::{Plan, PromptInput, PromptPlan, Trial};
use promptassay_evaluator::replies::{
    self, Merged, NoReply, RecordedJudgements, RecordedReplies, request_digest,
};
use promptassay_evaluator::run::Written;
use promptassay_llm::Reply;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{check_inside, try_writing, write_atomic};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Tree;

use super::journal::broken;
use super::offline::NAMED;
use super::read_if_there;
use crate::commands::Context;
use crate::failure::Failure;
use crate::writing::Stop;

/// What stands for each file that is not there yet, where it is tried whether one can be made.
const NEW_FILE: &str = "replies.jsonl";

/// What is in the files, for the sake of what people wrote into them.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    /// The replies of each prompt, by its name.
    replies: HashMap<String, RecordedReplies>,
    judgements: HashMap<(Digest, u32), Reply>,
}

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

/// What people wrote into the files of these prompts. Whatever is wrong in a file is a problem: rewriting it would lose the row.
pub(super) fn by_hand(
    directory: &Path,
    repository: &Path,
    inputs: &[PromptInput<'_>],
    problems: &mut Vec<Problem>,
) -> ByHand {
    let mut all = ByHand::default();
    for input in inputs {
        let [path, of_judges] = files(directory, input.prompt.name().as_str());
        let text = read_if_there(&path, repository, problems).unwrap_or_default();
        let replies = RecordedReplies::parse(&path, &text, problems);
        all.replies.insert(input.prompt.name().to_string(), replies);
        let text = read_if_there(&of_judges, repository, problems).unwrap_or_default();
        let judgements = RecordedJudgements::parse(&of_judges, &text, problems);
        all.judgements.extend(judgements.by_hand().map(|(question, reply)| (question, reply.clone())));
    }
    all
}

/// The trials of a plan that are answered by what a person wrote: that stays in the file, so it is what `--offline` answers with, and
/// what judges have to be asked about. One that answers another request is neither replaced nor of use, which is better known before
/// anything is paid for.
pub(super) fn written(plan: &Plan, by_hand: ByHand) -> Result<Written, Failure> {
    let (mut replies, mut stale) = (HashMap::new(), Vec::new());
    for trial in plan.trials() {
        let of_prompt = by_hand.replies.get(plan.prompts()[trial.prompt].name.as_str());
        let Some((recorded, request)) = of_prompt.zip(plan.request(trial).ok()) else { continue };
        let key = plan.reply_key(trial);
        match recorded.by_hand(&key, &request_digest(&plan.variant(trial).model, &request)) {
            Some(Ok(reply)) => {
                replies.insert(trial.id, reply.clone());
            }
            Some(Err(NoReply::Stale { file, line, .. })) => stale.push(
                Problem::error(
                    "eval::stale_by_hand",
                    format!(
                        "{}:{line}: what was written by hand for case {} answers another request than today's, and `--record` does not replace it",
                        file.display(), key.case
                    ),
                )
                .help("write it anew, without `request_sha256` if it fits whatever is asked, or delete its row to have it recorded"),
            ),
            Some(Err(NoReply::Missing { .. })) | None => {}
        }
    }
    if stale.is_empty() {
        Ok(Written { replies, judgements: by_hand.judgements })
    } else {
        Err(Failure::invalid(stale))
    }
}

/// The replies of a prompt, and the answers of its judges.
pub(super) fn files(directory: &Path, prompt: &str) -> [PathBuf; 2] {
    [directory.join(format!("{prompt}.jsonl")), RecordedJudgements::path(directory, prompt)]
}

/// Whether the replies of a plan can be recorded there, asked before the first of them is paid for. Nobody else is kept from it meanwhile.
pub(super) fn refuse_unwritable(
    plan: &Plan,
    directory: Option<&Path>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let Some(directory) = directory else { return Ok(()) };
    fs::create_dir_all(directory).map_err(|error| {
        let message =
            format!("cannot create `{}`, where replies are to be recorded: {error}", directory.display());
        let help = "make it writable, or name another directory by `replies:` of registry.yaml";
        Failure::broken(Problem::error("eval::cannot_record", message).help(help))
    })?;
    context.may_lock_replies(directory)?;
    // A file that is new is made in the directory, as every other one: that is tried once.
    let files = plan.prompts().iter().flat_map(|prompt| files(directory, prompt.name.as_str()));
    let there = files.filter(|file| fs::symlink_metadata(file).is_ok());
    let any = directory.join(NEW_FILE);
    let unwritable = there.chain([any]).map(|file| try_writing(&file)).find_map(Result::err);
    unwritable.map_or(Ok(()), |error| {
        let message = format!("replies cannot be recorded: {error}");
        Err(Failure::broken(Problem::error("eval::cannot_record", message)))
    })
}

/// Writes the replies of each prompt into its file, and says how many. `again`: what goes on with the run.
pub(super) fn write(
    plan: &Plan,
    outputs: &Outputs,
    directory: &Path,
    again: impl FnOnce() -> String,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let judge_answers = outputs.judge_answers().map_err(broken)?;
    // What another process records meanwhile would be written over. The prompts are not written to, and need not be writable.
    let _lock = context.lock_of_replies(directory, Stop::IsPutOff, || stopped(directory, &again()))?;
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

fn stopped(directory: &Path, again: &str) -> Problem {
    let message = format!(
        "interrupted while another process was writing to `{}`: no reply was recorded",
        directory.display()
    );
    Problem::error("eval::not_recorded", message)
        .help(format!("the run has them: `{again} --record` records them and asks none of them again"))
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
    let Merged { text, written, kept_by_hand, passed_over } = merge(&old);
    if written > 0 {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        }
        write_atomic(path, text).map_err(|error| failed(error.to_string()))?;
    }
    let rows = |count: usize| format!("{count} {}", if count == 1 { "reply" } else { "replies" });
    match written {
        // What stays as somebody wrote it may well say something else; the next remarks are about that.
        0 if kept_by_hand > 0 || !passed_over.is_empty() => {}
        0 => context.console.note(&format!("{} says all of this already", path.display())),
        _ => context.console.note(&format!("recorded {} in {}", rows(written), path.display())),
    }
    if kept_by_hand > 0 {
        let row = if kept_by_hand == 1 { "its row" } else { "such a row" };
        context.console.note(&format!(
            "{} written by hand in {} answered in the place of a model; delete {row} to have it recorded",
            rows(kept_by_hand),
            path.display()
        ));
    }
    if !passed_over.is_empty() {
        let (answer, one) = match passed_over.len() {
            1 => ("answers another question than today's and counts", "it"),
            _ => ("answer other questions than today's and count", "one"),
        };
        context.console.note(&format!(
            "{} written by hand in {} ({}) {answer} for nothing; where {one} still holds, give it the `request_sha256` of the row that \
             was recorded, without `parts`, and delete that one; else `promptassay replies prune` removes it",
            rows(passed_over.len()),
            path.display(),
            numbers_of(&passed_over)
        ));
    }
    Ok(())
}

/// The first of these lines, and how many there are beside them.
fn numbers_of(lines: &[usize]) -> String {
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let named: Vec<String> = lines.iter().take(NAMED).map(usize::to_string).collect();
    let more = match lines.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{word} {}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_and_many_are_counted() {
        let shown: Vec<String> = [1, 2, 3, 5].map(|count| numbers_of(&[2, 4, 6, 8, 10][..count])).into();
        assert_eq!(shown, ["line 2", "lines 2, 4", "lines 2, 4, 6", "lines 2, 4, 6 and 2 more"]);
    }
}
