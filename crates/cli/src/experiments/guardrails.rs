//! What a plan says of the guardrails: a line for each, and a warning where the planned units would rarely show that it holds.

use promptassay_experiments::analysis::{plain, thousands};
use promptassay_experiments::definition::{GuardrailPlan, Noise, NotReady, guardrail_plans};
use promptassay_registry::problem::Problem;

use super::Found;
use crate::failure::Failure;
use crate::table::columns;

/// What so many units show of each guardrail.
pub(crate) fn of(found: &Found, units: u64) -> Result<Vec<GuardrailPlan>, Failure> {
    guardrail_plans(&found.experiment, units).map_err(|reason| {
        let missing = NotReady::Impossible { reason };
        let place = found.experiment.place_of(&missing);
        Failure::invalid_one(
            Problem::error("experiment::not_ready", missing.to_string()).at(place).help(missing.help()),
        )
    })
}

/// A line for each; nothing where there is no guardrail.
pub(crate) fn lines(plans: &[GuardrailPlan]) -> String {
    let Some(first) = plans.first() else { return String::new() };
    let rows: Vec<Vec<String>> = plans
        .iter()
        .map(|plan| {
            let margin = format!("margin {}", plain(plan.kind, plan.margin));
            vec![plan.metric.clone(), margin, shown(plan)]
        })
        .collect();
    let head = format!(
        "guardrails, if nothing harms them: {} units, 80 % power, two-sided 5 %\n",
        thousands(first.units)
    );
    format!("{head}{}", columns(&rows, &[], 2, false))
}

/// What is said of a guardrail that no number of units shows to hold.
pub(crate) const BOUNDS_NOTHING: &str = "never shown to hold: the margin bounds nothing";

fn shown(plan: &GuardrailPlan) -> String {
    let Some(needed) = plan.needed_units else { return BOUNDS_NOTHING.to_owned() };
    let needed = thousands(needed);
    let value = |value: f64| plain(plan.kind, value);
    if let Some(noise) = plan.noise {
        let at = match noise {
            Noise::Baseline(rate) => format!("at a rate of {}", value(rate)),
            Noise::Sd(sd) => format!("at a standard deviation of {}", value(sd)),
        };
        let enough = if plan.is_within_reach() { "shown to hold" } else { "too few to show that it holds" };
        return format!("{enough}: {at} it takes {needed}");
    }
    match (&plan.rates, plan.largest_sd) {
        (Some(rates), _) if !rates.is_empty() => {
            let ranges: Vec<String> =
                rates.iter().map(|[from, to]| format!("{} to {}", value(*from), value(*to))).collect();
            format!("shown to hold where its rate is {}", ranges.join(", or "))
        }
        (None, Some(sd)) => format!("shown to hold where its standard deviation is at most {}", value(sd)),
        (Some(_), _) => format!("too few to show that it holds at any rate: it takes {needed} at least"),
        (None, None) => format!("too few to show that it holds: it takes {needed} at least"),
    }
}

/// Those that the units would rarely show to hold, so that nothing could be shipped.
pub(crate) fn warnings(found: &Found, plans: &[GuardrailPlan]) -> Vec<Problem> {
    let problem = |plan: &GuardrailPlan| {
        // Where the margin bounds nothing, that is what is wrong, and more units do not help.
        let needed = plan.needed_units?;
        let message = format!(
            "{} units would rarely show that `{}` holds, and nothing is shipped without that",
            thousands(plan.units),
            plan.metric
        );
        // A rate that can hardly become worse by its margin takes the more units the larger that is.
        let as_far = if plan.rates.is_some() { ", as far as the rate has room for it" } else { "" };
        let help = match plan.noise {
            Some(_) => format!("plan `units: {needed}` or more, or bear a larger `margin:`{as_far}"),
            None => format!(
                "it takes {} units at the very least, at the best of all rates; plan more, or bear a larger `margin:`{as_far}",
                thousands(needed)
            ),
        };
        let problem = Problem::warning("experiment::guardrail", message);
        Some(problem.at(found.experiment.place_of_metric(&plan.metric)).help(help))
    };
    plans.iter().filter(|plan| !plan.is_within_reach()).filter_map(problem).collect()
}
