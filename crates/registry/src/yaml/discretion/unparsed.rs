//! The same of a text that is no YAML: what a line holds is told by its signs, and by what begins the lines before it.

use std::ops::Range;

use super::super::document::parse;
use super::{At, LOOKED_THROUGH, WITHOUT_KEYS};

/// What is starred out of a line. It is shown whole where it lies for certain in a section in which no secret is looked for.
pub(super) fn hidden(text: &str, line: Range<usize>, is_registry: bool) -> Vec<(usize, usize)> {
    let whole = &text[line.clone()];
    // Of a merge that nobody resolved, with the name of one side.
    if let Some(side) = whole.strip_prefix("<<<<<<< ") {
        let behind = side.find(' ').map(|length| line.end - side.len() + length);
        return behind.map(|start| (start, line.end)).into_iter().collect();
    }
    let section = section_of(text, line.start);
    let is_harmless = section.is_some_and(|(_, name)| {
        if is_registry { At::Sections.below(name) == At::Harmless } else { name != "models" }
    });
    let mut from = line.start;
    // Where a bracket or a quote was open before, the line belongs to what it opened.
    if let Some((start, _)) = section
        && is_harmless
        && parse(&text[..start]).is_ok()
    {
        match LOOKED_THROUGH.iter().filter_map(|name| name_in(&text[start..line.end], name)).min() {
            None => return Vec::new(),
            Some(at) => from = (start + at).clamp(line.start, line.end),
        }
    }
    let before = &text[..line.start];
    let open = open_brackets(before);
    let closing: String = open.chars().rev().map(|open| if open == '{' { '}' } else { ']' }).collect();
    // Else it may be the second line of a text in quotes.
    let begins_anew = parse(before).is_ok() || parse(&format!("{before}{closing}")).is_ok();
    let mut scan = Scan {
        line: whole,
        at: 0,
        is_flow: !open.is_empty(),
        shows_keys: begins_anew,
        depth: 0,
        without_keys: None,
        hidden: Vec::new(),
    };
    scan.run();
    let moved = scan.hidden.into_iter().map(|(start, end)| (start + line.start, end + line.start));
    moved.filter(|(_, end)| *end > from).map(|(start, end)| (start.max(from), end)).collect()
}

/// The key at the beginning of a line to which this line belongs, and where it begins.
fn section_of(text: &str, line_start: usize) -> Option<(usize, &str)> {
    let end = text[line_start..].find('\n').map_or(text.len(), |length| line_start + length);
    let (mut start, mut found) = (0, None);
    for line in text[..end].split_inclusive('\n') {
        if !line.starts_with([' ', '\t', '#', '\r', '\n', '}', ']', '-']) {
            let name = line.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            found = Some((start, name));
        }
        start += line.len();
    }
    found
}

/// Where this name stands.
fn name_in(text: &str, name: &str) -> Option<usize> {
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(name)
        .map(|(at, _)| at)
        .find(|at| !text[..*at].ends_with(is_of_name) && !text[at + name.len()..].starts_with(is_of_name))
}

/// The brackets that are open at the end, so far as that can be told without reading.
fn open_brackets(text: &str) -> String {
    let mut open = String::new();
    let (mut quote, mut before) = (None, ' ');
    for letter in text.chars() {
        match quote {
            Some(opened) if letter == opened && before != '\\' => quote = None,
            Some(_) => {}
            None => match letter {
                '"' | '\'' if before.is_whitespace() || "{[,:".contains(before) => quote = Some(letter),
                '{' | '[' if !before.is_alphanumeric() => open.push(letter),
                '}' | ']' => _ = open.pop(),
                _ => {}
            },
        }
        before = letter;
    }
    open
}

struct Scan<'l> {
    line: &'l str,
    at: usize,
    is_flow: bool,
    shows_keys: bool,
    depth: usize,
    /// How deep the brackets are in which no key stands.
    without_keys: Option<usize>,
    hidden: Vec<(usize, usize)>,
}

impl Scan<'_> {
    fn run(&mut self) {
        self.indentation();
        let (mut may_be_key, mut last_key) = (true, "");
        // As in JSON: what has no quotes there is no key.
        let are_quoted = self.rest().trim_start_matches(['{', ' ']).starts_with('"');
        while let Some(letter) = self.rest().chars().next() {
            if may_be_key
                && (letter == '"' || !are_quoted)
                && self.shows_keys
                && self.without_keys.is_none()
                && let Some(length) = key(self.rest())
            {
                last_key = self.line[self.at..self.at + length].trim_matches(['"', '\'']);
                self.at += length;
                may_be_key = false;
                continue;
            }
            match letter {
                '{' | '[' => {
                    self.is_flow = true;
                    may_be_key = letter == '{';
                    self.depth += 1;
                    if last_key == "env" || WITHOUT_KEYS.contains(&last_key) {
                        self.without_keys.get_or_insert(self.depth);
                    }
                    self.at += 1;
                }
                ',' if self.is_flow => {
                    may_be_key = true;
                    self.at += 1;
                }
                '}' | ']' if self.is_flow => {
                    may_be_key = false;
                    self.without_keys = self.without_keys.filter(|depth| *depth != self.depth);
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                ':' if self.is_flow => {
                    may_be_key = false;
                    self.at += 1;
                }
                ':' if self.rest()[1..].starts_with([' ', '\r']) => self.at += 1,
                '"' | '\'' => {
                    may_be_key = false;
                    self.quoted(letter);
                }
                ' ' | '\t' | '\r' => self.at += 1,
                '#' => self.hide(self.line.len()),
                _ if self.is_flow => {
                    may_be_key = false;
                    let end = self.rest().find(['{', '}', '[', ']', ',']).unwrap_or(self.rest().len());
                    self.hide(self.at + end);
                }
                _ => self.hide(self.line.len()),
            }
        }
    }

    fn rest(&self) -> &str {
        &self.line[self.at..]
    }

    /// Whatever items and explicit keys begin with.
    fn indentation(&mut self) {
        while let Some(letter) = self.rest().chars().next() {
            let begins = matches!(letter, ' ' | '\t')
                || (matches!(letter, '-' | '?') && self.rest()[1..].starts_with(' '));
            if !begins {
                return;
            }
            self.at += 1;
        }
    }

    fn quoted(&mut self, quote: char) {
        let mut is_escaped = false;
        let text = &self.rest()[1..];
        let end = text.char_indices().find(|(_, letter)| {
            let ends = *letter == quote && !is_escaped;
            is_escaped = quote == '"' && *letter == '\\' && !is_escaped;
            ends
        });
        let (length, closing) = end.map_or((text.len(), 0), |(at, _)| (at, 1));
        self.at += 1;
        self.hide(self.at + length);
        self.at += closing;
    }

    fn hide(&mut self, end: usize) {
        self.hidden.push((self.at, end));
        self.at = end;
    }
}

/// The length of a key that begins here, in quotes or without, with its colon behind it.
fn key(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let end = match quote {
        Some(quote) => 1 + text[1..].find(quote)? + 1,
        None => text.find(|letter: char| letter.is_whitespace() || "{}[],\"'#:&*!".contains(letter))?,
    };
    let behind = text[end..].trim_start_matches(' ').strip_prefix(':')?;
    let is_key = end > 0 && (quote.is_some() || behind.is_empty() || behind.starts_with([' ', '\r', '\t']));
    is_key.then_some(end)
}
