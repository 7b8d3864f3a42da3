//! Which runs are fit to be compared with: whole ones, of models that stay.

use promptassay_evaluator::gate::Gate;
use promptassay_evaluator::outcome::RepeatOutcome;
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::record::Record;
use promptassay_evaluator::runs::RunFile;
use promptassay_registry::problem::Problem;

use crate::failure::Failure;

/// Refuses a run that is a part of one, or that lacks answers.
pub(super) fn refuse_partial(file: &RunFile, plan: &Plan, record: &Record) -> Result<(), Failure> {
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
        let help = format!("`promptassay eval --resume {}` asks what lacks", file.id);
        return refuse("baseline::incomplete", message, help);
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
