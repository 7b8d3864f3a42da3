//! What happened, folded from events: a few bytes for each trial, whatever the replies' length.

mod calls;
mod endings;
mod models;
mod redacted;
mod validators;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use promptassay_llm::{EnvironmentName, ModelRow};

use crate::event::{Answer, AskErrorKind, Event, ReplySource, RunEnd, TrialResult};
use crate::judge::Judging;
use crate::outcome::{RepeatOutcome, repeat_score};
use crate::plan::Plan;
use crate::spending::Expenses;

pub use calls::Calls;
pub use endings::Ending;
use endings::Endings;
use models::Models;
pub use redacted::CutOut;
use redacted::Redacted;
use validators::ValidatorScores;

/// The results of a run's trials, in the order of its plan. At most 96 bytes a trial; replies and reasons are in
/// [`crate::outputs::Outputs`].
#[derive(Debug)]
pub struct Record {
    trials: Vec<Option<TrialRecord>>,
    end: Option<RunEnd>,
    under_way: bool,
    calls: Calls,
    expenses: Expenses,
    models: Models,
    endings: Endings,
    redacted: Redacted,
    validators: ValidatorScores,
    /// Which trials have a reply that nobody has judged so far.
    not_judged: HashSet<usize>,
}

/// What stays of a trial's result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialRecord {
    /// What it came to.
    pub outcome: RepeatOutcome,
    /// In [0, 1]; `None` where the repeat was not judged.
    pub score: Option<f64>,
    /// How long the model took when it gave the reply, in this run or before; `None` for recorded replies.
    pub latency: Option<Duration>,
    /// Input and output tokens; `None` where the provider does not say.
    pub tokens: Option<u64>,
    /// What the reply cost when it was given, in US dollars; `None` where nobody knows: unknown is not free.
    pub cost: Option<f64>,
    /// Why it could not be asked.
    pub error: Option<AskErrorKind>,
    /// Whether it has no verdict because what asking needs is not there: see [`TrialResult::is_gap`].
    pub is_gap: bool,
    /// Whether there is more to say of it than that it passed: an error, a check with a reason, a reply to be looked at.
    pub has_reasons: bool,
    /// Where the reply came from.
    pub source: Option<ReplySource>,
}

impl Record {
    /// A record in which nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            trials: vec![None; plan.trials().len()],
            end: None,
            under_way: false,
            calls: Calls::default(),
            expenses: Expenses::default(),
            models: Models::of_nothing(plan.trials().len()),
            endings: Endings::default(),
            redacted: Redacted::default(),
            validators: ValidatorScores::of(plan),
            not_judged: HashSet::new(),
        }
    }

    /// Takes an event into account. Events of trials that the plan does not have are ignored.
    pub fn apply(&mut self, plan: &Plan, event: &Event) {
        self.calls.apply(event);
        self.expenses.apply(plan, event);
        match event {
            // A resumed run begins anew: how it ended before says nothing.
            Event::RunStarted { .. } => self.end = None,
            Event::AttemptFailed(_) | Event::CircuitOpened(_) => {}
            // Whoever is stopped before the reply is judged has no result of it.
            Event::TrialAnswered(answered) => self.not_judged.extend(plan.index_of(answered.trial)),
            Event::JudgeAnswered(answered) => self.redacted.apply_judgement(answered),
            Event::TrialFinished(result) => {
                if let Some(index) = plan.index_of(result.trial) {
                    self.not_judged.remove(&index);
                    let row = &plan.variant(&plan.trials()[index]).model;
                    self.trials[index] = Some(TrialRecord::of(result, row));
                    self.models.apply(index, result);
                    self.endings.apply(index, plan.case(&plan.trials()[index]), result);
                    self.redacted.apply(index, result);
                    self.validators.apply(plan.trials()[index].prompt, index, result);
                }
            }
            Event::RunFinished { end } => self.end = Some(*end),
        }
    }

    /// The result of the plan's trial at `index`; `None` where it was not asked.
    pub fn trial(&self, index: usize) -> Option<&TrialRecord> {
        self.trials.get(index)?.as_ref()
    }

    /// The trials that have a reply and no result, in no order: nobody has judged it before the run was stopped.
    pub fn not_judged(&self) -> impl Iterator<Item = usize> {
        self.not_judged.iter().copied()
    }

    /// The model that the provider of the trial's answer says it used.
    pub fn served_model(&self, index: usize) -> Option<&str> {
        self.models.served(index)
    }

    /// The models that judged the trial's answer.
    pub fn judges(&self, index: usize) -> impl Iterator<Item = &str> {
        self.models.judges(index)
    }

    /// What judging the trial's answer took, without the names of the models; `None` where no judge was asked.
    pub fn judging(&self, index: usize) -> Option<&Judging> {
        self.models.judging(index)
    }

    /// The trial's scores by the validators that its prompt's gate looks at, in the order of
    /// [`crate::policy::Policy::validator_metrics`]; empty where it looks at none.
    pub fn validator_scores(&self, index: usize) -> impl Iterator<Item = Option<f64>> {
        self.validators.of_trial(index)
    }

    /// How the trial's reply ended, where it is no whole answer and no check of its case asks for that.
    pub fn ending(&self, index: usize) -> Option<&Ending> {
        self.endings.of(index)
    }

    /// The variables of the environment whose values were cut out of replies, and out of how many.
    pub fn redacted(&self) -> BTreeMap<&EnvironmentName, CutOut> {
        self.redacted.by_variable()
    }

    /// What asking took.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// What was spent in this run, and what the cache saved.
    pub fn expenses(&self) -> Expenses {
        self.expenses
    }

    /// Where the replies came from; of cached ones the oldest. Only the last result of a trial counts, so that a replay agrees.
    pub fn sources(&self) -> BTreeSet<ReplySource> {
        let mut sources = BTreeSet::new();
        let mut oldest = None;
        for source in self.trials.iter().flatten().filter_map(|trial| trial.source) {
            match source {
                ReplySource::Cached { at } => oldest = Some(oldest.map_or(at, |oldest| at.min(oldest))),
                other => {
                    sources.insert(other);
                }
            }
        }
        sources.extend(oldest.map(|at| ReplySource::Cached { at }));
        sources
    }

    /// Whether somebody interrupted the run.
    pub fn was_interrupted(&self) -> bool {
        self.end == Some(RunEnd::Interrupted)
    }

    /// In a word, what kept it from asking everything, where it was interrupted or killed and not stopped for a reason of its own.
    pub fn stopped(&self) -> Option<&'static str> {
        let lacks_results = self.trials.iter().any(Option::is_none);
        let is_stopped = matches!(self.end, None | Some(RunEnd::Interrupted | RunEnd::Killed));
        self.cut_short().filter(|_| lacks_results && is_stopped && !self.under_way)
    }

    /// Somebody still asks: what is not there is not lost.
    pub fn mark_under_way(&mut self) {
        self.under_way = true;
    }

    /// Why not everything was asked so far, in a few words; `None` where the run came to its end.
    pub fn cut_short(&self) -> Option<&'static str> {
        cut_short(self.end, self.under_way)
    }

    /// Why the run ended; `None` while it is under way, and where it was killed.
    pub fn end(&self) -> Option<RunEnd> {
        self.end
    }
}

/// Why not everything was asked of a run that ended so, or has no end and is under way or was killed; `None` where it was.
pub fn cut_short(end: Option<RunEnd>, under_way: bool) -> Option<&'static str> {
    match end {
        None if under_way => Some("the run is under way"),
        end => end.unwrap_or(RunEnd::Killed).reason(),
    }
}

impl TrialRecord {
    fn of(result: &TrialResult, row: &ModelRow) -> Self {
        let (reply, error) = match &result.answer {
            Answer::Reply { reply, source } => (Some((reply, *source)), None),
            Answer::Error(error) => (None, Some(error.kind)),
        };
        // Recorded and scripted replies have neither: no model gave them, or nobody wrote down how long it took.
        let is_real = |source| matches!(source, ReplySource::Live | ReplySource::Cached { .. });
        let asked = reply.filter(|(_, source)| is_real(*source)).map(|(reply, _)| reply);
        Self {
            outcome: result.outcome,
            score: repeat_score(result.outcome, &result.checks),
            latency: asked.map(|reply| reply.latency),
            tokens: reply.and_then(|(reply, _)| reply.usage.total()),
            cost: asked.and_then(|reply| row.cost(&reply.usage)),
            error,
            is_gap: result.is_gap(),
            has_reasons: error.is_some()
                || result.outcome != RepeatOutcome::Passed
                || result.checks.iter().any(|check| check.outcome.reason().is_some()),
            source: reply.map(|(_, source)| source),
        }
    }
}
