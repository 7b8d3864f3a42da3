//! Names of variables: Unicode identifiers (UAX #31, as in Python), written in normal form C.
//!
//! A name in another normal form is refused rather than normalised: the template is frozen byte for byte, and two spellings
//! that look the same must not become one variable here and two in another language. For the same reason invisible characters
//! are refused where the identifiers of UAX #31 admit them.

use unicode_ident::{is_xid_continue, is_xid_start};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Why a name cannot be the name of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidIdentifier {
    /// Completes a sentence about the name: `it is blank`.
    pub(crate) reason: &'static str,
    /// A valid name close to the refused one.
    pub(crate) suggestion: Option<String>,
}

/// Checks the name of a variable.
pub(crate) fn check(name: &str) -> Result<(), InvalidIdentifier> {
    match fault(name) {
        None => Ok(()),
        Some(reason) => Err(InvalidIdentifier { reason, suggestion: suggest(name) }),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let mut characters = name.chars();
    let Some(first) = characters.next() else {
        return Some("it is blank");
    };
    let is_start = first == '_' || is_xid_start(first);
    if is_start && characters.all(is_xid_continue) && !name.contains(is_invisible) {
        return (!is_nfc(name)).then_some("it is not in Unicode normal form C");
    }
    Some(if name.trim().is_empty() {
        "it is blank"
    } else if name.trim() != name {
        "it has white space around it"
    } else if name.chars().any(char::is_control) {
        "it has a control character"
    } else if name.contains(is_invisible) {
        "it has an invisible character"
    } else if name.contains(char::is_whitespace) {
        "it has white space in it"
    } else if first.is_numeric() {
        "it begins with a digit"
    } else if name.contains('-') {
        "it has a hyphen"
    } else {
        "it is not made of letters, digits and `_`"
    })
}

/// Joiners, fillers, marks of direction and variation selectors.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

fn suggest(name: &str) -> Option<String> {
    let mut suggestion = String::new();
    for character in name.trim().chars().take(64).nfc() {
        if suggestion.is_empty() && character.is_numeric() {
            suggestion.push('_');
        }
        if is_invisible(character) {
            continue;
        }
        if character == '_' || is_xid_continue(character) {
            suggestion.push(character);
        } else if !suggestion.is_empty() && !suggestion.ends_with('_') {
            suggestion.push('_');
        }
    }
    let keep = if name.ends_with('_') { suggestion.as_str() } else { suggestion.trim_end_matches('_') };
    (!keep.is_empty() && fault(keep).is_none()).then(|| keep.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_are_accepted() {
        for name in ["a", "_", "_a1", "naïve_üser", "名前", "данные", "a_b_", "__x__"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_suggests() {
        let cases = [
            (" a ", "it has white space around it", Some("a")),
            ("user-name", "it has a hyphen", Some("user_name")),
            ("user name", "it has white space in it", Some("user_name")),
            ("2nd", "it begins with a digit", Some("_2nd")),
            ("e\u{301}t\u{e9}", "it is not in Unicode normal form C", Some("\u{e9}t\u{e9}")),
            ("a\u{0}b", "it has a control character", Some("a_b")),
            ("a\u{200d}b", "it has an invisible character", Some("ab")),
            ("a\u{fe0f}", "it has an invisible character", Some("a")),
            ("a+b", "it is not made of letters, digits and `_`", Some("a_b")),
            ("  ", "it is blank", None),
            ("👍", "it is not made of letters, digits and `_`", None),
        ];
        for (name, reason, suggestion) in cases {
            let error = check(name).unwrap_err();
            assert_eq!((error.reason, error.suggestion.as_deref()), (reason, suggestion), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_suggestion_is_itself_an_identifier(name in ".*") {
            if let Err(InvalidIdentifier { suggestion: Some(suggestion), .. }) = check(&name) {
                prop_assert_eq!(check(&suggestion), Ok(()));
            }
        }
    }
}
