//! Progress of a run on standard error: a bar on a terminal, nothing otherwise.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use promptassay_evaluator::event::Event;
use promptassay_evaluator::outcome::RepeatOutcome;

/// A bar that follows the events of a run.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    not_passed: usize,
    asked_again: usize,
}

impl Progress {
    /// A bar for a run of `trials`, drawn only where `live`.
    pub(crate) fn new(trials: usize, live: bool) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(trials as u64), target);
        let style = ProgressStyle::with_template("asking  {bar:30}  {pos} of {len}  {msg}  {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, not_passed: 0, asked_again: 0 }
    }

    /// Takes an event into account.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::RunStarted { .. } | Event::CircuitOpened(_) => {}
            Event::AttemptFailed(failed) => {
                self.asked_again += usize::from(failed.wait_ms.is_some());
                self.say();
            }
            Event::TrialFinished(result) => {
                self.not_passed += usize::from(result.outcome != RepeatOutcome::Passed);
                self.say();
                self.bar.inc(1);
            }
            Event::RunFinished { .. } => self.bar.finish_and_clear(),
        }
    }

    fn say(&self) {
        let parts = [(self.not_passed, "not passed"), (self.asked_again, "asked again")];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        self.bar.set_message(parts.collect::<Vec<_>>().join(", "));
    }
}
