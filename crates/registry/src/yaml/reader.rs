//! Feeds a tree of nodes to a serde type; the first thing that does not fit comes back with its place and the node to leave out.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::located::{MARKER, Span};
use super::node::{Entry, Kind, Node};
use crate::problem::{closest, did_you_mean};

/// Why a node does not fit, and which node to leave out so that reading can go on.
#[derive(Debug)]
pub(super) struct ReadError {
    pub(super) code: &'static str,
    pub(super) message: Box<str>,
    pub(super) help: Option<Box<str>>,
    pub(super) span: Option<Span>,
    pub(super) leave_out: Option<usize>,
    /// Set where a required key is missing: a key that was left out before is not reported a second time.
    pub(super) missing_key: Option<&'static str>,
    pub(super) silent: bool,
    /// The part to leave out is the next larger one.
    whole: bool,
}

impl ReadError {
    fn new(code: &'static str, message: String, help: Option<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.map(Into::into),
            span: None,
            leave_out: None,
            missing_key: None,
            silent: false,
            whole: false,
        }
    }

    fn or_at(mut self, span: Span, leave_out: usize) -> Self {
        self.span.get_or_insert(span);
        if self.whole {
            self.whole = false;
        } else {
            self.leave_out.get_or_insert(leave_out);
        }
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// What separates a message from its help in a custom error of a type that reads itself.
const HELP: &str = "\nhelp: ";
/// Begins a custom error after which the enclosing value makes no sense without the part that did not fit.
const WHOLE: &str = "\nwhole: ";

/// An error with help, for types that read themselves by hand.
pub fn error_with_help<E: serde::de::Error>(message: impl fmt::Display, help: impl fmt::Display) -> E {
    E::custom(format_args!("{message}{HELP}{help}"))
}

/// An error with help about one key that makes the whole map unusable: the error stands at the key, the map is left out.
pub fn error_of_whole<E: serde::de::Error>(message: impl fmt::Display, help: impl fmt::Display) -> E {
    E::custom(format_args!("{WHOLE}{message}{HELP}{help}"))
}

impl serde::de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (message, whole) = match message.strip_prefix(WHOLE) {
            Some(message) => (message, true),
            None => (message.as_str(), false),
        };
        let (message, help) = match message.split_once(HELP) {
            Some((message, help)) => (message, Some(help.to_owned())),
            None => (message, None),
        };
        let mut error = Self::new("yaml::invalid_value", message.to_owned(), help);
        error.whole = whole;
        error
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain_words(expected);
        let help = match unexpected {
            Unexpected::Str(text) if expected == "`true` or `false`" && is_old_boolean(text) => {
                Some(format!("write `true` or `false`: `{text}` is text in YAML 1.2"))
            }
            _ => None,
        };
        Self::new("yaml::wrong_type", format!("expected {expected}, found {}", describe(unexpected)), help)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(
            "yaml::invalid_value",
            format!("expected {}, found {}", plain_words(expected), describe(unexpected)),
            None,
        )
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = did_you_mean(variant, expected.iter().copied(), "values");
        Self::new("yaml::unknown_value", format!("unknown value `{variant}`"), Some(help))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = did_you_mean(field, expected.iter().copied(), "keys");
        Self::new("yaml::unknown_key", format!("unknown key `{field}`"), Some(help))
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new("yaml::missing_key", format!("the key `{field}` is missing"), None);
        error.missing_key = Some(field);
        error
    }
}

/// What a type asks for, without the names of a programming language.
fn plain_words(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "a boolean" => "`true` or `false`",
        "a string" => "text",
        "a sequence" => "a list",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "unit" => "nothing",
        other if other.starts_with("struct ") => "a map",
        other if other.starts_with("enum ") => "one of the known values",
        other if other.starts_with("a nonzero u") => "a whole number, 1 or more",
        other => other,
    }
    .to_owned()
}

fn is_old_boolean(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
}

fn describe(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(value) if value.chars().count() > 40 => {
            format!("the text \"{}…\"", value.chars().take(40).collect::<String>())
        }
        Unexpected::Str(value) => format!("the text \"{value}\""),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "a map".to_owned(),
        other => other.to_string(),
    }
}

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
        self.here(ReadError::new(
            "yaml::wrong_type",
            format!("expected text, but `{written}` is read as {read_as}"),
            Some(format!("put it in quotes: \"{written}\"")),
        ))
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
        } else {
            visitor.visit_newtype_struct(self)
        }
        .map_err(|error| self.here(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
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

struct Sequence<'a> {
    reader: Reader<'a>,
    elements: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Sequence<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        for element in self.elements.by_ref() {
            if !self.reader.left_out.contains(&element.id) {
                let reader = self.reader.inner(element);
                return seed.deserialize(reader).map(Some).map_err(|error| reader.here(error));
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

struct Map<'a> {
    reader: Reader<'a>,
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Map<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        for entry in self.entries.by_ref() {
            if !self.reader.left_out.contains(&entry.value.id) {
                self.value = Some(entry);
                return seed
                    .deserialize(Key { entry })
                    .map(Some)
                    .map_err(|error| error.or_at(entry.key_span, entry.value.id));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let entry =
            self.value.take().ok_or_else(|| ReadError::custom("a value was asked for before its key"))?;
        let reader = self.reader.inner(&entry.value);
        seed.deserialize(reader).map_err(|error| match &entry.value.kind {
            // `key:` with nothing behind it: the key is the only thing to point at.
            Kind::Null => error.or_at(entry.key_span, entry.value.id),
            // A map starts at its first key; what is missing in it is better shown at the key it belongs to.
            Kind::Map(_) if error.code == "yaml::missing_key" && error.leave_out == Some(entry.value.id) => {
                ReadError { span: Some(entry.key_span), ..error }
            }
            _ => reader.here(error),
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A key, which may be asked for with its place.
struct Key<'a> {
    entry: &'a Entry,
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(&self.entry.key)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == MARKER {
            visitor.visit_seq(KeyWithPlace { key: self, step: 0 })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(StrDeserializer::new(&self.entry.key))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct KeyWithPlace<'a> {
    key: Key<'a>,
    step: u8,
}

impl<'de> SeqAccess<'de> for KeyWithPlace<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.step += 1;
        match self.step {
            1 => seed.deserialize(U64Deserializer::new(self.key.entry.key_span.start as u64)).map(Some),
            2 => seed.deserialize(U64Deserializer::new(self.key.entry.key_span.end as u64)).map(Some),
            3 => seed.deserialize(Key { entry: self.key.entry }).map(Some),
            _ => Ok(None),
        }
    }
}

struct WithPlace<'a> {
    reader: Reader<'a>,
    step: u8,
}

impl<'de> SeqAccess<'de> for WithPlace<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.step += 1;
        match self.step {
            1 => seed.deserialize(U64Deserializer::new(self.reader.node.span.start as u64)).map(Some),
            2 => seed.deserialize(U64Deserializer::new(self.reader.node.span.end as u64)).map(Some),
            3 => seed.deserialize(self.reader).map(Some),
            _ => Ok(None),
        }
    }
}

/// `{name: value}` as an enum.
struct Variant<'a> {
    reader: Reader<'a>,
    entry: &'a Entry,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = ReadError;
    type Variant = VariantValue<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), ReadError> {
        let name = seed
            .deserialize(Key { entry: self.entry })
            .map_err(|error| error.or_at(self.entry.key_span, self.reader.node.id))?;
        Ok((name, VariantValue(self.reader.inner(&self.entry.value))))
    }
}

struct VariantValue<'a>(Reader<'a>);

impl<'de> VariantAccess<'de> for VariantValue<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.0.node.kind {
            Kind::Null => Ok(()),
            _ => Err(self.0.here(ReadError::new(
                "yaml::wrong_type",
                "this one takes no value".to_owned(),
                None,
            ))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.0).map_err(|error| self.0.here(error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.0.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.0.deserialize_any(visitor)
    }
}
