//! The name of a prompt: also the name of its directory, so it must be safe in a path on every file system.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::excerpt::excerpt;

/// The most characters that a name may have.
const MAX_NAME_LENGTH: usize = 64;

/// The name of a prompt: 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter or a digit.
///
/// The grammar leaves out everything on which file systems disagree (case, Unicode normal forms, dots, separators) and the
/// device names that Windows reserves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromptName(Box<str>);

impl PromptName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a name for a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {noun}: {reason}", excerpt(.text))]
pub struct InvalidName {
    text: String,
    noun: &'static str,
    reason: &'static str,
    suggestion: Option<String>,
}

const OF_PROMPTS: &str = "; prompts lie one level deep";

impl InvalidName {
    /// The same of something else that is named by these rules, such as `an experiment name`.
    #[must_use]
    pub fn said_of(self, noun: &'static str) -> Self {
        let reason = self.reason.strip_suffix(OF_PROMPTS).unwrap_or(self.reason);
        Self { noun, reason, ..self }
    }

    /// What is allowed, and a name close to the refused one where there is one.
    pub fn help(&self) -> String {
        let allowed = "a name is 1 to 64 of `a-z`, `0-9`, `_` and `-`, and begins with a letter or a digit";
        match &self.suggestion {
            Some(name) => format!("did you mean `{name}`? {allowed}"),
            None => allowed.to_owned(),
        }
    }
}

impl FromStr for PromptName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match fault(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(InvalidName {
                text: text.to_owned(),
                noun: "a prompt name",
                reason,
                suggestion: suggest(text),
            }),
        }
    }
}

fn fault(text: &str) -> Option<&'static str> {
    let allowed = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '_' | '-');
    if text.is_empty() {
        Some("it is empty")
    } else if text.chars().any(|character| character.is_ascii_uppercase()) {
        Some("it has an upper-case letter")
    } else if text.contains(['/', '\\']) {
        Some("it has a path separator; prompts lie one level deep")
    } else if text.contains(char::is_whitespace) {
        Some("it has white space")
    } else if !text.chars().all(allowed) {
        Some("it has a character that is not allowed")
    } else if text.starts_with(['_', '-']) {
        Some("it begins with a mark")
    } else if text.len() > MAX_NAME_LENGTH {
        Some("it is too long")
    } else if is_reserved_device(text) {
        Some("Windows reserves it for a device")
    } else {
        None
    }
}

fn is_reserved_device(text: &str) -> bool {
    let numbered =
        |prefix: &str| text.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'9']));
    matches!(text, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

fn suggest(text: &str) -> Option<String> {
    let mut name = String::new();
    // Decomposed, an accent is a character of its own: `café` becomes `cafe`.
    for character in text.chars().take(4 * MAX_NAME_LENGTH).nfkd().flat_map(char::to_lowercase) {
        match character {
            _ if is_combining_mark(character) => {}
            'a'..='z' | '0'..='9' | '-' => name.push(character),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_matches(['_', '-']);
    let name = name[..name.len().min(MAX_NAME_LENGTH)].trim_end_matches(['_', '-']);
    fault(name).is_none().then(|| name.to_owned())
}

impl fmt::Display for PromptName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl Borrow<str> for PromptName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for PromptName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for PromptName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PromptName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: InvalidName| de::Error::custom(format!("{error} (help: {})", error.help())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> InvalidName {
        text.parse::<PromptName>().unwrap_err()
    }

    #[test]
    fn the_grammar_is_accepted() {
        for name in ["a", "customer_support", "code-review", "0", "v2", "con1", "com10", &"a".repeat(64)] {
            assert_eq!(name.parse::<PromptName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_refusal_says_why_and_suggests_a_name() {
        let cases = [
            ("Customer Support", "it has an upper-case letter", Some("customer_support")),
            ("customer support", "it has white space", Some("customer_support")),
            ("a/b", "it has a path separator; prompts lie one level deep", Some("a_b")),
            ("../secrets", "it has a path separator; prompts lie one level deep", Some("secrets")),
            ("naïve", "it has a character that is not allowed", Some("naive")),
            ("cafe\u{301} ﬁrst", "it has white space", Some("cafe_first")),
            ("support.v2", "it has a character that is not allowed", Some("support_v2")),
            ("_draft", "it begins with a mark", Some("draft")),
            ("", "it is empty", None),
            ("…", "it has a character that is not allowed", None),
            ("con", "Windows reserves it for a device", None),
            ("lpt1", "Windows reserves it for a device", None),
        ];
        for (text, reason, suggestion) in cases {
            let error = refused(text);
            assert_eq!((error.reason, error.suggestion.as_deref()), (reason, suggestion), "{text}");
        }
        assert_eq!(refused(&"a".repeat(65)).suggestion.as_deref(), Some("a".repeat(64).as_str()));
        insta::assert_snapshot!(refused("Code Review"), @"`Code Review` is not a prompt name: it has an upper-case letter");
        insta::assert_snapshot!(refused("Code Review").help(), @"did you mean `code_review`? a name is 1 to 64 of `a-z`, `0-9`, `_` and `-`, and begins with a letter or a digit");
    }

    proptest! {
        #[test]
        fn printing_and_parsing_is_the_identity(name in "[a-z0-9][a-z0-9_-]{0,63}") {
            if let Ok(parsed) = name.parse::<PromptName>() {
                prop_assert_eq!(parsed.to_string(), name);
            } else {
                prop_assert!(is_reserved_device(&name));
            }
        }

        #[test]
        fn a_suggestion_is_itself_a_name(text in ".*") {
            if let Err(InvalidName { suggestion: Some(suggestion), .. }) = text.parse::<PromptName>() {
                prop_assert!(suggestion.parse::<PromptName>().is_ok());
            }
        }
    }
}
