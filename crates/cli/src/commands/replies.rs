//! `promptassay replies`: looks after recorded replies.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use promptassay_evaluator::plan::{self, Plan, PromptInput, VersionRequest};
use promptassay_evaluator::replies::{
    NoReply, RecordedJudgements, RecordedReplies, Unused, request_digest, without_lines,
};
use promptassay_evaluator::settings::Settings;
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::{Place, Problem, has_errors, sort};
use promptassay_registry::tree::Tree;
use serde::Serialize;

use super::Context;
use super::eval::selection::inputs_of;
use super::eval::{read_if_there, versions};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::writing::{Stop, unchanged};

const EXAMPLES: &str = "Examples:
  promptassay replies prune --dry-run     what would go
  promptassay replies prune               remove what no question leads to any more";

/// Look after recorded replies.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RepliesArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Remove rows that no case, version, model or repeat leads to, rows that answer another request than today's, and answers of
    /// judges about replies that are not there any more.
    Prune {
        /// The prompts; without any, every prompt that has a suite.
        #[arg(value_name = "PROMPT")]
        names: Vec<String>,
        /// Change nothing; say what would go.
        #[arg(long)]
        dry_run: bool,
    },
}

/// What is taken out of a file.
#[derive(Debug, Serialize)]
struct Pruned {
    file: PathBuf,
    kept: usize,
    removed: Vec<Removed>,
}

#[derive(Debug, Serialize)]
struct Removed {
    line: usize,
    reason: String,
}

pub(crate) fn run(arguments: &RepliesArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let Action::Prune { names, dry_run } = &arguments.action;
    let (directory, mut files) = plan_pruning(names, context)?;
    let is_written = !dry_run && files.iter().any(|(file, _)| !file.removed.is_empty());
    // What another process records meanwhile would be written over, so what is there is looked at once more.
    let _lock = is_written
        .then(|| context.lock_of_replies(&directory, Stop::Ends, || unchanged(&directory)))
        .transpose()?;
    if is_written {
        files = plan_pruning(names, context)?.1;
    }
    let mut pruned = Vec::new();
    for (file, text) in files {
        if !dry_run && !file.removed.is_empty() {
            let lines: Vec<usize> = file.removed.iter().map(|removed| removed.line).collect();
            write_atomic(&file.file, without_lines(&text, &lines))
                .map_err(|error| Failure::from_write(&error))?;
        }
        pruned.push(file);
    }
    context.answer(|| in_words(&pruned, *dry_run), &pruned)
}

/// The files of these prompts with their texts, and what has to go from each.
type Pruning = Vec<(Pruned, String)>;

/// What is to be pruned, and the directory of replies that it is in.
fn plan_pruning(names: &[String], context: &Context<'_>) -> Result<(PathBuf, Pruning), Failure> {
    let loaded = Tree::load(&context.prompts);
    let mut problems = Vec::new();
    let tree = loaded.tree;
    let settings = match &tree.registry().document {
        Some(document) => Settings::read(document, &mut problems),
        None => Settings::default(),
    };
    // Nothing is run here, so nothing needs to be allowed.
    let settings = Settings { allow_commands: true, ..settings };
    let Some(directory) = tree.registry().replies.clone() else {
        problems.push(
            Problem::error("replies::nowhere", "nothing says where recorded replies are")
                .at(Place::whole_file(tree.root().join("registry.yaml")))
                .help("add `replies: ../fixtures/replies` to registry.yaml"),
        );
        return Err(Failure::invalid(problems));
    };
    let mut files = Vec::new();
    let selected = inputs_of(names.to_vec(), &tree, loaded.problems, &settings, &mut problems);
    for mut input in selected {
        // All that some gate may ask for stays, whichever is set today.
        input.suite.repeat = input.suite.most_repeats();
        input.suite.repeat_is_default = false;
        let name = input.prompt.name().as_str();
        let path = directory.join(format!("{name}.jsonl"));
        let Some(text) = read_if_there(&path, tree.repository_root(), &mut problems) else { continue };
        let replies = RecordedReplies::parse(&path, &text, &mut problems);
        let of_judges = RecordedJudgements::path(&directory, name);
        let judgements = read_if_there(&of_judges, tree.repository_root(), &mut problems).map(|text| {
            let judgements = RecordedJudgements::parse(&of_judges, &text, &mut problems);
            (judgements, text)
        });
        let mut removed = without_question(&input, &replies, &settings);
        if let Some(plan) = plan_of_every_version(input, &settings, &mut problems) {
            removed.extend(stale(&plan, &replies));
            removed.sort_by_key(|removed| removed.line);
            if let Some((judgements, text)) = judgements {
                let removed: Vec<Removed> =
                    judgements.unused(&plan, &replies).into_iter().map(Removed::from).collect();
                let kept = judgements.count().saturating_sub(removed.len());
                files.push((Pruned { file: of_judges, kept, removed }, text));
            }
        }
        let kept = replies.count().saturating_sub(removed.len());
        files.push((Pruned { file: path, kept, removed }, text));
    }
    files.sort_by(|(one, _), (other, _)| one.file.cmp(&other.file));
    if has_errors(&problems) {
        sort(&mut problems);
        return Err(Failure::invalid(problems));
    }
    Ok((directory, files))
}

impl From<Unused> for Removed {
    fn from(unused: Unused) -> Self {
        Self { line: unused.line, reason: unused.why }
    }
}

fn without_question(input: &PromptInput<'_>, replies: &RecordedReplies, settings: &Settings) -> Vec<Removed> {
    let models = settings.models.keys().map(String::as_str);
    let unused = replies.unused(&input.suite, &versions(input.prompt), models);
    unused.into_iter().map(Removed::from).collect()
}

/// Every version is asked for here, so that a reply to any of them can be held against today's request.
fn plan_of_every_version(
    input: PromptInput<'_>,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<Plan> {
    let versions = versions(input.prompt);
    let request = VersionRequest { candidates: versions.clone(), ..VersionRequest::default() };
    let name = input.prompt.name().as_str();
    let every_version = plan::choose(name, &versions, versions.first()?, &request).ok()?;
    plan::build(vec![PromptInput { versions: every_version, ..input }], settings, problems)
}

fn stale(plan: &Plan, replies: &RecordedReplies) -> Vec<Removed> {
    let mut stale = BTreeSet::new();
    for trial in plan.trials() {
        let Ok(request) = plan.request(trial) else { continue };
        let digest = request_digest(&plan.variant(trial).model, &request);
        if let Err(NoReply::Stale { line, .. }) = replies.find(&plan.reply_key(trial), &digest) {
            stale.insert(line);
        }
    }
    let reason = || "it answers another request than today's".to_owned();
    stale.into_iter().map(|line| Removed { line, reason: reason() }).collect()
}

fn in_words(files: &[Pruned], dry_run: bool) -> String {
    let removed: usize = files.iter().map(|file| file.removed.len()).sum();
    let kept: usize = files.iter().map(|file| file.kept).sum();
    let rows = files.iter().flat_map(|file| {
        file.removed.iter().map(|row| format!("{}:{}  {}\n", file.file.display(), row.line, row.reason))
    });
    let replies = |count: usize| if count == 1 { "1 reply".to_owned() } else { format!("{count} replies") };
    let verb = if dry_run { "would be removed" } else { "removed" };
    let sum = format!("{} {verb}, {} kept\n", replies(removed), replies(kept));
    rows.chain([sum]).collect()
}
