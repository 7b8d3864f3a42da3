//! Which runs are fit to be compared with: whole ones, of models that stay.

use promptassay_evaluator::gate::Gate;
use promptassay_evaluator::outcome::RepeatOutcome;
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::record::Record;
use promptassay_evaluator::runs::{PlannedPrompt, RunFile};
use promptassay_lifecycle::ledger::standing;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Tree;
use promptassay_registry::version::Version;

use crate::commands::Context;
use crate::failure::Failure;

/// Refuses a run that is a part of one, or that lacks answers. `rest`: what asks for those.
pub(super) fn refuse_partial(
    file: &RunFile,
    plan: &Plan,
    record: &Record,
    rest: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let refuse = |code, message: String, help: String| {
        Err(Failure::invalid_one(Problem::error(code, format!("run {} {message}", file.id)).help(help)))
    };
    if let Some(shard) = file.shard {
        let message = format!("is shard {}/{} of a plan", shard.index, shard.of);
        return refuse(
            "baseline::shard",
            message,
            "merge the shards first: `promptassay merge RUN…`".to_owned(),
        );
    }
    let filters = plan.filters();
    if !filters.is_empty() {
        let help =
            "bless a run of whole suites: without `--case`, `--tag`, `--sample` and the like".to_owned();
        return refuse("baseline::narrowed", format!("was narrowed by {}", filters.join(", ")), help);
    }
    let trials = plan.trials().len();
    let has_reply = |index: &usize| record.trial(*index).is_some_and(|trial| trial.error.is_none());
    let answered = (0..trials).filter(has_reply).count();
    if answered < trials {
        let message = format!("has answers to {answered} of {trials} questions");
        return refuse("baseline::incomplete", message, rest());
    }
    let judged = |index: &usize| {
        record
            .trial(*index)
            .is_some_and(|trial| matches!(trial.outcome, RepeatOutcome::Passed | RepeatOutcome::Failed))
    };
    let judged = (0..trials).filter(judged).count();
    if judged < trials {
        let message = format!("has verdicts on {judged} of {trials} answers");
        let help = "see in its report why the others could not be judged: `promptassay report`".to_owned();
        return refuse("baseline::incomplete", message, help);
    }
    Ok(())
}

/// Refuses models whose names mean another model tomorrow.
pub(super) fn refuse_floating(plan: &Plan) -> Result<(), Failure> {
    let floats = |model: &str| model.ends_with("latest");
    let floating: Vec<String> = plan
        .rows()
        .into_iter()
        .filter(|row| floats(&row.model))
        .map(|row| format!("{} ({})", row.name, row.model))
        .collect();
    if floating.is_empty() {
        return Ok(());
    }
    let message = format!("the model behind a name may change: {}", floating.join(", "));
    let help = "name a dated model in registry.yaml, or accept that with `--force`";
    Err(Failure::invalid_one(Problem::error("baseline::floating_model", message).help(help)))
}

/// What nobody is served may be what is to be compared with from now on: then whoever blesses it says so by its name.
pub(super) fn not_served(
    planned: &PlannedPrompt,
    version: &Version,
    (tree, context): (&Tree, &Context<'_>),
) -> Option<Problem> {
    let name = &planned.name;
    let production = standing(&context.prompts.join(name.as_str()), name).ok()?.production;
    let (served, how) = match production {
        Some(production) => (production, "is in production"),
        None => (tree.prompt(name.as_str())?.active_version().ok()?.version.clone(), "is active"),
    };
    if served == *version {
        return None;
    }
    let message = format!("{name} {version} is blessed, and is not what is served: {served} {how}");
    let was_judged = planned.variants.iter().any(|variant| variant.version == served);
    let help = if was_judged {
        format!(
            "`--version {served}` blesses what is served, which the run judged too; `--version {version}` says that this one is meant"
        )
    } else {
        format!(
            "`--version {version}` says that this one is meant; `promptassay eval {name} --version {served}` judges what is served"
        )
    };
    Some(Problem::warning("baseline::not_served", message).help(help))
}

/// What was not good enough for its own gate may be what is in use: it is blessed, and that is said.
pub(super) fn not_passed(plan: &Plan, gate: &Gate) -> Problem {
    let prompt = &plan.prompts()[gate.prompt];
    let variant = &prompt.variants[gate.variant];
    let message = format!(
        "the gate of {} {} on {} did not pass: {}",
        prompt.name, variant.version, variant.model.name, gate.reason
    );
    let help = "what is blessed is what later versions are compared with; `git checkout` takes it back";
    Problem::warning("baseline::not_passed", message).help(help)
}
