//! Ids in tables: text as it is, and everything else as hexadecimal digits in a column of its own, so that neither is taken for the other.

/// How the empty id is written where an empty cell means that there is none.
const EMPTY: &str = "0x";

/// An id as text, or else as digits. Control characters are no text for a table: `grep` and spreadsheets choke on them.
pub(super) fn written(id: Vec<u8>) -> (Option<String>, Option<String>) {
    match String::from_utf8(id) {
        Ok(text) if !text.chars().any(char::is_control) => (Some(text), None),
        Ok(text) => (None, Some(digits(text.as_bytes()))),
        Err(error) => (None, Some(digits(error.as_bytes()))),
    }
}

/// The same, of an id whose empty cell means that there is none.
pub(super) fn written_unless_empty(id: Vec<u8>) -> (Option<String>, Option<String>) {
    if id.is_empty() { (None, Some(EMPTY.to_owned())) } else { written(id) }
}

/// The bytes that digits stand for.
pub(super) fn read(digits: &str) -> Option<Vec<u8>> {
    let bytes = digits.as_bytes();
    if digits == EMPTY {
        return Some(Vec::new());
    }
    if !bytes.len().is_multiple_of(2) || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|start| u8::from_str_radix(&digits[start..start + 2], 16).ok()).collect()
}

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
