//! `equals`: whether the reply is exactly a text. Nothing is trimmed: what surrounds the text counts.

use unicode_normalization::UnicodeNormalization as _;

use super::Found;
use super::excerpt::{excerpt, with_white_space};
use super::needle::Needle;
use crate::outcome::Reason;

/// The text that the reply must be.
#[derive(Debug)]
pub(super) struct Equals {
    pub(super) needle: Needle,
}

impl Equals {
    pub(super) fn find(&self, text: &str) -> Found {
        let another = if text.trim() == self.needle.text().trim() {
            Reason::new("is another text: the white space around it differs")
                .expected(with_white_space(self.needle.text()))
                .got(with_white_space(text))
        } else if text.split_whitespace().eq(self.needle.text().split_whitespace()) {
            Reason::new("is another text: the white space within it differs")
                .expected(with_white_space(self.needle.text()))
                .got(with_white_space(text))
        } else if text.nfc().eq(self.needle.text().nfc()) {
            Reason::new("is another text: the same letters in another Unicode form, composed or decomposed")
                .expected(excerpt(self.needle.text()))
                .got(excerpt(text))
        } else {
            Reason::new("is another text").expected(excerpt(self.needle.text())).got(excerpt(text))
        };
        let the_same = Reason::new("is exactly the text that it must not be").got(excerpt(text));
        Found::new(self.needle.is_all_of(text), another, the_same)
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::verdict;

    #[test]
    fn every_byte_counts() {
        assert_eq!(verdict("equals: yes", "yes"), "pass");
        assert_eq!(verdict("equals: {value: yes, ignore_case: true}", "YES"), "pass");
        assert_eq!(verdict("equals: yes", "no"), r#"is another text | expected: "yes" | got: "no""#);
        assert_eq!(
            verdict("equals: yes", "yes\n"),
            r#"is another text: the white space around it differs | expected: "yes" | got: "yes\n""#
        );
        assert_eq!(
            verdict("equals: yes no", "yes \u{a0}no"),
            r#"is another text: the white space within it differs | expected: "yes no" | got: "yes \u{a0}no""#
        );
        assert!(verdict("equals: \u{e9}", "e\u{301}").contains("another Unicode form"));
        assert_eq!(verdict("equals: ''", ""), "pass");
        assert_eq!(
            verdict("not_equals: yes", "yes"),
            r#"is exactly the text that it must not be | got: "yes""#
        );
    }
}
