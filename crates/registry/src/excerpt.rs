//! Text of unknown origin, made fit for one line of a message.

const LONGEST: usize = 40;

/// At most 40 characters of `text`, with everything escaped that would move the cursor, reverse the line or stay invisible.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_of(text, LONGEST)
}

/// The same of at most so many characters.
pub(crate) fn excerpt_of(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    for character in text.chars().take(longest) {
        if matches!(character, '"' | '\'' | '\\') {
            shown.push(character);
        } else {
            shown.extend(character.escape_debug());
        }
    }
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(excerpt("a\u{1b}[31m\u{202e}\n'\"é\\"), "a\\u{1b}[31m\\u{202e}\\n'\"é\\");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(excerpt(&"é".repeat(40)), "é".repeat(40));
        assert_eq!(excerpt(&"é".repeat(41)), format!("{}…", "é".repeat(40)));
    }
}
