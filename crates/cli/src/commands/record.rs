//! `promptassay expose` and `promptassay record`: one event of an experiment or a canary, from a script.

use clap::Args;
use jiff::Timestamp;
use promptassay_experiments::assignment::{Assignment, EmptyUnit};
use promptassay_experiments::canary::Arm;
use promptassay_experiments::definition::Experiment;
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::manager::{ManagerError, check_flag, check_value};
use promptassay_experiments::store::{Store, StoreError, Written};
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Loaded;
use serde_json::json;

use super::Context;
use super::assign::empty_unit;
use super::tables::conflicts;
use crate::canaries;
use crate::exit::Exit;
use crate::experiments::{Decided, Deciders, StoreArguments, decides_for, find_by, store_failed};
use crate::failure::Failure;
use crate::lifecycle::find_live;
use crate::time::{not_in_the_future, parse_time};

const EXPOSE_EXAMPLES: &str = "Examples:
  promptassay expose support_v2 user_123                  was served what `assign` says
  promptassay expose --canary customer_support user_123   was served what `resolve` says while a canary runs

Only what was really decided by the experiment or the canary is recorded: leave out users without an id, and those who were
served a pinned version.";

const RECORD_EXAMPLES: &str = "Examples:
  promptassay record support_v2 user_123 satisfaction 4.5
  promptassay record support_v2 user_123 resolved 1 --id ticket-881    counts once, however often it is recorded
  promptassay record --canary customer_support user_123 error 1        a guardrail failed; record 0 where it did not";

/// Record that a unit was served its variant.
#[derive(Debug, Args)]
#[command(after_help = EXPOSE_EXAMPLES)]
pub(crate) struct ExposeArguments {
    /// The experiment, or with `--canary` the prompt.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// The id of the unit.
    #[arg(value_name = "UNIT")]
    unit: String,
    /// The name is that of a prompt, whose canary decided.
    #[arg(long)]
    canary: bool,
    /// When [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArguments,
}

/// Record an outcome of a unit.
#[derive(Debug, Args)]
#[command(after_help = RECORD_EXAMPLES)]
pub(crate) struct RecordArguments {
    /// The experiment, or with `--canary` the prompt.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// The id of the unit.
    #[arg(value_name = "UNIT")]
    unit: String,
    /// The metric, or a part of one; with `--canary` the guardrail.
    #[arg(value_name = "METRIC")]
    metric: String,
    /// The value.
    #[arg(value_name = "VALUE", allow_negative_numbers = true, value_parser = parse_value)]
    value: f64,
    /// The name is that of a prompt, whose canary decided.
    #[arg(long)]
    canary: bool,
    /// An id by which it counts once [default: an id of its own].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// When [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn expose(arguments: &ExposeArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let unit = one_unit(&arguments.unit, arguments.canary)?;
    let at = moment(arguments.at, context)?;
    arguments.store.warn_where_emptied(&loaded, context)?;
    if arguments.canary {
        let canary = canaries::find(&loaded, &arguments.name, context)?.canary;
        let by_experiment = served_by_experiment(
            &arguments.name,
            unit,
            &arguments.store,
            &loaded,
            (at, arguments.at.is_some()),
        )?;
        let event = canary.exposure(unit, at).filter(|_| !by_experiment);
        let recorded = match &event {
            Some(event) => is_new(&written(arguments.store.open(&loaded, context)?.as_mut(), event)?),
            None => false,
        };
        let arm = canary.arm(unit, at).filter(|_| !by_experiment);
        let text = || format!("{}\n", arm.map_or("-", Arm::name));
        return context.answer(text, &json!({"unit": arguments.unit, "arm": arm, "recorded": recorded}));
    }
    let found = find_by(&loaded, &arguments.name, &arguments.store)?;
    let experiment = &found.experiment;
    let variant = match experiment.assign(unit).map_err(|error| empty_unit(error, ""))? {
        Assignment::Variant(index) => experiment.variants.get(index),
        Assignment::NotExposed => None,
    };
    // A store is not made to be told that nothing was started.
    arguments.store.must_be_named(&loaded)?;
    let mut store = arguments.store.open_if_there(&loaded)?;
    found.must_run(store.as_mut(), at)?;
    let mut recorded = false;
    if let (Some(variant), Some(store)) = (variant, &mut store) {
        let exposure = Event::Exposure(Exposure {
            experiment: experiment.name.as_str().to_owned(),
            phase: experiment.allocation.phase,
            unit: unit.to_owned(),
            variant: variant.name.clone(),
            at,
        });
        recorded = is_new(&written(store.as_mut(), &exposure)?);
    }
    let name = variant.map(|variant| variant.name.as_str());
    let text = || format!("{}\n", name.unwrap_or("-"));
    context.answer(text, &json!({"unit": arguments.unit, "variant": name, "recorded": recorded}))
}

pub(crate) fn record(arguments: &RecordArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let unit = one_unit(&arguments.unit, arguments.canary)?;
    let at = moment(arguments.at, context)?;
    arguments.store.warn_where_emptied(&loaded, context)?;
    let id = match &arguments.id {
        // All such outcomes would be one, and the others lost.
        Some(id) if id.is_empty() => {
            let problem = Problem::error("record::empty_id", "the id of the outcome is empty");
            return Err(Failure::invalid_one(
                problem.help("leave `--id` out where the outcome has none; is a shell variable unset?"),
            ));
        }
        Some(id) => id.clone(),
        // As text, so that whoever has to repeat it can.
        None => format!("{:032x}", u128::from_be_bytes(context.environment.random_bytes())),
    };
    let refused =
        |error: ManagerError| Failure::invalid_one(Problem::error("record::value", error.to_string()));
    let (mut experiment, mut by_experiment, mut served_by_canary) = (None, false, None);
    let event = if arguments.canary {
        let found = canaries::find(&loaded, &arguments.name, context)?;
        found.must_guard(&arguments.metric)?;
        check_flag(&arguments.metric, arguments.value).map_err(refused)?;
        // What becomes of a user counts for what the user was served, whoever decides today: no experiment is asked, whose file may have a
        // mistake by now.
        let was_served = match arguments.store.open_if_there(&loaded)? {
            Some(mut store) => found.has_served(unit, at, store.as_mut())?,
            None => false,
        };
        by_experiment = !was_served
            && served_by_experiment(
                &arguments.name,
                unit,
                &arguments.store,
                &loaded,
                (at, arguments.at.is_some()),
            )?;
        served_by_canary = Some(was_served);
        let outcome =
            found.canary.outcome(unit, &arguments.metric, arguments.value > 0.0, at, id.clone().into_bytes());
        outcome.filter(|_| !by_experiment)
    } else {
        let experiment = experiment.insert(find_by(&loaded, &arguments.name, &arguments.store)?.experiment);
        check_value(experiment, &arguments.metric, arguments.value).map_err(refused)?;
        if unit.is_empty() && !experiment.allocation.allow_empty_units {
            return Err(empty_unit(EmptyUnit, ""));
        }
        Some(Event::Outcome(Outcome {
            experiment: experiment.name.as_str().to_owned(),
            unit: unit.to_vec(),
            series: arguments.metric.clone(),
            value: arguments.value,
            at,
            id: id.clone().into_bytes(),
        }))
    };
    let Some(event) = event else {
        let said = if by_experiment {
            "not recorded: an experiment decides what this user is served, and no exposure by the canary is known\n"
        } else {
            "not recorded: no canary decided what this user was served\n"
        };
        return context.answer(|| said.to_owned(), &json!({"recorded": false}));
    };
    let mut store = arguments.store.open(&loaded, context)?;
    let written = store.write(std::slice::from_ref(&event)).map_err(|error| not_recorded(&error, &id))?;
    let recorded = written.outcomes > 0;
    let mut answer = json!({"recorded": recorded});
    if let Some(conflict) = written.conflicts.first() {
        answer["kept"] = json!(conflict.kept);
        context.console.problems(&conflicts(&written));
    }
    // What was there already keeps the time that it had.
    if recorded && let Some(experiment) = &experiment {
        let exposed = was_exposed(store.as_mut(), experiment, unit, at)?;
        answer["exposed"] = json!(exposed);
        if !exposed && !experiment.is_covariate(&arguments.metric) {
            context.console.note(&format!(
                "`{}` was not exposed by then in phase {}: the outcome is kept, and counts once `expose` records an exposure at that time or before",
                arguments.unit.escape_debug(),
                experiment.allocation.phase
            ));
        }
    }
    if recorded && let Some(exposed) = served_by_canary {
        answer["exposed"] = json!(exposed);
        if !exposed {
            let counts = if arguments.value > 0.0 {
                "a failure counts all the same, and `canary check` says how many there are of such users"
            } else {
                "the outcome is kept, and counts for the failure rate once `expose --canary` records an exposure"
            };
            let unit = arguments.unit.escape_debug();
            context.console.note(&format!(
                "no exposure of `{unit}` to this canary, or to production beside it, is recorded by then: {counts}"
            ));
        }
    }
    let said = if recorded { "recorded\n" } else { "was recorded before\n" };
    context.answer(|| said.to_owned(), &answer)
}

/// Whether an experiment decides what this user is served at that time, or may have decided it then, where the time was said: then no canary
/// does, and what becomes of the user says nothing of it.
fn served_by_experiment(
    name: &str,
    unit: &[u8],
    store: &StoreArguments,
    loaded: &Loaded,
    (at, is_said): (Timestamp, bool),
) -> Result<bool, Failure> {
    let (prompt, _) = find_live(loaded, name)?;
    if is_said {
        return Ok(Deciders::of(prompt, store, loaded)?.decide(unit, at) != Decided::Nothing);
    }
    Ok(decides_for(unit, prompt, store, loaded, at)?.is_some())
}

/// The bytes of an id. Elsewhere `-` is standard input: who pipes ids into this would lose all of them.
fn one_unit(unit: &str, of_canary: bool) -> Result<&[u8], Failure> {
    if unit == "-" {
        let message = "`-` is no id: this takes one unit and reads nothing from standard input";
        let help = if of_canary {
            "`promptassay import --canary PROMPT - --as csv` reads many, with the columns `unit`, `variant` (`canary` or `production`), `metric` (a guardrail), `value` (0 or 1) and `at`"
        } else {
            "`promptassay import EXPERIMENT - --as csv` reads many, with the columns `unit`, `variant`, `metric`, `value` and `at`"
        };
        return Err(Failure::invalid_one(Problem::error("record::standard_input", message).help(help)));
    }
    Ok(unit.as_bytes())
}

/// Whether a unit had been served its variant by then: only what comes after that is an outcome of it.
fn was_exposed(
    store: &mut dyn Store,
    experiment: &Experiment,
    unit: &[u8],
    at: Timestamp,
) -> Result<bool, Failure> {
    let first = store
        .first_exposure(experiment.name.as_str(), experiment.allocation.phase, unit)
        .map_err(|error| store_failed(&error))?;
    Ok(first.is_some_and(|first| first <= at))
}

/// Whether an exposure says something that was not known.
fn is_new(written: &Written) -> bool {
    written.exposures + written.earlier > 0
}

fn written(store: &mut dyn Store, event: &Event) -> Result<Written, Failure> {
    store.write(std::slice::from_ref(event)).map_err(|error| store_failed(&error))
}

/// What a server that went silent was to record it may record all the same, and whoever tries again must not count it twice.
fn not_recorded(error: &StoreError, id: &str) -> Failure {
    let mut failure = store_failed(error);
    if matches!(error, StoreError::Silent { .. }) {
        let help = format!(
            "it may be recorded all the same: try again with `--id {}`, and it counts once",
            id.escape_debug()
        );
        failure.problems = failure.problems.into_iter().map(|problem| problem.help(help.as_str())).collect();
    }
    failure
}

/// When it happened: now, unless something else was said.
fn moment(said: Option<Timestamp>, context: &Context<'_>) -> Result<Timestamp, Failure> {
    let now = context.environment.now();
    let at = said.unwrap_or(now);
    not_in_the_future(at, now).map_err(|reason| {
        Failure::invalid_one(Problem::error("record::future", reason.replace("`at`", "`--at`")))
    })?;
    Ok(at)
}

fn parse_value(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "write a number, such as `1` or `4.5`; yes is 1 and no is 0".to_owned())
}
