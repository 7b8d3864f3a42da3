//! Makes a plan: versions × models × cases × repeats, with everything checked that can be checked before the first question.

use std::collections::HashMap;
use std::sync::Arc;

use promptassay_llm::Params;
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::tree::{Prompt, PromptVersion};
use promptassay_registry::version::Version;

use super::versions::ChosenVersions;
use super::{Plan, PromptPlan, Role, Trial, TrialId, Variant, request};
use crate::settings::Settings;
use crate::suite::Suite;

/// A prompt that is to be evaluated.
#[derive(Debug)]
pub struct PromptInput<'a> {
    /// The prompt.
    pub prompt: &'a Prompt,
    /// Its suite.
    pub suite: Suite,
    /// Which of its versions.
    pub versions: ChosenVersions,
}

/// Makes the plan of these prompts, in the order given. Everything that cannot be asked is added to `problems`; `None` where one of
/// them is an error.
pub fn build(inputs: Vec<PromptInput<'_>>, settings: &Settings, problems: &mut Vec<Problem>) -> Option<Plan> {
    let mut found = Vec::new();
    let mut plan = Plan { prompts: Vec::new(), trials: Vec::new(), index: HashMap::new() };
    for input in inputs {
        add_prompt(&mut plan, input, settings, &mut found);
    }
    plan.index = plan.trials.iter().enumerate().map(|(index, trial)| (trial.id, index)).collect();
    let sound = !has_errors(&found);
    problems.extend(found);
    sound.then_some(plan)
}

fn add_prompt(plan: &mut Plan, input: PromptInput<'_>, settings: &Settings, problems: &mut Vec<Problem>) {
    let PromptInput { prompt, suite, versions } = input;
    let roles = versions.baseline.iter().map(|version| (version, Role::Baseline));
    let roles: Vec<(&Version, Role)> =
        roles.chain(versions.candidates.iter().map(|version| (version, Role::Candidate))).collect();
    let mut variants = Vec::new();
    for model in &suite.models {
        let Some(row) = settings.models.get(model) else { continue };
        for &(version, role) in &roles {
            let Some(version) = prompt.version(version) else { continue };
            let Some(params) = params(version, problems) else { continue };
            variants.push(Variant {
                version: version.version.clone(),
                digest: version.digest,
                params: params.merged_over(&row.params),
                response_format: response_format(version, problems),
                content: Arc::new(version.content.clone()),
                model: row.clone(),
                role,
            });
        }
    }
    check_rendering(&suite, &variants, problems);
    let (name, first_trial, index) = (prompt.name().clone(), plan.trials.len(), plan.prompts.len());
    for (case, definition) in suite.cases.iter().enumerate().filter(|(_, case)| case.skip.is_none()) {
        for repeat in 1..=suite.repeat {
            for (variant, definition_of_variant) in variants.iter().enumerate() {
                let id = TrialId::of(&name, definition_of_variant, &definition.name, repeat);
                plan.trials.push(Trial { id, prompt: index, variant, case, repeat });
            }
        }
    }
    plan.prompts.push(PromptPlan { name, suite, variants, chosen: versions.why, first_trial });
}

/// Renders every question once, so that no run stops in the middle for a value that was never there.
fn check_rendering(suite: &Suite, variants: &[Variant], problems: &mut Vec<Problem>) {
    let mut checked: Vec<&Version> = Vec::new();
    for variant in variants {
        if checked.contains(&&variant.version) {
            continue;
        }
        checked.push(&variant.version);
        for case in suite.cases.iter().filter(|case| case.skip.is_none()) {
            if let Err(error) = request::of(variant, case) {
                let message =
                    format!("case `{}` cannot be asked with {}: {error}", case.name, variant.version);
                problems.push(
                    Problem::error("plan::cannot_render", message)
                        .at(case.place.clone())
                        .maybe_help(error.help()),
                );
            }
        }
    }
}

/// The parameters that a version sets, read where they stand.
fn params(version: &PromptVersion, problems: &mut Vec<Problem>) -> Option<Params> {
    let Some(document) = &version.document else { return Some(Params::default()) };
    let Some(reading) = document.read_at::<Params>(&["params"]) else { return Some(Params::default()) };
    let mut found = reading.problems;
    if let Some(params) = &reading.value {
        found.extend(params.problems().into_iter().map(|problem| {
            let mut path = vec!["params".to_owned()];
            path.extend(problem.path);
            let place = document.place_at(&path);
            Problem::error("plan::invalid_parameter", problem.message).at(place).maybe_help(problem.help)
        }));
    }
    let sound = found.is_empty();
    problems.extend(found);
    reading.value.filter(|_| sound)
}

fn response_format(
    version: &PromptVersion,
    problems: &mut Vec<Problem>,
) -> Option<promptassay_llm::ResponseFormat> {
    let reading = version.document.as_ref()?.read_at(&["response_format"])?;
    problems.extend(reading.problems);
    reading.value
}
