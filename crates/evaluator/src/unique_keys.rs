//! Maps of JSON in which no key may stand twice. A parser keeps the last of two; which one was meant, nobody knows.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

/// The entries of a map in their order; a key that stands a second time is an error.
pub(crate) struct UniqueKeys<K, V>(pub(crate) Vec<(K, V)>);

impl<'de, K: Deserialize<'de> + ToString, V: Deserialize<'de>> Deserialize<'de> for UniqueKeys<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + ToString, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = UniqueKeys<K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or_default().min(1024));
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<K>()? {
            let text = key.to_string();
            if seen.contains(&text) {
                return Err(A::Error::custom(format_args!("the key `{text}` stands twice")));
            }
            seen.insert(text);
            entries.push((key, map.next_value()?));
        }
        Ok(UniqueKeys(entries))
    }
}

/// For `deserialize_with` of a map.
pub(crate) fn unique_keys<'de, D, V, M>(deserializer: D) -> Result<M, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
    M: FromIterator<(String, V)>,
{
    UniqueKeys::deserialize(deserializer).map(|entries| entries.0.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Of(#[serde(deserialize_with = "unique_keys")] BTreeMap<String, u32>);

    #[test]
    fn a_key_that_stands_twice_is_refused_also_where_it_is_spelt_otherwise() {
        let read = |text: &str| serde_json::from_str::<Of>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"a": 1, "b": 1}"#).unwrap().0.len(), 2);
        insta::assert_snapshot!(read(r#"{"a": 1, "\u0061": 1}"#).unwrap_err(), @"the key `a` stands twice at line 1 column 17");
    }
}
