//! What a part of an expression can be, as far as that is known before there is a reply.

use minijinja::value::{Serde, Value as Item, ValueKind};
use serde_json::json;

/// What a part of an expression can be.
#[derive(Debug, Clone)]
pub(super) enum Known {
    Exactly(Item),
    OfKind(Kind),
    Anything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Boolean,
    List,
}

impl Kind {
    pub(super) fn of(value: &Item) -> Option<Self> {
        match value.kind() {
            ValueKind::String => Some(Self::Text),
            ValueKind::Number => Some(Self::Number),
            ValueKind::Bool => Some(Self::Boolean),
            ValueKind::Seq | ValueKind::Iterable => Some(Self::List),
            _ => None,
        }
    }

    /// As the evaluator calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Boolean => "bool",
            Self::List => "sequence",
        }
    }

    /// Values of the kind. What fails with all of them fails with every one: a filter that reads a number from a text reads it from
    /// one of these, and a text of several words has parts.
    pub(super) fn samples(self) -> Vec<Item> {
        let values = match self {
            Self::Text => json!(["1", "", "a b"]),
            Self::Number => json!([1, 0, 2.5]),
            Self::Boolean => json!([true, false]),
            Self::List => json!([[1], [], ["1"]]),
        };
        values.as_array().into_iter().flatten().map(|value| Serde(value).into()).collect()
    }
}

impl Known {
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Exactly(value) => Kind::of(value),
            Self::OfKind(kind) => Some(*kind),
            Self::Anything => None,
        }
    }

    pub(super) fn exactly(&self) -> Option<&Item> {
        match self {
            Self::Exactly(value) => Some(value),
            Self::OfKind(_) | Self::Anything => None,
        }
    }

    pub(super) fn samples(&self) -> Vec<Item> {
        match self {
            Self::Exactly(value) => vec![value.clone()],
            Self::OfKind(kind) => kind.samples(),
            Self::Anything => {
                let kinds = [Kind::Text, Kind::Number, Kind::Boolean, Kind::List];
                let mut samples: Vec<Item> = kinds.into_iter().flat_map(Kind::samples).collect();
                samples.push(Item::from(()));
                samples.extend([json!({}), json!({"a": 1})].map(|map| Serde(map).into()));
                samples
            }
        }
    }

    /// What either of two parts gives.
    pub(super) fn or(&self, other: &Self) -> Self {
        match (self.kind(), other.kind()) {
            (Some(kind), Some(same)) if kind == same => Self::OfKind(kind),
            _ => Self::Anything,
        }
    }
}
