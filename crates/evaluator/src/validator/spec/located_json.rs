//! A JSON value read from YAML that remembers where each of its parts stands.

use std::fmt;

use promptassay_registry::yaml::{Located, Span};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON value with places.
#[derive(Debug, Clone)]
pub(in crate::validator) struct LocatedJson(Located<Node>);

#[derive(Debug, Clone)]
enum Node {
    Scalar(Value),
    Array(Vec<LocatedJson>),
    Object(Vec<(Located<String>, LocatedJson)>),
}

impl LocatedJson {
    pub(in crate::validator) fn span(&self) -> Span {
        self.0.span
    }

    pub(in crate::validator) fn is_object(&self) -> bool {
        matches!(self.0.value, Node::Object(_))
    }

    pub(in crate::validator) fn as_str(&self) -> Option<&str> {
        match &self.0.value {
            Node::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The value under `key` where the object has no other key.
    pub(in crate::validator) fn only_entry(&self, key: &str) -> Option<&Self> {
        match &self.0.value {
            Node::Object(entries) if entries.len() == 1 && entries[0].0.value == key => Some(&entries[0].1),
            _ => None,
        }
    }

    /// The entries of an object; none of anything else.
    pub(in crate::validator) fn entries(&self) -> &[(Located<String>, Self)] {
        match &self.0.value {
            Node::Object(entries) => entries,
            Node::Scalar(_) | Node::Array(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(in crate::validator) fn items(&self) -> &[Self] {
        match &self.0.value {
            Node::Array(items) => items,
            Node::Scalar(_) | Node::Object(_) => &[],
        }
    }

    /// The value without places.
    pub(in crate::validator) fn to_value(&self) -> Value {
        match &self.0.value {
            Node::Scalar(value) => value.clone(),
            Node::Array(items) => items.iter().map(Self::to_value).collect(),
            Node::Object(entries) => Value::Object(
                entries.iter().map(|(key, value)| (key.value.clone(), value.to_value())).collect(),
            ),
        }
    }

    /// The part at a JSON Pointer (RFC 6901).
    pub(in crate::validator) fn find(&self, pointer: &str) -> Option<&Self> {
        steps(pointer).try_fold(self, |node, step| node.step(&step))
    }

    /// The deepest part on the way of a JSON Pointer.
    pub(in crate::validator) fn find_deepest(&self, pointer: &str) -> Option<&Self> {
        let mut node = self;
        let mut found = None;
        for step in steps(pointer) {
            let Some(next) = node.step(&step) else { break };
            node = next;
            found = Some(next);
        }
        found
    }

    fn step(&self, step: &str) -> Option<&Self> {
        match &self.0.value {
            Node::Scalar(_) => None,
            Node::Array(items) => items.get(step.parse::<usize>().ok()?),
            Node::Object(entries) => {
                entries.iter().find(|(key, _)| key.value == step).map(|(_, value)| value)
            }
        }
    }

    /// Shows every entry of every object, from outside to inside.
    pub(in crate::validator) fn visit<'a>(&'a self, seen: &mut impl FnMut(&'a str, &'a Self)) {
        match &self.0.value {
            Node::Scalar(_) => {}
            Node::Array(items) => items.iter().for_each(|item| item.visit(seen)),
            Node::Object(entries) => {
                for (key, value) in entries {
                    seen(key, value);
                    value.visit(seen);
                }
            }
        }
    }
}

fn steps(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
}

impl<'de> Deserialize<'de> for LocatedJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Located::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;
        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = Node;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E: Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar(Value::Null))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = sequence.next_element()? {
                    items.push(item);
                }
                Ok(Node::Array(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Object(entries))
            }
        }
        deserializer.deserialize_any(NodeVisitor)
    }
}
