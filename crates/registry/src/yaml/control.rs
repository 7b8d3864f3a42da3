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

impl ControlCharacter {
    /// Whether it is a backspace, a bell, a form feed or a vertical tab, which nobody means.
    pub fn is_never_meant(self) -> bool {
        matches!(self.0, '\u{7}' | '\u{8}' | '\u{b}' | '\u{c}')
    }

    /// How it comes into a text, and how what was meant is written.
    pub fn help(self) -> String {
        let escape = match self.0 {
            '\0' => "\\0".to_owned(),
            '\u{7}' => "\\a".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\u{b}' => "\\v".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\u{1b}' => "\\e".to_owned(),
            '\u{85}' => "\\N".to_owned(),
            other => format!("\\x{:02x}", u32::from(other)),
        };
        format!(
            "in double quotes YAML reads `{escape}` as that character; write single quotes, in which a backslash stays one: '{escape}…'"
        )
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
