//! The arguments of the runtime checks.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use promptassay_llm::{FinishReason, parse_duration};
use promptassay_registry::problem::closest;
use promptassay_registry::yaml::{Located, spelled_text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::runtime::{Runtime, TokenKind};
use super::spec::{Builder, Options};

/// The reasons to end that all providers share.
const FINISH_REASONS: [&str; 4] = ["stop", "length", "filter", "tool"];

/// `2s` or `{value: 2s}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DurationOptions {
    /// A whole number with `ms`, `s`, `m`, `h` or `d`.
    #[serde(deserialize_with = "spelled_text")]
    value: Located<String>,
}

impl Options for DurationOptions {
    type Short = String;
    const EXPECTING: &'static str = "a duration, such as `2s` or `500ms`";
    const SPELLED: bool = true;

    fn short(value: Located<String>) -> Self {
        Self { value }
    }
}

impl DurationOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<Runtime> {
        read_duration(&self.value, builder).map(Runtime::Latency)
    }
}

/// Reads a duration above zero, or says what is wrong with it.
pub(super) fn read_duration(text: &Located<String>, builder: &mut Builder<'_>) -> Option<Duration> {
    let duration = parse_duration(text).filter(|duration| !duration.is_zero());
    if duration.is_none() {
        let help = match text.parse::<u64>() {
            Ok(1..) if !text.starts_with('+') => {
                format!("{text} what? write `{text}s`, or another unit: `ms`, `m`, `h`, `d`")
            }
            _ => "write a whole number above 0 and its unit, such as `500ms`, `2s` or `5m`".to_owned(),
        };
        builder.refuse("suite::invalid_duration", format!("`{text}` is not a duration"), text.span, help);
    }
    duration
}

/// `0.01` or `{value: 0.01}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CostOptions {
    /// US dollars.
    value: Located<f64>,
}

impl Options for CostOptions {
    type Short = f64;
    const EXPECTING: &'static str = "an amount of US dollars, such as `0.01`";

    fn short(value: Located<f64>) -> Self {
        Self { value }
    }
}

impl CostOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<Runtime> {
        if !self.value.value.is_finite() {
            // That no file can hold such a number is said where the file is read.
            return None;
        }
        if self.value.value >= 0.0 {
            return Some(Runtime::Cost(self.value.value));
        }
        builder.refuse(
            "suite::invalid_cost",
            format!("{} is not an amount of money", self.value),
            self.value.span,
            "write US dollars, 0 or more, such as `0.01`",
        );
        None
    }
}

/// `500` or `{value: 500, of: output}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokensOptions {
    /// The largest number that passes.
    value: Located<u64>,
    /// Which tokens are counted.
    #[serde(default)]
    of: TokenKind,
}

impl Options for TokensOptions {
    type Short = u64;
    const EXPECTING: &'static str = "a whole number, 0 or more, or a map with `value`";

    fn short(value: Located<u64>) -> Self {
        Self { value, of: TokenKind::Total }
    }
}

impl TokensOptions {
    pub(super) fn build(&self) -> Runtime {
        Runtime::Tokens(self.of, self.value.value)
    }
}

/// `stop`, `[stop, tool]` or `{values: [stop, tool]}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishReasonOptions {
    /// The reasons that pass.
    values: Vec<Located<String>>,
}

/// One text or several.
#[derive(Debug, Clone)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<Located<String>>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor;
        impl<'de> Visitor<'de> for OneOrManyVisitor {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(sequence)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "array"], "items": {"type": "string"}})
    }
}

impl Options for FinishReasonOptions {
    type Short = OneOrMany;
    const EXPECTING: &'static str =
        "`stop`, `length`, `filter`, `tool`, a provider's own word, or a list of them";

    fn short(value: Located<OneOrMany>) -> Self {
        let Located { value, span } = value;
        Self {
            values: match value {
                OneOrMany::One(word) => vec![Located { value: word, span }],
                OneOrMany::Many(words) => words,
            },
        }
    }
}

impl FinishReasonOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<Runtime> {
        if self.values.is_empty() {
            builder.refuse_empty_list("write at least one reason, such as `stop`");
            return None;
        }
        let mut reasons = Vec::new();
        for word in &self.values {
            // A provider's own word is accepted; one that is nearly a common word is a typing error.
            match closest(word, FINISH_REASONS) {
                Some(known) if known != word.value => {
                    let message = format!("unknown reason to end `{word}`");
                    builder.refuse(
                        "suite::unknown_value",
                        message,
                        word.span,
                        format!("did you mean `{known}`?"),
                    );
                    return None;
                }
                _ => reasons.push(FinishReason::from(word.value.clone())),
            }
        }
        Some(Runtime::FinishReason(reasons))
    }
}

/// `true` or `false`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusalOptions {
    /// Whether the reply must be a refusal.
    value: Located<bool>,
}

impl Options for RefusalOptions {
    type Short = bool;
    const EXPECTING: &'static str = "`true` or `false`";

    fn short(value: Located<bool>) -> Self {
        Self { value }
    }
}

impl RefusalOptions {
    pub(super) fn build(&self) -> Runtime {
        Runtime::Refusal(self.value.value)
    }
}
