//! What a run says: events, and nothing else. They are stored, replayed, counted and shown; all of them are plain data.

use jiff::Timestamp;
use promptassay_llm::{ModelError, ModelErrorKind, Reply, ToolCall, Usage};
use promptassay_registry::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::judge::{Judging, Parts};
use crate::outcome::{CheckResult, RepeatOutcome};
use crate::plan::TrialId;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// How many trials its plan has.
        trials: usize,
    },
    /// An attempt to ask a trial's question brought no answer.
    AttemptFailed(AttemptFailed),
    /// A model row is not asked any more in this run.
    CircuitOpened(CircuitOpened),
    /// A model answered a trial's question, and a judge or a program has yet to be asked about the reply. Whatever happens to the run
    /// meanwhile, the reply is kept.
    TrialAnswered(Box<TrialAnswered>),
    /// A judge answered.
    JudgeAnswered(Box<JudgeAnswered>),
    /// A trial has its result; the last event of a trial wins.
    TrialFinished(Box<TrialResult>),
    /// The run is over.
    RunFinished {
        /// Why.
        end: RunEnd,
    },
}

/// Why a run ended; in the order of how much that is a reason for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Every trial was asked.
    Completed,
    /// The budget did not allow another question; the trials that were under way have finished.
    BudgetSpent,
    /// Nobody knows what replies cost, so no limit on it can be kept; the trials that were under way have finished.
    CostUnknown,
    /// Its time was up; the trials that were under way have finished.
    TimeUp,
    /// It judged the answers of another run, which has none to some of the questions.
    Unanswered,
    /// Somebody interrupted it.
    Interrupted,
    /// It was killed. No journal of one process ends so, but one that was merged of several.
    Killed,
}

impl RunEnd {
    /// Whether somebody waits for the end. What costs nothing need not be left out where the money is spent.
    pub(crate) fn is_hurried(self) -> bool {
        matches!(self, Self::TimeUp | Self::Interrupted)
    }

    /// Why not everything was asked, in a few words; `None` where it was.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Completed => None,
            Self::BudgetSpent => Some("the budget is spent"),
            Self::CostUnknown => Some("the cost of replies is not known"),
            Self::TimeUp => Some("the time is up"),
            Self::Unanswered => Some("answers are missing"),
            Self::Interrupted => Some("interrupted"),
            Self::Killed => Some("killed"),
        }
    }
}

/// One attempt that brought no answer. What it leads to is another attempt, or the trial's error; never a failed check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// Which trial.
    pub trial: TrialId,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// The class of the error.
    pub kind: ModelErrorKind,
    /// What happened: lower case, no full stop, no secret.
    pub message: String,
    /// How long the next attempt waits, in milliseconds; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Why a model row is not asked any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitOpened {
    /// The name of the row.
    pub model: String,
    /// The class of the errors that it answered with.
    pub kind: ModelErrorKind,
    /// The last of them.
    pub message: String,
}

/// A reply that is not judged yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialAnswered {
    /// Which trial.
    pub trial: TrialId,
    /// What the model said.
    pub reply: Reply,
    /// Where the reply came from.
    pub source: ReplySource,
    /// Whether it was given in another run, whose answers are judged anew in this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_before: bool,
}

/// What a judge said of a trial's reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeAnswered {
    /// Which trial's reply was judged.
    pub trial: TrialId,
    /// The name of the judge's model row.
    pub judge: String,
    /// Of the whole question: the judge's model and parameters, rubric, inputs and the graded reply.
    pub request_sha256: Digest,
    /// What the question is made of; `None` in journals of versions that did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Parts>,
    /// Which of the samples, from 1.
    pub sample: u32,
    /// What the judge said.
    pub reply: Reply,
    /// Where that came from.
    pub source: ReplySource,
    /// What it cost when it was given, in US dollars; `None` where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Whether it was given in another run, whose answers are judged anew in this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_before: bool,
}

/// What came of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Which trial.
    pub trial: TrialId,
    /// The reply, or why there is none.
    pub answer: Answer,
    /// What the validators say of the reply; empty without one.
    pub checks: Vec<CheckResult>,
    /// What it comes to.
    pub outcome: RepeatOutcome,
    /// Whether the answer was there before it was judged: an earlier event, or the run whose answers are judged anew, has it too. What
    /// it took is counted there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_before: bool,
    /// What judging the reply took, apart from what the reply itself took; `None` where no judge was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judging: Option<Judging>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The model said something.
    Reply {
        /// What it said.
        reply: Box<Reply>,
        /// Where the reply came from.
        source: ReplySource,
    },
    /// The question could not be asked.
    Error(AskError),
}

impl Event {
    /// The answer to a trial's question, the first time that it is told in this run: where it came from, and what was counted of it.
    pub fn first_answer(&self) -> Option<(TrialId, ReplySource, Usage)> {
        match self {
            Self::TrialAnswered(answered) if !answered.answered_before => {
                Some((answered.trial, answered.source, answered.reply.usage))
            }
            Self::TrialFinished(result) if !result.answered_before => match &result.answer {
                Answer::Reply { reply, source } => Some((result.trial, *source, reply.usage)),
                Answer::Error(_) => None,
            },
            _ => None,
        }
    }

    /// What a model counted that answered a trial's question in this run, the first time that this is told.
    pub fn live_usage(&self) -> Option<(TrialId, Usage)> {
        let (trial, source, usage) = self.first_answer()?;
        (source == ReplySource::Live).then_some((trial, usage))
    }
}

impl TrialResult {
    /// Whether there is no verdict because what asking the model or a judge needs is not there: see [`AskErrorKind::is_gap`].
    pub fn is_gap(&self) -> bool {
        let asked = match &self.answer {
            Answer::Reply { .. } => self.judging.as_ref().is_some_and(|judging| judging.gaps > 0),
            Answer::Error(error) => error.kind.is_gap(),
        };
        asked && !self.outcome.is_judged()
    }
}

impl Answer {
    /// The reply, if there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Reply { reply, .. } => Some(reply),
            Self::Error(_) => None,
        }
    }

    /// What a report shows of the reply: its text, else its refusal, else the tools that it calls.
    pub fn shown_text(&self) -> Option<String> {
        let reply = self.reply()?;
        if !reply.text.is_empty() {
            return Some(reply.text.clone());
        }
        let calls = |calls: &[ToolCall]| {
            calls
                .iter()
                .map(|call| format!("{}({})", call.name, call.arguments_text()))
                .collect::<Vec<_>>()
                .join("\n")
        };
        Some(reply.refusal.clone().unwrap_or_else(|| calls(&reply.tool_calls)))
    }
}

/// Where a reply came from. Every verdict carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplySource {
    /// The model was asked in this run.
    Live,
    /// From the cache: a model was asked in an earlier run.
    Cached {
        /// When it answered.
        at: Timestamp,
    },
    /// Of a judge: it was asked in this run about another reply that is the same.
    Shared,
    /// From a file of recorded replies.
    Recorded,
    /// A scripted model answered in the place of the real one: good for tests, never evidence.
    Scripted,
}

impl ReplySource {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Cached { .. } => "cached",
            Self::Shared => "shared",
            Self::Recorded => "recorded",
            Self::Scripted => "scripted",
        }
    }
}

/// Why a question could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskError {
    /// The class of the error, stable for programs.
    pub kind: AskErrorKind,
    /// What happened: lower case, no full stop, no secret.
    pub message: String,
}

/// Between the model that is out of reach and why.
const OUT_OF_REACH: &str = " is out of reach: ";

impl AskError {
    /// A question that was not sent, since the model had answered others by `why`.
    pub(crate) fn out_of_reach(model: &str, why: &str) -> Self {
        let message = format!("not asked: model {model}{OUT_OF_REACH}{why}");
        Self { kind: AskErrorKind::ModelOutOfReach, message }
    }

    /// What is to be mended: of a question that was not sent, what the model had answered to others.
    pub(crate) fn cause(&self) -> &str {
        match self.kind {
            AskErrorKind::ModelOutOfReach => {
                self.message.split_once(OUT_OF_REACH).map_or(&self.message, |(_, why)| why)
            }
            _ => &self.message,
        }
    }
}

impl From<ModelError> for AskError {
    fn from(error: ModelError) -> Self {
        Self { kind: AskErrorKind::Model(error.kind()), message: error.to_string() }
    }
}

/// The classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskErrorKind {
    /// No reply is recorded for the question.
    NoRecordedReply,
    /// The recorded reply answers another request.
    StaleReply,
    /// The prompt could not be rendered.
    NotRendered,
    /// The model's circuit was open: it had answered that it cannot be asked.
    ModelOutOfReach,
    /// The model was asked and did not answer; written as the name of the class alone.
    #[serde(untagged)]
    Model(ModelErrorKind),
}

impl AskErrorKind {
    /// The name used in reports, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRecordedReply => "no_recorded_reply",
            Self::StaleReply => "stale_reply",
            Self::NotRendered => "not_rendered",
            Self::ModelOutOfReach => "model_out_of_reach",
            Self::Model(kind) => kind.as_str(),
        }
    }

    /// Whether asking was never tried, because what the run needs is not there. One such error leaves the verdict broken: it is
    /// a gap in the set-up, not a hiccup of a provider.
    pub fn is_gap(self) -> bool {
        match self {
            Self::NoRecordedReply | Self::StaleReply | Self::NotRendered => true,
            Self::ModelOutOfReach | Self::Model(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_error_in_json_is_its_name_in_text() {
        for kind in [
            AskErrorKind::NoRecordedReply,
            AskErrorKind::StaleReply,
            AskErrorKind::NotRendered,
            AskErrorKind::ModelOutOfReach,
            AskErrorKind::Model(ModelErrorKind::RateLimited),
            AskErrorKind::Model(ModelErrorKind::Malformed),
        ] {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.as_str());
            assert_eq!(serde_json::from_value::<AskErrorKind>(json).unwrap(), kind);
        }
    }
}
