//! `promptassay experiment`: begin, start, stop and look at experiments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use promptassay_experiments::assignment::Seed;
use promptassay_experiments::definition::{Experiment, NotReady, file_name};
use promptassay_experiments::store::{Phase, Store};
use promptassay_registry::files::create_new;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::experiments::{Found, StoreArguments, find, of_prompt, store_failed};
use crate::failure::Failure;
use crate::prompts::{parse_new_name, parse_version, version};
use crate::table::{STRONG, columns, count};

const EXAMPLES: &str = "Examples:
  promptassay experiment new customer_support support_v2 --treatment v1.1.0
  promptassay experiment start support_v2
  promptassay experiment list
  promptassay experiment stop support_v2 --reason \"shipped\"";

/// Begin, start, stop and look at experiments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExperimentArguments {
    #[command(subcommand)]
    command: ExperimentCommand,
}

#[derive(Debug, Subcommand)]
enum ExperimentCommand {
    /// Write a definition with a seed of its own, to be edited.
    New(NewArguments),
    /// Start it, widen its exposure, or begin a new phase; refuses without a plan.
    Start(StartArguments),
    /// Stop it.
    Stop(StopArguments),
    /// List the experiments of all prompts.
    List(ListArguments),
    /// Show one.
    Show(ShowArguments),
}

#[derive(Debug, Args)]
struct NewArguments {
    /// The prompt whose versions compete.
    #[arg(value_name = "PROMPT")]
    prompt: String,
    /// The name of the experiment.
    #[arg(value_name = "EXPERIMENT", value_parser = parse_new_name)]
    name: PromptName,
    /// The version of the control [default: the active version].
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    control: Option<Version>,
    /// The version that is tried.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    treatment: Version,
}

#[derive(Debug, Args)]
struct StartArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct StopArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct ListArguments {}

#[derive(Debug, Args)]
struct ShowArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
}

pub(crate) fn run(arguments: &ExperimentArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    match &arguments.command {
        ExperimentCommand::New(arguments) => new(arguments, context),
        ExperimentCommand::Start(arguments) => start(arguments, context),
        ExperimentCommand::Stop(arguments) => stop(arguments, context),
        ExperimentCommand::List(_) => list(context),
        ExperimentCommand::Show(arguments) => show(arguments, context),
    }
}

const TEMPLATE: &str = include_str!("../../templates/experiment.yaml");

fn new(arguments: &NewArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let prompt = context.prompt(&arguments.prompt)?;
    let selector = arguments.control.clone().map(VersionSelector::Exact);
    let control = &version(&prompt, selector.as_ref())?.version;
    let treatment = &version(&prompt, Some(&VersionSelector::Exact(arguments.treatment.clone())))?.version;
    let path: PathBuf = prompt.directory().join(file_name(arguments.name.as_str()));
    let seed = Seed::new(context.environment.random_bytes()).to_string();
    let text = TEMPLATE
        .replace("EXPERIMENT_NAME", arguments.name.as_str())
        .replace("CONTROL_VERSION", &control.to_string())
        .replace("TREATMENT_VERSION", &treatment.to_string())
        .replace("RANDOM_SEED", &seed);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|error| {
            let message = format!("cannot make `{}`: {error}", directory.display());
            Failure::broken(Problem::error("cli::cannot_write", message))
        })?;
    }
    create_new(&path, text).map_err(|error| Failure::from_write(&error))?;
    context.answer(
        || format!("created {}\n", path.display()),
        &json!({"name": arguments.name, "created": path}),
    )?;
    context.console.note(&format!(
        "\nnext: edit it, then\n  promptassay power {0}\n  promptassay simulate {0}\n  promptassay experiment start {0}",
        arguments.name
    ));
    Ok(Exit::Success)
}

fn not_ready(found: &Found, missing: &[NotReady]) -> Failure {
    let place = || Place::whole_file(found.file.as_path());
    let problems = missing.iter().map(|missing| {
        Problem::error("experiment::not_ready", missing.to_string()).at(place()).help(missing.help())
    });
    Failure::invalid(problems.collect())
}

fn refused(found: &Found, message: String, help: &str) -> Failure {
    let place = Place::whole_file(found.file.as_path());
    Failure::invalid_one(Problem::error("experiment::refused", message).at(place).help(help))
}

fn start(arguments: &StartArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let found = find(&loaded, &arguments.name)?;
    let experiment = &found.experiment;
    let now = to_the_second(context.environment.now());
    let begins = experiment.start.map_or(now, |start| start.max(now));
    let mut store = arguments.store.open(&loaded)?;
    let phases = store.phases(experiment.name.as_str()).map_err(|error| store_failed(&error))?;
    let number = experiment.allocation.phase;
    let wanted = |started_at: Timestamp, units: u64| Phase {
        phase: number,
        allocation: experiment.allocation_digest(),
        exposure_millionths: experiment.allocation.exposure.millionths(),
        planned_units: units,
        started_at,
        stopped: None,
    };
    let said = if let Some(running) = phases.iter().find(|phase| phase.phase == number) {
        // First what must not change: whether the plan fits other weights is beside the point.
        let phase = wanted(running.started_at, experiment.plan.units.unwrap_or(running.planned_units));
        let said = may_go_on(&found, running, &phase)?;
        experiment.ready(running.started_at).map_err(|missing| not_ready(&found, &missing))?;
        put(store.as_mut(), experiment, &phase)?;
        said
    } else {
        let ready = experiment.ready(begins).map_err(|missing| not_ready(&found, &missing))?;
        let next = phases.last().map_or(1, |last| last.phase + 1);
        if number != next {
            let message = format!("the next phase is {next}, but the file says {number}");
            return Err(refused(&found, message, &format!("write `phase: {next}`")));
        }
        if let Some(last) = phases.last().filter(|last| last.stopped.is_none()) {
            let stopped = Some((now, format!("phase {number} began")));
            put(store.as_mut(), experiment, &Phase { stopped, ..last.clone() })?;
        }
        put(store.as_mut(), experiment, &wanted(begins, ready.units))?;
        format!(
            "started {} phase {number} at {begins}; decided after {} units, not before {}",
            experiment.name, ready.units, ready.end
        )
    };
    let answer = json!({"experiment": experiment.name, "phase": number, "message": said});
    context.answer(|| format!("{said}\n"), &answer)
}

fn put(store: &mut dyn Store, experiment: &Experiment, phase: &Phase) -> Result<(), Failure> {
    store.put_phase(experiment.name.as_str(), phase).map_err(|error| store_failed(&error))
}

/// Times that people read need no fractions.
fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Whether a running phase may become the wanted one, and what that is.
fn may_go_on(found: &Found, running: &Phase, wanted: &Phase) -> Result<String, Failure> {
    let name = &found.experiment.name;
    let number = running.phase;
    let another = format!(
        "write `phase: {}` if that is meant: results before and after are then kept apart",
        number + 1
    );
    if let Some((at, reason)) = &running.stopped {
        return Err(refused(found, format!("phase {number} was stopped at {at}: {reason}"), &another));
    }
    if running.allocation != wanted.allocation {
        let message = format!(
            "phase {number} runs with other variants, weights or seed, and changing them would move units"
        );
        return Err(refused(found, message, &another));
    }
    if running.planned_units != wanted.planned_units {
        let message = format!(
            "phase {number} is planned for {} units; changing that while it runs lets the results choose the end",
            running.planned_units
        );
        return Err(refused(found, message, &another));
    }
    let share = |millionths: u32| f64::from(millionths) / 1e6;
    let (from, to) = (share(running.exposure_millionths), share(wanted.exposure_millionths));
    if to < from {
        let message =
            format!("the exposure would shrink from {from} to {to}, and units would lose their variant");
        return Err(refused(found, message, &another));
    }
    Ok(if to > from {
        format!("widened {name} from {from} to {to}; nobody moves")
    } else {
        format!("{name} phase {number} is running already, since {}", running.started_at)
    })
}

fn stop(arguments: &StopArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let found = find(&loaded, &arguments.name)?;
    let experiment = &found.experiment;
    let mut store = arguments.store.open(&loaded)?;
    let phases = store.phases(experiment.name.as_str()).map_err(|error| store_failed(&error))?;
    let Some(running) = phases.last().filter(|phase| phase.stopped.is_none()) else {
        let message = format!("`{}` is not running", experiment.name);
        return Err(refused(&found, message, "`promptassay experiment start` starts it"));
    };
    let now = to_the_second(context.environment.now());
    put(
        store.as_mut(),
        experiment,
        &Phase { stopped: Some((now, arguments.reason.clone())), ..running.clone() },
    )?;
    let answer = json!({"experiment": experiment.name, "phase": running.phase, "stopped_at": now, "reason": arguments.reason});
    context.answer(|| format!("stopped {} phase {}\n", experiment.name, running.phase), &answer)
}

#[derive(Serialize)]
struct Row {
    name: String,
    prompt: String,
    variants: Vec<Shown>,
    phase: u32,
    scheme: &'static str,
    exposure: f64,
    primary: Option<String>,
    planned_units: Option<u64>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    description: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    version: String,
    weight: f64,
    effective_share: f64,
}

fn row(experiment: &Experiment) -> Row {
    let shares = experiment.effective_shares();
    let variants = experiment.variants.iter().zip(shares).map(|(variant, effective_share)| Shown {
        name: variant.name.clone(),
        version: variant.version.to_string(),
        weight: variant.weight,
        effective_share,
    });
    Row {
        name: experiment.name.as_str().to_owned(),
        prompt: experiment.prompt.as_str().to_owned(),
        variants: variants.collect(),
        phase: experiment.allocation.phase,
        scheme: experiment.allocation.scheme.name(),
        exposure: experiment.allocation.exposure.share(),
        primary: experiment.primary().map(|metric| metric.name.clone()),
        planned_units: experiment.plan.units,
        start: experiment.start,
        end: experiment.end,
        description: experiment.description.clone(),
    }
}

fn list(context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let mut problems = Vec::new();
    let rows: Vec<Row> = loaded
        .tree
        .prompts()
        .flat_map(|prompt| of_prompt(prompt, &mut problems))
        .map(|found| row(&found.experiment))
        .collect();
    context.answer(|| table(&rows, context.console.color), &rows)?;
    if has_errors(&problems) { Err(Failure::invalid(problems)) } else { Ok(Exit::Success) }
}

fn table(rows: &[Row], color: bool) -> String {
    let mut cells =
        vec![["EXPERIMENT", "PROMPT", "PHASE", "PRIMARY", "VARIANTS"].map(str::to_owned).to_vec()];
    for row in rows {
        let variants: Vec<String> = row
            .variants
            .iter()
            .map(|variant| format!("{} {} {}", variant.name, variant.version, variant.weight))
            .collect();
        cells.push(vec![
            row.name.clone(),
            row.prompt.clone(),
            row.phase.to_string(),
            row.primary.clone().unwrap_or_else(|| "-".to_owned()),
            variants.join(", "),
        ]);
    }
    columns(&cells, &[STRONG], 0, color)
}

fn show(arguments: &ShowArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let found = find(&context.load(), &arguments.name)?;
    let row = row(&found.experiment);
    let text = || {
        let mut text = format!(
            "{} ({})   phase {}   {}   exposure {}\n{}\n",
            row.name,
            row.prompt,
            row.phase,
            row.scheme,
            row.exposure,
            count(found.experiment.metrics.len(), "metric")
        );
        let cells: Vec<Vec<String>> = row
            .variants
            .iter()
            .map(|variant| {
                let share = format!("{:.4} %", 100.0 * variant.effective_share);
                vec![
                    variant.name.clone(),
                    variant.version.clone(),
                    format!("weight {}", variant.weight),
                    share,
                ]
            })
            .collect();
        text.push_str(&columns(&cells, &[], 2, false));
        text
    };
    context.answer(text, &row)
}
