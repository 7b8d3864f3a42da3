//! What happened, folded from events: a few bytes for each trial, whatever the replies' length.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::{Answer, AskErrorKind, Event, ReplySource, RunEnd, TrialResult};
use crate::outcome::{RepeatOutcome, repeat_score};
use crate::plan::{Plan, TrialId};

/// The results of a run's trials, in the order of its plan. At most 80 bytes a trial; replies and reasons are in [`Outputs`].
#[derive(Debug)]
pub struct Record {
    trials: Vec<Option<TrialRecord>>,
    end: Option<RunEnd>,
    sources: BTreeSet<ReplySource>,
}

/// What stays of a trial's result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialRecord {
    /// What it came to.
    pub outcome: RepeatOutcome,
    /// In [0, 1]; `None` where the repeat was not judged.
    pub score: Option<f64>,
    /// How long the model took; `None` for replies that no model gave in this run.
    pub latency: Option<Duration>,
    /// Input and output tokens; `None` where the provider does not say.
    pub tokens: Option<u64>,
    /// Why it could not be asked.
    pub error: Option<AskErrorKind>,
}

impl Record {
    /// A record in which nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        Self { trials: vec![None; plan.trials().len()], end: None, sources: BTreeSet::new() }
    }

    /// Takes an event into account. Events of trials that the plan does not have are ignored.
    pub fn apply(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::RunStarted { .. } => {}
            Event::TrialFinished(result) => {
                if let Some(index) = plan.index_of(result.trial) {
                    if let Answer::Reply { source, .. } = &result.answer {
                        self.sources.insert(*source);
                    }
                    self.trials[index] = Some(TrialRecord::of(result));
                }
            }
            Event::RunFinished { end } => self.end = Some(*end),
        }
    }

    /// The result of the plan's trial at `index`; `None` where it was not asked.
    pub fn trial(&self, index: usize) -> Option<&TrialRecord> {
        self.trials.get(index)?.as_ref()
    }

    /// Where the replies came from.
    pub fn sources(&self) -> &BTreeSet<ReplySource> {
        &self.sources
    }

    /// Whether somebody interrupted the run.
    pub fn was_interrupted(&self) -> bool {
        self.end == Some(RunEnd::Interrupted)
    }
}

impl TrialRecord {
    fn of(result: &TrialResult) -> Self {
        let (reply, error) = match &result.answer {
            // A recorded reply took no time here.
            Answer::Reply { reply, source: ReplySource::Recorded } => (Some(reply), None),
            Answer::Error(error) => (None, Some(error.kind)),
        };
        Self {
            outcome: result.outcome,
            score: repeat_score(result.outcome, &result.checks),
            latency: None,
            tokens: reply.and_then(|reply| reply.usage.total()),
            error,
        }
    }
}

/// The whole results of trials: what reports quote.
#[derive(Debug, Default)]
pub struct Outputs {
    results: BTreeMap<TrialId, TrialResult>,
}

impl Outputs {
    /// Takes an event into account.
    pub fn apply(&mut self, event: &Event) {
        if let Event::TrialFinished(result) = event {
            self.results.insert(result.trial, (**result).clone());
        }
    }

    /// The result of a trial.
    pub fn get(&self, trial: TrialId) -> Option<&TrialResult> {
        self.results.get(&trial)
    }
}
