//! In which replies secrets were cut out, by the variables of the environment that hold them.

use std::collections::{BTreeMap, HashMap};

use promptassay_llm::EnvironmentName;
use promptassay_registry::digest::Digest;

use crate::event::{JudgeAnswered, TrialResult};

/// The replies of a run that are not what models said. Most runs have none, and pay nothing for it.
#[derive(Debug, Default)]
pub(super) struct Redacted {
    /// By the index of the trial.
    replies: HashMap<usize, Vec<EnvironmentName>>,
    /// By what was asked, and the number of the sample.
    judgements: HashMap<(Digest, u32), Vec<EnvironmentName>>,
}

/// In how many replies the value of a variable was cut out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CutOut {
    /// Of the models that were asked.
    pub replies: usize,
    /// Of judges.
    pub judgements: usize,
}

impl Redacted {
    pub(super) fn apply(&mut self, trial: usize, result: &TrialResult) {
        match result.answer.reply() {
            Some(reply) if !reply.redacted.is_empty() => {
                self.replies.insert(trial, reply.redacted.clone());
            }
            _ => {
                self.replies.remove(&trial);
            }
        }
    }

    pub(super) fn apply_judgement(&mut self, answered: &JudgeAnswered) {
        if !answered.reply.redacted.is_empty() {
            let question = (answered.request_sha256, answered.sample);
            self.judgements.insert(question, answered.reply.redacted.clone());
        }
    }

    pub(super) fn by_variable(&self) -> BTreeMap<&EnvironmentName, CutOut> {
        let mut counts = BTreeMap::<_, CutOut>::new();
        for name in self.replies.values().flatten() {
            counts.entry(name).or_default().replies += 1;
        }
        for name in self.judgements.values().flatten() {
            counts.entry(name).or_default().judgements += 1;
        }
        counts
    }
}
