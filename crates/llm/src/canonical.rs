//! One canonical text per JSON value, so that a digest of it is stable. Must not depend on insertion order.

use serde_json::{Map, Value};

/// One line of JSON without spaces, object keys sorted by code point at every level.
pub(crate) fn to_text(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            Value::Object(
                entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_at_every_level_and_lists_keep_their_order() {
        let value = json!({"b": [{"z": 1, "a": 2}, 3], "a": "é"});
        assert_eq!(to_text(&value), r#"{"a":"é","b":[{"a":2,"z":1},3]}"#);
    }

    proptest! {
        #[test]
        fn insertion_order_does_not_matter(keys in proptest::collection::hash_set("[a-zé]{1,4}", 0..8)) {
            let forwards: Map<String, Value> = keys.iter().map(|key| (key.clone(), json!(key))).collect();
            let backwards: Map<String, Value> = forwards.iter().rev().map(|(key, value)| (key.clone(), value.clone())).collect();
            prop_assert_eq!(to_text(&Value::Object(forwards)), to_text(&Value::Object(backwards)));
        }
    }
}
