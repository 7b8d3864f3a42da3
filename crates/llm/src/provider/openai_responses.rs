//! OpenAI Responses, `POST {base_url}/responses`. Pure: no socket, no key.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::classify;
use crate::config::ModelRow;
use crate::error::ModelError;
use crate::json;
use crate::message::{Message, Role, ToolCall};
use crate::reply::{FinishReason, Reply, Usage};
use crate::request::{ChatRequest, ResponseFormat};
use crate::wire::{EncodeError, HttpRequest, HttpResponse, put, unexpected};

pub(crate) fn encode(row: &ModelRow, request: &ChatRequest) -> Result<HttpRequest, EncodeError> {
    let params = &request.params;
    let mut body = Map::new();
    body.insert("model".to_owned(), row.model.clone().into());
    body.insert("input".to_owned(), request.messages.iter().flat_map(items).collect());
    if !request.tools.is_empty() {
        // This API is strict by default and then refuses most schemas; Chat Completions is not, and a tool is a tool.
        let tools = request.tools.iter().map(|tool| {
            json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": false,
            })
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    put(
        &mut body,
        "text",
        request.response_format.as_ref().map(|format| json!({"format": response_format(format)})),
    );
    put(&mut body, "max_output_tokens", params.max_output_tokens);
    put(&mut body, "temperature", params.temperature);
    put(&mut body, "top_p", params.top_p);
    put(&mut body, "reasoning", params.reasoning_effort.map(|effort| json!({"effort": effort.as_str()})));
    HttpRequest::assemble(row, request, &["responses"], ("authorization", "Bearer "), &[], body)
}

fn items(message: &Message) -> Vec<Value> {
    if message.role == Role::Tool {
        let call_id = message.tool_call_id.clone().unwrap_or_default();
        return vec![json!({"type": "function_call_output", "call_id": call_id, "output": message.content})];
    }
    let mut items = Vec::new();
    if !message.content.is_empty() || message.tool_calls.is_empty() {
        items.push(json!({"role": message.role, "content": message.content}));
    }
    items.extend(message.tool_calls.iter().map(|call| {
        json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments_text()})
    }));
    items
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema } => {
            json!({"type": "json_schema", "name": name, "schema": schema, "strict": true})
        }
    }
}

pub(crate) fn decode(body: &Value, response: &HttpResponse, now: Timestamp) -> Result<Reply, ModelError> {
    let output = body
        .get("output")
        .and_then(Value::as_array)
        .ok_or_else(|| unexpected("there is no `output`", body))?;
    let status = body.get("status").and_then(Value::as_str);
    match status {
        Some("failed") => return classify::failure_with(&classify::unexplained(), response, now),
        // What is there of it is no answer, and asking again would begin another one.
        Some(status @ ("queued" | "in_progress")) => {
            let detail = format!(
                "the response is not finished (`status: {status}`), and nobody comes back for it: take `background` out of `extra`"
            );
            return Err(ModelError::BadRequest { detail });
        }
        Some("cancelled") => {
            let detail = "the response was cancelled before it was finished".to_owned();
            return Err(ModelError::Server { retry_after: None, retryable: true, detail });
        }
        _ => {}
    }
    let parts = || {
        output
            .iter()
            .filter(|item| item.get("type").is_some_and(|kind| kind == "message"))
            .filter_map(|item| item.get("content")?.as_array())
            .flatten()
    };
    let texts = |kind: &str, key: &str| -> String {
        parts()
            .filter(|part| part.get("type").is_some_and(|found| found == kind))
            .filter_map(|part| part.get(key)?.as_str())
            .collect()
    };
    let tool_calls: Vec<ToolCall> = output
        .iter()
        .filter(|item| item.get("type").is_some_and(|kind| kind == "function_call"))
        .filter_map(tool_call)
        .collect();
    let refusal = texts("refusal", "refusal");
    let reason = body.pointer("/incomplete_details/reason").and_then(Value::as_str);
    Ok(Reply {
        text: texts("output_text", "text"),
        refusal: (!refusal.is_empty()).then_some(refusal),
        finish_reason: finish_reason(status, reason, &tool_calls),
        tool_calls,
        usage: usage(body.get("usage")),
        served_model: body.get("model").and_then(Value::as_str).map(str::to_owned),
        request_id: body.get("id").and_then(Value::as_str).map(str::to_owned),
        latency: Duration::ZERO,
        redacted: Vec::new(),
    })
}

fn tool_call(item: &Value) -> Option<ToolCall> {
    Some(ToolCall {
        id: item.get("call_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        name: item.get("name")?.as_str()?.to_owned(),
        arguments: ToolCall::arguments_from_text(
            item.get("arguments").and_then(Value::as_str).unwrap_or_default(),
        ),
    })
}

fn finish_reason(status: Option<&str>, reason: Option<&str>, tool_calls: &[ToolCall]) -> FinishReason {
    match (status, reason) {
        (Some("completed"), _) if !tool_calls.is_empty() => FinishReason::Tool,
        (Some("completed"), _) => FinishReason::Stop,
        (Some("incomplete"), Some("max_output_tokens")) => FinishReason::Length,
        (Some("incomplete"), Some("content_filter")) => FinishReason::Filter,
        (Some("incomplete"), Some(other)) | (Some(other), _) => other.to_owned().into(),
        (None, _) => FinishReason::Other("none".to_owned()),
    }
}

fn usage(usage: Option<&Value>) -> Usage {
    let Some(usage) = usage else { return Usage::default() };
    let count = |path: &[&str]| json::at(usage, path).and_then(Value::as_u64);
    Usage {
        input: count(&["input_tokens"]),
        cached_input: count(&["input_tokens_details", "cached_tokens"]),
        output: count(&["output_tokens"]),
        reasoning: count(&["output_tokens_details", "reasoning_tokens"]),
        provider_cost: usage.get("cost").and_then(Value::as_f64).filter(|cost| *cost >= 0.0),
    }
}
