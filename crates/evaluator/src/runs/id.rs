//! The id of a run.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A UUID of version 7, in lower case with hyphens: ids in the order of their text are in the order of their time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// The text is not the id of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of a run is a UUID of version 7, such as 019aae2f-3a51-7c04-a1c2-6d2f6f1b7a10")]
pub struct InvalidRunId;

impl RunId {
    /// The id of these 16 bytes. The bits that say what kind of UUID it is are set to those of version 7.
    pub fn from_version_7(mut bytes: [u8; 16]) -> Self {
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The same id a millisecond after `other`, whatever its own time is.
    pub(super) fn moved_behind(&self, other: &Self) -> Self {
        let after = other.milliseconds().saturating_add(1).min((1 << 48) - 1);
        let digits = format!("{after:012x}");
        Self(format!("{}-{}{}", &digits[..8], &digits[8..], &self.0[13..]))
    }

    /// When the run began, as the id has it.
    pub fn time(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(i64::try_from(self.milliseconds()).ok()?).ok()
    }

    /// The first 12 digits.
    fn milliseconds(&self) -> u64 {
        u64::from_str_radix(&[&self.0[..8], &self.0[9..13]].concat(), 16).unwrap_or(0)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                14 => byte == b'7',
                19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidRunId) }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
