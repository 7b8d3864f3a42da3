//! SHA-256 digests of bytes and of JSON values.
//!
//! Digests of files are taken of the bytes as they are on disk, so that `sha256sum` agrees on every platform. This module must
//! not read files and must not normalise text.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// The digest of these pieces one behind the other, without a copy of the whole.
    pub fn of_pieces<T: AsRef<[u8]>>(pieces: impl IntoIterator<Item = T>) -> Self {
        let mut hasher = Sha256::new();
        for piece in pieces {
            hasher.update(piece.as_ref());
        }
        Self(hasher.finalize().into())
    }

    /// The digest of a JSON value in the normal form of [`canonical_json`].
    pub fn of_json(value: &Value) -> Self {
        Self::of(canonical_json(value))
    }

    /// The first 12 hexadecimal digits: enough for people to tell texts apart, not enough to prove anything.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: runs of many cases write many digests.
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEXADECIMAL[usize::from(byte >> 4)];
            pair[1] = HEXADECIMAL[usize::from(byte & 15)];
        }
        formatter.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

/// The text is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 digest is 64 hexadecimal digits in lower case")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| InvalidDigest)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hexadecimal(pair[0])? << 4 | hexadecimal(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn hexadecimal(digit: u8) -> Result<u8, InvalidDigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidDigest),
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A JSON value as text in the one form that is digested.
///
/// UTF-8 without white space; the keys of every object in the order of their Unicode code points; strings with only the
/// escapes that JSON demands; integers as decimal digits, other numbers as the shortest text that reads back the same, always
/// with a point or an exponent. So `1` and `1.0` differ, as they do in a rendered prompt.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_text(key, text);
                text.push(':');
                write_canonical(member, text);
            }
            text.push('}');
        }
        Value::String(value) => write_text(value, text),
        // Writing to a `String` cannot fail.
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

/// A JSON string. Most need no escapes, and are copied.
fn write_text(value: &str, text: &mut String) {
    if value.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        let _ = write!(text, "{}", Value::from(value));
    }
}

/// A text as a JSON string in the form of [`canonical_json`].
pub fn canonical_text(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    write_text(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_digest_is_what_sha256sum_says() {
        let digest = Digest::of("abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.short(), "ba7816bf8f01");
    }

    #[test]
    fn only_64_lower_case_digits_are_a_digest() {
        let text = Digest::of("abc").to_string();
        for wrong in ["", &text[1..], &text.to_uppercase(), &text.replace('b', "g"), &format!("{text}0")] {
            assert_eq!(wrong.parse::<Digest>(), Err(InvalidDigest), "{wrong}");
        }
        assert!("é".repeat(32).parse::<Digest>().is_err());
    }

    #[test]
    fn canonical_json_sorts_keys_at_every_depth_and_keeps_lists() {
        let value = json!({"b": [{"z": 1, "a": 1.0}], "a": "é\n\"", "B": null});
        assert_eq!(canonical_json(&value), r#"{"B":null,"a":"é\n\"","b":[{"a":1.0,"z":1}]}"#);
    }

    #[test]
    fn an_integer_and_a_float_differ() {
        assert_ne!(Digest::of_json(&json!(1)), Digest::of_json(&json!(1.0)));
    }

    proptest! {
        #[test]
        fn printing_and_parsing_is_the_identity(bytes: Vec<u8>) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
            let json = serde_json::to_string(&digest).unwrap();
            prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }

        #[test]
        fn pieces_have_the_digest_of_the_whole(pieces: Vec<Vec<u8>>) {
            prop_assert_eq!(Digest::of_pieces(&pieces), Digest::of(pieces.concat()));
        }

        #[test]
        fn a_canonical_text_is_what_the_library_writes(text in prop_oneof![".*", "[ -~]*", any::<String>()]) {
            let written = Value::from(text.as_str()).to_string();
            prop_assert_eq!(canonical_text(&text), written.as_str());
            prop_assert_eq!(canonical_json(&json!({&text: &text})), format!("{{{written}:{written}}}"));
        }

        #[test]
        fn canonical_json_reads_back_as_the_same_value(key in ".*", text in ".*", number: i64, float in -1e300..1e300) {
            let value = json!({key: [text, number, float, true]});
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical_json(&value)).unwrap(), value);
        }
    }
}
