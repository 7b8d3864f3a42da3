//! OpenAI Chat Completions, `POST {base_url}/chat/completions`, and every server that speaks it.
//! Pure: no socket, no key.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::classify;
use crate::config::{ModelRow, Target};
use crate::error::ModelError;
use crate::json;
use crate::message::{Message, Role, ToolCall};
use crate::reply::{FinishReason, Reply, Usage};
use crate::request::{ChatRequest, ReasoningEffort, ResponseFormat};
use crate::wire::{EncodeError, HttpRequest, HttpResponse, put, unexpected};

/// Hosts that want the newer name of the token limit. Older compatible servers know only `max_tokens`, and some ignore
/// what they do not know, so everybody else is sent that one.
const HOSTS_OF_OPENAI_AND_AZURE: [&str; 4] =
    [".openai.com", ".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"];

pub(crate) fn encode(row: &ModelRow, request: &ChatRequest) -> Result<HttpRequest, EncodeError> {
    let params = &request.params;
    let mut body = Map::new();
    body.insert("model".to_owned(), row.model.clone().into());
    body.insert("messages".to_owned(), request.messages.iter().map(message).collect());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| json!({"type": "function", "function": tool}));
        body.insert("tools".to_owned(), tools.collect());
    }
    put(&mut body, "response_format", request.response_format.as_ref().map(response_format));
    let token_limit = if wants_the_newer_name(row) { "max_completion_tokens" } else { "max_tokens" };
    put(&mut body, token_limit, params.max_output_tokens);
    put(&mut body, "temperature", params.temperature);
    put(&mut body, "top_p", params.top_p);
    put(&mut body, "top_k", params.top_k);
    put(&mut body, "seed", params.seed);
    put(&mut body, "stop", params.stop.clone());
    put(&mut body, "reasoning_effort", params.reasoning_effort.map(ReasoningEffort::as_str));
    put(&mut body, "frequency_penalty", params.frequency_penalty);
    put(&mut body, "presence_penalty", params.presence_penalty);
    HttpRequest::assemble(row, request, &["chat", "completions"], ("authorization", "Bearer "), &[], body)
}

fn wants_the_newer_name(row: &ModelRow) -> bool {
    let Target::Http(url) = &row.target else { return false };
    url.host_str().is_some_and(|host| HOSTS_OF_OPENAI_AND_AZURE.iter().any(|end| host.ends_with(end)))
}

fn message(message: &Message) -> Value {
    let mut encoded = Map::new();
    encoded.insert("role".to_owned(), json!(message.role));
    let only_calls = message.content.is_empty() && !message.tool_calls.is_empty();
    let content = if only_calls { Value::Null } else { message.content.clone().into() };
    encoded.insert("content".to_owned(), content);
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments_text()},
            })
        });
        encoded.insert("tool_calls".to_owned(), calls.collect());
    }
    if message.role == Role::Tool {
        put(&mut encoded, "tool_call_id", message.tool_call_id.clone());
    }
    Value::Object(encoded)
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema } => {
            json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": true}})
        }
    }
}

pub(crate) fn decode(body: &Value, response: &HttpResponse, now: Timestamp) -> Result<Reply, ModelError> {
    let choice =
        json::at(body, &["choices", "0"]).ok_or_else(|| unexpected("there is no `choices`", body))?;
    if let Some(error) = classify::error_in(choice) {
        return classify::failure_with(&error, response, now);
    }
    let message = choice
        .get("message")
        .filter(|message| message.is_object())
        .ok_or_else(|| unexpected("there is no `message`", body))?;
    let tool_calls: Vec<ToolCall> = message
        .get("tool_calls")
        .and_then(Value::as_array)
        .map(|calls| calls.iter().filter_map(tool_call).collect())
        .unwrap_or_default();
    let refusal = message.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty());
    Ok(Reply {
        text: content_text(message.get("content"))
            .ok_or_else(|| unexpected("`content` is not a text", body))?,
        refusal: refusal.map(str::to_owned),
        finish_reason: finish_reason(choice.get("finish_reason").and_then(Value::as_str), &tool_calls),
        tool_calls,
        usage: usage(body.get("usage")),
        served_model: body.get("model").and_then(Value::as_str).map(str::to_owned),
        request_id: body.get("id").and_then(Value::as_str).map(str::to_owned),
        latency: std::time::Duration::ZERO,
        redacted: Vec::new(),
    })
}

/// A text, a list of parts of which the texts count, or nothing.
fn content_text(content: Option<&Value>) -> Option<String> {
    match content {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(parts)) => {
            Some(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect())
        }
        Some(_) => None,
    }
}

fn tool_call(call: &Value) -> Option<ToolCall> {
    let function = call.get("function")?;
    Some(ToolCall {
        id: call.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        name: function.get("name")?.as_str()?.to_owned(),
        arguments: match function.get("arguments") {
            Some(Value::String(text)) => ToolCall::arguments_from_text(text),
            Some(Value::Null) | None => Value::Object(Map::new()),
            // Some servers send the object itself.
            Some(arguments) => ToolCall::arguments_from_json(arguments),
        },
    })
}

fn finish_reason(word: Option<&str>, tool_calls: &[ToolCall]) -> FinishReason {
    match word {
        Some("stop") if !tool_calls.is_empty() => FinishReason::Tool,
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("content_filter") => FinishReason::Filter,
        Some("tool_calls" | "function_call") => FinishReason::Tool,
        Some(other) => other.to_owned().into(),
        None => FinishReason::Other("none".to_owned()),
    }
}

fn usage(usage: Option<&Value>) -> Usage {
    let Some(usage) = usage else { return Usage::default() };
    let count = |path: &[&str]| json::at(usage, path).and_then(Value::as_u64);
    let input = count(&["prompt_tokens"]);
    let completion = count(&["completion_tokens"]);
    let reasoning = count(&["completion_tokens_details", "reasoning_tokens"]);
    // One provider counts reasoning beside the completion; its own total gives that away.
    let reasoning_is_extra = match (input, completion, reasoning, count(&["total_tokens"])) {
        (Some(input), Some(completion), Some(reasoning), Some(total)) => {
            reasoning > 0 && total == input.saturating_add(completion).saturating_add(reasoning)
        }
        _ => false,
    };
    let extra = if reasoning_is_extra { reasoning.unwrap_or(0) } else { 0 };
    Usage {
        input,
        cached_input: count(&["prompt_tokens_details", "cached_tokens"])
            .or(count(&["prompt_cache_hit_tokens"])),
        output: completion.map(|completion| completion.saturating_add(extra)),
        reasoning,
        provider_cost: usage.get("cost").and_then(Value::as_f64).filter(|cost| *cost >= 0.0),
    }
}
