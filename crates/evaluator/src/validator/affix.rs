//! `starts_with`, `ends_with`: how the reply begins or ends. Nothing is trimmed.

use super::Found;
use super::excerpt::{excerpt, with_white_space};
use super::needle::Needle;
use crate::outcome::Reason;

/// Which end of the reply is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The beginning.
    Start,
    /// The end.
    End,
}

/// A text with which the reply must begin or end.
#[derive(Debug)]
pub(super) struct Affix {
    pub(super) end: End,
    pub(super) needle: Needle,
}

impl Affix {
    pub(super) fn find(&self, text: &str) -> Found {
        let expected = format!("\"{}\"", self.needle.text());
        let (holds, verb, shown, but_for_white_space) = match self.end {
            End::Start => {
                (self.needle.starts(text), "start", excerpt(text), self.needle.starts(text.trim_start()))
            }
            End::End => {
                (self.needle.ends(text), "end", excerpt(&tail(text)), self.needle.ends(text.trim_end()))
            }
        };
        let with = Reason::new(format!("{verb}s with {expected}")).got(shown.clone());
        let without = Reason::new(format!("does not {verb} with {expected}"));
        let without = if but_for_white_space {
            let message = format!("{}: white space is in the way", without.message);
            Reason::new(message).got(with_white_space(text))
        } else {
            without.got(shown)
        };
        Found::new(holds, without, with)
    }
}

fn tail(text: &str) -> String {
    let characters = text.chars().count();
    let skipped = characters.saturating_sub(80);
    let tail: String = text.chars().skip(skipped).collect();
    if skipped > 0 { format!("…{tail}") } else { tail }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::verdict;

    #[test]
    fn both_ends() {
        assert_eq!(verdict("starts_with: Dear", "Dear Ada"), "pass");
        assert_eq!(
            verdict("starts_with: Dear", " Dear Ada"),
            r#"does not start with "Dear": white space is in the way | got: " Dear Ada""#
        );
        assert_eq!(
            verdict("ends_with: bye", "so, bye\n"),
            r#"does not end with "bye": white space is in the way | got: "so, bye\n""#
        );
        assert_eq!(verdict("ends_with: {value: BYE, ignore_case: true}", "so, bye"), "pass");
        assert_eq!(verdict("ends_with: bye", "bye."), r#"does not end with "bye" | got: "bye.""#);
        assert_eq!(verdict("not_ends_with: bye", "bye"), r#"ends with "bye" | got: "bye""#);
        assert_eq!(
            verdict("ends_with: {value: hi, word: true}", "sushi"),
            r#"does not end with "hi" | got: "sushi""#
        );
        assert_eq!(verdict("ends_with: {value: hi, word: true}", "su hi"), "pass");
        assert_eq!(
            verdict("starts_with: {value: hi, word: true}", "high hi"),
            r#"does not start with "hi" | got: "high hi""#
        );
        assert_eq!(verdict("ends_with: aa", "aaa"), "pass");
    }
}
