//! Judging the answers of a stored run: judges are asked and programs are run only where somebody allows it.

use std::cell::Cell;

use clap::Args;
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::rescore::{Stored, leave_out};

use super::following::{Follower, stop, stop_now};
use super::journal::{BudgetArguments, Keeper, broken};
use super::live::{self, LiveArguments};
use super::runtime;
use crate::commands::Context;
use crate::failure::Failure;

/// Answers that are there need no waiting; this many are judged at a time.
const WINDOW: usize = 64;

/// Who may be asked about stored answers.
#[derive(Debug, Args)]
pub(crate) struct JudgingArguments {
    /// Ask judges what they have not answered in the run; without it those checks are unscored.
    #[arg(long)]
    allow_calls: bool,
    /// Let checks `command` run their programs, which may be others than those that judged the run; without it a suite that has such
    /// checks is refused.
    #[arg(long)]
    pub(crate) allow_commands: bool,
    #[command(flatten)]
    budget: BudgetArguments,
}

/// Judges stored answers. The run begins with `begin`, once nothing is lacking for it.
pub(crate) fn run<'p>(
    arguments: &JudgingArguments,
    plan: &'p Plan,
    stored: &Stored<'_>,
    begin: impl FnOnce() -> Result<Keeper<'p>, Failure>,
    context: &Context<'_>,
) -> Result<(RunEnd, Replay), Failure> {
    let budget = arguments.budget;
    if arguments.allow_calls {
        let live = LiveArguments::with_commands(arguments.allow_commands);
        return live::judge(&live, budget, plan, stored, begin, context);
    }
    let mut follower = Follower::new(plan, begin()?, context);
    let (not_stored, aside, new_to_judges) = (follower.not_stored(), follower.aside(), Cell::new(0_usize));
    let leave_out = |trial, call, tell| {
        new_to_judges.set(new_to_judges.get() + 1);
        leave_out(trial, call, tell)
    };
    let end = runtime()?.block_on(async {
        tokio::select! {
            biased;
            end = stored.judge(leave_out, WINDOW, stop(budget, || 0, aside), |event| follower.observe(event)) => Some(end),
            () = stop_now(&not_stored) => None,
        }
    });
    if new_to_judges.get() > 0 {
        let questions = match new_to_judges.get() {
            1 => "1 question is new to the judges and was not asked, so its check is".to_owned(),
            many => format!("{many} questions are new to the judges and were not asked, so their checks are"),
        };
        context.console.note(&format!("{questions} unscored; `promptassay rescore RUN --allow-calls` asks"));
    }
    follower.finish(end.transpose().map_err(broken)?)
}
