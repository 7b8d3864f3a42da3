//! Puts new replies into a file of recorded ones. Pure: text in, text out.
//!
//! A file is made to be reviewed: rows stand in the order of the suite, so that a reviewer reads both side by side; a line that
//! says the same stays as it is, byte for byte; and what a person wrote is never replaced by what a model said.

use std::collections::BTreeMap;

use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::row::{Header, RowSpec};
use super::{Author, ReplyKey, request_digest};
use crate::event::{Answer, ReplySource, TrialResult};
use crate::plan::{Plan, Trial};

/// A file of recorded replies with new rows in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The whole text of the file.
    pub text: String,
    /// Rows that are new or say something else than before.
    pub written: usize,
    /// Rows written by hand whose questions were asked; they stay.
    pub kept_by_hand: usize,
    /// The lines, from 1, of rows written by hand about replies that were judged, none of whose questions they answer; they stay.
    pub passed_over: Vec<usize>,
}

/// Merges what models answered in a run into the file of one prompt of its plan. `old` is the file's text, empty where there is
/// none; lines in it that are no rows are left out.
pub fn merge(
    plan: &Plan,
    prompt: usize,
    old: &str,
    result: impl Fn(&Trial) -> Option<TrialResult>,
) -> Merged {
    let place_of = order(plan, prompt);
    let place = |row: &RowSpec| place_of(&row.key());
    let mut rows = Rows::read(old, place, |row| row.source == Author::Hand);
    for trial in plan.trials().iter().filter(|trial| trial.prompt == prompt) {
        let Some((request, TrialResult { answer: Answer::Reply { reply, source }, .. })) =
            digest_of(plan, trial).zip(result(trial))
        else {
            continue;
        };
        let key = plan.reply_key(trial);
        match source {
            ReplySource::Live | ReplySource::Cached { .. } | ReplySource::Shared => {
                rows.put(RowSpec::recorded(key, request, &reply));
            }
            ReplySource::Recorded => rows.keep(&place_of(&key)),
            // What a script says must never pass for what a model said.
            ReplySource::Scripted => {}
        }
    }
    rows.merged(old, place)
}

/// The rows of a file, by what tells them apart, each with its line.
pub(super) struct Rows<R, K, F> {
    header: Option<String>,
    lines: BTreeMap<K, (R, String)>,
    key: F,
    is_by_hand: fn(&R) -> bool,
    written: usize,
    kept_by_hand: usize,
}

impl<R: Serialize + DeserializeOwned + PartialEq, K: Ord, F: Fn(&R) -> K> Rows<R, K, F> {
    /// Of a file's text; lines in it that are no rows are left out.
    pub(super) fn read(text: &str, key: F, is_by_hand: fn(&R) -> bool) -> Self {
        let (mut header, mut lines) = (None, BTreeMap::new());
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if index == 0 && serde_json::from_str::<Header>(line).is_ok() {
                header = Some(line.to_owned());
            } else if let Ok(row) = serde_json::from_str::<R>(line) {
                lines.insert(key(&row), (row, line.to_owned()));
            }
        }
        Self { header, lines, key, is_by_hand, written: 0, kept_by_hand: 0 }
    }

    /// Puts a row in, unless one by hand has its place or one that says the same.
    pub(super) fn put(&mut self, row: R) {
        let key = (self.key)(&row);
        match self.lines.get(&key) {
            Some((known, _)) if (self.is_by_hand)(known) => self.kept_by_hand += 1,
            Some((known, _)) if *known == row => {}
            _ => {
                self.written += 1;
                // Text keys and finite numbers always have a JSON form.
                let line = serde_json::to_string(&row).unwrap_or_default();
                self.lines.insert(key, (row, line));
            }
        }
    }

    /// Leaves a row that answered in the run as it is, and counts it where a person wrote it.
    pub(super) fn keep(&mut self, key: &K) {
        if self.lines.get(key).is_some_and(|(known, _)| (self.is_by_hand)(known)) {
            self.kept_by_hand += 1;
        }
    }

    /// The file with them, in the order of their places; `old` where nothing was written.
    pub(super) fn merged<P: Ord>(self, old: &str, place: impl Fn(&R) -> P) -> Merged {
        let Self { header, lines, written, kept_by_hand, .. } = self;
        if written == 0 {
            return Merged { text: old.to_owned(), written, kept_by_hand, passed_over: Vec::new() };
        }
        let sorted: BTreeMap<P, String> =
            lines.into_values().map(|(row, line)| (place(&row), line)).collect();
        let mut text = header.unwrap_or_else(|| r#"{"schema":1}"#.to_owned()) + "\n";
        for line in sorted.values() {
            text.push_str(line);
            text.push('\n');
        }
        Merged { text, written, kept_by_hand, passed_over: Vec::new() }
    }
}

/// The same text without these lines, counted from 1.
pub fn without_lines(text: &str, lines: &[usize]) -> String {
    text.split_inclusive('\n')
        .enumerate()
        .filter(|(index, _)| !lines.contains(&(index + 1)))
        .map(|(_, line)| line)
        .collect()
}

/// Where a row stands: by the suite's order of cases, those that it does not have last and by name; then by the rest of its key.
pub(super) type Place = (usize, String, Version, String, u32);

pub(super) fn order(plan: &Plan, prompt: usize) -> impl Fn(&ReplyKey) -> Place {
    let suite = &plan.prompts()[prompt].suite;
    let positions: BTreeMap<&str, usize> =
        suite.cases.iter().enumerate().map(|(index, case)| (case.name.as_str(), index)).collect();
    move |key| {
        let position = positions.get(key.case.as_str()).copied().unwrap_or(usize::MAX);
        (position, key.case.clone(), key.version.clone(), key.model.clone(), key.repeat)
    }
}

fn digest_of(plan: &Plan, trial: &Trial) -> Option<Digest> {
    Some(request_digest(&plan.variant(trial).model, &plan.request(trial).ok()?))
}
