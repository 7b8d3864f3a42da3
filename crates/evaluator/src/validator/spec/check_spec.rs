//! The argument of each check, as it is written: reading and building, one line a check.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::MapAccess;
use serde_json::Value;

use super::options::{Argument, Options};
use super::text::{ListOptions, TextOptions, WholeTextOptions};
use super::{Builder, Kind};
use crate::validator::Check;
use crate::validator::affix::{Affix, End};
use crate::validator::composite::{CompositeOptions, Rule};
use crate::validator::contains::{Contains, Quantity};
use crate::validator::contains_json::ContainsJsonOptions;
use crate::validator::equals::Equals;
use crate::validator::expression::ExpressionOptions;
use crate::validator::json::{Json, JsonOptions};
use crate::validator::json_schema::{JsonSchemaOptions, SchemaSpec};
use crate::validator::judged::JudgeOptions;
use crate::validator::levenshtein::LevenshteinOptions;
use crate::validator::program::CommandOptions;
use crate::validator::regular_expression::RegularExpression;
use crate::validator::runtime_spec::{
    CostOptions, DurationOptions, FinishReasonOptions, RefusalOptions, TokensOptions,
};
use crate::validator::size::{Bound, LimitOptions, Size, Unit};
use crate::validator::tool_calls::ToolCallsOptions;

/// A check with its argument. In JSON the argument alone, always in its long form.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(untagged)]
pub(super) enum CheckSpec {
    Affix(#[serde(skip)] End, TextOptions),
    Contains(TextOptions),
    ContainsList(#[serde(skip)] Quantity, ListOptions),
    Equals(WholeTextOptions),
    Regex(TextOptions),
    Size(#[serde(skip)] Unit, #[serde(skip)] Bound, LimitOptions),
    Json(JsonOptions),
    JsonSchema(JsonSchemaOptions),
    ContainsJson(ContainsJsonOptions),
    Levenshtein(LevenshteinOptions),
    Judge(JudgeOptions),
    Latency(DurationOptions),
    Cost(CostOptions),
    Tokens(TokensOptions),
    FinishReason(FinishReasonOptions),
    Refusal(RefusalOptions),
    ToolCalls(ToolCallsOptions),
    Expression(ExpressionOptions),
    Command(CommandOptions),
    Composite(#[serde(skip)] Rule, CompositeOptions),
}

fn read<'de, A: MapAccess<'de>, O>(map: &mut A) -> Result<O, A::Error>
where
    O: Options + serde::Deserialize<'de>,
    O::Short: serde::Deserialize<'de>,
{
    map.next_value::<Argument<O>>().map(|Argument(options)| options)
}

impl CheckSpec {
    /// Reads the value of the check's key.
    pub(super) fn read<'de, A: MapAccess<'de>>(map: &mut A, kind: Kind) -> Result<Self, A::Error> {
        Ok(match kind {
            Kind::Affix(end) => Self::Affix(end, read(map)?),
            Kind::Contains => Self::Contains(read(map)?),
            Kind::ContainsList(quantity) => Self::ContainsList(quantity, read(map)?),
            Kind::Equals => Self::Equals(read(map)?),
            Kind::Regex => Self::Regex(read(map)?),
            Kind::Size(unit, bound) => Self::Size(unit, bound, read(map)?),
            Kind::Json => Self::Json(read(map)?),
            Kind::JsonSchema => Self::JsonSchema(map.next_value()?),
            Kind::ContainsJson => Self::ContainsJson(read(map)?),
            Kind::Levenshtein => Self::Levenshtein(read(map)?),
            Kind::Judge => Self::Judge(read(map)?),
            Kind::Latency => Self::Latency(read(map)?),
            Kind::Cost => Self::Cost(read(map)?),
            Kind::Tokens => Self::Tokens(read(map)?),
            Kind::FinishReason => Self::FinishReason(read(map)?),
            Kind::Refusal => Self::Refusal(read(map)?),
            Kind::ToolCalls => Self::ToolCalls(read(map)?),
            Kind::Expression => Self::Expression(read(map)?),
            Kind::Command => Self::Command(read(map)?),
            Kind::Composite(rule) => Self::Composite(rule, read(map)?),
        })
    }

    /// Builds the check; `None` where something is wrong with it, or where it needs a suite and has none.
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<Check> {
        Some(match self {
            Self::Affix(end, text) => Check::Affix(Affix { end: *end, needle: text.needle(builder)? }),
            Self::Contains(text) => {
                Check::Contains(Contains { quantity: Quantity::All, needles: vec![text.needle(builder)?] })
            }
            Self::ContainsList(quantity, list) => {
                Check::Contains(Contains { quantity: *quantity, needles: list.needles(builder)? })
            }
            Self::Equals(text) => Check::Equals(Equals { needle: text.needle(builder)? }),
            Self::Regex(text) => Check::Regex(RegularExpression { regex: text.regex(builder)? }),
            Self::Size(_, Bound::Min, limit) if limit.value == 0 => {
                builder.refuse(
                    "suite::always_holds",
                    "every reply has at least 0",
                    builder.key(),
                    "write 1 or more, or leave the check out",
                );
                return None;
            }
            Self::Size(unit, bound, limit) => {
                Check::Size(Size { unit: *unit, bound: *bound, limit: limit.value })
            }
            Self::Json(options) => Check::Json(Json { kind: options.value.value.0 }),
            Self::JsonSchema(options) => Check::JsonSchema(options.build(builder)?),
            Self::ContainsJson(options) => Check::ContainsJson(options.build(builder)?),
            Self::Levenshtein(options) => Check::Levenshtein(options.build(builder)?),
            Self::Judge(options) => Check::Judge(options.build(builder)?),
            Self::Latency(options) => Check::Runtime(options.build(builder)?),
            Self::Cost(options) => Check::Runtime(options.build(builder)?),
            Self::Tokens(options) => Check::Runtime(options.build()),
            Self::FinishReason(options) => Check::Runtime(options.build(builder)?),
            Self::Refusal(options) => Check::Runtime(options.build()),
            Self::ToolCalls(options) => Check::ToolCalls(options.build(builder)?),
            Self::Expression(options) => Check::Expression(Box::new(options.build(builder)?)),
            Self::Command(options) => Check::Command(options.build(builder)?),
            Self::Composite(rule, options) => Check::Composite(options.build(*rule, builder)?),
        })
    }

    /// The JSON Schema of the argument.
    pub(super) fn schema(kind: Kind, generator: &mut SchemaGenerator) -> Value {
        match kind {
            Kind::Affix(_) | Kind::Contains | Kind::Regex => Argument::<TextOptions>::schema(generator),
            Kind::ContainsList(_) => Argument::<ListOptions>::schema(generator),
            Kind::Equals => Argument::<WholeTextOptions>::schema(generator),
            Kind::Size(..) => Argument::<LimitOptions>::schema(generator),
            Kind::Json => Argument::<JsonOptions>::schema(generator),
            Kind::JsonSchema => SchemaSpec::json_schema(generator).to_value(),
            Kind::ContainsJson => Argument::<ContainsJsonOptions>::schema(generator),
            Kind::Levenshtein => Argument::<LevenshteinOptions>::schema(generator),
            Kind::Judge => Argument::<JudgeOptions>::schema(generator),
            Kind::Latency => Argument::<DurationOptions>::schema(generator),
            Kind::Cost => Argument::<CostOptions>::schema(generator),
            Kind::Tokens => Argument::<TokensOptions>::schema(generator),
            Kind::FinishReason => Argument::<FinishReasonOptions>::schema(generator),
            Kind::Refusal => Argument::<RefusalOptions>::schema(generator),
            Kind::ToolCalls => Argument::<ToolCallsOptions>::schema(generator),
            Kind::Expression => Argument::<ExpressionOptions>::schema(generator),
            Kind::Command => Argument::<CommandOptions>::schema(generator),
            Kind::Composite(_) => Argument::<CompositeOptions>::schema(generator),
        }
    }
}
