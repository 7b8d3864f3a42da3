//! What is said of a change beside what git knows: rules that were not used, and prompts that nothing judges.

use promptassay_evaluator::plan::{ChosenVersions, PromptChange, PromptInput};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Prompt;
use promptassay_registry::version::Version;

/// A warning for each prompt whose margin decides nothing, because no version of it is compared with another one.
pub(crate) fn unused_margins(inputs: &[PromptInput<'_>]) -> Vec<Problem> {
    let is_unused = |input: &&PromptInput<'_>| {
        input.versions.baseline.is_none() && input.suite.policy.margin.value.is_set()
    };
    let warning = |input: &PromptInput<'_>| {
        let margin = &input.suite.policy.margin.value;
        let message = format!(
            "{}: the margin of the gate ({margin}) is not used, because nothing is compared: {}",
            input.prompt.name(),
            input.versions.why
        );
        let help = "`min_pass_rate` decides where it is set, else every case must pass";
        let place = Place::whole_file(input.suite.file.as_path());
        let problem = Problem::warning("changes::margin_not_used", message).at(place).help(help);
        problem.of_prompt(input.prompt.name().as_str())
    };
    inputs.iter().filter(is_unused).map(warning).collect()
}

/// A warning where options choose other versions than those that a change brings: its gate says nothing of what is merged.
pub(crate) fn left_out(
    prompt: &Prompt,
    change: &PromptChange,
    archived: &[Version],
    chosen: &ChosenVersions,
) -> Option<Problem> {
    let is_judged = |version: &Version| {
        chosen.candidates.contains(version)
            || (chosen.candidates.is_empty() && chosen.baseline.as_ref() == Some(version))
    };
    let left: Vec<String> = change
        .versions
        .iter()
        .filter(|version| {
            !is_judged(version) && !archived.contains(version) && prompt.version(version).is_some()
        })
        .map(ToString::to_string)
        .collect();
    if left.is_empty() {
        return None;
    }
    let message = format!(
        "{}: this change brings {}, and the options choose other versions: it is not judged",
        prompt.name(),
        left.join(", ")
    );
    let help = "without `--candidate`, `--version` and `--served` every version of the change is judged";
    let problem =
        Problem::warning("changes::left_out", message).at(Place::whole_file(prompt.document().file()));
    Some(problem.help(help).of_prompt(prompt.name().as_str()))
}

/// A warning for a prompt that changed and that has no suite.
pub(crate) fn not_judged(prompt: &Prompt, change: &PromptChange, reference: &str) -> Problem {
    let suite = prompt.suite_path();
    let what = if change.active_before.is_none() { "is new" } else { "changed" };
    let message = format!(
        "`{}` {what} since {reference} and has no suite: nothing of it is judged ({})",
        prompt.name(),
        change.reasons.join(", ")
    );
    let help = format!("write {}", suite.display());
    let place = Place::whole_file(prompt.document().file());
    Problem::warning("changes::no_suite", message).at(place).help(help).of_prompt(prompt.name().as_str())
}
