//! Makes a plan: versions × models × cases × repeats, with everything checked that can be checked before the first question.

use std::collections::BTreeMap;
use std::sync::Arc;

use promptassay_llm::{Params, Provider, VersionPart, encode};
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::tree::{Prompt, PromptVersion};
use promptassay_registry::version::Version;

use super::versions::ChosenVersions;
use super::{Plan, PromptPlan, Role, Shard, Trial, TrialId, Variant, digests, request};
use crate::settings::Settings;
use crate::suite::Suite;

/// After so many cases that a version cannot be asked, the others need not be named.
const MAX_PROBLEMS: usize = 100;

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
    let prompts = inputs.into_iter().map(|input| prompt_plan(input, settings, &mut found)).collect();
    let sound = !has_errors(&found);
    problems.extend(found);
    sound.then(|| Plan::of(prompts))
}

impl Plan {
    fn of(prompts: Vec<PromptPlan>) -> Self {
        let digests = digests::of(&prompts);
        Self::laid_out(prompts, digests, None)
    }

    /// Puts the trials of these prompts in their order.
    pub(super) fn laid_out(
        mut prompts: Vec<PromptPlan>,
        digests: BTreeMap<String, Digest>,
        shard: Option<Shard>,
    ) -> Self {
        let mut trials = Vec::new();
        for (index, prompt) in prompts.iter_mut().enumerate() {
            prompt.first_trials = Vec::with_capacity(prompt.suite.cases.len() + 1);
            for (case, definition) in prompt.suite.cases.iter().enumerate() {
                prompt.first_trials.push(trials.len());
                if definition.skip.is_some() {
                    continue;
                }
                let models = prompt.suite.models_of(definition);
                let asked = prompt.variants.iter().enumerate();
                let asked: Vec<_> =
                    asked.filter(|(_, variant)| models.contains(&variant.model.name)).collect();
                for repeat in 1..=prompt.suite.repeat {
                    for &(variant, of) in &asked {
                        let version = (&of.version, &of.digest);
                        let id = TrialId::of(&prompt.name, version, &of.model.name, &definition.name, repeat);
                        trials.push(Trial { id, prompt: index, variant, case, repeat });
                    }
                }
            }
            prompt.first_trials.push(trials.len());
        }
        let index = trials.iter().enumerate().map(|(index, trial): (_, &Trial)| (trial.id, index)).collect();
        Self { prompts, trials, index, digests, shard, remarks: Vec::new() }
    }
}

fn prompt_plan(input: PromptInput<'_>, settings: &Settings, problems: &mut Vec<Problem>) -> PromptPlan {
    let PromptInput { prompt, mut suite, mut versions } = input;
    if versions.baseline.is_some()
        && let Some(why) = suite.repeat_under_a_margin()
    {
        versions.why = format!("{}; {why}", versions.why);
    }
    let roles = versions.baseline.iter().map(|version| (version, Role::Baseline));
    let roles: Vec<(&Version, Role)> =
        roles.chain(versions.candidates.iter().map(|version| (version, Role::Candidate))).collect();
    let mut variants = Vec::new();
    for model in suite.all_models() {
        let Some(row) = settings.models.get(model) else { continue };
        for &(version, role) in &roles {
            let Some(version) = prompt.version(version) else { continue };
            let Some(params) = params(version, problems) else { continue };
            let variant = Variant {
                version: version.version.clone(),
                digest: version.digest,
                params: suite.params.merged_over(&params).merged_over(&row.params),
                response_format: response_format(version, problems),
                tools: request::tools(&version.content),
                content: Arc::new(version.content.clone()),
                model: row.clone(),
                role,
            };
            check_variant(&suite, &variant, version, problems);
            variants.push(variant);
        }
    }
    check_rendering(&suite, &variants, problems);
    PromptPlan {
        name: prompt.name().clone(),
        suite,
        variants,
        chosen: versions.why,
        interface: prompt.interface().digest(),
        first_trials: Vec::new(),
    }
}

/// What the model's provider cannot be asked, whatever the case is.
fn check_variant(suite: &Suite, variant: &Variant, version: &PromptVersion, problems: &mut Vec<Problem>) {
    let on = format!("{} cannot be asked on model `{}`", variant.version, variant.model.name);
    let found = variant.model.param_problems(&variant.params);
    let is_sound = found.is_empty();
    for problem in found {
        let mut path = vec!["params".to_owned()];
        path.extend(problem.path);
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        let written = version.document.as_ref().filter(|document| {
            keys.split_last()
                .is_some_and(|(last, path)| document.keys_at(path).iter().any(|(key, _)| key == last))
        });
        let place = match written {
            Some(document) => document.place_at(&path),
            None => Place::whole_file(suite.file.as_path()),
        };
        let message = format!("{on}: {}", problem.message);
        problems.push(Problem::error("plan::invalid_parameter", message).at(place).maybe_help(problem.help));
    }
    // What the row adds is merged over what is sent, so the model would be asked for something else than the version that is judged says.
    for (part, key, code, is_there) in [
        (VersionPart::Tools, "tools", "plan::tools_replaced", !variant.tools.is_empty()),
        (
            VersionPart::ResponseFormat,
            "response_format",
            "plan::response_format_replaced",
            variant.response_format.is_some(),
        ),
    ] {
        let Some(by) = variant.model.extra_in_place_of(part).filter(|_| is_there) else { continue };
        let message = format!(
            "{on}: the row's `extra` has `{by}`, which would take the place of the version's `{key}`"
        );
        let place = Place::whole_file(version.path.as_path());
        let place = version.document.as_ref().map_or(place, |document| document.place_at(&[key]));
        let help = format!("take `{by}` out of the row's `extra` in registry.yaml");
        problems.push(Problem::error(code, message).at(place).help(help));
    }
    let Some(case) = suite.cases.iter().find(|case| case.skip.is_none()).filter(|_| is_sound) else { return };
    // What cannot be rendered is reported with its case.
    let Ok(request) = request::of(variant, case) else { return };
    if variant.model.provider != Provider::Command
        && let Err(error) = encode(&variant.model, &request)
    {
        let place = Place::whole_file(version.path.as_path());
        problems.push(Problem::error("plan::cannot_ask", format!("{on}: {error}")).at(place));
    }
}

/// Renders every question once, so that no run stops in the middle for a value that was never there.
fn check_rendering(suite: &Suite, variants: &[Variant], problems: &mut Vec<Problem>) {
    let mut checked: Vec<&Version> = Vec::new();
    for variant in variants {
        if checked.contains(&&variant.version) {
            continue;
        }
        checked.push(&variant.version);
        let failures = suite.cases.iter().filter(|case| case.skip.is_none()).filter_map(|case| {
            let error = request::of(variant, case).err()?;
            let message = format!("case `{}` cannot be asked with {}: {error}", case.name, variant.version);
            let problem = Problem::error("plan::cannot_render", message);
            Some(problem.at(case.place.clone()).maybe_help(error.help()))
        });
        problems.extend(failures.take(MAX_PROBLEMS));
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
