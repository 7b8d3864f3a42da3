//! Gemini generateContent, `POST {base_url}/models/{model}:generateContent`. Pure: no socket, no key.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::ModelRow;
use crate::error::ModelError;
use crate::message::{Message, Role, ToolCall};
use crate::provider::anthropic::split_system;
use crate::reply::{FinishReason, Reply, Usage};
use crate::request::{ChatRequest, Params, ReasoningEffort, ResponseFormat};
use crate::wire::{EncodeError, HttpRequest, put, unexpected};

pub(crate) fn encode(row: &ModelRow, request: &ChatRequest) -> Result<HttpRequest, EncodeError> {
    let (system, conversation) = split_system(&request.messages, "gemini")?;
    let mut body = Map::new();
    if !system.is_empty() {
        let parts: Value = system.iter().map(|message| json!({"text": message.content})).collect();
        body.insert("systemInstruction".to_owned(), json!({"parts": parts}));
    }
    body.insert("contents".to_owned(), contents(conversation)?);
    if !request.tools.is_empty() {
        let declarations: Value = request
            .tools
            .iter()
            .map(|tool| {
                json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})
            })
            .collect();
        body.insert("tools".to_owned(), json!([{"functionDeclarations": declarations}]));
    }
    let config = generation_config(&request.params, request.response_format.as_ref());
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    let name = format!("{}:generateContent", row.model);
    // `models/x` and `tunedModels/x` say themselves where they are.
    let path: Vec<&str> = match name.split_once('/') {
        Some(_) => name.split('/').collect(),
        None => vec!["models", &name],
    };
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return Err(EncodeError("the model's name is not a path of names".to_owned()));
    }
    HttpRequest::assemble(row, request, &path, ("x-goog-api-key", ""), &[], body)
}

fn generation_config(params: &Params, format: Option<&ResponseFormat>) -> Map<String, Value> {
    let mut config = Map::new();
    put(&mut config, "maxOutputTokens", params.max_output_tokens);
    put(&mut config, "temperature", params.temperature);
    put(&mut config, "topP", params.top_p);
    put(&mut config, "topK", params.top_k);
    put(&mut config, "seed", params.seed);
    put(&mut config, "stopSequences", params.stop.clone());
    put(&mut config, "frequencyPenalty", params.frequency_penalty);
    put(&mut config, "presencePenalty", params.presence_penalty);
    let level = params.reasoning_effort.map(ReasoningEffort::as_str);
    put(&mut config, "thinkingConfig", level.map(|level| json!({"thinkingLevel": level})));
    if let Some(format) = format {
        put(&mut config, "responseMimeType", Some("application/json"));
        if let ResponseFormat::JsonSchema { schema, .. } = format {
            put(&mut config, "responseJsonSchema", Some(schema.clone()));
        }
    }
    config
}

fn contents(conversation: &[Message]) -> Result<Value, EncodeError> {
    let mut encoded: Vec<Value> = Vec::new();
    let mut previous = None;
    for (index, message) in conversation.iter().enumerate() {
        match message.role {
            Role::Tool => {
                let part = function_response(message, &conversation[..index])?;
                // The results of calls that were made together belong into one turn.
                match encoded.last_mut().and_then(|last| last.get_mut("parts")) {
                    Some(Value::Array(parts)) if previous == Some(Role::Tool) => parts.push(part),
                    _ => encoded.push(json!({"role": "user", "parts": [part]})),
                }
            }
            Role::Assistant => {
                let text = (!message.content.is_empty() || message.tool_calls.is_empty())
                    .then(|| json!({"text": message.content}));
                let calls = message.tool_calls.iter().map(function_call);
                let parts = text.into_iter().map(Ok).chain(calls).collect::<Result<Vec<_>, _>>()?;
                encoded.push(json!({"role": "model", "parts": parts}));
            }
            Role::User | Role::System => {
                encoded.push(json!({"role": "user", "parts": [{"text": message.content}]}));
            }
        }
        previous = Some(message.role);
    }
    Ok(Value::Array(encoded))
}

fn function_call(call: &ToolCall) -> Result<Value, EncodeError> {
    if !call.arguments.is_object() {
        return Err(EncodeError(format!(
            "the arguments of the call of `{}` are not a JSON object",
            call.name
        )));
    }
    let mut encoded = Map::new();
    put(&mut encoded, "id", (!call.id.is_empty()).then(|| call.id.clone()));
    put(&mut encoded, "name", Some(call.name.clone()));
    put(&mut encoded, "args", Some(call.arguments.clone()));
    Ok(json!({"functionCall": encoded}))
}

/// A result goes back under the function's name, which only the call before it knows.
fn function_response(message: &Message, before: &[Message]) -> Result<Value, EncodeError> {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    let call = before
        .iter()
        .rev()
        .flat_map(|message| &message.tool_calls)
        .find(|call| call.id == id)
        .ok_or_else(|| EncodeError(format!("no earlier message calls a tool under the id `{id}`")))?;
    let response = match serde_json::from_str(&message.content) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => json!({"result": message.content}),
    };
    let mut encoded = Map::new();
    put(&mut encoded, "id", (!id.is_empty()).then(|| id.to_owned()));
    put(&mut encoded, "name", Some(call.name.clone()));
    put(&mut encoded, "response", Some(response));
    Ok(json!({"functionResponse": encoded}))
}

pub(crate) fn decode(body: &Value) -> Result<Reply, ModelError> {
    let block_reason = body.pointer("/promptFeedback/blockReason").and_then(Value::as_str);
    let candidate = body.pointer("/candidates/0");
    if candidate.is_none() && block_reason.is_none() {
        return Err(unexpected("there is neither `candidates` nor a reason to block", body));
    }
    let parts: &[Value] = candidate
        .and_then(|candidate| candidate.pointer("/content/parts"))
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice);
    let is_thought = |part: &&Value| part.get("thought").is_some_and(|thought| *thought == Value::Bool(true));
    let tool_calls: Vec<ToolCall> =
        parts.iter().filter_map(|part| part.get("functionCall")).filter_map(tool_call).collect();
    let finish_reason = match candidate {
        None => FinishReason::Filter,
        Some(candidate) => finish_reason(candidate.get("finishReason").and_then(Value::as_str), &tool_calls),
    };
    Ok(Reply {
        text: parts
            .iter()
            .filter(|part| !is_thought(part))
            .filter_map(|part| part.get("text")?.as_str())
            .collect(),
        refusal: block_reason.filter(|_| candidate.is_none()).map(str::to_owned),
        tool_calls,
        finish_reason,
        usage: usage(body.get("usageMetadata")),
        served_model: body.get("modelVersion").and_then(Value::as_str).map(str::to_owned),
        request_id: body.get("responseId").and_then(Value::as_str).map(str::to_owned),
        latency: Duration::ZERO,
        redacted: Vec::new(),
    })
}

fn tool_call(call: &Value) -> Option<ToolCall> {
    Some(ToolCall {
        id: call.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        name: call.get("name")?.as_str()?.to_owned(),
        arguments: call.get("args").map_or_else(|| Value::Object(Map::new()), ToolCall::arguments_from_json),
    })
}

fn finish_reason(word: Option<&str>, tool_calls: &[ToolCall]) -> FinishReason {
    match word {
        Some("STOP") if !tool_calls.is_empty() => FinishReason::Tool,
        Some("STOP") => FinishReason::Stop,
        Some("MAX_TOKENS") => FinishReason::Length,
        Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII") => FinishReason::Filter,
        Some(other) => other.to_ascii_lowercase().into(),
        None => FinishReason::Other("none".to_owned()),
    }
}

/// Thoughts are counted beside the candidates, and what tools brought in beside the prompt; ours include both.
fn usage(usage: Option<&Value>) -> Usage {
    let Some(usage) = usage else { return Usage::default() };
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    };
    let thoughts = count("thoughtsTokenCount");
    Usage {
        input: count("promptTokenCount")
            .map(|prompt| prompt.saturating_add(count("toolUsePromptTokenCount").unwrap_or(0))),
        cached_input: count("cachedContentTokenCount"),
        output: sum(count("candidatesTokenCount"), thoughts),
        reasoning: thoughts,
        provider_cost: None,
    }
}
