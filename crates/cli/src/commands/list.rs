//! `promptassay list`: the prompts of the directory.

use std::path::Path;

use clap::Args;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::stage::Stage;
use promptassay_lifecycle::state::State;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{BrokenPrompt, Prompt};
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Asked, BesideDrafts};
use crate::table::{STRONG, columns};

const EXAMPLES: &str = "Examples:
  promptassay list
  promptassay list --format json | jq -r '.prompts[].name'

Exit codes: 0, or 2 where some prompts have errors; the others are listed all the same.";

/// List the prompts, with their active versions.
#[derive(Debug, Args)]
#[command(visible_alias = "ls", after_help = EXAMPLES)]
pub(crate) struct ListArguments {}

#[derive(Serialize)]
struct Answer<'a> {
    prompts: Vec<Row<'a>>,
    broken: Vec<Broken<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    directory: &'a Path,
    description: Option<&'a str>,
    /// As it is written: a version or `latest`.
    active: &'a VersionSelector,
    /// What that means now.
    active_version: Option<&'a Version>,
    /// Where the ledger has it; `null` where there is none, or none that can be read.
    active_stage: Option<Stage>,
    /// Whether it is served to nobody all the same.
    #[serde(skip)]
    by_name_alone: bool,
    versions: usize,
    registered: usize,
    tags: &'a [String],
    owners: &'a [String],
}

#[derive(Serialize)]
struct Broken<'a> {
    name: &'a str,
    directory: &'a Path,
    errors: usize,
}

pub(crate) fn run(_: &ListArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    // A draft with a mistake hides none of the versions that are served.
    let tree = &loaded.tree;
    let (beside, refused): (Vec<_>, Vec<_>) = tree
        .broken()
        .iter()
        .map(|broken| (broken, BesideDrafts::of(broken)))
        .partition(|(_, beside)| beside.as_ref().is_some_and(|beside| beside.has(Asked::Version(None))));
    let beside: Vec<BesideDrafts<'_>> = beside.into_iter().filter_map(|(_, beside)| beside).collect();
    let mut prompts: Vec<&Prompt> = tree.prompts().chain(beside.iter().map(|beside| beside.prompt)).collect();
    prompts.sort_by(|a, b| a.name().cmp(b.name()));
    let answer = Answer {
        prompts: prompts.into_iter().map(row).collect(),
        broken: refused.into_iter().map(|(prompt, _)| broken(prompt)).collect(),
    };
    if !(answer.prompts.is_empty() && answer.broken.is_empty()) {
        context.answer(|| table(&answer, context.console.color), &answer)?;
    }
    let warnings: Vec<Problem> = beside.iter().flat_map(|beside| beside.warnings.clone()).collect();
    context.console.problems(&warnings);
    let is_of_draft = |problem: &Problem| {
        warnings.iter().any(|warning| (warning.code, &warning.place) == (problem.code, &problem.place))
    };
    let errors = loaded.problems.iter().filter(|problem| problem.is_error() && !is_of_draft(problem));
    let errors: Vec<Problem> = errors.cloned().collect();
    if errors.is_empty() { Ok(Exit::Success) } else { Err(Failure::invalid(errors)) }
}

fn row(prompt: &Prompt) -> Row<'_> {
    let active = prompt.active_version().ok().map(|version| &version.version);
    // What is wrong with a ledger is for `check` and `verify` to say.
    let ledger = ledger::exists(prompt.directory())
        .then(|| Ledger::read(prompt.directory(), prompt.name()).ok())
        .flatten()
        .filter(|ledger| ledger.faults().is_empty());
    let known = ledger.as_ref().zip(active).map(|(ledger, version)| (ledger.state(), version));
    Row {
        active_stage: known.map(|(state, version)| state.stage(version)),
        by_name_alone: known.is_some_and(|(state, version)| is_by_name_alone(state, version)),
        name: prompt.name().as_str(),
        directory: prompt.directory(),
        description: prompt.description(),
        active: prompt.active(),
        active_version: active,
        versions: prompt.versions().len(),
        registered: prompt.versions().filter(|version| version.is_registered()).count(),
        tags: prompt.tags(),
        owners: prompt.owners(),
    }
}

/// Whether a version that `active_version` names is served to nobody: it was set aside, or something else is in production.
pub(super) fn is_by_name_alone(state: &State, version: &Version) -> bool {
    is_over(state.stage(version)) || state.production().is_some_and(|production| production != version)
}

/// Whether what has come to this stage is served to nobody, though `active_version` may still name it.
pub(super) fn is_over(stage: Stage) -> bool {
    matches!(stage, Stage::Deprecated | Stage::Archived)
}

fn broken(prompt: &BrokenPrompt) -> Broken<'_> {
    let errors = prompt.problems.iter().filter(|problem| problem.is_error()).count();
    Broken { name: &prompt.name, directory: &prompt.directory, errors }
}

fn table(answer: &Answer<'_>, color: bool) -> String {
    let mut rows =
        vec![["PROMPT", "ACTIVE", "VERSIONS", "REGISTERED", "DESCRIPTION"].map(str::to_owned).to_vec()];
    for prompt in &answer.prompts {
        let active = match (prompt.active, prompt.active_version) {
            (VersionSelector::Latest, Some(version)) => format!("{version} (latest)"),
            (selector, _) => selector.to_string(),
        };
        let active = match prompt.active_stage.filter(|_| prompt.by_name_alone) {
            Some(stage) => format!("{active} ({stage})"),
            None => active,
        };
        let description = prompt.description.unwrap_or_default().lines().next().unwrap_or_default();
        rows.push(vec![
            prompt.name.to_owned(),
            active,
            prompt.versions.to_string(),
            prompt.registered.to_string(),
            visible(description),
        ]);
    }
    for prompt in &answer.broken {
        rows.push(vec![
            prompt.name.escape_debug().to_string(),
            "-".into(),
            "-".into(),
            "-".into(),
            "(has errors)".into(),
        ]);
    }
    columns(&rows, &[STRONG], 0, color)
}
