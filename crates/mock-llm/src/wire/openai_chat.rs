//! OpenAI Chat Completions, and the many servers that copy it.

use serde_json::{Map, Value, json};

use super::{Completion, Message, Outcome, objects, role, text_of};
use crate::script::{Tokens, ToolCall};

pub(super) fn messages(body: &Map<String, Value>) -> Result<Vec<Message>, String> {
    let messages = objects(body, "messages")?.into_iter();
    messages
        .map(|message| {
            let text = message.get("content").map(text_of).unwrap_or_default();
            Ok(Message::new(role(message)?, text))
        })
        .collect()
}

pub(super) fn completion(completion: &Completion<'_>) -> Value {
    let (content, refusal, finish_reason) = match completion.outcome {
        Outcome::Text(text) => (json!(text), Value::Null, "stop"),
        Outcome::ToolCalls(_) => (Value::Null, Value::Null, "tool_calls"),
        Outcome::Refusal(text) => (Value::Null, json!(text), "stop"),
        Outcome::Filtered | Outcome::PromptFiltered => (json!(""), Value::Null, "content_filter"),
        Outcome::LengthLimit(text) => (json!(text), Value::Null, "length"),
    };
    let mut message = json!({"role": "assistant", "content": content, "refusal": refusal});
    if let Outcome::ToolCalls(calls) = completion.outcome {
        message["tool_calls"] =
            calls.iter().enumerate().map(|(index, call)| tool_call(completion, index, call)).collect();
    } else {
        message["annotations"] = json!([]);
    }
    let mut body = json!({
        "id": format!("chatcmpl-{}", completion.identifier),
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
    });
    if let Some(tokens) = completion.usage {
        body["usage"] = usage(tokens);
    }
    body["service_tier"] = json!("default");
    body["system_fingerprint"] = json!("fp_mock000001");
    body
}

fn tool_call(completion: &Completion<'_>, index: usize, call: &ToolCall) -> Value {
    json!({
        "id": format!("call_{}{index:02}", completion.identifier),
        "type": "function",
        "function": {"name": call.name, "arguments": Value::Object(call.arguments.clone()).to_string()},
    })
}

fn usage(tokens: Tokens) -> Value {
    json!({
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.total(),
        "prompt_tokens_details": {"cached_tokens": tokens.cached_input, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    })
}
