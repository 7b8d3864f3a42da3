//! `promptassay eval`: asks the cases of suites, judges the answers, reports, and ends with the verdict's exit code.

mod following;
pub(crate) mod journal;
mod live;
mod offline;
pub(crate) mod published;
mod recording;
mod signals;

pub(crate) use offline::{MAX_REPLIES_BYTES, versions};
pub(super) use signals::asked_to_stop;

use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::plan::{self, Plan, PromptInput, VersionRequest};
use promptassay_evaluator::runs::RunFile;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_registry::files::read_text;
use promptassay_registry::problem::{Problem, has_errors, sort};
use promptassay_registry::tree::{FindPromptError, Prompt, Tree};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use journal::JournalArguments;
use published::ReportArguments;

/// The largest suite that is read.
const MAX_SUITE_BYTES: u64 = 256 << 20;

const EXAMPLES: &str = "Examples:
  promptassay eval                               every prompt that has a suite; asks the models of its suite
  promptassay eval --offline                     the same from recorded replies: no key, no network
  promptassay eval customer_support --record     and keep the replies for `--offline`
  promptassay eval --max-reply-age 7d            replies from the cache may be a week old
  promptassay eval customer_support --offline --candidate v1.0.0 --baseline v1.1.0
  promptassay eval --offline --junit report.xml  and a report for the pipeline

Exit codes: 0 passed, 1 a gate failed, 2 invalid input, 4 could not be judged, 130 interrupted.";

/// Ask the cases of suites and judge the answers.
///
/// Without `--candidate` the newest version is judged, with the active one beside it; where the active one is the newest, it is
/// judged alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EvalArguments {
    /// The prompts; without any, every prompt that has a suite.
    #[arg(value_name = "PROMPT")]
    names: Vec<String>,
    /// Answer from recorded replies; no network is used.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    live: live::LiveArguments,
    /// Judge this version; may be given several times.
    #[arg(long = "candidate", value_name = "VERSION")]
    candidates: Vec<Version>,
    /// Compare with this version instead of the active one.
    #[arg(long, value_name = "VERSION")]
    baseline: Option<Version>,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    reports: ReportArguments,
}

pub(crate) fn run(arguments: &EvalArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let resumed = arguments.journal.resumed(context)?;
    let selection = match &resumed {
        Some((_, file)) => Selection::Planned(file),
        None => Selection::Arguments(arguments),
    };
    let prepared = prepare(selection, Some(arguments), context)?;
    let plan = &prepared.plan;
    let begin = || match &resumed {
        Some((directory, file)) => journal::go_on(directory.clone(), file, plan, context),
        None => arguments.journal.begin(plan, context),
    };
    let (end, replay) = match &prepared.replies {
        Some(replies) => offline::run(&arguments.journal, plan, replies, begin, context)?,
        None => live::run(&arguments.live, &arguments.journal, plan, begin, context)?,
    };
    if end != RunEnd::Completed {
        context.console.note("`promptassay eval --resume` goes on with this run");
    }
    let exit = published::publish(plan, &replay.record, &replay.outputs, &arguments.reports, context)?;
    if let Some(directory) = &prepared.record_into {
        recording::write(plan, &replay.outputs, directory, context)?;
    }
    Ok(if end == RunEnd::Interrupted { Exit::Interrupted } else { exit })
}

/// What is evaluated.
#[derive(Debug, Clone, Copy)]
enum Selection<'a> {
    /// What was typed.
    Arguments(&'a EvalArguments),
    /// What an earlier run had planned.
    Planned(&'a RunFile),
}

impl Selection<'_> {
    /// The prompts by name; none means all.
    fn names(self) -> Vec<String> {
        match self {
            Self::Arguments(arguments) => arguments.names.clone(),
            Self::Planned(file) => file.prompts.iter().map(|prompt| prompt.name.to_string()).collect(),
        }
    }
}

/// The plan that a run had, made again from today's files. Whether it is the same is for the caller to ask.
pub(crate) fn plan_again(file: &RunFile, context: &Context<'_>) -> Result<Plan, Failure> {
    prepare(Selection::Planned(file), None, context).map(|prepared| prepared.plan)
}

/// What a run needs.
struct Prepared {
    plan: Plan,
    /// The recorded replies to answer from; `None`: models are asked.
    replies: Option<offline::Replies>,
    /// Where replies are recorded, where they are.
    record_into: Option<PathBuf>,
}

/// Reads and checks everything that the run needs: beside the plan, what `arguments` want for asking.
fn prepare(
    selection: Selection<'_>,
    arguments: Option<&EvalArguments>,
    context: &Context<'_>,
) -> Result<Prepared, Failure> {
    let names = selection.names();
    let loaded = Tree::load(&context.prompts);
    let mut problems = relevant(&loaded.tree, loaded.problems, &names);
    let tree = loaded.tree;
    let mut settings = match &tree.registry().document {
        Some(document) => Settings::read(document, &mut problems),
        None => Settings::default(),
    };
    if let Some(arguments) = arguments {
        arguments.live.apply_to(&mut settings);
    }
    let request = match selection {
        Selection::Arguments(arguments) => {
            VersionRequest { baseline: arguments.baseline.clone(), candidates: arguments.candidates.clone() }
        }
        Selection::Planned(_) => VersionRequest::default(),
    };
    let mut inputs = inputs(&names, &request, &tree, &settings, &mut problems);
    if let Selection::Planned(file) = selection {
        for input in &mut inputs {
            journal::narrow(file, input);
        }
    }
    // Whoever has mistakes in the files gets all of them, those of replies included.
    let offline = arguments.is_some_and(|arguments| arguments.offline);
    let replies = offline.then(|| offline::read(&tree, &inputs, &settings, &mut problems));
    let record = arguments.is_some_and(|arguments| arguments.live.record);
    let record_into = record.then(|| recording::directory(&tree, &mut problems)).flatten();
    let plan = plan::build(inputs, &settings, &mut problems);
    match plan {
        Some(plan) if !has_errors(&problems) => {
            context.console.problems(&problems);
            Ok(Prepared { plan, replies, record_into })
        }
        _ => {
            sort(&mut problems);
            Err(Failure::invalid(problems))
        }
    }
}

/// The problems that concern these prompts. A broken prompt that nobody asks for stands in nobody's way.
pub(super) fn relevant(tree: &Tree, problems: Vec<Problem>, names: &[String]) -> Vec<Problem> {
    if names.is_empty() {
        return problems;
    }
    let elsewhere: Vec<&Path> = tree
        .prompts()
        .map(|prompt| (prompt.name().as_str(), prompt.directory()))
        .chain(tree.broken().iter().map(|broken| (broken.name.as_str(), broken.directory.as_path())))
        .filter(|(name, _)| !names.iter().any(|wanted| wanted == name))
        .map(|(_, directory)| directory)
        .collect();
    let is_elsewhere = |problem: &Problem| {
        problem
            .place
            .as_ref()
            .is_some_and(|place| elsewhere.iter().any(|directory| place.file.starts_with(directory)))
    };
    problems.into_iter().filter(|problem| !is_elsewhere(problem)).collect()
}

/// The prompts that were asked for, with their suites and the versions that are chosen.
pub(super) fn inputs<'a>(
    names: &[String],
    request: &VersionRequest,
    tree: &'a Tree,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Vec<PromptInput<'a>> {
    let mut inputs = Vec::new();
    for prompt in selected(tree, names, problems) {
        let path = prompt.suite_path();
        if !path.exists() {
            let message = format!("`{}` has no suite", prompt.name());
            let help = format!("write {}", path.display());
            problems.push(if names.is_empty() {
                Problem::warning("eval::no_suite", message).help(help)
            } else {
                Problem::error("eval::no_suite", message).help(help)
            });
            continue;
        }
        let Some(suite) = read_document(&path, problems)
            .and_then(|document| suite::resolve(&document, prompt.interface(), settings, problems))
        else {
            continue;
        };
        let versions = versions(prompt);
        let active = match prompt.active_version() {
            Ok(active) => &active.version,
            Err(error) => {
                let problem = Problem::error("eval::no_active_version", error.to_string()).help(error.help());
                problems.push(problem.at(prompt.document().place_at(&["active_version"])));
                continue;
            }
        };
        match plan::choose(prompt.name().as_str(), &versions, active, request) {
            Ok(versions) => inputs.push(PromptInput { prompt, suite, versions }),
            Err(found) => problems.extend(found),
        }
    }
    if inputs.is_empty() && !has_errors(problems) {
        problems.push(
            Problem::error("eval::nothing_selected", "there is nothing to evaluate")
                .help(format!("write a suite, such as {}/NAME/tests/test_cases.yaml", tree.root().display())),
        );
    }
    inputs
}

fn selected<'a>(tree: &'a Tree, names: &[String], problems: &mut Vec<Problem>) -> Vec<&'a Prompt> {
    if names.is_empty() {
        return tree.prompts().collect();
    }
    let mut prompts: Vec<&Prompt> = Vec::new();
    for name in names {
        match tree.find(name) {
            Ok(prompt) if prompts.iter().any(|chosen| chosen.name() == prompt.name()) => {}
            Ok(prompt) => prompts.push(prompt),
            // The problems of a broken prompt are among those of the tree already.
            Err(FindPromptError::Broken(_)) => {}
            Err(error @ FindPromptError::Unknown { .. }) => {
                let message = error.to_string();
                let help = match error {
                    FindPromptError::Unknown { help, .. } => Some(help),
                    FindPromptError::Broken(_) => None,
                };
                problems.push(Problem::error("eval::unknown_prompt", message).maybe_help(help));
            }
        }
    }
    prompts.sort_by(|a, b| a.name().cmp(b.name()));
    prompts
}

fn read_document(path: &Path, problems: &mut Vec<Problem>) -> Option<Document> {
    match read_text(path, MAX_SUITE_BYTES) {
        Ok(text) => Document::parse(path, text, problems),
        Err(problem) => {
            problems.push(*problem);
            None
        }
    }
}

/// What asynchronous work runs on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::broken(Problem::error("eval::no_runtime", format!("cannot start worker threads: {error}")))
    })
}
