//! `levenshtein`: how many characters must be inserted, deleted or replaced to turn the reply into a text. Its score is the
//! similarity: 1 − distance / length of the longer one; two empty texts have similarity 1.
//!
//! Bit-parallel (Myers 1999, in blocks as Hyyrö 2003): a step handles 64 characters of the text, so that work is linear in the
//! reply, and memory in the text, whose length is limited.

use std::collections::HashMap;

use promptassay_registry::yaml::Located;
use schemars::JsonSchema;

use super::Found;
use super::excerpt::excerpt;
use super::spec::{Builder, Options};
use super::view::View;
use crate::outcome::Reason;

/// The longest text to compare with, in characters: with a reply of a million characters that is a second of work.
pub(super) const LONGEST_TEXT: usize = 16_384;

/// A text that the reply must be near.
#[derive(Debug)]
pub(super) struct Levenshtein {
    text: Vec<char>,
    /// The largest distance that is near; `None` where the threshold alone decides.
    max_distance: Option<usize>,
}

impl Levenshtein {
    pub(super) fn find(&self, view: &View<'_>) -> Found {
        let reply: Vec<char> = view.text().chars().collect();
        let distance = distance(&self.text, &reply);
        let longer = self.text.len().max(reply.len());
        // One division: 1 − 34/100 would be less than the 0.66 that people write.
        let similarity = if longer == 0 { 1.0 } else { (longer - distance) as f64 / longer as f64 };
        let plural = if distance == 1 { "" } else { "s" };
        let limit = self.max_distance.map(|limit| format!(", limit {limit}")).unwrap_or_default();
        let reason = Reason::new(format!("{distance} edit{plural} away{limit}"))
            .expected(excerpt(&self.text.iter().collect::<String>()))
            .got(excerpt(view.text()));
        let holds = self.max_distance.is_none_or(|limit| distance <= limit);
        Found::new(holds, reason.clone(), reason).scored(similarity)
    }
}

/// The Levenshtein distance in characters.
fn distance(text: &[char], reply: &[char]) -> usize {
    let common_start = text.iter().zip(reply).take_while(|(a, b)| a == b).count();
    let (text, reply) = (&text[common_start..], &reply[common_start..]);
    let common_end = text.iter().rev().zip(reply.iter().rev()).take_while(|(a, b)| a == b).count();
    let (text, reply) = (&text[..text.len() - common_end], &reply[..reply.len() - common_end]);
    if text.is_empty() || reply.is_empty() {
        return text.len().max(reply.len());
    }
    let blocks = text.len().div_ceil(64);
    let mut positions: HashMap<char, Vec<u64>> = HashMap::new();
    for (index, &character) in text.iter().enumerate() {
        positions.entry(character).or_insert_with(|| vec![0; blocks])[index / 64] |= 1 << (index % 64);
    }
    let nowhere = vec![0; blocks];
    let last_bit = 1_u64 << ((text.len() - 1) % 64);
    let mut ups = vec![u64::MAX; blocks];
    let mut downs = vec![0_u64; blocks];
    let mut distance = text.len();
    for character in reply {
        let matches = positions.get(character).unwrap_or(&nowhere);
        // Along the upper edge of the table every step to the right costs one.
        let (mut carry_up, mut carry_down) = (1_u64, 0_u64);
        for block in 0..blocks {
            let (up, down) = (ups[block], downs[block]);
            let equal = matches[block];
            let diagonal_or_down = equal | down;
            let equal = equal | carry_down;
            let zero = (((equal & up).wrapping_add(up)) ^ up) | equal;
            let mut right_up = down | !(zero | up);
            let mut right_down = up & zero;
            if block == blocks - 1 {
                distance += usize::from(right_up & last_bit != 0);
                distance -= usize::from(right_down & last_bit != 0);
            }
            let (next_up, next_down) = (right_up >> 63, right_down >> 63);
            right_up = (right_up << 1) | carry_up;
            right_down = (right_down << 1) | carry_down;
            ups[block] = right_down | !(diagonal_or_down | right_up);
            downs[block] = right_up & diagonal_or_down;
            (carry_up, carry_down) = (next_up, next_down);
        }
    }
    distance
}

/// `{value: text, max_distance}`, or a text beside a threshold.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LevenshteinOptions {
    /// The text to compare with.
    value: Located<String>,
    /// The largest number of edits that is near.
    #[serde(default)]
    max_distance: Option<usize>,
}

impl Options for LevenshteinOptions {
    type Short = String;
    const EXPECTING: &'static str = "text, or a map with `value` and `max_distance`";

    fn short(value: Located<String>) -> Self {
        Self { value, max_distance: None }
    }
}

impl LevenshteinOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<Levenshtein> {
        let text: Vec<char> = self.value.chars().collect();
        if text.len() > LONGEST_TEXT {
            builder.refuse(
                "suite::text_too_long",
                format!("the text has {} characters, and {LONGEST_TEXT} can be compared", text.len()),
                self.value.span,
                "compare with a shorter part, or use `contains`",
            );
            return None;
        }
        if self.max_distance.is_none() && builder.threshold() == Some(0.0) {
            builder.refuse(
                "suite::no_limit",
                "every text is near enough at a threshold of 0".to_owned(),
                self.value.span,
                "write how near it must be, such as `threshold: 0.8`",
            );
            return None;
        }
        if self.max_distance.is_none() && builder.threshold().is_none() {
            builder.refuse(
                "suite::no_limit",
                "nothing says how near is near enough".to_owned(),
                self.value.span,
                "write `{value: …, max_distance: 5}`, or `threshold: 0.8` beside the check",
            );
            return None;
        }
        Some(Levenshtein { text, max_distance: self.max_distance })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::validator::tests::{build, score, verdict};

    fn of(text: &str, reply: &str) -> usize {
        distance(&text.chars().collect::<Vec<_>>(), &reply.chars().collect::<Vec<_>>())
    }

    #[test]
    fn distances_count_characters() {
        for (text, reply, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("é", "e", 1),
            ("ab", "ba", 2),
        ] {
            assert_eq!(of(text, reply), expected, "{text} {reply}");
        }
    }

    #[test]
    fn near_enough_is_a_distance_or_a_similarity() {
        assert_eq!(verdict("levenshtein: {value: kitten, max_distance: 3}", "sitting"), "pass");
        insta::assert_snapshot!(verdict("levenshtein: {value: kitten, max_distance: 2}", "sitting"), @r#"3 edits away, limit 2 | expected: "kitten" | got: "sitting""#);
        assert_eq!(verdict("levenshtein: abcd\nthreshold: 0.75", "abcx"), "pass");
        insta::assert_snapshot!(verdict("levenshtein: abcd\nthreshold: 0.75", "abxx"), @r#"score 0.5, threshold 0.75: 2 edits away | expected: "abcd" | got: "abxx""#);
        assert_eq!(verdict("levenshtein: {value: '', max_distance: 0}", ""), "pass");
        // 17 of 50 are 34 %, and what is left is 0.66 as written.
        let [text, reply] = ["b", "c"].map(|end| "a".repeat(33) + &end.repeat(17));
        assert_eq!(verdict(&format!("levenshtein: {text}\nthreshold: 0.66"), &reply), "pass");
        assert!((score("levenshtein: abcd\nthreshold: 0.75", "abxx") - 0.5).abs() < 1e-12);
        assert!((score("levenshtein: {value: '', max_distance: 0}", "") - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_limit_is_refused() {
        insta::assert_snapshot!(build("levenshtein: abc").unwrap_err(), @"v.yaml:1:14: nothing says how near is near enough (help: write `{value: …, max_distance: 5}`, or `threshold: 0.8` beside the check)");
        insta::assert_snapshot!(build("levenshtein: abc\nthreshold: 0").unwrap_err(), @"v.yaml:1:14: every text is near enough at a threshold of 0 (help: write how near it must be, such as `threshold: 0.8`)");
        let long = "x".repeat(LONGEST_TEXT + 1);
        insta::assert_snapshot!(build(&format!("levenshtein: {{value: {long}, max_distance: 1}}")).unwrap_err(), @"v.yaml:1:22: the text has 16385 characters, and 16384 can be compared (help: compare with a shorter part, or use `contains`)");
    }

    #[test]
    fn a_huge_reply_is_compared() {
        let reply = "é".repeat(1 << 20);
        assert_eq!(of(&"x".repeat(200), &reply), 1 << 20);
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_textbook(a in "[abcé]{0,150}", b in "[abcé]{0,150}") {
            prop_assert_eq!(of(&a, &b), strsim::levenshtein(&a, &b));
        }
    }
}
