//! JSON as servers and programs write it, which is not always JSON as its standard has it.

use serde_json::Value;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What stands in the place of half a character.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// Reads what may begin with a byte order mark, and may hold escapes of half a character such as `\ud83d`: languages whose strings are
/// UTF-16 write one where a text is cut within an emoji. No text can hold it, so U+FFFD takes its place.
pub(crate) fn read(text: &[u8]) -> serde_json::Result<Value> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    serde_json::from_slice(text).or_else(|error| match without_half_characters(text) {
        // Where more is wrong, the first error says where.
        Some(whole) => serde_json::from_slice(&whole).map_err(|_| error),
        None => Err(error),
    })
}

/// What stands at the end of this path of keys, and of places in lists. [`Value::pointer`] copies every key twice before it looks.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(members) => members.get(*key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// `None` where there are none.
fn without_half_characters(text: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some(escape) = memchr::memchr(b'\\', rest) {
        whole.extend_from_slice(&rest[..escape]);
        rest = &rest[escape..];
        let (length, is_half) = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            (Some(_), _) => (6, false),
            (None, _) => (2.min(rest.len()), false),
        };
        whole.extend_from_slice(if is_half { REPLACEMENT } else { &rest[..length] });
        rest = &rest[length..];
        found |= is_half;
    }
    whole.extend_from_slice(rest);
    found.then_some(whole)
}

/// The code unit that an escape at the beginning of a text stands for.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok())?;
        Some(unit << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_json() {
        assert_eq!(read(b"\xef\xbb\xbf{\"a\": 1}").unwrap(), json!({"a": 1}));
        assert!(read(b"\xef\xbb\xbf\xef\xbb\xbf1").is_err());
    }

    #[test]
    fn half_a_character_is_replaced_and_whole_ones_stay() {
        for (text, read_as) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""a\uDE00b""#, "a\u{fffd}b"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d\ud83d\ude00\ud83d""#, "\u{fffd}😀\u{fffd}"),
            (r#""\ud83d\n\\ud83d\u00e9""#, "\u{fffd}\n\\ud83dé"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), *read_as, "{text}");
        }
        for broken in [r#""\ud83d"#, r#"{"a": "\ud83d", b}"#, "\"\\", r#""\ud8"#] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_path_of_keys_and_places_is_followed_as_a_pointer_is() {
        let value = json!({"a": [{"b": 1}, 2], "0": "c", "d": null, "": 3});
        for path in [
            &["a", "0", "b"][..],
            &["a", "1"],
            &["a", "2"],
            &["a", "b"],
            &["0"],
            &["d"],
            &["d", "e"],
            &["a", "0", "b", "c"],
            &[""],
            &[],
        ] {
            let pointer: String = path.iter().flat_map(|key| ["/", key]).collect();
            assert_eq!(at(&value, path), value.pointer(&pointer), "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn what_is_json_is_read_as_it_is(text in any::<String>(), units in prop::collection::vec(any::<u16>(), 0..8)) {
            let value = json!({"a": text});
            prop_assert_eq!(read(value.to_string().as_bytes()).unwrap(), value);
            let escaped: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            prop_assert_eq!(read(format!("\"{}\"", escaped.concat()).as_bytes()).unwrap(), String::from_utf16_lossy(&units));
        }
    }
}
