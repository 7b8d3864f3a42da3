//! Feeds a tree of nodes to a serde type; the first thing that does not fit comes back with its place and the node to leave out.

mod access;
mod error;

use std::collections::HashSet;

use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::located::MARKER;
use super::node::{Entry, Kind, Node};
use super::spelled::SPELLED;
use crate::problem::closest;
use access::{Map, Sequence, Variant, WithPlace};
use error::ReadError;

pub(super) use error::UNKNOWN_KEY;
pub use error::{error_of_whole, error_with_help};

/// A node on its way into a serde type.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) node: &'a Node,
    pub(super) text: &'a str,
    pub(super) left_out: &'a HashSet<usize>,
}

impl<'a> Reader<'a> {
    fn inner(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn written(self) -> &'a str {
        self.text.get(self.node.span.start..self.node.span.end).unwrap_or_default()
    }

    fn here(self, error: ReadError) -> ReadError {
        let span = match &self.node.kind {
            // A block map is shown by its first key: it has no bytes of its own there.
            Kind::Map(entries) if !self.written().starts_with('{') => {
                entries.first().map_or(self.node.span, |first| first.key_span)
            }
            _ => self.node.span,
        };
        error.or_at(span, self.node.id)
    }

    /// Text is asked for and something else stands here: usually a version, a number or a boolean without quotes.
    fn not_text(self) -> ReadError {
        let written = self.written();
        let read_as = match &self.node.kind {
            Kind::Integer(_) | Kind::Float(_) => "a number",
            Kind::Boolean(_) => "a boolean",
            Kind::Null => {
                let help = "write the text, or \"\" for empty text".to_owned();
                return self.here(ReadError::new(
                    "yaml::wrong_type",
                    "expected text, found nothing".to_owned(),
                    Some(help),
                ));
            }
            Kind::Sequence(_) => {
                return self.here(ReadError::new(
                    "yaml::wrong_type",
                    "expected text, found a list".to_owned(),
                    None,
                ));
            }
            Kind::Map(_) => {
                let help = written
                    .starts_with('{')
                    .then(|| "put text that starts with a brace in quotes".to_owned());
                return self.here(ReadError::new(
                    "yaml::wrong_type",
                    "expected text, found a map".to_owned(),
                    help,
                ));
            }
            Kind::Text(_) => "text",
        };
        let message = format!("expected text, but `{written}` is read as {read_as}");
        let help = format!("put it in quotes: \"{written}\"");
        let discreet = format!("expected text, but what stands here is read as {read_as}");
        self.here(
            ReadError::new("yaml::wrong_type", message, Some(help))
                .or_discreetly(discreet, Some("put it in quotes")),
        )
    }

    fn visit_map<'de, V: Visitor<'de>>(
        self,
        entries: &'a [Entry],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let access = Map { reader: self, entries: entries.iter(), value: None };
        visitor.visit_map(access).map_err(|mut error| {
            let was_left_out = |entry: &&Entry| self.left_out.contains(&entry.value.id);
            if let Some(key) = error.missing_key.take() {
                // Whoever reads that `nam` is unknown and may mean `name` need not read that `name` is missing.
                error.silent =
                    entries.iter().filter(was_left_out).any(|entry| closest(&entry.key, [key]).is_some());
            } else if error.span.is_none() {
                // What a type says of the map as a whole is no news where a part of the map is already reported.
                error.silent = entries.iter().any(|entry| was_left_out(&entry));
            }
            self.here(error)
        })
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Boolean(value) => visitor.visit_bool(*value),
            Kind::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (_, Ok(value)) => visitor.visit_u64(value),
                (Ok(value), _) => visitor.visit_i64(value),
                _ => visitor.visit_i128(*value),
            },
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(value) => visitor.visit_str(value),
            Kind::Sequence(elements) => {
                visitor.visit_seq(Sequence { reader: self, elements: elements.iter() })
            }
            Kind::Map(entries) => return self.visit_map(entries, visitor),
        }
        .map_err(|error| self.here(error))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Text(value) => visitor.visit_str(value).map_err(|error| self.here(error)),
            _ => Err(self.not_text()),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|error: ReadError| self.here(error))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == MARKER {
            visitor.visit_seq(WithPlace { reader: self, step: 0 })
        } else if name == SPELLED && matches!(self.node.kind, Kind::Integer(_) | Kind::Float(_)) {
            visitor.visit_str(self.written())
        } else {
            visitor.visit_newtype_struct(self)
        }
        .map_err(|error| self.here(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Text(variant) => visitor.visit_enum(variant.as_str().into_deserializer()),
            Kind::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(Variant { reader: self, entry: &entries[0] }).map_err(
                    |mut error: ReadError| {
                        // Without its only key the map would be another mistake, so the whole of it is left out.
                        error.leave_out = Some(self.node.id);
                        error
                    },
                )
            }
            Kind::Map(entries) => Err(ReadError::new(
                "yaml::wrong_type",
                format!("expected a map with exactly one key, found {}", entries.len()),
                None,
            )),
            // Quotes would make it the next mistake: text that is none of the values.
            Kind::Integer(_) | Kind::Float(_) | Kind::Boolean(_) if !variants.contains(&self.written()) => {
                Err(serde::de::Error::unknown_variant(self.written(), variants))
            }
            _ => Err(self.not_text()),
        }
        .map_err(|error| self.here(error))
    }

    /// A struct is a map: serde would also fill its fields from a list, by position.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.node.kind {
            Kind::Sequence(_) => {
                let message = "expected a map, found a list".to_owned();
                Err(self.here(ReadError::new("yaml::wrong_type", message, None)))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier
    }
}
