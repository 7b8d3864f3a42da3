//! Judging by another model: the question, how its answer is read, and what several answers come to. Pure: nothing here asks.
//!
//! An answer that cannot be read is never a pass and never a score of 0: it is asked for once more, and then it is unscored.

mod answers;
mod parts;
mod question;
mod read;

use std::collections::BTreeSet;
use std::sync::Arc;

use promptassay_llm::{ChatRequest, ModelRow};
use serde::{Deserialize, Serialize};

use crate::event::{AskError, ReplySource};
use crate::outcome::{CheckOutcome, Reason};
use crate::run::Asked;

pub use answers::JudgeAnswers;
pub use parts::{InvalidShortDigest, Part, Parts, ShortDigest};
pub use question::{Given, Question, question, question_about, repair_question};
pub use read::{Judgement, Unreadable, read};

/// A question to a judge, for whoever asks it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeCall {
    /// The judge's own model row.
    pub model: Arc<ModelRow>,
    /// What is asked, with the row's parameters.
    pub request: ChatRequest,
    /// What the question is made of.
    pub parts: Parts,
    /// Which of the samples, from 1: samples ask the same, so a cache must tell them apart by this.
    pub sample: u32,
}

/// What judging one reply took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Judging {
    /// Answers that judges gave.
    pub answers: u32,
    /// Input and output tokens; `None` where one of the answers does not say.
    pub tokens: Option<u64>,
    /// US dollars; `None` where the cost of one of the answers is not known.
    pub cost: Option<f64>,
    /// The models that the providers say they used, else those that were asked.
    pub models: BTreeSet<String>,
    /// Questions that were never tried, because what asking them needs is not there: see [`crate::event::AskErrorKind::is_gap`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gaps: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Judging {
    /// Of a question that brought no answer.
    pub fn of_error(error: &AskError) -> Self {
        Self { tokens: Some(0), cost: Some(0.0), gaps: u32::from(error.kind.is_gap()), ..Self::default() }
    }

    /// What one answer took. One that no model gave, because it was recorded or scripted, cost nothing.
    pub fn of(model: &ModelRow, asked: &Asked) -> Self {
        let reply = &asked.reply;
        Self {
            answers: 1,
            tokens: reply.usage.total(),
            cost: match asked.source {
                ReplySource::Live | ReplySource::Cached { .. } | ReplySource::Shared => {
                    model.cost(&reply.usage)
                }
                ReplySource::Recorded | ReplySource::Scripted => Some(0.0),
            },
            models: BTreeSet::from([reply.served_model.clone().unwrap_or_else(|| model.model.clone())]),
            gaps: 0,
        }
    }

    /// Both together. What is unknown of one is unknown of both.
    pub fn and(mut self, other: Self) -> Self {
        let gaps = self.gaps.saturating_add(other.gaps);
        if self.answers == 0 {
            return Self { gaps, ..other };
        }
        if other.answers == 0 {
            return Self { gaps, ..self };
        }
        self.models.extend(other.models);
        Self {
            answers: self.answers.saturating_add(other.answers),
            tokens: self.tokens.zip(other.tokens).and_then(|(one, two)| one.checked_add(two)),
            cost: self.cost.zip(other.cost).map(|(one, two)| one + two),
            models: self.models,
            gaps,
        }
    }
}

/// What came of asking a judge once, a repair included.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// An opinion.
    Read(Judgement),
    /// Two answers that could not be read.
    Unreadable {
        /// Why the second could not.
        why: Unreadable,
        /// The second in short, and how it ended.
        answer: String,
    },
    /// The judge could not be asked, and why.
    NotAsked(String),
    /// The judge was left out: whoever judges stored replies asks nobody unless that is allowed.
    LeftOut,
}

/// What all samples come to, and the score in [0, 1]: the median over the samples that were read, so that it sides with the majority.
///
/// More than half of *all* samples decide. Without such a majority it is an error where a sample could not be asked, else unscored; the
/// score then is 0 and has no meaning.
pub fn combine(samples: &[Sample]) -> (CheckOutcome, f64) {
    let count = |passed: bool| {
        samples.iter().filter(|sample| matches!(sample, Sample::Read(read) if read.pass == passed)).count()
    };
    if 2 * count(true) > samples.len() {
        return (CheckOutcome::Pass, median(samples));
    }
    if 2 * count(false) > samples.len() {
        return (CheckOutcome::Fail(reason_for(samples, false)), median(samples));
    }
    let not_asked = samples.iter().find_map(|sample| match sample {
        Sample::NotAsked(message) => Some(message),
        _ => None,
    });
    if let Some(message) = not_asked {
        return (CheckOutcome::Error(Reason::new(format!("the judge could not be asked: {message}"))), 0.0);
    }
    if samples.contains(&Sample::LeftOut) {
        return (CheckOutcome::Unscored(Reason::new("was not asked")), 0.0);
    }
    let unreadable = samples.iter().find_map(|sample| match sample {
        Sample::Unreadable { why, answer } => Some((why, answer)),
        _ => None,
    });
    let reason = match unreadable {
        Some((why, answer)) => {
            Reason::new(format!("the judge's answer could not be read, twice: {why}")).got(answer.clone())
        }
        None => Reason::new("no majority of the judge's answers"),
    };
    (CheckOutcome::Unscored(reason), 0.0)
}

/// Why the samples of one side say so: the first of them speaks for all.
pub(crate) fn reason_for(samples: &[Sample], passed: bool) -> Reason {
    let side: Vec<&Judgement> = samples
        .iter()
        .filter_map(|sample| match sample {
            Sample::Read(read) if read.pass == passed => Some(read),
            _ => None,
        })
        .collect();
    let Some(first) = side.first() else { return Reason::new("the judge gives no reason") };
    let of_all = if samples.len() > 1 {
        format!("{} of {} samples: ", side.len(), samples.len())
    } else {
        String::new()
    };
    let threshold = first.missed.map(|threshold| format!(", threshold {threshold}")).unwrap_or_default();
    Reason::new(format!("score {}{threshold}: {of_all}{}", rounded(median(samples)), first.reason))
}

fn rounded(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}

fn median(samples: &[Sample]) -> f64 {
    let mut scores: Vec<f64> = samples
        .iter()
        .filter_map(|sample| match sample {
            Sample::Read(read) => Some(read.score),
            _ => None,
        })
        .collect();
    scores.sort_by(f64::total_cmp);
    let middle = scores.len() / 2;
    match scores.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => scores[middle],
        _ => f64::midpoint(scores[middle - 1], scores[middle]),
    }
}

#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod tests;
