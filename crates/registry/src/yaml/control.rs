//! Control characters in texts that people write. In YAML an escape in double quotes is all that writes one, mostly an escape that was
//! meant for somebody else: `"\bword\b"` is no pattern with word boundaries.

use std::fmt;

/// A control character that a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlCharacter(char);

/// The first control character of a text that is neither a tab nor the end of a line.
pub fn control_character(text: &str) -> Option<ControlCharacter> {
    let is_one = |character: &char| character.is_control() && !matches!(character, '\t' | '\n' | '\r');
    text.chars().find(is_one).map(ControlCharacter)
}

/// The first backspace, bell, form feed or vertical tab of a text, which nobody means. At the end of a range of control characters, as in
/// `[\x00-\x08]`, it is meant.
pub fn unmeant_character(text: &str) -> Option<ControlCharacter> {
    let (mut before, mut last) = (' ', ' ');
    for character in text.chars() {
        let is_unmeant = matches!(character, '\u{7}' | '\u{8}' | '\u{b}' | '\u{c}');
        if is_unmeant && !(last == '-' && before.is_control()) {
            return Some(ControlCharacter(character));
        }
        (before, last) = (last, character);
    }
    None
}

impl ControlCharacter {
    /// How one that nobody means comes into a text, and how what was meant is written.
    pub fn help(self) -> String {
        let escape = self.escape();
        format!(
            "in double quotes YAML reads `{escape}` as that character; write single quotes, in which a backslash stays one: '{escape}…'"
        )
    }

    /// How one comes into a pattern, and how a regular expression says it without holding it.
    pub fn help_in_pattern(self) -> String {
        format!(
            "in double quotes YAML reads `{}` as that character; where it is meant, write it in single quotes for the regular expression: '\\x{:02x}…'",
            self.escape(),
            u32::from(self.0)
        )
    }

    /// What YAML reads as the character in double quotes.
    fn escape(self) -> String {
        match self.0 {
            '\0' => "\\0".to_owned(),
            '\u{7}' => "\\a".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\u{b}' => "\\v".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\u{1b}' => "\\e".to_owned(),
            '\u{85}' => "\\N".to_owned(),
            other => format!("\\x{:02x}", u32::from(other)),
        }
    }
}

impl fmt::Display for ControlCharacter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            '\u{7}' => "a bell",
            '\u{8}' => "a backspace",
            '\u{b}' => "a vertical tab",
            '\u{c}' => "a form feed",
            _ => "a control character",
        };
        write!(formatter, "{name} (U+{:04X})", u32::from(self.0))
    }
}
