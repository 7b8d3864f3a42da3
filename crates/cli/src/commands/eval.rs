//! `promptassay eval`: asks the cases of suites, judges the answers, reports, and ends with the verdict's exit code.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::event::{AskError, AskErrorKind, ReplySource, RunEnd};
use promptassay_evaluator::gate;
use promptassay_evaluator::plan::{self, Plan, PromptInput, VersionRequest};
use promptassay_evaluator::record::{Outputs, Record};
use promptassay_evaluator::replies::{NoReply, RecordedReplies};
use promptassay_evaluator::report::{self, Evaluation, Look};
use promptassay_evaluator::run::{Asked, run as run_plan};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{read_text, write_atomic};
use promptassay_registry::problem::{Place, Problem, has_errors, sort};
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
/// The largest file of recorded replies that is read.
const MAX_REPLIES_BYTES: u64 = 1 << 30;
/// Recorded replies need no waiting; this many are looked up at a time.
const CONCURRENCY: usize = 64;

const EXAMPLES: &str = "Examples:
  promptassay eval --offline                     every prompt that has a suite, from recorded replies
  promptassay eval customer_support --offline    one prompt
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
    if !arguments.offline {
        return Err(Failure::invalid_one(
            Problem::error(
                "eval::no_models",
                "this version of promptassay answers from recorded replies only",
            )
            .help("add `--offline`"),
        ));
    }
    let (plan, replies) = prepare(arguments, context)?;
    let mut record = Record::new(&plan);
    let mut outputs = Outputs::default();
    let mut progress = Progress::new(plan.trials().len(), context.console.live);
    let end = runtime()?.block_on(run_plan(
        &plan,
        |trial, request| {
            let result = answer(&plan, &replies, trial, &request);
            async move { result }
        },
        CONCURRENCY,
        interrupted(),
        |event| {
            record.apply(&plan, event);
            outputs.apply(event);
            progress.observe(event);
        },
    ));
    let (summaries, gates) = gate::judge(&plan, &record);
    let evaluation =
        Evaluation { plan: &plan, record: &record, summaries: &summaries, gates: &gates, outputs: &outputs };
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
    Ok(match end {
        RunEnd::Completed => gate::worst(&gates).into(),
        RunEnd::Interrupted => Exit::Interrupted,
    })
}

/// Reads and checks everything that the run needs.
fn prepare(
    arguments: &EvalArguments,
    context: &Context<'_>,
) -> Result<(Plan, HashMap<String, RecordedReplies>), Failure> {
    let loaded = Tree::load(&context.prompts);
    let mut problems = relevant(&loaded.tree, loaded.problems, &arguments.names);
    let tree = loaded.tree;
    let settings = match &tree.registry().document {
        Some(document) => Settings::read(document, &mut problems),
        None => Settings::default(),
    };
    let inputs = inputs(arguments, &tree, &settings, &mut problems);
    // Whoever has mistakes in the files gets all of them, those of replies included.
    let replies = recorded_replies(&tree, &inputs, &mut problems);
    let plan = plan::build(inputs, &settings, &mut problems);
    match plan {
        Some(plan) if !has_errors(&problems) => {
            context.console.problems(&problems);
            Ok((plan, replies))
        }
        _ => {
            sort(&mut problems);
            Err(Failure::invalid(problems))
        }
    }
}

/// The problems that concern these prompts. A broken prompt that nobody asks for stands in nobody's way.
fn relevant(tree: &Tree, problems: Vec<Problem>, names: &[String]) -> Vec<Problem> {
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

fn inputs<'a>(
    arguments: &EvalArguments,
    tree: &'a Tree,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Vec<PromptInput<'a>> {
    let request =
        VersionRequest { baseline: arguments.baseline.clone(), candidates: arguments.candidates.clone() };
    let mut inputs = Vec::new();
    for prompt in selected(tree, &arguments.names, problems) {
        let path = prompt.suite_path();
        if !path.exists() {
            let message = format!("`{}` has no suite", prompt.name());
            let help = format!("write {}", path.display());
            problems.push(if arguments.names.is_empty() {
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
        let versions: Vec<Version> = prompt.versions().map(|version| version.version.clone()).collect();
        let active = match prompt.active_version() {
            Ok(active) => &active.version,
            Err(error) => {
                let problem = Problem::error("eval::no_active_version", error.to_string()).help(error.help());
                problems.push(problem.at(prompt.document().place_at(&["active_version"])));
                continue;
            }
        };
        match plan::choose(prompt.name().as_str(), &versions, active, &request) {
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

fn recorded_replies(
    tree: &Tree,
    inputs: &[PromptInput<'_>],
    problems: &mut Vec<Problem>,
) -> HashMap<String, RecordedReplies> {
    let Some(directory) = &tree.registry().replies else {
        let file = tree.root().join("registry.yaml");
        problems.push(
            Problem::error(
                "eval::no_replies",
                "`--offline` needs recorded replies, and nothing says where they are",
            )
            .at(Place::whole_file(file))
            .help("add `replies: ../fixtures/replies` to registry.yaml"),
        );
        return HashMap::new();
    };
    let mut all = HashMap::new();
    for input in inputs {
        let name = input.prompt.name().to_string();
        let path = directory.join(format!("{name}.jsonl"));
        let replies = if path.exists() {
            match read_text(&path, MAX_REPLIES_BYTES) {
                Ok(text) => RecordedReplies::parse(&path, &text, problems),
                Err(problem) => {
                    problems.push(*problem);
                    continue;
                }
            }
        } else {
            RecordedReplies::none(&path)
        };
        all.insert(name, replies);
    }
    all
}

fn answer(
    plan: &Plan,
    replies: &HashMap<String, RecordedReplies>,
    trial: plan::Trial,
    request: &promptassay_llm::ChatRequest,
) -> Result<Asked, AskError> {
    let prompt = &plan.prompts()[trial.prompt];
    let model = &plan.variant(&trial).model;
    let digest = Digest::of(request.canonical_json(model.provider, &model.endpoint(), &model.model));
    let found = replies
        .get(prompt.name.as_str())
        .ok_or_else(|| AskError {
            kind: AskErrorKind::NoRecordedReply,
            message: "no replies were read".to_owned(),
        })?
        .find(&plan.reply_key(&trial), &digest);
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

async fn interrupted() {
    // Without a handler the default action of the signal ends the process, which is what is wanted then.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
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
