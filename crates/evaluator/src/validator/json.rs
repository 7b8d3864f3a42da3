//! `json`: whether the reply, white space around it aside, is one JSON value (RFC 8259), of any kind or an object or array.
//!
//! A value in a code fence is not: whoever parses the reply would stumble over the fence. Nesting deeper than 127 is refused.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde_json::Value;

use super::Found;
use super::spec::Options;
use super::view::{View, json_excerpt, not_json};
use crate::outcome::Reason;
use promptassay_registry::yaml::Located;

/// Which JSON values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonKind {
    Any,
    Object,
    Array,
}

impl JsonKind {
    pub(super) fn includes(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
        }
    }
}

/// A reply that must be JSON.
#[derive(Debug)]
pub(super) struct Json {
    pub(super) kind: JsonKind,
}

impl Json {
    pub(super) fn find(&self, view: &View<'_>) -> Found {
        let wanted = match self.kind {
            JsonKind::Any => "JSON",
            JsonKind::Object => "a JSON object",
            JsonKind::Array => "a JSON array",
        };
        match view.json() {
            Ok(value) => {
                let without =
                    Reason::new(format!("is {}, not {wanted}", kind_of(value))).got(json_excerpt(value));
                let with = Reason::new(format!("is {wanted}")).got(json_excerpt(value));
                Found::new(self.kind.includes(value), without, with)
            }
            Err(why) => {
                let reason = not_json(why, view.text());
                let fenced = view.text().trim_start().starts_with("```");
                let hint =
                    if fenced { ": it stands in a code fence, which `contains_json` looks into" } else { "" };
                Found::new(
                    false,
                    Reason { message: format!("{}{hint}", reason.message), ..reason.clone() },
                    reason,
                )
            }
        }
    }
}

/// What a value is, with its article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// `json: true` or `json: object`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonOptions {
    /// `true` for any JSON value, or `object`, or `array`.
    #[schemars(with = "KindWord")]
    pub(super) value: Located<KindWord>,
}

impl Options for JsonOptions {
    type Short = KindWord;
    const EXPECTING: &'static str = KIND_WORDS;

    fn short(value: Located<KindWord>) -> Self {
        Self { value }
    }
}

const KIND_WORDS: &str = "`true`, `object` or `array`";

/// A kind as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KindWord(pub(super) JsonKind);

impl<'de> Deserialize<'de> for KindWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;
        impl Visitor<'_> for WordVisitor {
            type Value = KindWord;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(KIND_WORDS)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<KindWord, E> {
                if value {
                    Ok(KindWord(JsonKind::Any))
                } else {
                    Err(E::invalid_value(Unexpected::Bool(value), &self))
                }
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<KindWord, E> {
                match word {
                    "object" => Ok(KindWord(JsonKind::Object)),
                    "array" => Ok(KindWord(JsonKind::Array)),
                    other => Err(E::unknown_variant(other, &["true", "object", "array"])),
                }
            }
        }
        deserializer.deserialize_any(WordVisitor)
    }
}

impl serde::Serialize for KindWord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            JsonKind::Any => serializer.serialize_bool(true),
            JsonKind::Object => serializer.serialize_str("object"),
            JsonKind::Array => serializer.serialize_str("array"),
        }
    }
}

impl JsonSchema for KindWord {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JsonKind".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"enum": [true, "object", "array"]})
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::verdict;

    #[test]
    fn a_reply_is_json_as_a_whole() {
        assert_eq!(verdict("json: true", " {\"a\": 1}\n"), "pass");
        assert_eq!(verdict("json: true", "42"), "pass");
        assert_eq!(verdict("json: array", "[]"), "pass");
        assert_eq!(verdict("json: {value: object}", "[1]"), r#"is an array, not a JSON object | got: "[1]""#);
        assert_eq!(
            verdict("json: true", "{\"a\": 1} and more"),
            r#"the reply is not JSON: trailing characters at line 1 column 10 | got: "{"a": 1} and more""#
        );
        assert_eq!(verdict("json: true", ""), "the reply is not JSON: it is empty | got: nothing");
        assert_eq!(
            verdict("json: true", "```json\n{}\n```"),
            r#"the reply is not JSON: expected value at line 1 column 1: it stands in a code fence, which `contains_json` looks into | got: "```json {} ```""#
        );
        assert_eq!(verdict("json: true", "\u{feff}{}").split(':').next(), Some("the reply is not JSON"));
        assert_eq!(verdict("json: true", "NaN").split(':').next(), Some("the reply is not JSON"));
    }

    #[test]
    fn huge_and_deep_replies_do_no_harm() {
        assert!(verdict("json: true", &"[".repeat(1 << 20)).contains("recursion limit exceeded"));
        assert_eq!(verdict("json: true", &format!("[{}1]", "1,".repeat(1 << 19))), "pass");
    }
}
