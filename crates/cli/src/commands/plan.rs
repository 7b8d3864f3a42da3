//! `promptassay experiment power` and `promptassay simulate`: before an experiment starts.

use clap::Args;
use promptassay_experiments::analysis::thousands;
use promptassay_experiments::definition::{LEAST_SUCCESSES, LEAST_UNITS, planned_units};
use promptassay_experiments::simulate::{SimulateError, SimulationSettings, simulate as run_simulation};
use promptassay_registry::problem::{Place, Problem};
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::experiments::{find, guardrails};
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
    let guarded = guardrails::of(&found, planned.unwrap_or(needed.total))?;
    let text = || {
        let counts = if needed.for_effect < needed.total {
            format!(
                "\nthe smallest effect takes {}, but no variant has an interval below {LEAST_UNITS} units, and no rate below {LEAST_SUCCESSES} successes and failures",
                thousands(needed.for_effect)
            )
        } else {
            String::new()
        };
        let enough = match planned {
            None => format!("write `units: {}` into the plan", needed.total),
            Some(planned) if planned < needed.total => format!("{} are planned: too few", thousands(planned)),
            Some(planned) => format!("{} are planned: enough", thousands(planned)),
        };
        let guarded = guardrails::lines(&guarded);
        let space = if guarded.is_empty() { "" } else { "\n" };
        format!(
            "{} units in all variants together (80 % power, two-sided 5 %){counts}\n{enough}\n{space}{guarded}",
            thousands(needed.total)
        )
    };
    let answer = json!({
        "needed_units": needed.total,
        "units_for_effect": needed.for_effect,
        "planned_units": planned,
        "guardrails": guarded,
    });
    context.answer(text, &answer)
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
    let guarded = guardrails::of(&found, seen.units)?;
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
        let mut rows = vec![
            ("better at the planned end", seen.better_at_end, power.to_owned()),
            ("different at the planned end", seen.significant_at_end, promise("promised: 5 %")),
            (looks.as_str(), seen.significant_early, promise("promised: at most 5 % in all looks together")),
            ("sample ratio blocked, wrongly", seen.sample_ratio_blocked, "promised: 0.1 %".to_owned()),
        ];
        rows.retain(|(what, ..)| arguments.looks > 0 || *what != looks);
        let row = |what: &str, number: f64, promised: String| {
            [vec![what.to_owned()], share(number), vec![promised]].concat()
        };
        let mut rows: Vec<Vec<String>> =
            rows.into_iter().map(|(what, number, promised)| row(what, number, promised)).collect();
        let tried = seen.guardrails.iter().filter_map(|guardrail| Some((guardrail, guardrail.holds_at_end?)));
        rows.extend(tried.zip(guarded.iter().filter(|plan| plan.noise.is_some())).map(
            |((guardrail, holds), plan)| {
                let promised = match plan.needed_units {
                    None => guardrails::BOUNDS_NOTHING.to_owned(),
                    Some(_) if plan.is_within_reach() => "promised: 80 %".to_owned(),
                    // Which may be seen with fewer as well: it is no promise then.
                    Some(needed) => format!("promised from {} units on: 80 %", thousands(needed)),
                };
                // With several treatments it is promised of the one about which least is known.
                let several = found.experiment.treatments().count() > 1;
                let treatment = match &guardrail.treatment {
                    Some(treatment) if several => format!(" for `{treatment}`"),
                    _ => String::new(),
                };
                row(&format!("`{}` shown to hold{treatment}", guardrail.metric), holds, promised)
            },
        ));
        if let Some(shipped) = seen.shipped_at_end.filter(|_| !seen.guardrails.is_empty()) {
            rows.push(row("shipped at the planned end", shipped, String::new()));
        }
        let head = format!(
            "{} experiments of {} units each, true effect {}, seed {}\n",
            thousands(u64::from(seen.experiments)),
            thousands(seen.units),
            seen.effect,
            seen.seed
        );
        let guarded = guardrails::lines(&guarded);
        let space = if guarded.is_empty() { "" } else { "\n" };
        format!("{head}{}{space}{guarded}", columns(&rows, &[], 2, false))
    };
    let not_tried: Vec<String> = seen
        .guardrails
        .iter()
        .filter(|guardrail| guardrail.holds_at_end.is_none())
        .map(|guardrail| format!("`{}`", guardrail.metric))
        .collect();
    let mut answer = json!(seen);
    answer["guardrail_plans"] = json!(guarded);
    context.answer(text, &answer)?;
    if !not_tried.is_empty() {
        context.console.note(&format!(
            "not tried, because nothing says how their values vary: {}; write `baseline:` (rates) or `sd:` (means, ratios) beside the `margin:`",
            not_tried.join(", ")
        ));
    }
    Ok(Exit::Success)
}
