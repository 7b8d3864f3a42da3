//! What of a text of JSON holds a secret: a number can be no `[redacted]`, and where a string is JSON itself, such as the arguments of
//! a tool, it is to be read as that as well.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::{Needle, cut_out, find_all};

/// What has to go with a secret.
pub(super) enum Part {
    /// Nothing: it is in a string, or in no JSON.
    Text,
    /// The number that it is part of.
    Number(Range<usize>),
    /// The string that is JSON, in which a number holds it, and what comes in its place.
    Json(Range<usize>, Vec<u8>),
}

/// A text that may be JSON, asked from its beginning to its end.
pub(super) struct Json<'t> {
    text: &'t [u8],
    needles: &'t [Needle],
    /// Whether a secret in it may be part of a number: without one nothing is looked at.
    may_be_number: bool,
    /// Whether all of it is JSON; known once somebody has asked.
    is_whole: Option<bool>,
    at: usize,
    /// Where the string begins in which `at` is.
    string: Option<usize>,
    /// The end of the last string that was looked into.
    looked_into: usize,
}

impl<'t> Json<'t> {
    /// A text in which these secrets were found.
    pub(super) fn of(text: &'t [u8], needles: &'t [Needle], found: &[Range<usize>]) -> Self {
        let may_be_number = found.iter().any(|range| is_of_number(&text[range.clone()]));
        Self { text, needles, may_be_number, is_whole: None, at: 0, string: None, looked_into: 0 }
    }

    /// What has to go with the first of the secrets that were found and not asked for yet, as far as it begins at `least` or later.
    pub(super) fn part(&mut self, found: &[Range<usize>], least: usize) -> Part {
        let Some(first) = found.first().filter(|_| self.may_be_number && self.is_json()) else {
            return Part::Text;
        };
        self.go_to(first.start);
        match self.string {
            Some(start) => self.inner(start, found, least).unwrap_or(Part::Text),
            None if is_of_number(&self.text[first.clone()]) => Part::Number(self.number(first, least)),
            None => Part::Text,
        }
    }

    fn is_json(&mut self) -> bool {
        *self.is_whole.get_or_insert_with(|| is_json(self.text))
    }

    fn go_to(&mut self, end: usize) {
        while self.at < end {
            match (self.text[self.at], self.string) {
                (b'\\', Some(_)) => self.at += 1,
                (b'"', None) => self.string = Some(self.at),
                (b'"', Some(_)) => self.string = None,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn number(&self, secret: &Range<usize>, least: usize) -> Range<usize> {
        let is_of_number = |byte: &u8| is_of_number(&[*byte]);
        let before = &self.text[least.min(secret.start)..secret.start];
        let before = before.iter().rev().take_while(|byte| is_of_number(byte)).count();
        let after = self.text[secret.end..].iter().take_while(|byte| is_of_number(byte)).count();
        secret.start - before..secret.end + after
    }

    /// The string from `start` on, where it is JSON and numbers of it may hold secrets. Each string is looked into once.
    fn inner(&mut self, start: usize, found: &[Range<usize>], least: usize) -> Option<Part> {
        if start < self.looked_into.max(least) {
            return None;
        }
        let string = start..self.end_of_string();
        self.looked_into = string.end;
        let inside = found.iter().take_while(|range| range.start < string.end);
        let (mut may_be_number, mut is_whole) = (false, true);
        for range in inside {
            may_be_number |= is_of_number(&self.text[range.clone()]);
            is_whole &= range.end < string.end;
        }
        if !may_be_number || !is_whole {
            return None;
        }
        let said: String = serde_json::from_slice(&self.text[string.clone()]).ok()?;
        // A text that is nothing but a number is no JSON to whoever reads it.
        let is_json_to_readers = said.trim_start().starts_with(['{', '[']) && is_json(said.as_bytes());
        let clean = cut_out(said.as_bytes(), self.needles).filter(|_| is_json_to_readers)?;
        let clean = String::from_utf8(clean).ok().filter(|clean| is_json(clean.as_bytes()))?;
        let written = serde_json::to_vec(&clean).ok()?;
        find_all(&written, self.needles).is_empty().then_some(Part::Json(string, written))
    }

    /// Behind the closing mark of the string in which `at` is.
    fn end_of_string(&self) -> usize {
        let mut end = self.at;
        while end < self.text.len() && self.text[end] != b'"' {
            end += if self.text[end] == b'\\' { 2 } else { 1 };
        }
        (end + 1).min(self.text.len())
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn is_of_number(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte))
}
