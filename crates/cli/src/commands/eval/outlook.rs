//! What the gates of a run can show, said on standard error before the first question is paid for.

use promptassay_evaluator::comparison::Side;
use promptassay_evaluator::gate::{Against, History, outlook};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::runs::{PlannedPrompt, RunFile};

use super::journal::RunsArguments;
use crate::commands::Context;

/// How flaky the cases are is learned from at most so many runs, the newest ones.
const RUNS: usize = 10;

/// Says what the gates can show, a line each. That is a remark: what cannot be learned from earlier runs is left out.
/// The run that goes on teaches nothing: only some of its cases have been asked as often as they will be.
pub(super) fn say(
    plan: &Plan,
    against: Against<'_>,
    goes_on: Option<&RunFile>,
    runs: &RunsArguments,
    context: &Context<'_>,
) {
    if context.console.quiet || context.console.json {
        return;
    }
    let history = history(plan, against, goes_on, runs, context);
    // The simulation is a remark as well: the same results give the same remark.
    for line in outlook(plan, against, &history, 0) {
        context.console.note(&line.to_string());
    }
}

/// The newest results of each prompt and model that were repeated: blessed ones, else those of kept runs.
fn history(
    plan: &Plan,
    against: Against<'_>,
    goes_on: Option<&RunFile>,
    runs: &RunsArguments,
    context: &Context<'_>,
) -> History {
    let mut history = History::default();
    let wanted: Vec<&str> = plan
        .prompts()
        .iter()
        .filter(|prompt| prompt.suite.policy.margin.value.is_set())
        .map(|prompt| prompt.name.as_str())
        .collect();
    if let Against::Blessed(files) = against {
        for (prompt, file) in files {
            let sides = file.variants.iter().filter_map(|variant| file.side(&variant.model));
            for side in sides {
                history.learn(plan, prompt, side);
            }
        }
    }
    let kept = runs.runs(context).ok().and_then(|runs| runs.list().ok()).unwrap_or_default();
    for directory in kept.iter().rev().take(RUNS) {
        let Ok(file) = directory.file() else { continue };
        let helps = |prompt: &PlannedPrompt| {
            prompt.repeat > 1 && wanted.contains(&prompt.name.as_str()) && history.lacks(prompt.name.as_str())
        };
        if goes_on.is_some_and(|run| run.id == file.id) || !file.prompts.iter().any(helps) {
            continue;
        }
        let Ok(prompts) = Side::read_all(&file, &directory.journal_path()) else { continue };
        for of_prompt in prompts.into_iter().filter(|of_prompt| wanted.contains(&of_prompt.prompt.as_str())) {
            history.learn_run(plan, &of_prompt.prompt, of_prompt.sides);
        }
    }
    history
}
