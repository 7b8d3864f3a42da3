//! Values whose owner knows better than "put it in quotes" what a bare number lacks: `5` a unit, `1.10` a third number.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::located::Located;

/// The name by which the reader of this module recognises that a number is wanted as it is spelled.
pub(super) const SPELLED: &str = "$promptassay::spelled";

/// Text, or a number as it is spelled; `None` where nothing stands.
pub fn spelled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Located<String>>, D::Error> {
    let spelled = Option::<Located<Spelled>>::deserialize(deserializer)?;
    Ok(spelled.map(|spelled| Located { value: spelled.value.0, span: spelled.span }))
}

/// Text, or a number as it is spelled.
pub fn spelled_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Located<String>, D::Error> {
    let spelled = Located::<Spelled>::deserialize(deserializer)?;
    Ok(Located { value: spelled.value.0, span: spelled.span })
}

/// Hands a visitor what stands there as `deserialize_any` does, but a number as the text that it is spelled as. The visitor's
/// `visit_newtype_struct` has to ask for anything.
pub fn any_spelled<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
) -> Result<V::Value, D::Error> {
    deserializer.deserialize_newtype_struct(SPELLED, visitor)
}

struct Spelled(String);

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SPELLED, SpelledVisitor)
    }
}

struct SpelledVisitor;

impl<'de> Visitor<'de> for SpelledVisitor {
    type Value = Spelled;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text")
    }

    fn visit_str<E: Error>(self, written: &str) -> Result<Spelled, E> {
        Ok(Spelled(written.to_owned()))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Spelled, D::Error> {
        String::deserialize(deserializer).map(Spelled)
    }
}
