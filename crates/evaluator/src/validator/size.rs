//! `max_words`, `min_words`, `max_chars`, `min_chars`, `max_lines`: how long the reply is.
//!
//! Words are what white space separates; characters are Unicode scalar values; lines are what line feeds separate, and a final
//! line feed starts no new line.

use promptassay_registry::yaml::Located;
use schemars::JsonSchema;

use super::Found;
use super::excerpt::excerpt;
use super::spec::Options;
use crate::outcome::Reason;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Words,
    Characters,
    Lines,
}

/// Which way the limit counts; the limit itself is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Max,
    Min,
}

/// A limit on the length of the reply.
#[derive(Debug)]
pub(super) struct Size {
    pub(super) unit: Unit,
    pub(super) bound: Bound,
    pub(super) limit: usize,
}

impl Size {
    pub(super) fn find(&self, text: &str) -> Found {
        let (count, noun) = match self.unit {
            Unit::Words => (text.split_whitespace().count(), "word"),
            Unit::Characters => (text.chars().count(), "character"),
            Unit::Lines => (text.lines().count(), "line"),
        };
        let plural = if count == 1 { "" } else { "s" };
        let (holds, limit) = match self.bound {
            Bound::Max => (count <= self.limit, "limit"),
            Bound::Min => (count >= self.limit, "at least"),
        };
        let reason = Reason::new(format!("{count} {noun}{plural}, {limit} {}", self.limit));
        let failed = match self.bound {
            // A text that is too short may be none of the model's doing: what is quoted is told with how the reply ended.
            Bound::Min => reason.clone().got(excerpt(text)),
            Bound::Max => reason.clone(),
        };
        Found::new(holds, failed, reason)
    }
}

/// `150` or `{value: 150}`.
#[derive(Debug, Clone, Copy, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitOptions {
    pub(super) value: usize,
}

impl Options for LimitOptions {
    type Short = usize;
    const EXPECTING: &'static str = "a whole number, 0 or more";

    fn short(value: Located<usize>) -> Self {
        Self { value: value.value }
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::verdict;

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(verdict("max_words: 2", "one two"), "pass");
        assert_eq!(verdict("max_words: 2", " one\ttwo\nthree "), "3 words, limit 2");
        assert_eq!(verdict("min_words: {value: 1}", "  "), "0 words, at least 1 | got: nothing");
        assert_eq!(verdict("max_chars: 1", "é"), "pass");
        assert_eq!(verdict("min_chars: 2", "é"), "1 character, at least 2 | got: \"é\"");
        assert_eq!(verdict("max_lines: 2", "a\r\nb\n"), "pass");
        assert_eq!(verdict("max_lines: 0", "a"), "1 line, limit 0");
        assert_eq!(verdict("max_lines: 0", ""), "pass");
    }
}
