//! `regex`: whether a pattern matches somewhere in the reply. Linear time in the reply's length: no look-around, no back-references.

use regex::Regex;

use super::Found;
use super::excerpt::{around, excerpt};
use crate::outcome::Reason;

/// A pattern that the reply must match somewhere.
#[derive(Debug)]
pub(super) struct RegularExpression {
    pub(super) regex: Regex,
}

impl RegularExpression {
    pub(super) fn find(&self, text: &str) -> Found {
        let found = self.regex.find(text);
        Found::new(
            found.is_some(),
            Reason::new(format!("no match for /{}/", self.regex.as_str())).got(excerpt(text)),
            Reason::new(format!("matches /{}/", self.regex.as_str()))
                .got(found.map_or_else(|| excerpt(text), |found| around(text, found.start(), found.end()))),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::{build, verdict};

    #[test]
    fn a_pattern_is_not_anchored() {
        assert_eq!(verdict(r"regex: '\d+ ?am'", "from 9 am on"), "pass");
        assert_eq!(verdict(r"regex: '\d+'", "none"), r#"no match for /\d+/ | got: "none""#);
        assert_eq!(verdict("regex: {value: SORRY, ignore_case: true}", "So sorry!"), "pass");
        assert_eq!(
            verdict("regex: {value: hi, word: true}", "this"),
            r#"no match for /\b(?:hi)\b/ | got: "this""#
        );
        assert_eq!(verdict(r"not_regex: '\d'", "a 1 b"), r#"matches /\d/ | got: "a 1 b""#);
    }

    #[test]
    fn a_pattern_that_matches_everywhere_is_refused() {
        for pattern in ["a*", "(?s).*", "x?|y", "()", "(?:a|b*)"] {
            let refused = build(&format!("regex: '{pattern}'")).unwrap_err();
            assert!(refused.contains("is in every reply"), "{pattern}: {refused}");
        }
        insta::assert_snapshot!(build("not_regex: {value: 'a*', ignore_case: true}").unwrap_err(), @"v.yaml:1:20: /a*/ matches nothing at all too, and so is in every reply (help: let it match at least a character, as `a+` does in place of `a*`, or anchor it: `^a*$`)");
        insta::assert_snapshot!(build("regex: ^").unwrap_err(), @r"v.yaml:1:8: /^/ is in every reply, whatever that says (help: let it match at least a character, as `^\S` does in place of `^`, or leave the check out)");
        assert!(build("not_regex: (?m)^.*$").unwrap_err().contains("is in every reply"));
        for pattern in ["^a*$", "^$", r"\b", "a*b", "a+", "^.*$"] {
            assert!(build(&format!("regex: '{pattern}'")).is_ok(), "{pattern}");
        }
        assert!(build("regex: {value: 'a*', word: true}").is_ok());
    }

    #[test]
    fn a_huge_reply_is_no_problem() {
        let text = "a".repeat(1_000_000);
        assert!(verdict("regex: '(a+)+$'", &text) == "pass");
        assert!(verdict("regex: '(a+)+b'", &text).len() < 300);
    }
}
