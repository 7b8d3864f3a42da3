//! Puts new replies into a file of recorded ones. Pure: text in, text out.
//!
//! A file is made to be reviewed: rows stand in the order of the suite, so that a reviewer reads both side by side; a line that
//! says the same stays as it is, byte for byte; and what a person wrote is never replaced by what a model said.

use std::collections::BTreeMap;

use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

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
    /// Rows written by hand that a model answered too; they stay.
    pub kept_by_hand: usize,
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
    let (header, mut lines) = read(old, &place_of);
    let (mut written, mut kept_by_hand) = (0, 0);
    for trial in plan.trials().iter().filter(|trial| trial.prompt == prompt) {
        let Some((request, TrialResult { answer: Answer::Reply { reply, source }, .. })) =
            digest_of(plan, trial).zip(result(trial))
        else {
            continue;
        };
        // What a script says must never pass for what a model said.
        if matches!(source, ReplySource::Recorded | ReplySource::Scripted) {
            continue;
        }
        let row = RowSpec::recorded(plan.reply_key(trial), request, &reply);
        let place = place_of(&row.key());
        match lines.get(&place) {
            Some((known, _)) if known.source == Author::Hand => kept_by_hand += 1,
            Some((known, _)) if *known == row => {}
            _ => {
                written += 1;
                // Text keys and finite numbers always have a JSON form.
                let line = serde_json::to_string(&row).unwrap_or_default();
                lines.insert(place, (row, line));
            }
        }
    }
    if written == 0 {
        return Merged { text: old.to_owned(), written, kept_by_hand };
    }
    Merged { text: text_of(header, lines.values().map(|(_, line)| line)), written, kept_by_hand }
}

/// The text of a file of these rows.
pub(super) fn text_of<'a>(header: Option<String>, lines: impl Iterator<Item = &'a String>) -> String {
    let mut text = header.unwrap_or_else(|| r#"{"schema":1}"#.to_owned()) + "\n";
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
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

fn read(
    text: &str,
    place: &impl Fn(&ReplyKey) -> Place,
) -> (Option<String>, BTreeMap<Place, (RowSpec, String)>) {
    let mut header = None;
    let mut lines = BTreeMap::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if index == 0 && serde_json::from_str::<Header>(line).is_ok() {
            header = Some(line.to_owned());
        } else if let Ok(row) = serde_json::from_str::<RowSpec>(line) {
            lines.insert(place(&row.key()), (row, line.to_owned()));
        }
    }
    (header, lines)
}

fn digest_of(plan: &Plan, trial: &Trial) -> Option<Digest> {
    Some(request_digest(&plan.variant(trial).model, &plan.request(trial).ok()?))
}
