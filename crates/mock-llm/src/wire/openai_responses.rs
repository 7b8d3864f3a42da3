//! OpenAI Responses.

use serde_json::{Map, Value, json};

use super::openai_error::{default_message, type_and_code};
use super::{Completion, Failure, Message, Outcome, objects, text_of};
use crate::script::{Tokens, ToolCall};

pub(super) fn messages(body: &Map<String, Value>) -> Result<Vec<Message>, String> {
    let mut messages = Vec::new();
    if let Some(instructions) = body.get("instructions").and_then(Value::as_str) {
        messages.push(Message::new("system", instructions.to_owned()));
    }
    if let Some(input) = body.get("input").and_then(Value::as_str) {
        messages.push(Message::new("user", input.to_owned()));
        return Ok(messages);
    }
    for item in objects(body, "input")? {
        // An item without a role is a tool call or its output.
        let role = item.get("role").and_then(Value::as_str).unwrap_or("tool");
        let text = ["content", "output"].iter().filter_map(|key| item.get(*key)).map(text_of).collect();
        messages.push(Message::new(role, text));
    }
    Ok(messages)
}

pub(super) fn completion(completion: &Completion<'_>) -> Value {
    let (status, incomplete_reason) = match completion.outcome {
        Outcome::Text(_) | Outcome::ToolCalls(_) | Outcome::Refusal(_) => ("completed", None),
        Outcome::Filtered | Outcome::PromptFiltered => ("incomplete", Some("content_filter")),
        Outcome::LengthLimit(_) => ("incomplete", Some("max_output_tokens")),
    };
    let mut output = Vec::new();
    if completion.shows_reasoning() {
        output
            .push(json!({"id": format!("rs_{}", completion.identifier), "type": "reasoning", "summary": []}));
    }
    match completion.outcome {
        Outcome::ToolCalls(calls) => {
            output
                .extend(calls.iter().enumerate().map(|(index, call)| function_call(completion, index, call)));
        }
        Outcome::Text(text) | Outcome::LengthLimit(text) => {
            let content = json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
            output.push(message(completion, status, &content));
        }
        Outcome::Refusal(text) => {
            output.push(message(completion, status, &json!({"type": "refusal", "refusal": text})));
        }
        Outcome::Filtered | Outcome::PromptFiltered => {}
    }
    let incomplete_details = incomplete_reason.map(|reason| json!({"reason": reason}));
    let mut body = json!({
        "id": format!("resp_{}", completion.identifier),
        "object": "response",
        "created_at": completion.created,
        "status": status,
        "error": null,
        "incomplete_details": incomplete_details,
        "model": completion.model,
        "output": output,
        "store": false,
    });
    if let Some(tokens) = completion.usage {
        body["usage"] = usage(tokens);
    }
    body
}

/// A response whose generation failed: HTTP 200, `status` failed.
pub(super) fn failed(failure: &Failure<'_>, created: u64) -> Value {
    let (error_type, code) = type_and_code(failure.kind);
    let message = failure.message.map_or_else(|| default_message(failure), str::to_owned);
    json!({
        "id": format!("resp_{}", failure.identifier),
        "object": "response",
        "created_at": created,
        "status": "failed",
        "error": {"code": code.unwrap_or(error_type), "message": message},
        "incomplete_details": null,
        "model": failure.model,
        "output": [],
        "store": false,
        "usage": null,
    })
}

fn message(completion: &Completion<'_>, status: &str, content: &Value) -> Value {
    json!({
        "id": format!("msg_{}", completion.identifier),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [content],
    })
}

fn function_call(completion: &Completion<'_>, index: usize, call: &ToolCall) -> Value {
    json!({
        "id": format!("fc_{}{index:02}", completion.identifier),
        "type": "function_call",
        "status": "completed",
        "call_id": format!("call_{}{index:02}", completion.identifier),
        "name": call.name,
        "arguments": Value::Object(call.arguments.clone()).to_string(),
    })
}

fn usage(tokens: Tokens) -> Value {
    json!({
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached_input, "cache_write_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total(),
    })
}
