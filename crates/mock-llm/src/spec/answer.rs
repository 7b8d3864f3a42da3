//! The file shape of answers: a map with exactly one key, the kind of answer.

use super::spelled;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What a call is answered with, in the wire format of the request.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerSpec {
    /// This text.
    Text(String),
    /// A text with `{last_user_message}`, `{model}` and `{call}` (the number of the call at this server) filled in;
    /// a literal brace is doubled.
    Template(String),
    /// This value as compact JSON text.
    Json(Value),
    /// Calls of tools.
    ToolCalls(Vec<ToolCallSpec>),
    /// The model declines, with this text.
    Refusal(String),
    /// A content filter steps in.
    Filtered(FilteredSpec),
    /// The token limit cuts the answer: this text, with the finish reason `length` or its equivalent.
    LengthLimit(String),
    /// 429 because of too many requests.
    RateLimited(RateLimitedSpec),
    /// 429 or 402 because nothing is left to spend: no retry helps.
    QuotaExhausted(QuotaExhaustedSpec),
    /// 401: a wrong key. In Gemini's format 400 with `API_KEY_INVALID`, as that provider does.
    Unauthorized(ErrorSpec),
    /// 404: no such model.
    NotFound(ErrorSpec),
    /// 400: the request is wrong.
    BadRequest(ErrorSpec),
    /// 500.
    ServerError(ErrorSpec),
    /// 503.
    Unavailable(ErrorSpec),
    /// 529.
    Overloaded(ErrorSpec),
    /// HTTP 200 whose body is an error.
    ErrorWithOkStatus(ErrorSpec),
    /// The connection is reset before any answer. Raw server only.
    Reset {},
    /// The head promises a whole body, and the connection closes in the middle of it. Raw server only.
    CutBody(CutBodySpec),
    /// HTTP 200 with bytes that are neither JSON nor text.
    Garbage(GarbageSpec),
    /// The HTML page of a proxy on the way.
    ProxyHtml(ProxyHtmlSpec),
    /// A regular answer with a very long text.
    HugeBody(HugeBodySpec),
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCallSpec {
    /// Name of the tool.
    pub name: String,
    /// Arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

/// A content filter steps in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilteredSpec {
    /// What was filtered.
    #[serde(default)]
    pub stage: FilterStageSpec,
}

/// What a content filter stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterStageSpec {
    /// The answer: a reply without text and with the finish reason of a filter.
    #[default]
    Answer,
    /// The prompt: 400 `content_filter` in OpenAI's formats (as Azure does), `promptFeedback` in Gemini's. Anthropic
    /// does not tell the two apart.
    Prompt,
}

/// 429 and what it says about the limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitedSpec {
    /// Message of the error; one in the provider's manner where it is left out.
    #[serde(default)]
    pub message: Option<String>,
    /// How long to wait, in the provider's own place: the header `retry-after` (seconds), in Gemini's format
    /// `RetryInfo` in the body.
    #[serde(default, deserialize_with = "spelled::optional")]
    pub retry_after: Option<String>,
    /// The header `retry-after-ms`, milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
    /// Headers about the requests per minute: `x-ratelimit-…-requests` or `anthropic-ratelimit-requests-…`.
    #[serde(default)]
    pub requests: Option<WindowSpec>,
    /// Headers about the tokens per minute: `x-ratelimit-…-tokens` or `anthropic-ratelimit-tokens-…`.
    #[serde(default)]
    pub tokens: Option<WindowSpec>,
}

/// One limit as rate headers show it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    /// The limit.
    #[serde(default)]
    pub limit: Option<u64>,
    /// What is left of it.
    #[serde(default)]
    pub remaining: Option<u64>,
    /// When it is whole again, sent as it is: `6m0s` for OpenAI, an RFC 3339 time for Anthropic.
    #[serde(default)]
    pub reset: Option<String>,
}

/// Nothing left to spend.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaExhaustedSpec {
    /// 429 or 402; 429 where it is left out.
    #[serde(default)]
    pub status: Option<u16>,
    /// Message of the error; one in the provider's manner where it is left out.
    #[serde(default)]
    pub message: Option<String>,
}

/// An error in the provider's shape.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpec {
    /// Message of the error; one in the provider's manner where it is left out.
    #[serde(default)]
    pub message: Option<String>,
    /// How long to wait, in the provider's own place, as with `rate_limited`.
    #[serde(default, deserialize_with = "spelled::optional")]
    pub retry_after: Option<String>,
}

/// A body that ends early.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CutBodySpec {
    /// Text of the whole answer.
    #[serde(default)]
    pub text: Option<String>,
    /// Share of the body's bytes that is sent, at least 0 and below 1; 0.5 where it is left out.
    #[serde(default)]
    pub keep: Option<f64>,
}

/// Bytes that mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GarbageSpec {
    /// How many, at least 1; 256 where it is left out. They are never valid UTF-8.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// The HTML page of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyHtmlSpec {
    /// HTTP status, 200 to 599; 502 where it is left out.
    #[serde(default)]
    pub status: Option<u16>,
}

/// A very long answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HugeBodySpec {
    /// Length of the text in bytes, 1 to 1,073,741,824. The body is a little longer.
    pub bytes: u64,
}
