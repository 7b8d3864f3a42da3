//! The four wire formats: which one a path means, and what they have in common. One file each does the rest.
//!
//! A format reads a request into a [`ModelCall`] and renders completions and errors; it decides nothing.

mod anthropic_messages;
mod gemini_generate_content;
mod openai_chat;
mod openai_error;
mod openai_responses;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::script::{ErrorKind, Tokens, ToolCall};

/// A wire format that the mock speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WireFormat {
    /// `POST …/chat/completions`, and every server compatible with it.
    OpenAiChat,
    /// `POST …/responses`.
    OpenAiResponses,
    /// `POST …/messages`.
    AnthropicMessages,
    /// `POST …/models/{model}:generateContent`.
    GeminiGenerateContent,
}

impl fmt::Display for WireFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OpenAiChat => "OpenAI Chat Completions",
            Self::OpenAiResponses => "OpenAI Responses",
            Self::AnthropicMessages => "Anthropic Messages",
            Self::GeminiGenerateContent => "Gemini generateContent",
        })
    }
}

/// The mock's token estimate: one token for every 4 characters (Unicode scalar values), rounded up.
///
/// No tokenizer counts like this; it is only plausible, stable and easy to check by hand.
pub fn estimate_tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(4) as u64
}

/// A path that means a model, with the model that it names, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) format: WireFormat,
    pub(crate) model: Option<String>,
}

impl Endpoint {
    /// Recognises a path by its end, so that any prefix (a gateway's, Azure's deployments) is welcome.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if let Some(before) = path.strip_suffix("/chat/completions") {
            let model =
                before.rsplit_once("/deployments/").map(|(_, deployment)| percent_decoded(deployment));
            return Some(Self { format: WireFormat::OpenAiChat, model });
        }
        if path.ends_with("/responses") {
            return Some(Self { format: WireFormat::OpenAiResponses, model: None });
        }
        if path.ends_with("/messages") {
            return Some(Self { format: WireFormat::AnthropicMessages, model: None });
        }
        let (_, model) = path.strip_suffix(":generateContent")?.rsplit_once("/models/")?;
        let model = Some(percent_decoded(model));
        Some(Self { format: WireFormat::GeminiGenerateContent, model })
    }
}

/// Decodes `%2F` and its like; a `%` without two hexadecimal digits stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hexadecimal_digit(*high).zip(hexadecimal_digit(*low)),
            _ => None,
        };
        bytes.push(escaped.map_or(first, |(high, low)| high << 4 | low));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// What a request asks, in one shape for all formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelCall {
    pub(crate) model: String,
    pub(crate) messages: Vec<Message>,
}

impl ModelCall {
    /// Empty where no message is the user's.
    pub(crate) fn last_user_message(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.is_from_user);
        last.map_or("", |message| message.text.as_str())
    }

    pub(crate) fn estimated_input_tokens(&self) -> u64 {
        self.messages.iter().map(|message| estimate_tokens(&message.text)).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) is_from_user: bool,
    pub(crate) text: String,
}

impl Message {
    fn new(role: &str, text: String) -> Self {
        Self { is_from_user: role == "user", text }
    }
}

/// A completion, before its format.
#[derive(Debug, Clone)]
pub(crate) struct Completion<'a> {
    pub(crate) model: &'a str,
    pub(crate) outcome: Outcome<'a>,
    pub(crate) usage: Option<Tokens>,
    /// 24 hexadecimal digits, of which ids are made.
    pub(crate) identifier: &'a str,
    /// Seconds since 1970.
    pub(crate) created: u64,
}

impl Completion<'_> {
    fn shows_reasoning(&self) -> bool {
        self.usage.is_some_and(|usage| usage.reasoning > 0)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    Text(&'a str),
    ToolCalls(&'a [ToolCall]),
    Refusal(&'a str),
    Filtered,
    /// Only where the format can say so in a reply; elsewhere it is an error.
    PromptFiltered,
    LengthLimit(&'a str),
}

/// An error, before its format.
#[derive(Debug, Clone)]
pub(crate) struct Failure<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Option<&'a str>,
    /// Empty where it is not known.
    pub(crate) model: &'a str,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) identifier: &'a str,
}

/// Reads the body of a request. The error is a sentence for the client.
pub(crate) fn read(endpoint: &Endpoint, body: &[u8]) -> Result<ModelCall, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not valid JSON: {error}"))?;
    let Value::Object(body) = body else { return Err("the body is not a JSON object".to_owned()) };
    if body.get("stream").is_some_and(|stream| stream == true) {
        return Err("this mock sends whole answers only: leave out `stream`".to_owned());
    }
    let model = match (body.get("model"), &endpoint.model) {
        (_, Some(model)) | (Some(Value::String(model)), None) if !model.is_empty() => model.clone(),
        _ => return Err("you must provide a model".to_owned()),
    };
    let messages = match endpoint.format {
        WireFormat::OpenAiChat => openai_chat::messages(&body),
        WireFormat::OpenAiResponses => openai_responses::messages(&body),
        WireFormat::AnthropicMessages => anthropic_messages::messages(&body),
        WireFormat::GeminiGenerateContent => gemini_generate_content::messages(&body),
    }?;
    Ok(ModelCall { model, messages })
}

/// The body of a completion; its status is 200.
pub(crate) fn completion(format: WireFormat, completion: &Completion<'_>) -> Value {
    match format {
        WireFormat::OpenAiChat => openai_chat::completion(completion),
        WireFormat::OpenAiResponses => openai_responses::completion(completion),
        WireFormat::AnthropicMessages => anthropic_messages::completion(completion),
        WireFormat::GeminiGenerateContent => gemini_generate_content::completion(completion),
    }
}

/// Status and body of an error. Without a format, the shape is OpenAI's, which compatible servers share.
pub(crate) fn error(format: Option<WireFormat>, failure: &Failure<'_>) -> (u16, Value) {
    match format {
        None | Some(WireFormat::OpenAiChat | WireFormat::OpenAiResponses) => openai_error::error(failure),
        Some(WireFormat::AnthropicMessages) => anthropic_messages::error(failure),
        Some(WireFormat::GeminiGenerateContent) => gemini_generate_content::error(failure),
    }
}

/// The body of an error that comes with HTTP 200.
pub(crate) fn error_with_ok_status(format: WireFormat, failure: &Failure<'_>, created: u64) -> Value {
    match format {
        WireFormat::OpenAiResponses => openai_responses::failed(failure, created),
        WireFormat::OpenAiChat | WireFormat::AnthropicMessages | WireFormat::GeminiGenerateContent => {
            error(Some(format), failure).1
        }
    }
}

/// The usual HTTP status of an error.
fn status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::BadRequest | ErrorKind::ContentFiltered => 400,
        ErrorKind::Unauthorized => 401,
        ErrorKind::QuotaExhausted { payment_required: true } => 402,
        ErrorKind::NotFound => 404,
        ErrorKind::MethodNotAllowed => 405,
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted { payment_required: false } => 429,
        ErrorKind::ServerError => 500,
        ErrorKind::Unavailable => 503,
        ErrorKind::Overloaded => 529,
    }
}

/// Seconds without needless zeros: `2`, `1.5`.
pub(crate) fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

/// The text in a content value, whatever its nesting: a string, or a list of parts with `text` or `content`.
fn text_of(value: &Value) -> String {
    let mut text = String::new();
    collect_text(value, &mut text);
    text
}

fn collect_text(value: &Value, text: &mut String) {
    match value {
        Value::String(part) => text.push_str(part),
        Value::Array(parts) => parts.iter().for_each(|part| collect_text(part, text)),
        Value::Object(part) => {
            for key in ["text", "content", "output"] {
                if let Some(inner) = part.get(key) {
                    collect_text(inner, text);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A non-empty list of objects under `key`.
fn objects<'a>(body: &'a Map<String, Value>, key: &str) -> Result<Vec<&'a Map<String, Value>>, String> {
    let list = body.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| format!("`{key}` must be a list with at least one entry"))?;
    let objects =
        list.iter().map(|entry| entry.as_object().ok_or_else(|| format!("`{key}` holds no object")));
    objects.collect()
}

fn role(message: &Map<String, Value>) -> Result<&str, String> {
    message.get("role").and_then(Value::as_str).ok_or_else(|| "a message has no role".to_owned())
}

#[cfg(test)]
mod tests;
