//! Progress of a run on standard error: on a terminal a bar for each model, elsewhere a plain line for each model now and then.
//! Nothing where it is not wanted, and nothing after [`Progress::finish`].

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use promptassay_evaluator::event::{Event, ReplySource};
use promptassay_evaluator::outcome::RepeatOutcome;
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::record::Record;

use crate::commands::Context;
use crate::console::Console;

/// How often there are lines where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(30);

/// Follows the events of a run.
#[derive(Debug)]
pub(crate) struct Progress {
    counts: Arc<Mutex<Counts>>,
    view: View,
    console: Console,
}

/// What is said while a run goes on: above its bars where there are some.
#[derive(Debug, Clone)]
pub(crate) struct Aside {
    bars: Option<MultiProgress>,
    console: Console,
}

impl Aside {
    /// Says a line, where remarks are wanted.
    pub(crate) fn say(&self, line: &str) {
        if self.bars.as_ref().is_none_or(|bars| bars.println(line).is_err()) {
            self.console.note(line);
        }
    }
}

#[derive(Debug)]
enum View {
    None,
    Bars { group: MultiProgress, bars: Vec<ProgressBar> },
    Lines { stop: Sender<()>, thread: JoinHandle<()> },
}

/// Per model row, in the plan's order.
#[derive(Debug)]
struct Counts {
    rows: IndexMap<String, Row>,
    began: Instant,
}

#[derive(Debug, Default, Clone, Copy)]
struct Row {
    all: usize,
    passed: usize,
    failed: usize,
    errors: usize,
    /// Those of them that were there before this process began.
    before: usize,
    cost: f64,
    priced: bool,
}

impl Row {
    fn done(&self) -> usize {
        self.passed + self.failed + self.errors
    }

    fn add(&mut self, outcome: RepeatOutcome) {
        match outcome {
            RepeatOutcome::Passed => self.passed += 1,
            RepeatOutcome::Failed => self.failed += 1,
            RepeatOutcome::Errored | RepeatOutcome::Unscored => self.errors += 1,
        }
    }

    /// Everything but the name and how much is done.
    fn details(&self, elapsed: Duration) -> String {
        let mut text = format!("{} passed", self.passed);
        for (count, what) in [(self.failed, "failed"), (self.errors, "errors")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        let rate = (self.done() - self.before) as f64 / elapsed.as_secs_f64().max(0.001);
        let _ = write!(text, "  {rate:.1}/s");
        if self.priced {
            let _ = write!(text, "  ${:.2}", self.cost);
        }
        let left = self.all.saturating_sub(self.done());
        if left > 0 && rate > 0.0 {
            let seconds = Duration::try_from_secs_f64(left as f64 / rate).unwrap_or(Duration::MAX);
            let _ = write!(text, "  {} left", short(seconds));
        }
        text
    }
}

/// A time to wait, to the precision that a guess has.
fn short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

impl Progress {
    /// Of a run of `plan` in which `record` has happened already.
    pub(crate) fn new(plan: &Plan, record: &Record, context: &Context<'_>) -> Self {
        let counts = Counts::new(plan, record);
        let (live, wanted) = (context.console.live, !context.console.quiet && !context.console.json);
        let names: Vec<(String, usize)> =
            counts.rows.iter().map(|(name, row)| (name.clone(), row.all)).collect();
        let counts = Arc::new(Mutex::new(counts));
        let view = if live && wanted {
            View::bars(&names)
        } else if wanted {
            View::lines(Arc::clone(&counts))
        } else {
            View::None
        };
        Self { counts, view, console: context.console }
    }

    /// Says something beside.
    pub(crate) fn aside(&self) -> Aside {
        let bars = match &self.view {
            View::Bars { group, .. } => Some(group.clone()),
            View::None | View::Lines { .. } => None,
        };
        Aside { bars, console: self.console }
    }

    /// Takes an event into account.
    pub(crate) fn observe(&mut self, plan: &Plan, event: &Event) {
        let (trial, outcome, cost) = match event {
            Event::TrialAnswered(answered) => (answered.trial, None, cost(plan, event)),
            Event::TrialFinished(result) => (result.trial, Some(result.outcome), cost(plan, event)),
            // What a judge costs is a part of what asking the model that it judges costs.
            Event::JudgeAnswered(answered) if answered.source == ReplySource::Live => {
                (answered.trial, None, answered.cost)
            }
            _ => return,
        };
        let Some(trial) = plan.index_of(trial).map(|index| plan.trials()[index]) else { return };
        let mut counts = lock(&self.counts);
        let elapsed = counts.began.elapsed();
        let Some((place, _, row)) = counts.rows.get_full_mut(&plan.variant(&trial).model.name) else {
            return;
        };
        if let Some(outcome) = outcome {
            row.add(outcome);
        }
        if let Some(cost) = cost {
            row.cost += cost;
            row.priced = true;
        }
        if let View::Bars { bars, .. } = &self.view
            && let Some(bar) = bars.get(place)
        {
            bar.set_position(row.done() as u64);
            bar.set_message(row.details(elapsed));
        }
    }

    /// Clears the terminal for what comes next.
    pub(crate) fn finish(self) {
        match self.view {
            View::None => {}
            View::Bars { group, bars } => {
                for bar in bars {
                    bar.finish_and_clear();
                }
                let _ = group.clear();
            }
            View::Lines { stop, thread } => {
                drop(stop);
                // A thread that cannot write has nothing else to say.
                let _ = thread.join();
            }
        }
    }
}

fn cost(plan: &Plan, event: &Event) -> Option<f64> {
    let (trial, usage) = event.live_usage()?;
    plan.variant(&plan.trials()[plan.index_of(trial)?]).model.cost(&usage)
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counts {
    fn new(plan: &Plan, record: &Record) -> Self {
        let mut rows: IndexMap<String, Row> = IndexMap::new();
        for (index, trial) in plan.trials().iter().enumerate() {
            let name = &plan.variant(trial).model.name;
            if !rows.contains_key(name) {
                rows.insert(name.clone(), Row::default());
            }
            let Some(row) = rows.get_mut(name) else { continue };
            row.all += 1;
            // Errors are asked again, so they are not done.
            if let Some(before) = record.trial(index).filter(|trial| trial.outcome != RepeatOutcome::Errored)
            {
                row.add(before.outcome);
                row.before += 1;
            }
        }
        Self { rows, began: Instant::now() }
    }

    fn lines(&self) -> String {
        let elapsed = self.began.elapsed();
        let line = |(name, row): (&String, &Row)| {
            format!("{name}: {} of {}   {}\n", row.done(), row.all, row.details(elapsed))
        };
        self.rows.iter().map(line).collect()
    }
}

impl View {
    fn bars(rows: &[(String, usize)]) -> Self {
        let group = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        // What does not fit is cut: a line that wraps is drawn again below itself.
        let style = ProgressStyle::with_template("{prefix}  {bar:10}  {pos} of {len}  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━━─");
        let bar = |(name, all): &(String, usize)| {
            let bar = group.add(ProgressBar::new(*all as u64).with_style(style.clone()));
            bar.set_prefix(format!("{name:width$}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        };
        let bars = rows.iter().map(bar).collect();
        Self::Bars { group, bars }
    }

    fn lines(counts: Arc<Mutex<Counts>>) -> Self {
        let (stop, stopped) = channel::<()>();
        // Where no thread can be had nothing is said meanwhile.
        let thread = thread::Builder::new().spawn(move || {
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let lines = lock(&counts).lines();
                // One write, so that nothing else comes between.
                let _ = io::stderr().lock().write_all(lines.as_bytes());
            }
        });
        thread.map_or(Self::None, |thread| Self::Lines { stop, thread })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_far_it_is_how_fast_and_for_how_long() {
        let row = Row { all: 100, passed: 20, failed: 5, errors: 1, before: 6, cost: 0.123, priced: true };
        insta::assert_snapshot!(row.details(Duration::from_secs(10)), @"20 passed, 5 failed, 1 errors  2.0/s  $0.12  37 s left");
        let done = Row { all: 26, priced: false, ..row };
        insta::assert_snapshot!(done.details(Duration::from_secs(10)), @"20 passed, 5 failed, 1 errors  2.0/s");
    }

    #[test]
    fn nothing_done_promises_nothing() {
        let row = Row { all: 3, ..Row::default() };
        insta::assert_snapshot!(row.details(Duration::ZERO), @"0 passed  0.0/s");
    }

    #[test]
    fn times_are_as_precise_as_a_guess() {
        let shown = [0, 59, 60, 61, 3599, 3600, 100_000].map(|seconds| short(Duration::from_secs(seconds)));
        insta::assert_snapshot!(shown.join(", "), @"0 s, 59 s, 1 min, 2 min, 60 min, 1 h 0 min, 27 h 46 min");
    }
}
