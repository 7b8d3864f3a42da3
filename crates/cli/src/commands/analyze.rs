//! `promptassay analyze`: what an experiment says, and what follows.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use promptassay_experiments::analysis::{self, Verdict, analyze};
use promptassay_experiments::definition::Change;
use promptassay_experiments::store::{Arms, Population, SqliteStore, Store};
use promptassay_registry::problem::{Place, Problem};

use super::Context;
use super::tables::{TableKind, fill};
use crate::exit::Exit;
use crate::experiments::{Found, StoreArguments, find, find_by, store_failed};
use crate::failure::Failure;
use crate::time::parse_time;

const EXAMPLES: &str = "Examples:
  promptassay analyze support_v2
  promptassay analyze support_v2 --markdown > comment.md
  promptassay analyze support_v2 --from events.csv        data from elsewhere, without a store
  promptassay analyze support_v2 --json | jq -r .decision.verdict

Exit codes: 0 ship, stop or hold, as printed; 4 the data cannot be trusted, so there is no verdict.";

/// Analyse an experiment: health, one interval per metric, and the decision.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AnalyzeArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// A table of events instead of the store; `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    from: Option<PathBuf>,
    /// How the table is written [default: by the ending of its name].
    #[arg(long = "as", value_name = "FORMAT", value_enum, requires = "from")]
    table: Option<TableKind>,
    /// The phase [default: that of the file].
    #[arg(long, value_name = "NUMBER")]
    phase: Option<u32>,
    /// As of this time [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    /// Print Markdown, for a comment.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON; the same as `--format json`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn run(arguments: &AnalyzeArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let found = match &arguments.from {
        Some(_) => find(&loaded, &arguments.name),
        None => find_by(&loaded, &arguments.name, &arguments.store),
    }?;
    let phase = arguments.phase.unwrap_or(found.experiment.allocation.phase);
    let mut store: Box<dyn Store> = match &arguments.from {
        Some(file) => {
            let mut store = SqliteStore::in_memory().map_err(|error| store_failed(&error))?;
            let unread = fill(&mut store, &found.experiment, file, arguments.table)?;
            context.console.problems(&unread);
            Box::new(store)
        }
        None => arguments.store.open_existing(&loaded)?,
    };
    known(&found, store.as_mut(), phase)?;
    unchanged(&found, store.as_mut(), phase)?;
    let now = arguments.at.unwrap_or_else(|| context.environment.now());
    let analysis = analyze(&found.experiment, store.as_mut(), phase, now)
        .map_err(|error| Failure::broken(Problem::error("analyze::failed", error.to_string())))?;
    let text =
        || if arguments.markdown { analysis::markdown(&analysis) } else { analysis::terminal(&analysis) };
    if arguments.json {
        context.json(&analysis)?;
    } else {
        context.answer(text, &analysis)?;
    }
    Ok(if analysis.decision.verdict == Verdict::Unhealthy { Exit::Broken } else { Exit::Success })
}

/// A phase that is neither the file's, nor was started, nor has a unit, is a slip of the pen and not an experiment without units.
fn known(found: &Found, store: &mut dyn Store, phase: u32) -> Result<(), Failure> {
    let experiment = found.experiment.name.as_str();
    let of_file = found.experiment.allocation.phase;
    let started = store.phases(experiment).map_err(|error| store_failed(&error))?;
    if phase == of_file || started.iter().any(|started| started.phase == phase) {
        return Ok(());
    }
    let everybody = Population::as_of(experiment, phase, Timestamp::MAX);
    if store.arms(everybody).map_err(|error| store_failed(&error))? != Arms::default() {
        return Ok(());
    }
    let numbers: BTreeSet<u32> = started.iter().map(|started| started.phase).chain([of_file]).collect();
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    let message = format!("`{experiment}` has no phase {phase}, and no unit was exposed in one");
    let help = format!("known phases: {}", numbers.join(", "));
    Err(Failure::invalid_one(Problem::error("analyze::phase", message).help(help)))
}

/// A definition that was changed after its start, such as for the next phase, would judge the units by other weights than they were spread
/// by.
fn unchanged(found: &Found, store: &mut dyn Store, phase: u32) -> Result<(), Failure> {
    let experiment = &found.experiment;
    let phases = store.phases(experiment.name.as_str()).map_err(|error| store_failed(&error))?;
    let Some(started) = phases.iter().find(|started| started.phase == phase) else { return Ok(()) };
    // Who took part is recorded; a share that shrinks later changes nothing of it.
    let changes = experiment.changes_since(started);
    let other = match changes.iter().find(|change| !matches!(change, Change::Narrower { .. })) {
        Some(Change::Allocation { .. }) => "other variants, weights or another seed".to_owned(),
        Some(Change::Rules { .. }) => {
            "other metrics, margins, windows, directions or another control".to_owned()
        }
        Some(Change::Units { planned, written, .. }) => {
            format!("`units: {planned}`, and the file says {written}")
        }
        Some(Change::Narrower { .. }) | None => return Ok(()),
    };
    let message = format!("phase {phase} was started with {other}");
    let help = if phase == experiment.allocation.phase {
        format!("undo the change, or write `phase: {}` and start that", phase + 1)
    } else {
        format!(
            "judge it by the file of that phase, in a checkout of a commit that has it: `git log -- {}`",
            found.file.display()
        )
    };
    Err(Failure::invalid_one(
        Problem::error("analyze::changed", message).at(Place::whole_file(found.file.as_path())).help(help),
    ))
}
