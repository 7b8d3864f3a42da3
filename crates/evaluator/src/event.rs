//! What a run says: events, and nothing else. They are stored, replayed, counted and shown; all of them are plain data.

use promptassay_llm::{Reply, ToolCall};
use serde::{Deserialize, Serialize};

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
    /// A trial has its result; the last event of a trial wins.
    TrialFinished(Box<TrialResult>),
    /// The run is over.
    RunFinished {
        /// Why.
        end: RunEnd,
    },
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Every trial was asked.
    Completed,
    /// Somebody interrupted it; the trials that were under way have finished.
    Interrupted,
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
    /// From a file of recorded replies.
    Recorded,
}

impl ReplySource {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
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
}

impl AskErrorKind {
    /// The name used in reports, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRecordedReply => "no_recorded_reply",
            Self::StaleReply => "stale_reply",
            Self::NotRendered => "not_rendered",
        }
    }

    /// Whether asking was never tried, because what the run needs is not there. One such error leaves the verdict broken: it is
    /// a gap in the set-up, not a hiccup of a provider.
    pub fn is_gap(self) -> bool {
        match self {
            Self::NoRecordedReply | Self::StaleReply | Self::NotRendered => true,
        }
    }
}
