//! Gemini generateContent.

use serde_json::{Map, Value, json};

use super::{Completion, Failure, Message, Outcome, objects, seconds, status, text_of};
use crate::script::{ErrorKind, Tokens};

pub(super) fn messages(body: &Map<String, Value>) -> Result<Vec<Message>, String> {
    let mut messages = Vec::new();
    // The API accepts protobuf's camel case and the snake case of the field names.
    let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
    if let Some(parts) = system.and_then(|system| system.get("parts")) {
        messages.push(Message::new("system", text_of(parts)));
    }
    for content in objects(body, "contents")? {
        // A single turn may leave its role out.
        let role = content.get("role").and_then(Value::as_str).unwrap_or("user");
        let text = content.get("parts").map(text_of).unwrap_or_default();
        messages.push(Message::new(role, text));
    }
    Ok(messages)
}

pub(super) fn completion(completion: &Completion<'_>) -> Value {
    let mut body = Map::new();
    match completion.outcome {
        Outcome::PromptFiltered => {
            body.insert("promptFeedback".to_owned(), json!({"blockReason": "PROHIBITED_CONTENT"}));
        }
        Outcome::Filtered => {
            body.insert("candidates".to_owned(), json!([{"finishReason": "SAFETY", "index": 0}]));
        }
        // This format has no refusal of its own: it is a text like any other.
        Outcome::Text(text) | Outcome::Refusal(text) => {
            body.insert("candidates".to_owned(), candidate(completion, vec![json!({"text": text})], "STOP"));
        }
        Outcome::LengthLimit(text) => {
            body.insert(
                "candidates".to_owned(),
                candidate(completion, vec![json!({"text": text})], "MAX_TOKENS"),
            );
        }
        Outcome::ToolCalls(calls) => {
            let parts =
                calls.iter().map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}}));
            body.insert("candidates".to_owned(), candidate(completion, parts.collect(), "STOP"));
        }
    }
    if let Some(tokens) = completion.usage {
        body.insert(
            "usageMetadata".to_owned(),
            usage(tokens, matches!(completion.outcome, Outcome::PromptFiltered)),
        );
    }
    body.insert("modelVersion".to_owned(), json!(completion.model));
    body.insert("responseId".to_owned(), json!(completion.identifier));
    Value::Object(body)
}

fn candidate(completion: &Completion<'_>, mut parts: Vec<Value>, finish_reason: &str) -> Value {
    if completion.shows_reasoning() {
        parts.insert(0, json!({"text": "Thinking.", "thought": true}));
    }
    json!([{"content": {"parts": parts, "role": "model"}, "finishReason": finish_reason, "index": 0}])
}

/// Here the output is two numbers: candidates and thoughts.
fn usage(tokens: Tokens, is_prompt_only: bool) -> Value {
    if is_prompt_only {
        return json!({"promptTokenCount": tokens.input, "totalTokenCount": tokens.input});
    }
    let mut usage = json!({
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.total(),
    });
    if tokens.cached_input > 0 {
        usage["cachedContentTokenCount"] = json!(tokens.cached_input);
    }
    if tokens.reasoning > 0 {
        usage["thoughtsTokenCount"] = json!(tokens.reasoning);
    }
    usage
}

pub(super) fn error(failure: &Failure<'_>) -> (u16, Value) {
    let (code, name, default_message) = match failure.kind {
        ErrorKind::BadRequest | ErrorKind::ContentFiltered => {
            (400, "INVALID_ARGUMENT", "Request contains an invalid argument.".to_owned())
        }
        // This provider calls a wrong key a wrong argument.
        ErrorKind::Unauthorized => {
            (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.".to_owned())
        }
        ErrorKind::QuotaExhausted { .. } => {
            let message = "You exceeded your current quota: check your plan and billing details.".to_owned();
            (status(failure.kind), "RESOURCE_EXHAUSTED", message)
        }
        ErrorKind::NotFound => (404, "NOT_FOUND", format!("models/{} is not found.", failure.model)),
        ErrorKind::MethodNotAllowed => (405, "UNIMPLEMENTED", "Not allowed: send a POST request.".to_owned()),
        ErrorKind::RateLimited => (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.".to_owned()),
        ErrorKind::ServerError => (500, "INTERNAL", "An internal error has occurred.".to_owned()),
        ErrorKind::Unavailable => (503, "UNAVAILABLE", "The service is currently unavailable.".to_owned()),
        ErrorKind::Overloaded => (529, "UNAVAILABLE", "The model is overloaded.".to_owned()),
    };
    let message = failure.message.map_or(default_message, str::to_owned);
    let mut error = json!({"code": code, "message": message, "status": name});
    let details = details(failure);
    if !details.is_empty() {
        error["details"] = Value::Array(details);
    }
    (code, json!({"error": error}))
}

fn details(failure: &Failure<'_>) -> Vec<Value> {
    let mut details = Vec::new();
    let quota_id = match failure.kind {
        ErrorKind::RateLimited => Some("GenerateRequestsPerMinutePerProjectPerModel"),
        ErrorKind::QuotaExhausted { .. } => Some("GenerateRequestsPerDayPerProjectPerModel"),
        _ => None,
    };
    if let Some(quota_id) = quota_id {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                "quotaId": quota_id,
                "quotaDimensions": {"location": "global", "model": failure.model},
            }],
        }));
    }
    if failure.kind == ErrorKind::Unauthorized {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }));
    }
    if let Some(wait) = failure.retry_after {
        let retry_delay = format!("{}s", seconds(wait));
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay}));
    }
    details
}
