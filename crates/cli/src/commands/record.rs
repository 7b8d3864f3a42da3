//! `promptassay expose` and `promptassay record`: one event from a script.

use clap::Args;
use jiff::Timestamp;
use promptassay_experiments::assignment::Assignment;
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::manager::check_value;
use promptassay_registry::problem::Problem;
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::experiments::{StoreArguments, find, store_failed};
use crate::failure::Failure;

const EXPOSE_EXAMPLES: &str = "Examples:
  promptassay expose support_v2 user_123        records that the user was served what `assign` says";

const RECORD_EXAMPLES: &str = "Examples:
  promptassay record support_v2 user_123 satisfaction 4.5
  promptassay record support_v2 user_123 resolved 1 --id ticket-881    counts once, however often it is recorded";

/// Record that a unit was served its variant.
#[derive(Debug, Args)]
#[command(after_help = EXPOSE_EXAMPLES)]
pub(crate) struct ExposeArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// The id of the unit.
    #[arg(value_name = "UNIT")]
    unit: String,
    /// When [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArguments,
}

/// Record an outcome of a unit.
#[derive(Debug, Args)]
#[command(after_help = RECORD_EXAMPLES)]
pub(crate) struct RecordArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// The id of the unit.
    #[arg(value_name = "UNIT")]
    unit: String,
    /// The metric, or a part of one.
    #[arg(value_name = "METRIC")]
    metric: String,
    /// The value.
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: f64,
    /// An id by which it counts once [default: an id of its own].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// When [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn expose(arguments: &ExposeArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let experiment = find(&loaded, &arguments.name)?.experiment;
    let unit = arguments.unit.as_bytes();
    let assignment = experiment
        .assign(unit)
        .map_err(|error| Failure::invalid_one(Problem::error("assign::empty_unit", error.to_string())))?;
    let variant = match assignment {
        Assignment::Variant(index) => experiment.variants.get(index),
        Assignment::NotExposed => None,
    };
    let mut recorded = false;
    if let Some(variant) = variant {
        let exposure = Exposure {
            experiment: experiment.name.as_str().to_owned(),
            phase: experiment.allocation.phase,
            unit: unit.to_owned(),
            variant: variant.name.clone(),
            at: arguments.at.unwrap_or_else(|| context.environment.now()),
        };
        let mut store = arguments.store.open(&loaded)?;
        let written = store.write(&[Event::Exposure(exposure)]).map_err(|error| store_failed(&error))?;
        recorded = written.exposures > 0;
    }
    let name = variant.map(|variant| variant.name.as_str());
    let text = || format!("{}\n", name.unwrap_or("-"));
    context.answer(text, &json!({"unit": arguments.unit, "variant": name, "recorded": recorded}))
}

pub(crate) fn record(arguments: &RecordArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let experiment = find(&loaded, &arguments.name)?.experiment;
    check_value(&experiment, &arguments.metric, arguments.value)
        .map_err(|error| Failure::invalid_one(Problem::error("record::value", error.to_string())))?;
    let id = match &arguments.id {
        Some(id) => id.as_bytes().to_vec(),
        None => context.environment.random_bytes().to_vec(),
    };
    let outcome = Outcome {
        experiment: experiment.name.as_str().to_owned(),
        unit: arguments.unit.as_bytes().to_vec(),
        series: arguments.metric.clone(),
        value: arguments.value,
        at: arguments.at.unwrap_or_else(|| context.environment.now()),
        id,
    };
    let mut store = arguments.store.open(&loaded)?;
    let written = store.write(&[Event::Outcome(outcome)]).map_err(|error| store_failed(&error))?;
    let recorded = written.outcomes > 0;
    let text = || if recorded { "recorded\n".to_owned() } else { "was recorded before\n".to_owned() };
    context.answer(text, &json!({"recorded": recorded}))
}
