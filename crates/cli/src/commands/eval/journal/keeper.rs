//! What keeps a run while it happens: the journal first, then what is counted of it.

use std::sync::Arc;

use promptassay_evaluator::event::{Event, RunEnd};
use promptassay_evaluator::journal::{AppendError, JournalWriter};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::replay::{Remaining, Replay};
use promptassay_evaluator::run::Work;
use promptassay_evaluator::runs::RunDirectory;
use promptassay_registry::files::DirectoryLock;
use promptassay_registry::problem::Problem;
use tokio::sync::Notify;

use crate::failure::Failure;

/// Follows a run: what happens is in its journal before it is counted.
#[derive(Debug)]
pub(crate) struct Keeper<'p> {
    plan: &'p Plan,
    directory: RunDirectory,
    _lock: DirectoryLock,
    writer: JournalWriter,
    pub(crate) replay: Replay,
    failure: Option<AppendError>,
    again: Option<String>,
}

impl<'p> Keeper<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        directory: RunDirectory,
        lock: DirectoryLock,
        writer: JournalWriter,
        replay: Replay,
    ) -> Self {
        Self { plan, directory, _lock: lock, writer, replay, failure: None, again: None }
    }

    /// The same, with the command that goes on with it: where the disk is full, it is named as it has to be typed.
    pub(crate) fn gone_on_with_by(self, command: String) -> Self {
        Self { again: Some(command), ..self }
    }

    /// What is still to be asked, and the answers that are there already but are to be judged anew.
    pub(crate) fn work(&self) -> Work {
        let mut work = Work { judged: Some(Arc::clone(&self.replay.judged)), ..Work::default() };
        for (index, trial) in self.plan.trials().iter().enumerate() {
            match self.replay.remaining(self.plan, index) {
                Remaining::Nothing => continue,
                Remaining::Ask => {}
                Remaining::Judge(asked) => {
                    work.answered.insert(trial.id, *asked);
                }
            }
            work.trials.push(*trial);
        }
        work
    }

    /// Stores an event, then counts it. After a failure nothing is counted that is not stored; `failed` is told.
    pub(crate) fn observe(&mut self, event: &Event, failed: &Notify) {
        if self.failure.is_some() {
            return;
        }
        match self.writer.append(event) {
            Ok(span) => {
                self.replay.spent.apply(self.plan, event);
                self.replay.record.apply(self.plan, event);
                self.replay.outputs.apply(event, Some(span));
            }
            Err(error) => {
                self.failure = Some(error);
                failed.notify_one();
            }
        }
    }

    /// Ends the run where nobody else did: it was stopped in the middle.
    pub(crate) fn stopped(&mut self) -> RunEnd {
        let end = RunEnd::Interrupted;
        self.observe(&Event::RunFinished { end }, &Notify::new());
        end
    }

    /// The journal, for whoever writes what others observed.
    pub(crate) fn writer(&mut self) -> &mut JournalWriter {
        &mut self.writer
    }

    /// The directory of the run.
    pub(crate) fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// Waits until the disk has everything; where the journal is then read again, the directory that it is in.
    pub(crate) fn close(self) -> Result<RunDirectory, Failure> {
        let directory = self.directory.clone();
        self.finish().map(|_| directory)
    }

    /// Waits until the disk has everything.
    pub(crate) fn finish(self) -> Result<Replay, Failure> {
        let finished = match self.failure {
            Some(error) => Err(error),
            None => self.writer.finish(),
        };
        finished.map_err(|error| {
            let help = match self.again {
                Some(command) => format!("what was answered before is kept; make room, then `{command}`"),
                None => "make room, and do it again".to_owned(),
            };
            Failure::broken(Problem::error("runs::journal", error.to_string()).help(help))
        })?;
        Ok(self.replay)
    }
}
