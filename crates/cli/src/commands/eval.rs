//! `promptassay eval`: asks the cases of suites, judges the answers, reports, and ends with the verdict's exit code.

mod live;
mod offline;
mod recording;

pub(crate) use offline::{MAX_REPLIES_BYTES, versions};

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::event::{Event, RunEnd};
use promptassay_evaluator::gate;
use promptassay_evaluator::plan::{self, Plan, PromptInput, VersionRequest};
use promptassay_evaluator::record::{Outputs, Record};
use promptassay_evaluator::report::{self, Evaluation, Look};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_registry::files::{read_text, write_atomic};
use promptassay_registry::problem::{Problem, has_errors, sort};
use promptassay_registry::tree::{FindPromptError, Prompt, Tree};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;

use super::Context;
use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;

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
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(crate) fn run(arguments: &EvalArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let prepared = prepare(arguments, context)?;
    let plan = &prepared.plan;
    let mut record = Record::new(plan);
    let mut outputs = Outputs::default();
    let mut progress = Progress::new(plan.trials().len(), context.console.live);
    let observe = |event: &Event| {
        record.apply(plan, event);
        outputs.apply(event);
        progress.observe(event);
    };
    let end = match &prepared.replies {
        Some(replies) => runtime()?.block_on(offline::run(plan, replies, interrupted(), observe)),
        None => live::run(&arguments.live, plan, context, observe)?,
    };
    let (summaries, gates) = gate::judge(plan, &record);
    let evaluation =
        Evaluation { plan, record: &record, summaries: &summaries, gates: &gates, outputs: &outputs };
    if let Some(path) = &arguments.junit {
        write_report(path, &report::junit(&evaluation))?;
    }
    let text = match context.format {
        OutputFormat::Human => {
            let look = Look { color: context.console.color, outputs: context.console.verbosity > 0 };
            report::terminal(&evaluation, look)
        }
        OutputFormat::Json => report::json(&evaluation),
    };
    context.data(text)?;
    if let Some(directory) = &prepared.record_into {
        recording::write(plan, &outputs, directory, context)?;
    }
    Ok(match end {
        RunEnd::Completed => gate::worst(&gates).into(),
        RunEnd::Interrupted => Exit::Interrupted,
    })
}

/// What a run needs.
struct Prepared {
    plan: Plan,
    /// The recorded replies to answer from; `None`: models are asked.
    replies: Option<offline::Replies>,
    /// Where replies are recorded, where they are.
    record_into: Option<PathBuf>,
}

/// Reads and checks everything that the run needs.
fn prepare(arguments: &EvalArguments, context: &Context<'_>) -> Result<Prepared, Failure> {
    let loaded = Tree::load(&context.prompts);
    let mut problems = relevant(&loaded.tree, loaded.problems, &arguments.names);
    let tree = loaded.tree;
    let mut settings = match &tree.registry().document {
        Some(document) => Settings::read(document, &mut problems),
        None => Settings::default(),
    };
    arguments.live.apply_to(&mut settings);
    let request =
        VersionRequest { baseline: arguments.baseline.clone(), candidates: arguments.candidates.clone() };
    let inputs = inputs(&arguments.names, &request, &tree, &settings, &mut problems);
    // Whoever has mistakes in the files gets all of them, those of replies included.
    let replies = arguments.offline.then(|| offline::read(&tree, &inputs, &settings, &mut problems));
    let record_into = arguments.live.record.then(|| recording::directory(&tree, &mut problems)).flatten();
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

/// Resolves when somebody interrupts the process.
pub(super) async fn interrupted() {
    // Without a handler the default action of the signal ends the process, which is what is wanted then.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What asynchronous work runs on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::broken(Problem::error("eval::no_runtime", format!("cannot start worker threads: {error}")))
    })
}

fn write_report(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: String| Failure::broken(Problem::error("eval::cannot_write_report", error));
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)
            .map_err(|error| failed(format!("cannot create `{}`: {error}", directory.display())))?;
    }
    write_atomic(path, text).map_err(|error| failed(error.to_string()))
}
