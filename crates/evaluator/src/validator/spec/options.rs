//! How the argument of a check is written: the main value alone, or a map of options in which it is called `value` or `values`.

use std::fmt;
use std::marker::PhantomData;

use promptassay_registry::yaml::{Located, any_spelled};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Value, json};

/// The options of a check, which can be read from a map.
pub(in crate::validator) trait Options: Sized {
    /// The main value where it stands alone.
    type Short;
    /// What an argument may be, in words.
    const EXPECTING: &'static str;
    /// Whether the main value is text, and a number is wanted as it is spelled, to be told what it lacks.
    const SPELLED: bool = false;

    /// The options with nothing but the main value.
    fn short(value: Located<Self::Short>) -> Self;
}

/// Options in either form.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(transparent)]
pub(in crate::validator) struct Argument<O>(pub(in crate::validator) O);

impl<O: Options + JsonSchema> Argument<O>
where
    O::Short: JsonSchema,
{
    /// The JSON Schema of both forms.
    pub(super) fn schema(generator: &mut SchemaGenerator) -> Value {
        let short = O::Short::json_schema(generator).to_value();
        let mut options = O::json_schema(generator).to_value();
        if let Some(options) = options.as_object_mut() {
            options.remove("description");
            options.remove("title");
        }
        json!({"anyOf": [short, options]})
    }
}

impl<'de, O> Deserialize<'de> for Argument<O>
where
    O: Options + Deserialize<'de>,
    O::Short: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Located { value, span } = Located::<Either<O>>::deserialize(deserializer)?;
        Ok(Self(match value {
            Either::Short(value) => O::short(Located { value, span }),
            Either::Options(options) => options,
        }))
    }
}

enum Either<O: Options> {
    Short(O::Short),
    Options(O),
}

impl<'de, O> Deserialize<'de> for Either<O>
where
    O: Options + Deserialize<'de>,
    O::Short: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = EitherVisitor(PhantomData);
        if O::SPELLED { any_spelled(deserializer, visitor) } else { deserializer.deserialize_any(visitor) }
    }
}

struct EitherVisitor<O>(PhantomData<O>);

impl<'de, O> EitherVisitor<O>
where
    O: Options + Deserialize<'de>,
    O::Short: Deserialize<'de>,
{
    fn scalar<T: IntoDeserializer<'de, E>, E: Error>(
        self,
        scalar: T,
        unexpected: Unexpected<'_>,
    ) -> Result<Either<O>, E> {
        O::Short::deserialize(scalar.into_deserializer())
            .map(Either::Short)
            // What the short form alone would accept is less than the argument accepts.
            .map_err(|_: E| E::invalid_type(unexpected, &self))
    }
}

impl<'de, O> Visitor<'de> for EitherVisitor<O>
where
    O: Options + Deserialize<'de>,
    O::Short: Deserialize<'de>,
{
    type Value = Either<O>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(O::EXPECTING)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Either<O>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Either<O>, E> {
        self.scalar(value, Unexpected::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Either<O>, E> {
        self.scalar(value, Unexpected::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Either<O>, E> {
        self.scalar(value, Unexpected::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Either<O>, E> {
        self.scalar(value, Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Either<O>, E> {
        self.scalar(value, Unexpected::Str(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Either<O>, A::Error> {
        if O::SPELLED {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        O::Short::deserialize(SeqAccessDeserializer::new(sequence)).map(Either::Short)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<O>, A::Error> {
        O::deserialize(MapAccessDeserializer::new(map)).map(Either::Options)
    }
}
