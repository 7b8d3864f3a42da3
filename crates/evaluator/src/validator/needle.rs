//! Text that is looked for in a reply: exactly or without regard to case, anywhere or as whole words.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// Text to look for.
#[derive(Debug)]
pub(super) struct Needle {
    text: String,
    word: bool,
    /// Present where case is ignored: letters are compared by Unicode simple case folding.
    folded: Option<Regex>,
}

impl Needle {
    /// `word` finds the text only where no letter, digit or underscore touches it. `Err` only where the text is too long to be
    /// looked for without regard to case.
    pub(super) fn new(text: String, word: bool, ignore_case: bool) -> Result<Self, regex::Error> {
        let folded = if ignore_case {
            Some(RegexBuilder::new(&regex::escape(&text)).case_insensitive(true).build()?)
        } else {
            None
        };
        Ok(Self { text, word, folded })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the first place where it stands.
    pub(super) fn find(&self, haystack: &str) -> Option<Range<usize>> {
        let mut from = 0;
        while let Some(found) = self.find_from(haystack, from) {
            if !self.word || is_word(haystack, &found) {
                return Some(found);
            }
            from = found.start + haystack[found.start..].chars().next().map_or(1, char::len_utf8);
        }
        None
    }

    /// Whether the whole of `haystack` is this text.
    pub(super) fn is_all_of(&self, haystack: &str) -> bool {
        match &self.folded {
            None => haystack == self.text,
            Some(regex) => {
                regex.find(haystack).is_some_and(|found| found.start() == 0 && found.end() == haystack.len())
            }
        }
    }

    /// Whether `haystack` begins with this text.
    pub(super) fn starts(&self, haystack: &str) -> bool {
        self.find_from(haystack, 0)
            .is_some_and(|found| found.start == 0 && (!self.word || is_word(haystack, &found)))
    }

    /// Whether `haystack` ends with this text.
    pub(super) fn ends(&self, haystack: &str) -> bool {
        // Simple case folding maps one character to one character, so the ending has as many as the text.
        let start = match self.text.chars().count() {
            0 => haystack.len(),
            count => haystack.char_indices().rev().nth(count - 1).map_or(0, |(start, _)| start),
        };
        self.find_from(haystack, start).is_some_and(|found| {
            found == (start..haystack.len()) && (!self.word || is_word(haystack, &found))
        })
    }

    fn find_from(&self, haystack: &str, from: usize) -> Option<Range<usize>> {
        match &self.folded {
            Some(regex) => regex.find_at(haystack, from).map(|found| found.range()),
            None => haystack.get(from..)?.find(&self.text).map(|at| from + at..from + at + self.text.len()),
        }
    }
}

fn is_word(haystack: &str, range: &Range<usize>) -> bool {
    let touches = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    !touches(haystack[..range.start].chars().next_back()) && !touches(haystack[range.end..].chars().next())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(needle: &str, word: bool, ignore_case: bool, haystack: &str) -> Option<usize> {
        Needle::new(needle.into(), word, ignore_case).unwrap().find(haystack).map(|range| range.start)
    }

    #[test]
    fn whole_words_are_not_parts_of_words() {
        assert_eq!(find("hi", true, false, "this hi"), Some(5));
        assert_eq!(find("hi", true, false, "this"), None);
        assert_eq!(find("hi", true, true, "HI!"), Some(0));
        assert_eq!(find("wtf", true, true, "(WTF)"), Some(1));
        assert_eq!(find("aa", true, false, "aaa aa"), Some(4));
        assert_eq!(find("é", true, false, "café é"), Some(6));
    }

    #[test]
    fn case_is_folded_beyond_ascii() {
        assert_eq!(find("ÄRGER", false, true, "so ein ärger"), Some(7));
        assert_eq!(find("a.b", false, true, "axb A.B"), Some(4));
    }

    #[test]
    fn all_of_means_all_of() {
        assert!(Needle::new("Yes".into(), false, true).unwrap().is_all_of("yES"));
        assert!(!Needle::new("Yes".into(), false, true).unwrap().is_all_of("yes yes"));
        assert!(!Needle::new("Yes".into(), false, false).unwrap().is_all_of("yes"));
    }

    proptest! {
        #[test]
        fn never_panics(needle in "\\PC{1,4}", haystack in "\\PC{0,24}", word: bool, ignore_case: bool) {
            let found = Needle::new(needle.clone(), word, ignore_case).unwrap().find(&haystack);
            if let Some(range) = found {
                prop_assert!(haystack.is_char_boundary(range.start) && haystack.is_char_boundary(range.end));
            } else if !word && !ignore_case {
                prop_assert!(!haystack.contains(&needle));
            }
        }
    }
}
