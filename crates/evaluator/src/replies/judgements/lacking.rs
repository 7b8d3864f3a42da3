//! Why no recorded answer of a judge fits today's question: which of the answers that there are is the nearest, and what has changed
//! since.

use std::fmt;
use std::path::{Path, PathBuf};

use promptassay_registry::digest::Digest;

use super::super::{Author, ReplyKey};
use super::Row;
use crate::event::{AskError, AskErrorKind};
use crate::judge::{Part, Parts, ShortDigest};

/// Why there is no recorded answer of a judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoJudgement {
    /// Nobody recorded one about this reply.
    #[error("no answer of {judge} about this reply is recorded in {}{beside}; `promptassay eval --record` asks; the question is {request}",
            file.display())]
    Missing {
        /// The judge's model row.
        judge: String,
        /// The digest of its question.
        request: Digest,
        /// Where it was looked for.
        file: PathBuf,
        /// What is recorded in its place.
        beside: Beside,
    },
    /// There is one, to another question.
    #[error("stale reply of {judge}: {}:{line} answers another question: {}; {}; today's question is {request}",
            file.display(), difference(*author, changed.as_deref()), renewed(*author, changed.is_some()))]
    Stale {
        /// The judge's model row.
        judge: String,
        /// The digest of its question.
        request: Digest,
        /// The file.
        file: PathBuf,
        /// The row's line, from 1.
        line: usize,
        /// Who wrote it.
        author: Author,
        /// What has changed, nothing where the row's own digests do not go together; `None` where the row does not say what it was
        /// asked about.
        changed: Option<Vec<Part>>,
    },
}

/// What is recorded of a judge where the answer about a reply is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// Nothing about this case.
    Nothing,
    /// The answer to the same question, in other samples than this one.
    OtherSamples(u32),
    /// An answer that cannot be read, and not the second one.
    OnlyUnreadable,
    /// What other checks of the case asked.
    OtherRubrics,
    /// Answers about other replies to the case, and what else has changed since the nearest of them; `None` where nobody knows.
    OtherReplies(Option<Vec<Part>>),
}

impl From<NoJudgement> for AskError {
    fn from(error: NoJudgement) -> Self {
        let kind = match error {
            NoJudgement::Missing { .. } => AskErrorKind::NoRecordedReply,
            NoJudgement::Stale { .. } => AskErrorKind::StaleReply,
        };
        Self { kind, message: error.to_string() }
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::OtherSamples(sample) => write!(formatter, " for sample {sample}, only for others"),
            Self::OnlyUnreadable => write!(formatter, ", only one that cannot be read"),
            Self::OtherRubrics => write!(formatter, " by this rubric, only by those of other checks"),
            Self::OtherReplies(Some(changed)) if changed.is_empty() => {
                write!(formatter, ", only about other replies to this case")
            }
            Self::OtherReplies(Some(changed)) => {
                write!(
                    formatter,
                    ", only about other replies to this case, and {} since",
                    have_changed(changed)
                )
            }
            Self::OtherReplies(None) => write!(
                formatter,
                ", only others about this case: the rubric or the judge's row has changed since they were recorded, or the reply is new"
            ),
        }
    }
}

fn have_changed(parts: &[Part]) -> String {
    let verb = match parts {
        [Part::Inputs] | [_, _, ..] => "have",
        _ => "has",
    };
    let names: Vec<String> = parts.iter().map(Part::to_string).collect();
    let list = match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    };
    format!("{list} {verb} changed")
}

/// How an answer's question is not today's.
fn difference(author: Author, changed: Option<&[Part]>) -> String {
    let since = match author {
        Author::Recorded => "since it was recorded",
        Author::Hand => "since it was written by hand",
    };
    match changed {
        Some([]) => "its `request_sha256` is not that of its `parts`".to_owned(),
        Some(changed) => format!("{} {since}", have_changed(changed)),
        None => format!("the rubric, the judge's row or the reply has changed {since}"),
    }
}

/// How a stale answer is renewed. What a person wrote is never replaced by a recording, and only a person knows whether it still holds.
fn renewed(author: Author, has_parts: bool) -> &'static str {
    match author {
        Author::Recorded => "`promptassay eval --record` asks anew",
        Author::Hand if has_parts => {
            "if it still holds, give it today's `request_sha256` and take its `parts` out; else delete its row and record one with \
             `promptassay eval --record`"
        }
        Author::Hand => {
            "if it still holds, give it today's `request_sha256`; else delete its row and record one with `promptassay eval --record`"
        }
    }
}

/// A question to which an answer is looked for.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    pub(super) judge: &'a str,
    /// Whose reply is judged.
    pub(super) key: &'a ReplyKey,
    pub(super) request: Digest,
    pub(super) parts: &'a Parts,
    pub(super) sample: u32,
    /// The rubrics by which the same judge is asked about the case today.
    pub(super) rubrics: Vec<ShortDigest>,
}

impl Sought<'_> {
    /// Why none of these rows, which are what the judge said of the case, answers it.
    pub(super) fn reason(&self, file: &Path, rows: &[&Row]) -> NoJudgement {
        let missing = |beside| NoJudgement::Missing {
            judge: self.judge.to_owned(),
            request: self.request,
            file: file.to_owned(),
            beside,
        };
        if rows.iter().any(|row| row.request == self.request) {
            return missing(Beside::OtherSamples(self.sample));
        }
        let is_repair = self.parts.unreadable.is_some();
        let asked_so: Vec<(&Row, &Parts)> = rows
            .iter()
            .filter_map(|row| Some((*row, row.parts.as_ref()?)))
            .filter(|(_, then)| then.unreadable.is_some() == is_repair)
            .collect();
        let of_this_check: Vec<Near<'_>> = asked_so
            .iter()
            .filter(|(_, then)| then.rubric == self.parts.rubric || !self.rubrics.contains(&then.rubric))
            .map(|(row, then)| Near {
                row,
                changed: self.parts.changed_since(then),
                is_of_trial: row.key == *self.key,
            })
            .collect();
        if let Some(near) =
            of_this_check.iter().filter(|near| near.is_about_reply()).min_by_key(|near| near.distance())
        {
            return self.stale(file, near.row, Some(near.changed.clone()));
        }
        if is_repair {
            return missing(Beside::OnlyUnreadable);
        }
        let silent = || rows.iter().filter(|row| row.parts.is_none());
        if let Some(row) = silent().find(|row| row.key == *self.key) {
            return self.stale(file, row, None);
        }
        missing(match of_this_check.iter().min_by_key(|near| near.distance()) {
            _ if silent().next().is_some() => Beside::OtherReplies(None),
            Some(near) => {
                let besides = near.changed.iter().copied().filter(|part| *part != Part::Reply);
                Beside::OtherReplies(Some(besides.collect()))
            }
            None if asked_so.iter().any(|(row, _)| row.key == *self.key) => Beside::OtherRubrics,
            None => Beside::Nothing,
        })
    }

    fn stale(&self, file: &Path, row: &Row, changed: Option<Vec<Part>>) -> NoJudgement {
        NoJudgement::Stale {
            judge: self.judge.to_owned(),
            request: self.request,
            file: file.to_owned(),
            line: row.line,
            author: row.author,
            changed,
        }
    }
}

/// An answer to another question of the same check.
struct Near<'a> {
    row: &'a Row,
    changed: Vec<Part>,
    /// Whether it is about a reply to the same trial.
    is_of_trial: bool,
}

impl Near<'_> {
    fn is_about_reply(&self) -> bool {
        self.is_of_trial || !self.changed.contains(&Part::Reply)
    }

    /// How far it is from today's question.
    fn distance(&self) -> (usize, bool, usize) {
        (self.changed.len(), !self.is_of_trial, self.row.line)
    }
}

#[cfg(test)]
mod tests;
