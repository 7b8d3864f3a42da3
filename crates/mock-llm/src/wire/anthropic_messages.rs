//! Anthropic Messages.

use serde_json::{Map, Value, json};

use super::{Completion, Failure, Message, Outcome, objects, role, status, text_of};
use crate::script::{ErrorKind, Tokens, ToolCall};

pub(super) fn messages(body: &Map<String, Value>) -> Result<Vec<Message>, String> {
    if body.get("max_tokens").and_then(Value::as_u64).is_none_or(|limit| limit == 0) {
        return Err("max_tokens: Field required".to_owned());
    }
    let mut messages = Vec::new();
    if let Some(system) = body.get("system") {
        messages.push(Message::new("system", text_of(system)));
    }
    for message in objects(body, "messages")? {
        let text = message.get("content").map(text_of).unwrap_or_default();
        messages.push(Message::new(role(message)?, text));
    }
    Ok(messages)
}

pub(super) fn completion(completion: &Completion<'_>) -> Value {
    let mut content = Vec::new();
    if completion.shows_reasoning() {
        let signature = format!("mock{}", completion.identifier);
        content.push(json!({"type": "thinking", "thinking": "", "signature": signature}));
    }
    let stop_reason = match completion.outcome {
        Outcome::Text(text) => {
            content.push(json!({"type": "text", "text": text}));
            "end_turn"
        }
        Outcome::LengthLimit(text) => {
            content.push(json!({"type": "text", "text": text}));
            "max_tokens"
        }
        Outcome::Refusal(text) => {
            content.push(json!({"type": "text", "text": text}));
            "refusal"
        }
        Outcome::Filtered | Outcome::PromptFiltered => "refusal",
        Outcome::ToolCalls(calls) => {
            content.extend(calls.iter().enumerate().map(|(index, call)| tool_use(completion, index, call)));
            "tool_use"
        }
    };
    let mut body = json!({
        "id": format!("msg_{}", completion.identifier),
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
    });
    if let Some(tokens) = completion.usage {
        body["usage"] = usage(tokens);
    }
    body
}

fn tool_use(completion: &Completion<'_>, index: usize, call: &ToolCall) -> Value {
    json!({
        "type": "tool_use",
        "id": format!("toolu_{}{index:02}", completion.identifier),
        "name": call.name,
        "input": call.arguments,
    })
}

/// Here `input_tokens` leaves the cached ones out.
fn usage(tokens: Tokens) -> Value {
    json!({
        "input_tokens": tokens.input - tokens.cached_input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached_input,
        "output_tokens": tokens.output,
        "service_tier": "standard",
    })
}

pub(super) fn error(failure: &Failure<'_>) -> (u16, Value) {
    let (error_type, default_message) = match failure.kind {
        ErrorKind::BadRequest | ErrorKind::ContentFiltered => {
            ("invalid_request_error", "The request is not valid.".to_owned())
        }
        ErrorKind::MethodNotAllowed => ("invalid_request_error", "Method Not Allowed".to_owned()),
        ErrorKind::Unauthorized => ("authentication_error", "invalid x-api-key".to_owned()),
        ErrorKind::QuotaExhausted { payment_required: true } => {
            ("billing_error", "Your credit balance is too low to access the API.".to_owned())
        }
        ErrorKind::QuotaExhausted { payment_required: false } => {
            ("rate_limit_error", "Your organization has reached its monthly spend limit.".to_owned())
        }
        ErrorKind::NotFound => ("not_found_error", format!("model: {}", failure.model)),
        ErrorKind::RateLimited => {
            ("rate_limit_error", "This request would exceed your organization's rate limit.".to_owned())
        }
        ErrorKind::ServerError => ("api_error", "Internal server error".to_owned()),
        ErrorKind::Unavailable => ("api_error", "Service unavailable".to_owned()),
        ErrorKind::Overloaded => ("overloaded_error", "Overloaded".to_owned()),
    };
    let message = failure.message.map_or(default_message, str::to_owned);
    let mut error = json!({"type": error_type, "message": message});
    if failure.kind == (ErrorKind::QuotaExhausted { payment_required: false }) {
        error["details"] = json!({"error_code": "enforced_spend_limit_reached"});
    }
    let request_id = format!("req_{}", failure.identifier);
    (status(failure.kind), json!({"type": "error", "error": error, "request_id": request_id}))
}
