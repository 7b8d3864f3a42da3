//! Text of a model, made safe to show: what would move a cursor, change colours, reorder lines, break a document or command the
//! machine that keeps a log is made visible.

use std::fmt::Write as _;
use std::io;

/// The text with every control character but line feed and tab replaced by a visible sign, and characters that nobody sees, or that
/// change the order of what is read, by their code point in brackets.
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
            special if is_treacherous(special) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "[U+{:04X}]", u32::from(special));
            }
            other => out.push(other),
        }
    }
    out
}

/// The same for what stands in one line, such as the name of a file.
pub fn visible_in_line(text: &str) -> String {
    visible(text).replace('\n', "\u{240a}").replace('\t', "\u{2409}")
}

/// Whether a character acts on a terminal, changes the order of what is read, or hides. Those that writing needs (joiners of emoji
/// and of scripts, variation selectors) are not among them.
pub(super) fn is_treacherous(character: char) -> bool {
    matches!(
        character,
        // C1 controls: a terminal may take U+009B for the beginning of an escape sequence.
        '\u{80}'..='\u{9f}'
        // Order of reading.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Line and paragraph separators, which some programs take for line breaks.
        | '\u{2028}' | '\u{2029}'
        // Without width.
        | '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        // Not allowed in XML.
        | '\u{fffe}' | '\u{ffff}'
        // Tags and further variation selectors, which can carry hidden text.
        | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A document whose lines command nobody. A GitHub runner carries out what stands behind `::` at the beginning of a line of a step's
/// output, and behind `##[` anywhere in it; Azure does so for `##vso[`. Text of a model must not reach either, whoever prints the
/// document.
pub fn without_commands(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for line in document.split_inclusive('\n') {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        out.push_str(indent);
        match text.strip_prefix("::") {
            Some(rest) => {
                out.push_str(": :");
                push_calm(&mut out, rest);
            }
            None => push_calm(&mut out, text),
        }
    }
    out
}

fn push_calm(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find("##") {
        out.push_str(&rest[..at]);
        // A space between the two signs ends the command; `###` must not become one either.
        let signs = rest[at..].len() - rest[at..].trim_start_matches('#').len();
        let behind = &rest[at + signs..];
        if behind.starts_with('[') || behind.starts_with("vso[") {
            out.push_str(&"#".repeat(signs - 1));
            out.push_str(" #");
        } else {
            out.push_str(&"#".repeat(signs));
        }
        rest = behind;
    }
    out.push_str(rest);
}

/// Hands a document on as [`without_commands`] makes it, line by line, and long lines in pieces: XML may be one line, and memory is not
/// to hold all of it.
#[derive(Debug)]
pub(crate) struct WithoutCommands<W> {
    out: W,
    line: Vec<u8>,
    /// Whether the beginning of the line was handed on.
    has_begun: bool,
    /// From so many bytes on a line is handed on in pieces.
    long: usize,
}

/// No command has this sign, so that none reaches over it. Neither does a character.
const CUT: u8 = b'>';

impl<W: io::Write> WithoutCommands<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, line: Vec::new(), has_begun: false, long: 64 << 10 }
    }

    /// Hands on what is left: a last line without an end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.hand_on(self.line.len())
    }

    fn hand_on(&mut self, length: usize) -> io::Result<()> {
        let piece = String::from_utf8_lossy(&self.line[..length]);
        let calm = if self.has_begun {
            let mut calm = String::with_capacity(piece.len());
            push_calm(&mut calm, &piece);
            calm
        } else {
            without_commands(&piece)
        };
        self.has_begun = !piece.ends_with('\n');
        self.out.write_all(calm.as_bytes())?;
        self.line.drain(..length);
        Ok(())
    }
}

impl<W: io::Write> io::Write for WithoutCommands<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let until = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let before = self.line.len();
        self.line.extend_from_slice(&bytes[..until]);
        if self.line.ends_with(b"\n") {
            self.hand_on(self.line.len())?;
        } else if self.line.len() >= self.long
            && let Some(cut) = bytes[..until].iter().rposition(|byte| *byte == CUT)
        {
            self.hand_on(before + cut + 1)?;
        }
        Ok(until)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_overrides_are_seen() {
        assert_eq!(visible("a\u{1b}[31mred\r\nb\tc"), "a␛[31mred\nb\tc");
        assert_eq!(visible("x\rover"), "x␍over");
        assert_eq!(visible("\u{202e}gpj.exe\u{9b}31m\u{7f}"), "[U+202E]gpj.exe[U+009B]31m␡");
        assert_eq!(visible("he\u{200b}lp\u{e0041}"), "he[U+200B]lp[U+E0041]");
        assert_eq!(visible("äöü 😀 👩‍💻 ❤️ می‌خواهم"), "äöü 😀 👩‍💻 ❤️ می‌خواهم");
    }

    #[test]
    fn lines_command_nobody() {
        assert_eq!(
            without_commands("::error file=a::b\n  ::add-mask::x\na ::b\n"),
            ": :error file=a::b\n  : :add-mask::x\na ::b\n"
        );
        assert_eq!(
            without_commands("a ##[error]b ###[x] ##vso[y] ## [z]"),
            "a # #[error]b ## #[x] # #vso[y] ## [z]"
        );
        assert_eq!(without_commands("::::stop"), ": :::stop");
    }

    proptest! {
        #[test]
        fn nothing_that_controls_remains(text in any::<String>()) {
            let shown = visible(&text);
            let harmless = |character: char| !character.is_control() || character == '\n' || character == '\t';
            prop_assert!(shown.chars().all(harmless));
        }

        #[test]
        fn in_pieces_it_is_the_same(text in "[ :#\\[>vsoé\n]{0,40}", size in 1_usize..9, long in 1_usize..50) {
            let mut out = Vec::new();
            let mut calm = WithoutCommands { long, ..WithoutCommands::new(&mut out) };
            for piece in text.as_bytes().chunks(size) {
                calm.write_all(piece).unwrap();
            }
            calm.finish().unwrap();
            prop_assert_eq!(String::from_utf8(out).unwrap(), without_commands(&text));
        }

        #[test]
        fn what_is_calm_stays_as_it_is(text in "[ :#\\[vsoa\n]{0,40}") {
            let calm = without_commands(&text);
            prop_assert_eq!(without_commands(&calm), calm.clone());
            prop_assert!(!calm.contains("##[") && !calm.contains("##vso["));
            prop_assert!(calm.lines().all(|line| !line.trim_start().starts_with("::")));
        }
    }
}
