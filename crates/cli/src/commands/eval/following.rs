//! What happens beside the asking: events are kept and shown, and there are reasons to stop.

use std::sync::Arc;

use promptassay_evaluator::drive::known_secrets;
use promptassay_evaluator::event::{Event, RunEnd};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::run::Work;
use promptassay_evaluator::spending::Spent;
use promptassay_llm::Secrets;
use tokio::sync::Notify;

use super::journal::{BudgetArguments, Keeper};
use super::signals::{asked_to_stop, listen_on};
use crate::commands::Context;
use crate::console::Console;
use crate::failure::Failure;
use crate::progress::{Aside, Progress};
use crate::table::grouped;

impl Context<'_> {
    /// The secrets of a plan's models that the environment has.
    pub(crate) fn known_secrets(&self, plan: &Plan) -> Secrets {
        known_secrets(plan.rows(), |name| self.environment.variable(name))
    }
}

/// Keeps and shows the events of a run.
#[derive(Debug)]
pub(super) struct Follower<'p> {
    plan: &'p Plan,
    keeper: Keeper<'p>,
    progress: Progress,
    not_stored: Arc<Notify>,
    console: Console,
    /// What programs of checks may not repeat.
    secrets: Secrets,
}

impl<'p> Follower<'p> {
    /// Of a run that is about to begin.
    pub(super) fn new(plan: &'p Plan, keeper: Keeper<'p>, context: &Context<'_>) -> Self {
        let progress = Progress::new(plan, &keeper.replay.record, context);
        let secrets = context.known_secrets(plan);
        Self { plan, keeper, progress, not_stored: Arc::default(), console: context.console, secrets }
    }

    /// What is to be asked.
    pub(super) fn work(&self) -> Work {
        Work { secrets: self.secrets.clone(), ..self.keeper.work() }
    }

    /// What the run has spent so far.
    pub(super) fn spent(&self) -> Spent {
        self.keeper.replay.spent.clone()
    }

    /// Says something while it goes on.
    pub(super) fn aside(&self) -> Aside {
        self.progress.aside()
    }

    /// Told when an event could not be stored.
    pub(super) fn not_stored(&self) -> Arc<Notify> {
        Arc::clone(&self.not_stored)
    }

    /// Takes an event into account.
    pub(super) fn observe(&mut self, event: &Event) {
        self.keeper.observe(event, &self.not_stored);
        self.progress.observe(self.plan, event);
    }

    /// Ends the run; without an `end` it was stopped in the middle.
    pub(super) fn finish(mut self, end: Option<RunEnd>) -> Result<(RunEnd, Replay), Failure> {
        self.progress.finish();
        let end = end.unwrap_or_else(|| self.keeper.stopped());
        listen_on(end == RunEnd::Interrupted, self.console);
        Ok((end, self.keeper.finish()?))
    }
}

/// Resolves when nothing more is to be started: after a signal, or when the time is up. Of the signal it is said at once what is waited for:
/// the slowest answer may take minutes.
pub(super) async fn stop(budget: BudgetArguments, under_way: impl Fn() -> usize, aside: Aside) -> RunEnd {
    tokio::select! {
        () = asked_to_stop(1) => {
            let waited_for = match under_way() {
                0 => return RunEnd::Interrupted,
                1 => "1 question is under way".to_owned(),
                many => format!("{} questions are under way", grouped(many)),
            };
            aside.say(&format!("stopping: {waited_for}; again ends at once"));
            RunEnd::Interrupted
        }
        () = budget.time_up() => RunEnd::TimeUp,
    }
}

/// Resolves when not even what is under way is to be finished: after a second signal, or when it could not be stored anyway.
pub(super) async fn stop_now(not_stored: &Notify) {
    tokio::select! {
        () = asked_to_stop(2) => {}
        () = not_stored.notified() => {}
    }
}
