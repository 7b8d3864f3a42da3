//! The smallest possible change to YAML that a person wrote: one scalar is replaced, every other byte stays.

use super::located::Span;

/// Why a value cannot be replaced in place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    /// The value is an alias, a block scalar or not a scalar.
    #[error(
        "the value `{written}` cannot be replaced in place: write it as plain or quoted text on one line"
    )]
    NotInPlace {
        /// The bytes that stand there.
        written: String,
    },
}

/// The text with the scalar at `span` replaced by `value`, quoted the way the old one was. Comments, order, line endings
/// and indentation stay as they are.
pub fn replace_scalar(text: &str, span: Span, value: &str) -> Result<String, EditError> {
    let refuse =
        || EditError::NotInPlace { written: text.get(span.start..span.end).unwrap_or_default().to_owned() };
    let written = text.get(span.start..span.end).ok_or_else(refuse)?;
    let replacement = match written.as_bytes().first() {
        None | Some(b'*' | b'&' | b'|' | b'>' | b'!' | b'{' | b'[') => return Err(refuse()),
        Some(_) if written.contains('\n') => return Err(refuse()),
        Some(b'"') => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
        Some(b'\'') => format!("'{}'", value.replace('\'', "''")),
        Some(_) if is_plain(value) => value.to_owned(),
        Some(_) => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    Ok([&text[..span.start], &replacement, &text[span.end..]].concat())
}

/// Whether text needs no quotes and cannot be read as anything but text. Strict on purpose: quoting is always right.
fn is_plain(value: &str) -> bool {
    let mut bytes = value.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && !matches!(
            value.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, old: &str, new: &str) -> Result<String, EditError> {
        let start = text.find(old).unwrap();
        replace_scalar(text, Span { start, end: start + old.len() }, new)
    }

    #[test]
    fn only_the_scalar_changes_and_keeps_its_quotes() {
        assert_eq!(edit("a: v1.0.0 # why\r\n", "v1.0.0", "v1.1.0").unwrap(), "a: v1.1.0 # why\r\n");
        assert_eq!(edit("a: 'v1.0.0'", "'v1.0.0'", "it's").unwrap(), "a: 'it''s'");
        assert_eq!(edit("a: \"v\"", "\"v\"", "a\"b").unwrap(), "a: \"a\\\"b\"");
        assert_eq!(edit("a: v", "v", "no").unwrap(), "a: \"no\"");
        assert_eq!(edit("{a: v, b: c}", "v", "1.0").unwrap(), "{a: \"1.0\", b: c}");
    }

    #[test]
    fn what_cannot_be_replaced_in_place_is_refused() {
        for written in ["*alias", "|", ">-", "[a]", "{a: b}", "!!str x"] {
            let text = format!("a: {written}");
            assert!(edit(&text, written, "v1").is_err(), "{written}");
        }
        assert!(replace_scalar("a: ", Span { start: 3, end: 3 }, "v1").is_err());
    }
}
