//! Margins that a selection leaves too few cases for: whoever looks at a few of them wants to see these, and no proof.

use super::preflight::{can_show, refused, refused_by_answers};
use super::wording::{in_points, plural};
use super::{Against, sides};
use crate::comparison::{Side, units_of};
use crate::plan::{Plan, PromptPlan, Role};
use crate::policy::{Margin, Policy, Source, Sourced};
use crate::record::Record;

/// The same plan without the margins that the whole suite could show and what a selection left of it cannot. Who asks for one on the
/// command line means this plan, and keeps it.
pub fn without_margins_out_of_reach(mut plan: Plan, against: Against<'_>) -> Plan {
    let nothing = Record::new(&plan);
    let mut left_out = Vec::new();
    for (prompt, definition) in plan.prompts().iter().enumerate() {
        let candidates = (0..definition.variants.len())
            .filter(|variant| definition.variants[*variant].role == Role::Candidate);
        let compared =
            candidates.filter_map(|variant| match sides(&plan, &nothing, prompt, variant, against) {
                (candidate, Some(_)) if !candidate.cases.is_empty() => Some((variant, candidate)),
                _ => None,
            });
        // One margin is that of all: where it can be shown of one model it is judged, and who has too few for it is refused as ever. So is
        // who has too few of the whole suite.
        let policy = &definition.suite.policy;
        let why: Option<Vec<(&str, String)>> = compared
            .map(|(variant, candidate)| {
                let model = definition.variants[variant].model.name.as_str();
                let narrowed = would_be_shown_by_all(definition, model);
                narrowed.then(|| too_few(&candidate, policy)).flatten().map(|why| (model, why))
            })
            .collect();
        left_out.extend(why.and_then(|why| said(&why, policy)).map(|why| (prompt, why)));
    }
    for (prompt, why) in left_out {
        plan.set_margin(prompt, Sourced { value: Margin::None, source: Source::Narrowed(why) });
    }
    plan
}

/// The same of two runs, the first of which was narrowed: the policy without a margin of the files that what the second one asked could show,
/// and what the first one asked, `all` of it, cannot. Where it could, and too few of its cases are in `baseline` or as they were, the
/// selection is not what is in the way.
pub fn without_margin_out_of_reach(
    (all, baseline): (&Side, &Side),
    candidate: &Side,
    policy: Policy,
) -> Policy {
    let is_asked_for = policy.margin.source == Source::Flag;
    let refused = |one: &Side, other: &Side| refused_by_answers(one, other, &policy).is_some();
    if is_asked_for || !refused(baseline, candidate) || !refused(all, all) || refused(candidate, candidate) {
        return policy;
    }
    let why = said(&[("", not_shown(all, all, &policy))], &policy).unwrap_or_default();
    Policy { margin: Sourced { value: Margin::None, source: Source::Narrowed(why) }, ..policy }
}

/// Whether the margin of the files is in reach of all that the whole suite asks of a model, of which only a part is asked.
fn would_be_shown_by_all(prompt: &PromptPlan, model: &str) -> bool {
    let (suite, policy) = (&prompt.suite, &prompt.suite.policy);
    let whole = suite.whole_units.as_ref().filter(|_| policy.margin.source != Source::Flag);
    let Some(whole) = whole.and_then(|whole| whole.get(model)) else { return false };
    let Some(margin) = policy.margin.value.at(whole.all).ok().flatten() else { return false };
    let is_enough = |units: u64| can_show(units, margin, policy.confidence.value);
    // A metric that only the command line names is judged as it is asked for there.
    let of_metric = |metric: &str| whole.of_metrics.get(metric).copied().unwrap_or_default();
    is_enough(whole.all) && policy.validator_metrics().all(|metric| is_enough(of_metric(metric)))
}

/// Why the cases that are asked cannot show the margin, whatever they are compared with; `None` where they can.
fn too_few(candidate: &Side, policy: &Policy) -> Option<String> {
    refused(candidate, candidate, policy)?;
    Some(not_shown(candidate, candidate, policy))
}

/// That what the two sides have in common cannot show the margin, in words.
fn not_shown(baseline: &Side, candidate: &Side, policy: &Policy) -> String {
    let units = units_of(baseline, candidate);
    let count = units.len() as u64;
    let margin = policy.margin.value.at(count).ok().flatten();
    let is_metric = margin.is_some_and(|margin| can_show(count, margin, policy.confidence.value));
    let units = plural(units.len(), "unit");
    if is_metric {
        format!("too few of {units} have a metric of the gate to show it")
    } else {
        format!("{units} cannot show it")
    }
}

/// The margin and why it is not judged, of each model where they differ; `None` where nothing is compared.
fn said(why: &[(&str, String)], policy: &Policy) -> Option<String> {
    let (_, first) = why.first()?;
    let margin = match policy.margin.value {
        Margin::Share(share) => format!("the margin of {}", in_points(share)),
        Margin::Auto | Margin::None => "`margin: auto`".to_owned(),
    };
    let why = if why.iter().all(|(_, why)| why == first) {
        first.clone()
    } else {
        let mut on_each: Vec<String> = why.iter().map(|(model, why)| format!("on {model} {why}")).collect();
        // Several versions on one model are asked the same cases.
        on_each.dedup();
        on_each.join(", ")
    };
    Some(format!("{margin} is not judged; {why}"))
}
