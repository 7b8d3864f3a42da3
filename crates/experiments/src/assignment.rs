//! Which variant a unit gets: a pure function of the experiment and the bytes of the unit's id.
//!
//! Two schemes, each fixed for ever byte by byte in `docs/experiments.md`, so that other languages agree. Nothing here reads a
//! clock, a store or a file, and assigning allocates nothing.

mod classic;
mod hashed;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use classic::Classic;
use hashed::Hashed;

/// How units are spread over variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// `sha256-u64-v2`: a seed of its own, integer weights, exposure drawn apart from the variant.
    #[default]
    Sha256U64V2,
    /// `md5-10000-v1`: 10,000 buckets of MD5 over `experiment:unit`, with floating point weights.
    Md5V1,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 2] = [Self::Sha256U64V2, Self::Md5V1];

    /// The name as it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256U64V2 => "sha256-u64-v2",
            Self::Md5V1 => "md5-10000-v1",
        }
    }
}

impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The 128 random bits that make the assignments of one experiment independent of those of every other one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed([u8; 16]);

impl Seed {
    /// A seed of these bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The text is not a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seed is 32 hexadecimal digits in lower case")]
pub struct InvalidSeed;

impl FromStr for Seed {
    type Err = InvalidSeed;

    fn from_str(text: &str) -> Result<Self, InvalidSeed> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(InvalidSeed);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| InvalidSeed)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Seed({self})")
    }
}

/// The share of units that take part, in millionths: what a file says is what is drawn, without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exposure(u32);

/// One whole, in millionths.
const MILLION: u32 = 1_000_000;

impl Exposure {
    /// Every unit takes part.
    pub const EVERYBODY: Self = Self(MILLION);

    /// A share in [0, 1] with at most six decimals; `None` for everything else.
    pub fn from_share(share: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        let millionths = share * f64::from(MILLION);
        let rounded = millionths.round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
        let exact = Self(rounded as u32);
        ((millionths - rounded).abs() < 1e-6).then_some(exact)
    }

    /// The share, in [0, 1].
    pub fn share(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }

    /// The share in millionths.
    pub fn millionths(self) -> u32 {
        self.0
    }
}

/// Why weights cannot spread units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWeights {
    /// There are none.
    #[error("there are no variants")]
    None,
    /// All are 0.
    #[error("all weights are 0, so no variant can be chosen")]
    AllZero,
    /// One is below 0.
    #[error("a weight is negative")]
    Negative,
    /// One is NaN or infinite, or their sum is.
    #[error("a weight, or the sum of the weights, is not a finite number")]
    NotFinite,
}

/// The id is empty: all units without an id would share one variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all units without an id would get the same variant, so an empty id is refused")]
pub struct EmptyUnit;

/// What a unit gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assignment {
    /// The variant at this index.
    Variant(usize),
    /// The unit takes no part: it is served as if there were no experiment, and it is not counted.
    NotExposed,
}

/// Spreads units over variants.
#[derive(Debug, Clone)]
pub struct Assigner {
    kind: Kind,
    allows_empty: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Classic(Classic),
    Hashed(Hashed),
}

/// What `sha256-u64-v2` hashes beside the unit id.
#[derive(Debug, Clone, Copy)]
pub struct HashedKey<'a> {
    /// The seed of the experiment.
    pub seed: Seed,
    /// The phase; another phase is another spread.
    pub phase: u32,
    /// What the ids identify, such as `user`.
    pub unit_type: &'a str,
}

impl Assigner {
    /// `md5-10000-v1`, bit for bit the scheme of plain scripts: every finite, non-negative weight goes, with a positive sum.
    pub fn classic(experiment: &str, weights: &[f64]) -> Result<Self, InvalidWeights> {
        Ok(Self { kind: Kind::Classic(Classic::new(experiment, weights)?), allows_empty: false })
    }

    /// `sha256-u64-v2`.
    pub fn hashed(key: &HashedKey<'_>, weights: &[u32], exposure: Exposure) -> Result<Self, InvalidWeights> {
        Ok(Self { kind: Kind::Hashed(Hashed::new(key, weights, exposure)?), allows_empty: false })
    }

    /// The same, accepting the empty id as an id like any other.
    pub fn allowing_empty(mut self, allows: bool) -> Self {
        self.allows_empty = allows;
        self
    }

    /// What the unit with this id gets. The id is bytes: never trimmed, never normalised. Allocates nothing.
    pub fn assign(&self, unit: &[u8]) -> Result<Assignment, EmptyUnit> {
        if unit.is_empty() && !self.allows_empty {
            return Err(EmptyUnit);
        }
        Ok(match &self.kind {
            Kind::Classic(classic) => Assignment::Variant(classic.variant(unit)),
            Kind::Hashed(hashed) => hashed.assign(unit),
        })
    }

    /// The share that each variant really gets of those who take part; they add up to 1. Under the classic scheme every bucket
    /// is asked, because rounding makes these differ from weight / total.
    pub fn effective_shares(&self) -> Vec<f64> {
        match &self.kind {
            Kind::Classic(classic) => classic.shares(),
            Kind::Hashed(hashed) => hashed.shares(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_reads_what_it_writes() {
        let seed: Seed = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        assert_eq!(seed.as_bytes()[15], 15);
        assert_eq!(seed.to_string(), "000102030405060708090a0b0c0d0e0f");
        for wrong in ["", "0", "+00102030405060708090a0b0c0d0e0f", "000102030405060708090A0b0c0d0e0f"] {
            assert_eq!(wrong.parse::<Seed>(), Err(InvalidSeed), "{wrong}");
        }
    }

    #[test]
    fn exposure_is_exact_or_refused() {
        assert_eq!(Exposure::from_share(1.0), Some(Exposure::EVERYBODY));
        assert_eq!(Exposure::from_share(0.000_001).map(Exposure::millionths), Some(1));
        assert_eq!(Exposure::from_share(0.1 + 0.2).map(Exposure::millionths), Some(300_000));
        for wrong in [-0.1, 1.1, f64::NAN, 0.000_000_4] {
            assert_eq!(Exposure::from_share(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_empty_id_is_refused_unless_allowed() {
        let assigner = Assigner::classic("e", &[1.0]).unwrap();
        assert_eq!(assigner.assign(b""), Err(EmptyUnit));
        assert_eq!(assigner.allowing_empty(true).assign(b""), Ok(Assignment::Variant(0)));
    }
}
