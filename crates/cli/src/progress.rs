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
}

impl Progress {
    /// A bar for a run of `trials`, drawn only where `live`.
    pub(crate) fn new(trials: usize, live: bool) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(trials as u64), target);
        let style = ProgressStyle::with_template("asking  {bar:30}  {pos} of {len}  {msg}  {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, not_passed: 0 }
    }

    /// Takes an event into account.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::RunStarted { .. } => {}
            Event::TrialFinished(result) => {
                self.not_passed += usize::from(result.outcome != RepeatOutcome::Passed);
                if self.not_passed > 0 {
                    self.bar.set_message(format!("{} not passed", self.not_passed));
                }
                self.bar.inc(1);
            }
            Event::RunFinished { .. } => self.bar.finish_and_clear(),
        }
    }
}
