//! What a journal says at a glance, without the plan that it belongs to.

use std::collections::HashMap;
use std::path::Path;

use crate::event::{Answer, Event, ReplySource, RunEnd};
use crate::journal::{JournalReader, ReadError};
use crate::outcome::RepeatOutcome;
use crate::plan::TrialId;

/// How far a run came. The last result of a trial counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outline {
    /// Trials whose checks all passed.
    pub passed: usize,
    /// Trials of which a check failed.
    pub failed: usize,
    /// Trials that were not judged: the model or a check could not be asked, or a judge could not be read.
    pub not_judged: usize,
    /// Trials without a reply: what a resumed run would ask again beside what was never asked.
    pub errors: usize,
    /// Trials that a model answered in this run: neither the cache nor a file did.
    pub live: usize,
    /// Why the run ended; `None` while it is under way, and where it was killed.
    pub end: Option<RunEnd>,
    /// The bytes of a torn last line.
    pub torn_bytes: u64,
}

/// Where an answer is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Nobody,
    Model,
    Elsewhere,
}

impl Outline {
    /// Of the journal at `path`. In memory there are a few bytes for each trial.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let mut reader = JournalReader::open(path)?;
        let mut trials: HashMap<TrialId, (RepeatOutcome, From)> = HashMap::new();
        let mut end = None;
        while let Some(entry) = reader.next_entry()? {
            match entry.event {
                Event::RunStarted { .. } => end = None,
                Event::TrialFinished(result) => {
                    let from = match result.answer {
                        Answer::Error(_) => From::Nobody,
                        Answer::Reply { source: ReplySource::Live, .. } => From::Model,
                        Answer::Reply { .. } => From::Elsewhere,
                    };
                    trials.insert(result.trial, (result.outcome, from));
                }
                Event::RunFinished { end: why } => end = Some(why),
                Event::AttemptFailed(_)
                | Event::CircuitOpened(_)
                | Event::TrialAnswered(_)
                | Event::JudgeAnswered(_) => {}
            }
        }
        let count = |wanted: fn(RepeatOutcome) -> bool| {
            trials.values().filter(|(outcome, _)| wanted(*outcome)).count()
        };
        Ok(Self {
            passed: count(|outcome| outcome == RepeatOutcome::Passed),
            failed: count(|outcome| outcome == RepeatOutcome::Failed),
            not_judged: count(|outcome| !outcome.is_judged()),
            errors: trials.values().filter(|(_, from)| *from == From::Nobody).count(),
            live: trials.values().filter(|(_, from)| *from == From::Model).count(),
            end,
            torn_bytes: reader.torn_bytes(),
        })
    }

    /// Trials with a result, good or bad.
    pub fn finished(&self) -> usize {
        self.passed + self.failed + self.not_judged
    }
}
