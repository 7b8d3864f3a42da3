//! JSON that can be shown anywhere and reads back as it was: everything that [`super::visible()`] and
//! [`super::visible::without_commands`] would change is written as an escape.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::ser::Formatter;

use super::visible::is_treacherous;

/// Writes a value, indented, and a line feed behind it.
pub(super) fn write(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    // A number, a quote, an indentation are each a write; `out` is told of them together.
    let mut out = io::BufWriter::with_capacity(64 << 10, out);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, SafeFormatter::default());
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Indents as the library's own [`serde_json::ser::PrettyFormatter`] does, which writes each step of an indentation for itself, and
/// escapes within texts.
#[derive(Default)]
struct SafeFormatter {
    depth: usize,
    has_value: bool,
}

/// So many spaces at once; reports are not as deep.
const SPACES: &[u8; 64] = &[b' '; 64];
const STEP: usize = 2;

impl SafeFormatter {
    /// A new line as deep as this is.
    fn line<W: ?Sized + io::Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        let mut spaces = self.depth * STEP;
        while spaces > 0 {
            let some = spaces.min(SPACES.len());
            out.write_all(&SPACES[..some])?;
            spaces -= some;
        }
        Ok(())
    }

    fn begin<W: ?Sized + io::Write>(&mut self, bracket: u8, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        out.write_all(&[bracket])
    }

    fn item<W: ?Sized + io::Write>(&self, first: bool, out: &mut W) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }

    fn end<W: ?Sized + io::Write>(&mut self, bracket: u8, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            self.line(out)?;
        }
        out.write_all(&[bracket])
    }
}

/// What of a text the library wrote as it is. It has no line breaks, and what goes before and behind it is a quote or an escape, so
/// that no mark of a command reaches over its ends.
fn write_fragment<W: ?Sized + io::Write>(out: &mut W, fragment: &str) -> io::Result<()> {
    // Most fragments are the names of keys.
    if fragment.bytes().all(|byte| byte < 0x7f && byte != b'[') {
        return out.write_all(fragment.as_bytes());
    }
    let mut written = 0;
    for (index, character) in fragment.char_indices() {
        let is_command = character == '[' && {
            let before = &fragment[..index];
            before.ends_with('#') || before.ends_with("##vso")
        };
        if character == '\u{7f}' || is_command || (!character.is_ascii() && is_treacherous(character)) {
            out.write_all(&fragment.as_bytes()[written..index])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            written = index + character.len_utf8();
        }
    }
    out.write_all(&fragment.as_bytes()[written..])
}

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        write_fragment(out, text)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(b'[', out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(b']', out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(first, out)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(b'{', out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(b'}', out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(first, out)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::visible::{visible, without_commands};

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        write(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_keeps_its_value_and_does_nothing() {
        let text = "##[error] \u{9b}31m \u{7f} \u{202e} \u{e0041} ##vso[x] #[y] é [1] #\n[ #\"[";
        let value = json!([text, {"#": [1, "[#"], text: []}, {}]);
        let document = written(&value);
        assert_eq!(serde_json::from_str::<Value>(&document).unwrap(), value);
        assert_eq!(visible(&document), document);
        assert_eq!(without_commands(&document), document);
    }

    #[test]
    fn it_is_indented_as_the_library_does() {
        let value = json!({"a": [], "b": {}, "c": [1, 2.5, null, {"d": "e\tf"}]});
        assert_eq!(written(&value), serde_json::to_string_pretty(&value).unwrap() + "\n");
        let deep = (0..70).fold(json!([1, {}, []]), |value, depth| {
            if depth % 2 == 0 { json!({"a": value, "b": depth}) } else { json!([depth, value]) }
        });
        assert_eq!(written(&deep), serde_json::to_string_pretty(&deep).unwrap() + "\n");
    }
}
