//! Which replies are no whole answers: limits and prohibitions are kept by them all the same.

use std::collections::HashMap;

use promptassay_llm::{FinishReason, Reply};

use crate::event::TrialResult;
use crate::suite::Case;

/// How a reply ended that is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It has neither text nor calls of tools; why it ended.
    Empty(FinishReason),
    /// The token limit cut it off.
    CutOff,
    /// A filter withheld a part of it.
    Filtered,
    /// The provider marks it as a refusal.
    Refused,
}

impl Ending {
    /// That of a reply; `None` where it is a whole answer.
    pub fn of(reply: &Reply) -> Option<Self> {
        if reply.refusal.is_some() {
            Some(Self::Refused)
        } else if reply.text.trim().is_empty() && reply.tool_calls.is_empty() {
            Some(Self::Empty(reply.finish_reason.clone()))
        } else {
            match reply.finish_reason {
                FinishReason::Length => Some(Self::CutOff),
                FinishReason::Filter => Some(Self::Filtered),
                FinishReason::Stop | FinishReason::Tool | FinishReason::Other(_) => None,
            }
        }
    }
}

/// The endings of a run, by the index of the trial, where no check of the case asks for them. Most runs have few.
#[derive(Debug, Default)]
pub(super) struct Endings(HashMap<usize, Ending>);

impl Endings {
    pub(super) fn apply(&mut self, trial: usize, case: &Case, result: &TrialResult) {
        let is_expected =
            |reply: &Reply| case.validators.iter().any(|validator| validator.expects_ending_of(reply));
        let reply = result.answer.reply();
        match reply.and_then(|reply| Ending::of(reply).filter(|_| !is_expected(reply))) {
            Some(ending) => self.0.insert(trial, ending),
            None => self.0.remove(&trial),
        };
    }

    pub(super) fn of(&self, trial: usize) -> Option<&Ending> {
        self.0.get(&trial)
    }
}
