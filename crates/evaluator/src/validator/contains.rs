//! `contains`, `contains_any`, `contains_all`: whether the reply contains a text, one of several, or all of them.

use super::Found;
use super::excerpt::{around, excerpt, list};
use super::needle::Needle;
use crate::outcome::Reason;

/// How many of the texts must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// At least one.
    Any,
    /// Every one.
    All,
}

/// Texts that the reply must contain.
#[derive(Debug)]
pub(super) struct Contains {
    pub(super) quantity: Quantity,
    pub(super) needles: Vec<Needle>,
}

impl Contains {
    pub(super) fn find(&self, text: &str) -> Found {
        let places: Vec<_> = self.needles.iter().map(|needle| needle.find(text)).collect();
        let holds = match self.quantity {
            Quantity::Any => places.iter().any(Option::is_some),
            Quantity::All => places.iter().all(Option::is_some),
        };
        let with_place = |present: bool| {
            self.needles
                .iter()
                .zip(&places)
                .filter(|(_, place)| place.is_some() == present)
                .map(|(needle, _)| needle.text().to_owned())
                .collect::<Vec<_>>()
        };
        let without = match (self.needles.len(), self.quantity) {
            (1, _) => Reason::new(format!("does not contain {}", list(&with_place(false)))),
            (_, Quantity::Any) => {
                Reason::new("contains none of them").expected(format!("one of {}", list(&with_place(false))))
            }
            (_, Quantity::All) => Reason::new(format!("lacks {}", list(&with_place(false)))),
        };
        let first = places.iter().flatten().next();
        Found::new(
            holds,
            without.got(excerpt(text)),
            Reason::new(format!("contains {}", list(&with_place(true))))
                .got(first.map_or_else(|| excerpt(text), |place| around(text, place.start, place.end))),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::verdict;

    #[test]
    fn one_text() {
        assert_eq!(verdict("contains: hi", "oh hi there"), "pass");
        assert_eq!(verdict("contains: hi", "Hello"), r#"does not contain "hi" | got: "Hello""#);
        assert_eq!(verdict("contains: {value: HI, ignore_case: true, word: true}", "oh, hi."), "pass");
        assert_eq!(verdict("not_contains: hi", "this"), r#"contains "hi" | got: "this""#);
        assert_eq!(verdict("contains: hi", ""), r#"does not contain "hi" | got: nothing"#);
    }

    #[test]
    fn several_texts() {
        assert_eq!(verdict("contains_any: [a, b]", "b"), "pass");
        assert_eq!(
            verdict("contains_any: [a, b]", "c"),
            r#"contains none of them | expected: one of "a", "b" | got: "c""#
        );
        assert_eq!(verdict("contains_all: [a, b, c]", "b"), r#"lacks "a", "c" | got: "b""#);
        assert_eq!(verdict("contains_all: {values: [a, b]}", "ab"), "pass");
        assert_eq!(verdict("not_contains_all: [a, b]", "a"), "pass");
        assert_eq!(
            verdict("not_contains_any: {values: [lol, omg], word: true, ignore_case: true}", "lollipop"),
            "pass"
        );
        assert_eq!(
            verdict("not_contains_any: {values: [lol, omg], word: true, ignore_case: true}", "well,\nOMG!"),
            r#"contains "omg" | got: "well, OMG!""#
        );
    }
}
