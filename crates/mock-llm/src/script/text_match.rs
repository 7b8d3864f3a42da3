//! One comparison of a text.

use regex::Regex;

#[derive(Debug, Clone)]
pub(crate) enum TextMatch {
    Equals(String),
    Contains(String),
    Regex(Regex),
}

impl TextMatch {
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(expected) => text == expected,
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comparison_keeps_its_own_rule() {
        let regex = TextMatch::Regex(Regex::new("(?i)^refund").unwrap());
        let table = [
            (TextMatch::Equals("hi".to_owned()), "hi", true),
            (TextMatch::Equals("hi".to_owned()), "hi there", false),
            (TextMatch::Contains("the".to_owned()), "hi there", true),
            (TextMatch::Contains("The".to_owned()), "hi there", false),
            (regex.clone(), "REFUND me", true),
            (regex, "no refund", false),
        ];
        for (text_match, text, expected) in table {
            assert_eq!(text_match.matches(text), expected, "{text_match:?} on {text:?}");
        }
    }
}
