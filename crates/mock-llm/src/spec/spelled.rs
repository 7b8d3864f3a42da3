//! Durations as they are written. A number without its unit is taken as it is, so that what is said of it is that the unit is missing.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A duration that must be there.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Spelled::deserialize(deserializer).map(|spelled| spelled.0)
}

/// A duration that may be left out.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Spelled>::deserialize(deserializer)?.map(|spelled| spelled.0))
}

struct Spelled(String);

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpelledVisitor)
    }
}

struct SpelledVisitor;

impl Visitor<'_> for SpelledVisitor {
    type Value = Spelled;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration, such as `250ms`")
    }

    fn visit_str<E: Error>(self, written: &str) -> Result<Spelled, E> {
        Ok(Spelled(written.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Spelled, E> {
        Ok(Spelled(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Spelled, E> {
        Ok(Spelled(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Spelled, E> {
        Ok(Spelled(number.to_string()))
    }
}
