//! Anthropic Messages, `POST {base_url}/v1/messages`. Pure: no socket, no key.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::{ModelRow, Target};
use crate::error::ModelError;
use crate::message::{Message, Role, ToolCall};
use crate::provider::ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS;
use crate::reply::{FinishReason, Reply, Usage};
use crate::request::{ChatRequest, ReasoningEffort, ResponseFormat};
use crate::wire::{EncodeError, HttpRequest, put, unexpected};

/// The version of the API that this file is written for.
const VERSION: &str = "2023-06-01";

pub(crate) fn encode(row: &ModelRow, request: &ChatRequest) -> Result<HttpRequest, EncodeError> {
    let params = &request.params;
    let (system, conversation) = split_system(&request.messages, "anthropic")?;
    let mut body = Map::new();
    body.insert("model".to_owned(), row.model.clone().into());
    let limit = params.max_output_tokens.unwrap_or(ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS);
    body.insert("max_tokens".to_owned(), limit.into());
    match system {
        [] => {}
        [only] => put(&mut body, "system", Some(only.content.clone())),
        several => {
            let blocks: Value = several.iter().map(|message| text_block(&message.content)).collect();
            put(&mut body, "system", Some(blocks));
        }
    }
    body.insert("messages".to_owned(), messages(conversation)?);
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    put(&mut body, "temperature", params.temperature);
    put(&mut body, "top_p", params.top_p);
    put(&mut body, "top_k", params.top_k);
    put(&mut body, "stop_sequences", params.stop.clone());
    let mut output_config = Map::new();
    match params.reasoning_effort {
        Some(ReasoningEffort::None) => put(&mut body, "thinking", Some(json!({"type": "disabled"}))),
        effort => put(&mut output_config, "effort", effort.map(ReasoningEffort::as_str)),
    }
    match &request.response_format {
        None => {}
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            put(&mut output_config, "format", Some(json!({"type": "json_schema", "schema": schema})));
        }
        Some(ResponseFormat::JsonObject) => {
            let why = "anthropic has no format for any JSON object: give a JSON Schema";
            return Err(EncodeError(why.to_owned()));
        }
    }
    if !output_config.is_empty() {
        body.insert("output_config".to_owned(), Value::Object(output_config));
    }
    let path: &[&str] = if base_ends_with_version(row) { &["messages"] } else { &["v1", "messages"] };
    HttpRequest::assemble(row, request, path, ("x-api-key", ""), &[("anthropic-version", VERSION)], body)
}

fn base_ends_with_version(row: &ModelRow) -> bool {
    let Target::Http(url) = &row.target else { return false };
    url.path().trim_end_matches('/').ends_with("/v1")
}

/// The system messages at the start, and the conversation, which must not be empty or hold further ones.
pub(crate) fn split_system<'a>(
    messages: &'a [Message],
    provider: &str,
) -> Result<(&'a [Message], &'a [Message]), EncodeError> {
    let start = messages.iter().take_while(|message| message.role == Role::System).count();
    let (system, conversation) = messages.split_at(start);
    if conversation.is_empty() {
        return Err(EncodeError(format!("{provider} needs a message that is not a system message")));
    }
    if conversation.iter().any(|message| message.role == Role::System) {
        return Err(EncodeError(format!(
            "{provider} takes system messages only at the start of a conversation"
        )));
    }
    Ok((system, conversation))
}

fn messages(conversation: &[Message]) -> Result<Value, EncodeError> {
    let mut encoded: Vec<Value> = Vec::new();
    let mut previous = None;
    for message in conversation {
        match message.role {
            // The results of calls that were made together belong into one message.
            Role::Tool if previous == Some(Role::Tool) => {
                if let Some(Value::Array(blocks)) =
                    encoded.last_mut().and_then(|last| last.get_mut("content"))
                {
                    blocks.push(tool_result(message));
                }
            }
            Role::Tool => encoded.push(json!({"role": "user", "content": [tool_result(message)]})),
            Role::Assistant if !message.tool_calls.is_empty() => {
                let text = (!message.content.is_empty()).then(|| text_block(&message.content));
                let calls = message.tool_calls.iter().map(tool_use);
                let blocks = text.into_iter().map(Ok).chain(calls).collect::<Result<Vec<_>, _>>()?;
                encoded.push(json!({"role": "assistant", "content": blocks}));
            }
            role => encoded.push(json!({"role": role, "content": message.content})),
        }
        previous = Some(message.role);
    }
    Ok(Value::Array(encoded))
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn tool_result(message: &Message) -> Value {
    json!({"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content})
}

fn tool_use(call: &ToolCall) -> Result<Value, EncodeError> {
    if !call.arguments.is_object() {
        return Err(EncodeError(format!(
            "the arguments of the call of `{}` are not a JSON object",
            call.name
        )));
    }
    Ok(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}))
}

pub(crate) fn decode(body: &Value) -> Result<Reply, ModelError> {
    let blocks = body
        .get("content")
        .and_then(Value::as_array)
        .ok_or_else(|| unexpected("there is no list `content`", body))?;
    let of_type = |wanted: &'static str| {
        blocks.iter().filter(move |block| block.get("type").is_some_and(|kind| kind == wanted))
    };
    let stop_reason = body.get("stop_reason").and_then(Value::as_str);
    let explanation = body.pointer("/stop_details/explanation").and_then(Value::as_str);
    let text: String = of_type("text").filter_map(|block| block.get("text")?.as_str()).collect();
    let refusal = stop_reason.filter(|reason| *reason == "refusal").map(|word| match explanation {
        Some(explanation) => explanation,
        None if !text.is_empty() => &text,
        None => word,
    });
    Ok(Reply {
        refusal: refusal.map(str::to_owned),
        text,
        tool_calls: of_type("tool_use").filter_map(tool_call).collect(),
        finish_reason: finish_reason(stop_reason),
        usage: usage(body.get("usage")),
        served_model: body.get("model").and_then(Value::as_str).map(str::to_owned),
        request_id: body.get("id").and_then(Value::as_str).map(str::to_owned),
        latency: Duration::ZERO,
        redacted: Vec::new(),
    })
}

fn tool_call(block: &Value) -> Option<ToolCall> {
    Some(ToolCall {
        id: block.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        name: block.get("name")?.as_str()?.to_owned(),
        arguments: block
            .get("input")
            .map_or_else(|| Value::Object(Map::new()), ToolCall::arguments_from_json),
    })
}

fn finish_reason(word: Option<&str>) -> FinishReason {
    match word {
        Some("end_turn" | "stop_sequence") => FinishReason::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
        Some("tool_use") => FinishReason::Tool,
        Some("refusal") => FinishReason::Filter,
        Some(other) => other.to_owned().into(),
        None => FinishReason::Other("none".to_owned()),
    }
}

/// `input_tokens` leaves out what was read from or written to the cache; our `input` includes both.
fn usage(usage: Option<&Value>) -> Usage {
    let Some(usage) = usage else { return Usage::default() };
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    let cached = count("cache_read_input_tokens");
    let written = count("cache_creation_input_tokens").unwrap_or(0);
    Usage {
        input: count("input_tokens")
            .map(|plain| plain.saturating_add(written).saturating_add(cached.unwrap_or(0))),
        cached_input: cached,
        output: count("output_tokens"),
        reasoning: None,
        provider_cost: None,
    }
}
