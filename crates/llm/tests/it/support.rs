//! What several tests need: rows, one rich request, answers, and a request as text.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use promptassay_llm::{
    ChatRequest, HttpRequest, HttpResponse, Message, ModelError, ModelRow, ModelRowSpec, Params, Provider,
    ReasoningEffort, Reply, ResponseFormat, Role, ToolCall, ToolDefinition, decode,
};
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};

/// The providers that are asked over HTTP.
pub(crate) fn http_providers() -> impl Iterator<Item = Provider> {
    Provider::ALL.into_iter().filter(|provider| *provider != Provider::Command)
}

/// Each parameter alone, with its key.
pub(crate) fn single_params() -> Vec<(String, Params)> {
    let values = json!({
        "max_output_tokens": 7, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 1, "stop": ["END"],
        "reasoning_effort": "low", "frequency_penalty": 0.5, "presence_penalty": 0.5,
    });
    let schema = schemars::schema_for!(Params).to_value();
    let keys = schema["properties"].as_object().unwrap().keys();
    keys.map(|key| (key.clone(), serde_json::from_value(json!({key: values[key]})).unwrap())).collect()
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn row(value: Value) -> ModelRow {
    serde_json::from_value::<ModelRowSpec>(value).unwrap().validate("row").unwrap()
}

pub(crate) fn hello() -> ChatRequest {
    ChatRequest::new(vec![Message::user("Hello")])
}

/// A request that uses everything that every provider has.
pub(crate) fn rich() -> ChatRequest {
    let call = |id: &str, city: &str| ToolCall {
        id: id.into(),
        name: "weather".into(),
        arguments: json!({"city": city}),
    };
    ChatRequest {
        messages: vec![
            Message::system("Be brief."),
            Message::system("Use the tools."),
            Message::user("Is it warmer in Rome or in Oslo?"),
            Message {
                tool_calls: vec![call("call_1", "Rome"), call("call_2", "Oslo")],
                ..Message::new(Role::Assistant, "")
            },
            Message::tool("call_1", r#"{"celsius": 14}"#),
            Message::tool("call_2", "frost"),
            Message::user("So?"),
        ],
        tools: vec![ToolDefinition {
            name: "weather".into(),
            description: "Weather of a city".into(),
            parameters: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
        }],
        response_format: Some(ResponseFormat::JsonSchema {
            name: "answer".into(),
            schema: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false}),
        }),
        params: Params {
            max_output_tokens: Some(300),
            temperature: Some(0.5),
            top_p: Some(0.9),
            reasoning_effort: Some(ReasoningEffort::Low),
            ..Params::default()
        },
        extra: serde_json::from_value(json!({"metadata": {"team": "support"}})).unwrap(),
    }
}

/// A request as somebody would read it in a network trace, secrets by name.
pub(crate) fn text(request: &HttpRequest) -> String {
    let mut text = format!("POST {}\n", request.url);
    for (name, content) in &request.headers {
        writeln!(text, "{name}: {content}").unwrap();
    }
    write!(text, "\n{}", serde_json::to_string_pretty(&request.body).unwrap()).unwrap();
    text
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> HttpResponse {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    HttpResponse { status, headers, body: body.into(), latency: Duration::from_millis(812) }
}

pub(crate) fn decoded(provider: Provider, body: &Value) -> Result<Reply, ModelError> {
    decode(provider, &response(200, &[], body.to_string()), now())
}
