//! Whether a pattern is found in every text, so that no reply can fail it.

use std::collections::HashSet;

use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};

/// So many states of the search are followed, and so much memory is taken; of a pattern that needs more, nothing is said.
const MOST_STATES: usize = 2_000;
const MEMORY: usize = 4 << 20;

/// Whether nothing at all is a match wherever it is looked for, as of `a*`.
pub(super) fn matches_nothing(pattern: &str) -> bool {
    regex_syntax::parse(pattern).is_ok_and(|parsed| {
        let properties = parsed.properties();
        properties.minimum_len() == Some(0) && properties.look_set().is_empty()
    })
}

/// Whether a pattern is found in every text, as `^` and `(?m)^.*$` are. `false` where that cannot be told: where it takes too long,
/// and of patterns with `\b`.
pub(super) fn is_in_every_text(pattern: &str, ignore_case: bool) -> bool {
    // It has to be found in a text of nothing first.
    let may_be_nothing =
        regex_syntax::parse(pattern).is_ok_and(|parsed| parsed.properties().minimum_len() == Some(0));
    may_be_nothing && ends_well_everywhere(pattern, ignore_case).unwrap_or(false)
}

/// Follows the search through all texts at once: whether each of them comes by a match, or has one where it ends.
fn ends_well_everywhere(pattern: &str, ignore_case: bool) -> Option<bool> {
    let search = DFA::builder()
        .syntax(syntax::Config::new().case_insensitive(ignore_case))
        .thompson(thompson::Config::new().nfa_size_limit(Some(MEMORY)))
        // States are kept for good, or the search is given up.
        .configure(DFA::config().cache_capacity(MEMORY).minimum_cache_clear_count(Some(0)))
        .build(pattern)
        .ok()?;
    let mut cache = search.create_cache();
    let first = (search.start_state(&mut cache, &start::Config::new()).ok()?, Place::Between);
    let (mut seen, mut open) = (HashSet::from([first]), vec![first]);
    while let Some((state, place)) = open.pop() {
        if place == Place::Between && !search.next_eoi_state(&mut cache, state).ok()?.is_match() {
            return Some(false);
        }
        for byte in 0..=u8::MAX {
            let Some(next_place) = place.after(byte) else { continue };
            let next = search.next_state(&mut cache, state, byte).ok()?;
            if next.is_quit() {
                return None;
            }
            // A match is told one byte after its end, and none ends within a character.
            let is_found = next.is_match() && place == Place::Between;
            if !is_found && seen.insert((next, next_place)) {
                if seen.len() > MOST_STATES {
                    return None;
                }
                open.push((next, next_place));
            }
        }
    }
    Some(true)
}

/// Where in UTF-8 a search is: the table of well-formed sequences of the Unicode standard (3-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Between,
    OneMore,
    TwoMore,
    ThreeMore,
    AfterE0,
    AfterEd,
    AfterF0,
    AfterF4,
}

impl Place {
    /// The place after this byte; `None` where no text has it here.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Between, 0..=0x7f) | (Self::OneMore, 0x80..=0xbf) => Self::Between,
            (Self::Between, 0xc2..=0xdf)
            | (Self::TwoMore, 0x80..=0xbf)
            | (Self::AfterE0, 0xa0..=0xbf)
            | (Self::AfterEd, 0x80..=0x9f) => Self::OneMore,
            (Self::Between, 0xe0) => Self::AfterE0,
            (Self::Between, 0xed) => Self::AfterEd,
            (Self::Between, 0xe1..=0xef)
            | (Self::ThreeMore, 0x80..=0xbf)
            | (Self::AfterF0, 0x90..=0xbf)
            | (Self::AfterF4, 0x80..=0x8f) => Self::TwoMore,
            (Self::Between, 0xf0) => Self::AfterF0,
            (Self::Between, 0xf1..=0xf3) => Self::ThreeMore,
            (Self::Between, 0xf4) => Self::AfterF4,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_every_text_has_is_told_from_what_one_lacks() {
        for pattern in [
            "^",
            "$",
            r"\A",
            r"\z",
            "(?m)^",
            "(?m)$",
            "(?m)^.*$",
            "(?s)^.*$",
            "(?:^|x)",
            "x|$",
            r"^\s*\S*",
            "^a*",
            "a*$",
            "(?R)^",
            r"(?-u)^[[:ascii:]]*",
            r"\A(?s:.)*\z",
            r"^(?:[^x]|x|$)",
            r"(?m)^$|.",
            r"^$|[\s\S]",
            ".*",
        ] {
            assert!(is_in_every_text(pattern, false), "{pattern}");
        }
        for pattern in [
            "^$",
            "^.*$",
            "^a*$",
            "^$|x",
            r"^[^z]*$",
            r"^(?:[^z]|$)",
            r"^[^\p{Han}]*$",
            r"\b",
            r"^\s*$",
            "a+",
            "(?m)^a*$",
            r"^[\x00-\x{10FFFE}]*$",
            r"(?-u)^[[:ascii:]]*$",
            "^$|(?s)^.{1,2000}$",
            "[a&&b]",
        ] {
            assert!(!is_in_every_text(pattern, false), "{pattern}");
        }
        assert!(is_in_every_text("^[^a]*$|A", true) && !is_in_every_text("^[^a]*$|A", false));
    }

    proptest! {
        /// What is called so is found in whatever comes; and a pattern with another one beside it that every text has.
        #[test]
        fn no_text_lacks_what_every_text_has(
            pattern in r"(\(\?[ms]\))?(\^|\$|\(\^\|)?([a\n]|\.|[^a]|\\s){0,3}[*?+]?(\)|\$)?", texts in prop::collection::vec(r"[a-c\n é🙂]{0,5}", 40),
        ) {
            if let Ok(regex) = regex::Regex::new(&pattern) {
                let lacks = texts.iter().find(|text| !regex.is_match(text));
                prop_assert!(lacks.is_none() || !is_in_every_text(&pattern, false), "{:?} is not in {:?}", pattern, lacks);
                let either = format!("(?:{pattern})|^");
                prop_assert!(is_in_every_text(&either, false), "{:?}", either);
            }
        }
    }
}
