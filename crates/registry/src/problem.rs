//! What is wrong with a file that a person wrote: message, place and help, as plain values.
//!
//! Nothing here draws: the terminal decides how a problem looks.

mod secret;
mod shell;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use crate::yaml::Discretion;

pub(crate) use secret::may_be_a_key;
pub use shell::shell_word;

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is refused.
    Warning,
    /// What the file says cannot be used.
    Error,
}

/// A stretch of one line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file, as it was named when it was read.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters, at least 1; never past the end of the line.
    pub width: usize,
    /// The whole line without its line ending, so that a reader can be shown it without reading the file again. What looks like a key
    /// is starred out.
    #[serde(skip)]
    pub line_text: String,
}

impl Place {
    /// A file as a whole: line 1, column 1, no text to show.
    pub fn whole_file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: 1, column: 1, width: 1, line_text: String::new() }
    }

    /// Whether this is a file as a whole.
    pub fn is_whole_file(&self) -> bool {
        (self.line, self.column) == (1, 1) && self.line_text.is_empty()
    }

    /// The place of the bytes `span` in `text`. A span outside the text stands for its end.
    pub fn in_text(file: impl Into<PathBuf>, text: &str, span: std::ops::Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[..line_start].matches('\n').count() + 1;
        let file = file.into();
        Self::in_line(file.clone(), text, line, line_start, span, |bytes| {
            Discretion::in_text(&file, text, bytes)
        })
    }

    /// The place of the bytes `span` in `text`, in the line numbered `line` that begins at `line_start`. Of the bytes of the line, those
    /// that `hidden` gives are starred out.
    pub(crate) fn in_line(
        file: PathBuf,
        text: &str,
        line: usize,
        line_start: usize,
        span: std::ops::Range<usize>,
        hidden: impl FnOnce(Range<usize>) -> Vec<(usize, usize)>,
    ) -> Self {
        let start = floor_boundary(text, span.start);
        let line_end = text[line_start..].find('\n').map_or(text.len(), |length| line_start + length);
        let line_text = text[line_start..line_end].trim_end_matches('\r');
        let end =
            floor_boundary(text, span.end).clamp(start, line_start + line_text.len().max(start - line_start));
        let hidden = hidden(line_start..line_start + line_text.len());
        let hidden: Vec<_> =
            hidden.iter().map(|(start, end)| (start - line_start, end - line_start)).collect();
        Self {
            file,
            line,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            line_text: secret::without_secrets(&secret::starred(line_text, &hidden)).into_owned(),
        }
    }

    /// Its bytes within [`Place::line_text`].
    pub fn span_in_line(&self) -> Range<usize> {
        let byte = |characters: usize| {
            self.line_text.char_indices().nth(characters).map_or(self.line_text.len(), |(byte, _)| byte)
        };
        byte(self.column - 1)..byte(self.column - 1 + self.width)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it refuses the file.
    pub severity: Severity,
    /// A stable name for programs, such as `yaml::unknown_key`.
    pub code: &'static str,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where, if it has a place.
    pub place: Option<Place>,
    /// What to do.
    pub help: Option<String>,
    /// The prompt that it is about, where whoever tells it knows one and its place may lie elsewhere, such as in registry.yaml.
    #[serde(skip)]
    pub prompt: Option<String>,
}

impl Problem {
    /// An error without place and help.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: None,
            help: None,
            prompt: None,
        }
    }

    /// A warning without place and help.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same problem at a place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same problem, about a prompt.
    pub fn of_prompt(mut self, name: impl Into<String>) -> Self {
        self.prompt = Some(name.into());
        self
    }

    /// The same problem with help.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem with help, where there is some.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Whether it refuses the file.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(formatter, " (help: {help})"),
            None => Ok(()),
        }
    }
}

/// Orders problems as a reader walks the files: by file, line and column; those without a place first. What is wrong in other files may
/// come of one that is no YAML at all, so that is told before.
pub fn sort(problems: &mut [Problem]) {
    let is_consequence = |problem: &Problem| problem.code != NOT_YAML;
    problems.sort_by(|a, b| is_consequence(a).cmp(&is_consequence(b)).then_with(|| a.place.cmp(&b.place)));
}

/// The code of a file that is no YAML: nothing of it is known.
pub(crate) const NOT_YAML: &str = "yaml::syntax";

/// Whether one of them is an error.
pub fn has_errors(problems: &[Problem]) -> bool {
    problems.iter().any(Problem::is_error)
}

/// The known name closest to `typed`, if one is close enough to be meant.
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&typed, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= 1.max(typed.chars().count().max(candidate.chars().count()) / 3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The known name from which `typed` differs by one letter that is missing, too much, another one, or in its neighbour's place.
pub fn one_edit_away<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known.into_iter().find(|candidate| strsim::damerau_levenshtein(&typed, &candidate.to_lowercase()) <= 1)
}

/// Help for a name that is not known: the closest one, or the list of all.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str> + Clone, noun: &str) -> String {
    if let Some(candidate) = closest(typed, known.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        format!("there are no {noun}")
    } else {
        format!("known {noun}: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_and_stays_on_its_line() {
        let text = "first\r\nsécond: wörd\r\nlast";
        let start = text.find("wörd").unwrap();
        let place = Place::in_text("a.yaml", text, start..start + 100);
        assert_eq!((place.line, place.column, place.width), (2, 9, 4));
        assert_eq!(place.line_text, "sécond: wörd");
        assert_eq!(place.to_string(), "a.yaml:2:9");
    }

    #[test]
    fn a_place_past_the_end_is_the_end() {
        let place = Place::in_text("a", "x\n", 50..60);
        assert_eq!((place.line, place.column, place.width), (2, 1, 1));
    }

    #[test]
    fn a_place_inside_a_line_ending_does_not_panic() {
        for start in 0..7 {
            for end in 0..9 {
                Place::in_text("a", "é\r\nb\r\n", start..end);
            }
        }
    }

    #[test]
    fn suggestions_are_close_or_a_list() {
        assert_eq!(did_you_mean("max_word", ["max_words", "regex"], "checks"), "did you mean `max_words`?");
        assert_eq!(
            did_you_mean("zzz", ["max_words", "regex"], "checks"),
            "known checks: `max_words`, `regex`"
        );
        assert_eq!(did_you_mean("zzz", [], "checks"), "there are no checks");
        assert_eq!(closest("ab", ["xy"]), None);
    }
}
