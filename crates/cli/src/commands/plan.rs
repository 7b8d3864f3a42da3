//! `promptassay experiment power` and `promptassay simulate`: before an experiment starts.

use clap::Args;
use promptassay_experiments::definition::planned_units;
use promptassay_experiments::simulate::{SimulateError, SimulationSettings, simulate as run_simulation};
use promptassay_registry::problem::{Place, Problem};
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::experiments::find;
use crate::failure::Failure;
use crate::table::columns;

const POWER_EXAMPLES: &str = "Examples:
  promptassay experiment power support_v2        the units that the plan of the file needs: 80 % power, two-sided 5 %";

const SIMULATE_EXAMPLES: &str = "Examples:
  promptassay simulate support_v2                      A/A: how often is something found that is not there?
  promptassay simulate support_v2 --effect 0.02        A/B: how often is an effect of two points found?";

/// Say how many units an experiment needs.
#[derive(Debug, Args)]
#[command(after_help = POWER_EXAMPLES)]
pub(crate) struct PowerArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
}

/// Try an experiment out with made-up units, spread by its own assignment.
#[derive(Debug, Args)]
#[command(after_help = SIMULATE_EXAMPLES)]
pub(crate) struct SimulateArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// How many experiments to make up.
    #[arg(long, value_name = "NUMBER", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    experiments: u32,
    /// The true difference of the primary metric, towards better.
    #[arg(long, value_name = "EFFECT", default_value_t = 0.0, allow_negative_numbers = true)]
    effect: f64,
    /// How often one looks before the planned end.
    #[arg(long, value_name = "NUMBER", default_value_t = 14, value_parser = clap::value_parser!(u32).range(0..=1000))]
    looks: u32,
    /// The seed of the random numbers.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn power(arguments: &PowerArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let found = find(&context.load(), &arguments.name)?;
    let needed = planned_units(&found.experiment).map_err(|missing| {
        let place = found.experiment.place_of(&missing);
        Failure::invalid_one(
            Problem::error("experiment::not_ready", missing.to_string()).at(place).help(missing.help()),
        )
    })?;
    let planned = found.experiment.plan.units;
    let text = || {
        let enough = match planned {
            None => format!("write `units: {}` into the plan", needed.total),
            Some(planned) if planned < needed.total => format!("{planned} are planned: too few"),
            Some(planned) => format!("{planned} are planned: enough"),
        };
        format!("{} units in all variants together (80 % power, two-sided 5 %)\n{enough}\n", needed.total)
    };
    context.answer(text, &json!({"needed_units": needed.total, "planned_units": planned}))
}

pub(crate) fn simulate(arguments: &SimulateArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let found = find(&context.load(), &arguments.name)?;
    let settings = SimulationSettings {
        experiments: arguments.experiments,
        effect: arguments.effect,
        looks: arguments.looks,
        seed: arguments.seed,
    };
    let seen = run_simulation(&found.experiment, &settings).map_err(|error| {
        let problem = Problem::error("simulate::failed", error.to_string());
        Failure::invalid_one(match &error {
            SimulateError::Plan(missing) => {
                problem.at(found.experiment.place_of(missing)).help(missing.help())
            }
            SimulateError::Rate | SimulateError::Undefined(_) => {
                problem.at(Place::whole_file(found.file.as_path()))
            }
        })
    })?;
    let looks = match arguments.looks {
        1 => "different at the look before".to_owned(),
        looks => format!("different at a look before, of {looks}"),
    };
    let promise = |promised: &str| if seen.effect == 0.0 { promised.to_owned() } else { String::new() };
    let power = if seen.effect > 0.0 { "the plan promises 80 % for its smallest effect" } else { "" };
    let text = || {
        let share = |share: f64| {
            let interval = seen.interval(share).map_or_else(String::new, |[lower, upper]| {
                format!("[{:.1}, {:.1}]", 100.0 * lower, 100.0 * upper)
            });
            vec![format!("{:.1} %", 100.0 * share), interval]
        };
        let rows = [
            ("better at the planned end", seen.better_at_end, power.to_owned()),
            ("different at the planned end", seen.significant_at_end, promise("promised: 5 %")),
            (looks.as_str(), seen.significant_early, promise("promised: at most 5 % in all looks together")),
            ("sample ratio blocked, wrongly", seen.sample_ratio_blocked, "promised: 0.1 %".to_owned()),
        ];
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(what, number, promised)| [vec![what.to_owned()], share(number), vec![promised]].concat())
            .collect();
        let head = format!(
            "{} experiments of {} units each, true effect {}\n",
            seen.experiments, seen.units, seen.effect
        );
        format!("{head}{}", columns(&rows, &[], 2, false))
    };
    context.answer(text, &seen)
}
