//! The beginning of a head, as people copy it out of a log.

use std::fmt;
use std::str::FromStr;

use promptassay_registry::digest::Digest;

/// At least the first 8 hexadecimal digits of the hash of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadPrefix(String);

/// The text is not the beginning of a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a head is a hash: at least its first 8 hexadecimal digits, in lower case")]
pub struct InvalidHead;

impl HeadPrefix {
    /// Whether the hash begins so.
    pub fn matches(&self, hash: &Digest) -> bool {
        hash.to_string().starts_with(&self.0)
    }
}

impl FromStr for HeadPrefix {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if (8..=64).contains(&text.len()) && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidHead)
        }
    }
}

impl fmt::Display for HeadPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_long_enough_to_mean_one_line() {
        let hash = Digest::of("x");
        for length in [8, 12, 64] {
            assert!(hash.to_string()[..length].parse::<HeadPrefix>().unwrap().matches(&hash));
        }
        assert!(!"00000000".parse::<HeadPrefix>().unwrap().matches(&hash));
        for wrong in ["", "1234567", "ABCDEF12", "g2345678", &"0".repeat(65)] {
            assert_eq!(wrong.parse::<HeadPrefix>(), Err(InvalidHead), "{wrong}");
        }
    }
}
