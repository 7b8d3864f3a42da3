//! Text of a model, made safe to show: what would move a cursor, change colours, reorder lines or break a document is made visible.

use std::fmt::Write as _;

/// The text with every control character but line feed and tab replaced by a visible sign, and invisible characters that change
/// the order of what is read by their code point in brackets.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => out.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            // The Unicode block of control pictures mirrors the C0 controls.
            control @ '\0'..='\u{1f}' => {
                out.push(char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{fffd}'));
            }
            '\u{7f}' => out.push('\u{2421}'),
            special @ ('\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}') => {
                // Writing to a string cannot fail.
                let _ = write!(out, "[U+{:04X}]", u32::from(special));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_overrides_are_seen() {
        assert_eq!(visible("a\u{1b}[31mred\r\nb\tc"), "a␛[31mred\nb\tc");
        assert_eq!(visible("x\rover"), "x␍over");
        assert_eq!(visible("\u{202e}gpj.exe\u{9b}31m\u{7f}"), "[U+202E]gpj.exe[U+009B]31m␡");
        assert_eq!(visible("äöü 😀 👩‍💻"), "äöü 😀 👩‍💻");
    }

    proptest! {
        #[test]
        fn nothing_that_controls_remains(text in any::<String>()) {
            let shown = visible(&text);
            let harmless = |character: char| !character.is_control() || character == '\n' || character == '\t';
            prop_assert!(shown.chars().all(harmless));
        }
    }
}
