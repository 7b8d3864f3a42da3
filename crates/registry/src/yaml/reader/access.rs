//! The parts of a node, handed to serde one by one: elements, keys and values, places, variants.

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::super::located::MARKER;
use super::super::node::{Entry, Kind, Node};
use super::{ReadError, Reader};

pub(super) struct Sequence<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) elements: std::slice::Iter<'a, Node>,
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

pub(super) struct Map<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) entries: std::slice::Iter<'a, Entry>,
    pub(super) value: Option<&'a Entry>,
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
                error.with_span(entry.key_span)
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

pub(super) struct WithPlace<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) step: u8,
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
pub(super) struct Variant<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) entry: &'a Entry,
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

pub(super) struct VariantValue<'a>(Reader<'a>);

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
