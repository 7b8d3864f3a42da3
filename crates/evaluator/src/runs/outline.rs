//! What a journal says at a glance, without the plan that it belongs to.

use std::collections::HashMap;

use crate::event::{Answer, Event, ReplySource, RunEnd};
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
    /// Those of them with a reply of which a judge could not be read: a resumed run asks nothing of them.
    pub unscored: usize,
    /// Trials without a reply: what a resumed run would ask again beside what was never asked.
    pub errors: usize,
    /// Trials that a model answered in this run: neither the cache nor a file did.
    pub live: usize,
    /// Why the run ended; `None` while it is under way, and where it was killed.
    pub end: Option<RunEnd>,
}

/// Where an answer is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Nobody,
    Model,
    Elsewhere,
}

/// An outline on its way: a fold of a journal's events. In memory there are a few bytes for each trial.
#[derive(Default)]
pub(crate) struct Outlining {
    trials: HashMap<TrialId, (RepeatOutcome, From)>,
    end: Option<RunEnd>,
}

impl Outlining {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::RunStarted { .. } => self.end = None,
            Event::TrialFinished(result) => {
                let from = match result.answer {
                    Answer::Error(_) => From::Nobody,
                    Answer::Reply { source: ReplySource::Live, .. } => From::Model,
                    Answer::Reply { .. } => From::Elsewhere,
                };
                self.trials.insert(result.trial, (result.outcome, from));
            }
            Event::RunFinished { end } => self.end = Some(*end),
            Event::AttemptFailed(_)
            | Event::CircuitOpened(_)
            | Event::TrialAnswered(_)
            | Event::JudgeAnswered(_) => {}
        }
    }

    pub(crate) fn outline(&self) -> Outline {
        let count = |wanted: fn(RepeatOutcome) -> bool| {
            self.trials.values().filter(|(outcome, _)| wanted(*outcome)).count()
        };
        let from = |wanted: From| self.trials.values().filter(|(_, from)| *from == wanted).count();
        Outline {
            passed: count(|outcome| outcome == RepeatOutcome::Passed),
            failed: count(|outcome| outcome == RepeatOutcome::Failed),
            not_judged: count(|outcome| !outcome.is_judged()),
            unscored: count(|outcome| outcome == RepeatOutcome::Unscored),
            errors: from(From::Nobody),
            live: from(From::Model),
            end: self.end,
        }
    }
}

impl Outline {
    /// Trials with a result, good or bad.
    pub fn finished(&self) -> usize {
        self.passed + self.failed + self.not_judged
    }
}
