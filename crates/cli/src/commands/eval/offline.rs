//! `eval --offline`: answers from recorded replies. Opens no socket.

use std::collections::HashMap;
use std::path::Path;

use promptassay_evaluator::event::{AskError, AskErrorKind, ReplySource, RunEnd};
use promptassay_evaluator::judge::JudgeCall;
use promptassay_evaluator::plan::{Plan, PromptInput, PromptPlan, Trial};
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::replies::{self, NoReply, RecordedJudgements, RecordedReplies, request_digest};
use promptassay_evaluator::run::{Asked, Unanswered, run as run_plan};
use promptassay_evaluator::settings::Settings;
use promptassay_llm::ChatRequest;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::tree::{Prompt, Tree};
use promptassay_registry::version::Version;

use super::following::{Follower, stop, stop_now};
use super::journal::{JournalArguments, Keeper};
use super::runtime;
use crate::commands::Context;
use crate::failure::Failure;

/// Recorded replies need no waiting; this many are looked up at a time.
const WINDOW: usize = 64;
/// So many unused rows of a file are named one by one.
pub(super) const NAMED: usize = 3;

/// The recorded replies of each prompt.
pub(super) type Replies = HashMap<String, Recorded>;

/// What is recorded of a prompt.
#[derive(Debug)]
pub(super) struct Recorded {
    replies: RecordedReplies,
    judgements: RecordedJudgements,
}

/// Answers what is left of a plan from these replies. The run begins with `begin`.
pub(super) fn run<'p>(
    journal: &JournalArguments,
    plan: &'p Plan,
    replies: &Replies,
    begin: impl FnOnce() -> Result<Keeper<'p>, Failure>,
    context: &Context<'_>,
) -> Result<(RunEnd, Replay), Failure> {
    let mut follower = Follower::new(plan, begin()?, context);
    let (work, not_stored, aside) = (follower.work(), follower.not_stored(), follower.aside());
    let ask = |trial, request, _tell| {
        let result = answer(plan, replies, trial, &request).map_err(Unanswered::from);
        async move { result }
    };
    let ask_judge = |trial, call: JudgeCall, _tell| {
        let result = judge_answer(plan, replies, trial, &call).map_err(Unanswered::from);
        async move { result }
    };
    let end = runtime()?.block_on(async {
        tokio::select! {
            biased;
            end = run_plan(plan, &work, ask, ask_judge, WINDOW, stop(journal.budget, || 0, aside), |event| follower.observe(event)) => Some(end),
            () = stop_now(&not_stored) => None,
        }
    });
    follower.finish(end)
}

/// The recorded replies of these prompts; rows that no question leads to are named.
pub(super) fn read(
    tree: &Tree,
    inputs: &[PromptInput<'_>],
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Replies {
    let Some(directory) = &tree.registry().replies else {
        problems.push(
            Problem::error(
                "eval::no_replies",
                "`--offline` needs recorded replies, and nothing says where they are",
            )
            .at(Place::whole_file(tree.root().join("registry.yaml")))
            .help("add `replies: ../fixtures/replies` to registry.yaml"),
        );
        return HashMap::new();
    };
    // Where a model row or a suite is broken, what it leads to is not known.
    let sound = !has_errors(problems);
    let mut all = HashMap::new();
    for input in inputs {
        let name = input.prompt.name().to_string();
        let path = directory.join(format!("{name}.jsonl"));
        let replies = match read_if_there(&path, tree.repository_root(), problems) {
            Some(text) => {
                let replies = RecordedReplies::parse(&path, &text, problems);
                // Of a part of the cases it is not known what the others lead to.
                if sound && input.suite.narrowed_by.is_empty() {
                    warn_of_unused(input, &replies, settings, &path, &text, problems);
                }
                replies
            }
            None => RecordedReplies::none(&path),
        };
        let judgements = read_judgements(directory, &name, tree.repository_root(), problems);
        all.insert(name, Recorded { replies, judgements });
    }
    all
}

/// The recorded answers of a prompt's judges.
pub(crate) fn read_judgements(
    directory: &Path,
    prompt: &str,
    repository: &Path,
    problems: &mut Vec<Problem>,
) -> RecordedJudgements {
    let path = RecordedJudgements::path(directory, prompt);
    match read_if_there(&path, repository, problems) {
        Some(text) => RecordedJudgements::parse(&path, &text, problems),
        None => RecordedJudgements::none(&path),
    }
}

/// The text of a file of recorded replies; `None` where there is none, or it cannot be read, which is a problem.
pub(crate) fn read_if_there(path: &Path, repository: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let known = |problem: &Problem| {
        problems.iter().any(|known| known.code == problem.code && known.place == problem.place)
    };
    match replies::read_file(path, repository) {
        Ok(text) => text,
        // A link out of a directory of the prompts was found with them.
        Err(problem) if known(&problem) => None,
        Err(problem) => {
            problems.push(*problem);
            None
        }
    }
}

/// The versions that a prompt has.
pub(crate) fn versions(prompt: &Prompt) -> Vec<Version> {
    prompt.versions().map(|version| version.version.clone()).collect()
}

fn warn_of_unused(
    input: &PromptInput<'_>,
    replies: &RecordedReplies,
    settings: &Settings,
    path: &Path,
    text: &str,
    problems: &mut Vec<Problem>,
) {
    let models = settings.models.keys().map(String::as_str);
    let unused = replies.unused(&input.suite, &versions(input.prompt), models);
    let help = "`promptassay replies prune` removes it";
    for row in unused.iter().take(NAMED) {
        problems.push(
            Problem::warning("replies::unused_row", format!("nothing asks for this reply: {}", row.why))
                .at(line_of(path, text, row.line))
                .help(help),
        );
    }
    if let Some(more) = unused.get(NAMED..).filter(|more| !more.is_empty()) {
        let message = format!("nothing asks for {} more of these replies", more.len());
        problems.push(
            Problem::warning("replies::unused_row", message).at(line_of(path, text, more[0].line)).help(help),
        );
    }
}

/// A line of a file, by its number from 1.
fn line_of(path: &Path, text: &str, line: usize) -> Place {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    Place::in_text(path, text, start..start + 1)
}

fn answer(plan: &Plan, replies: &Replies, trial: Trial, request: &ChatRequest) -> Result<Asked, AskError> {
    let prompt = &plan.prompts()[trial.prompt];
    let digest = request_digest(&plan.variant(&trial).model, request);
    let found = of_prompt(replies, prompt)?.replies.find(&plan.reply_key(&trial), &digest);
    match found {
        Ok(reply) => Ok(Asked { reply: reply.clone(), source: ReplySource::Recorded }),
        Err(error) => {
            let kind = match error {
                NoReply::Missing { .. } => AskErrorKind::NoRecordedReply,
                NoReply::Stale { .. } => AskErrorKind::StaleReply,
            };
            Err(AskError { kind, message: error.to_string() })
        }
    }
}

fn judge_answer(plan: &Plan, replies: &Replies, trial: Trial, call: &JudgeCall) -> Result<Asked, AskError> {
    let recorded = of_prompt(replies, &plan.prompts()[trial.prompt])?;
    recorded.judgements.answer(plan, &trial, call).map_err(AskError::from)
}

fn of_prompt<'a>(replies: &'a Replies, prompt: &PromptPlan) -> Result<&'a Recorded, AskError> {
    replies.get(prompt.name.as_str()).ok_or_else(|| AskError {
        kind: AskErrorKind::NoRecordedReply,
        message: "no replies were read".to_owned(),
    })
}
