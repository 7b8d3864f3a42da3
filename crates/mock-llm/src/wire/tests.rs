use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::memory::Memory;
use crate::request::Request;
use crate::respond::{Delivery, respond};
use crate::script::Script;

const PATHS: [(&str, &str); 4] = [
    ("openai_chat", "/v1/chat/completions"),
    ("openai_responses", "/v1/responses"),
    ("anthropic_messages", "/v1/messages"),
    ("gemini_generate_content", "/v1beta/models/m-1:generateContent"),
];

fn request_body(format: &str) -> Value {
    let question = "What are your hours?";
    match format {
        "openai_chat" => json!({"model": "m-1", "messages": [{"role": "user", "content": question}]}),
        "openai_responses" => json!({"model": "m-1", "input": question}),
        "anthropic_messages" => {
            json!({"model": "m-1", "max_tokens": 9, "messages": [{"role": "user", "content": question}]})
        }
        _ => json!({"contents": [{"role": "user", "parts": [{"text": question}]}]}),
    }
}

/// Status, headers and body of the reply to one question, readable.
fn exchange(format: &str, path: &str, reply: &Value) -> String {
    let script = Script::from_json(json!({"default": reply})).unwrap();
    let body = request_body(format).to_string();
    let request = Request { method: "POST", path, headers: &[], body: body.as_bytes() };
    let reply = respond(&script, &mut Memory::default(), &request, Duration::from_mins(1));
    let Delivery::Whole(http) = reply.delivery else { panic!("not whole") };
    let headers: Vec<String> =
        http.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body: Value = serde_json::from_slice(&http.body).unwrap();
    format!("{}\n{}{}", http.status, headers.concat(), serde_json::to_string_pretty(&body).unwrap())
}

fn snapshot_each_format(snapshot: &str, answers: &[(&str, Value)]) {
    for (format, path) in PATHS {
        let parts: Vec<String> = answers
            .iter()
            .map(|(name, reply)| format!("== {name}: {}", exchange(format, path, reply)))
            .collect();
        insta::with_settings!({snapshot_suffix => format, omit_expression => true}, {
            insta::assert_snapshot!(snapshot, parts.join("\n\n"));
        });
    }
}

#[test]
fn completions_in_each_format() {
    let calls =
        json!([{"name": "opening_hours", "arguments": {"city": "Bern", "days": [1, 2]}}, {"name": "ping"}]);
    snapshot_each_format(
        "completions",
        &[
            ("text", json!({"answer": {"text": "We are open from 9 to 5."}})),
            ("tool calls", json!({"answer": {"tool_calls": calls}})),
            ("refusal", json!({"answer": {"refusal": "I cannot help with that."}})),
            ("filtered answer", json!({"answer": {"filtered": {}}})),
            ("filtered prompt", json!({"answer": {"filtered": {"stage": "prompt"}}})),
            ("length limit", json!({"answer": {"length_limit": "We are open"}})),
            (
                "reasoning, cached input, another served model",
                json!({
                    "answer": {"text": "9 to 5."},
                    "served_model": "m-1-2026-10-01",
                    "usage": {"tokens": {"input": 100, "cached_input": 60, "output": 50, "reasoning": 40}},
                }),
            ),
        ],
    );
}

#[test]
fn errors_in_each_format() {
    let hints = json!({
        "retry_after": "37s",
        "retry_after_ms": 36_500,
        "requests": {"limit": 500, "remaining": 0, "reset": "1s"},
        "tokens": {"limit": 30_000, "remaining": 29_000, "reset": "6m0s"},
    });
    let answer = |answer: Value| json!({"answer": answer});
    snapshot_each_format(
        "errors",
        &[
            ("rate limited with hints", answer(json!({"rate_limited": hints}))),
            ("rate limited without hints", answer(json!({"rate_limited": {}}))),
            ("quota exhausted 429", answer(json!({"quota_exhausted": {}}))),
            ("quota exhausted 402", answer(json!({"quota_exhausted": {"status": 402}}))),
            ("unauthorized", answer(json!({"unauthorized": {}}))),
            ("not found", answer(json!({"not_found": {}}))),
            ("bad request", answer(json!({"bad_request": {"message": "Unknown parameter: 'x'."}}))),
            ("server error", answer(json!({"server_error": {}}))),
            ("unavailable", answer(json!({"unavailable": {"retry_after": "1500ms"}}))),
            ("overloaded", answer(json!({"overloaded": {}}))),
            (
                "error with status 200",
                answer(json!({"error_with_ok_status": {"message": "Provider returned error"}})),
            ),
        ],
    );
}

#[test]
fn paths_are_recognised_by_their_end() {
    let endpoint = |format, model: Option<&str>| Some(Endpoint { format, model: model.map(str::to_owned) });
    let table = [
        ("/v1/chat/completions", endpoint(WireFormat::OpenAiChat, None)),
        ("/api/v1/chat/completions", endpoint(WireFormat::OpenAiChat, None)),
        ("/openai/deployments/my%20gpt/chat/completions", endpoint(WireFormat::OpenAiChat, Some("my gpt"))),
        ("/gateway/openai/v1/responses", endpoint(WireFormat::OpenAiResponses, None)),
        ("/v1/messages", endpoint(WireFormat::AnthropicMessages, None)),
        (
            "/v1beta/models/gemini-3:generateContent",
            endpoint(WireFormat::GeminiGenerateContent, Some("gemini-3")),
        ),
        ("/proxy/v1/models/a%2Fb:generateContent", endpoint(WireFormat::GeminiGenerateContent, Some("a/b"))),
        ("/v1beta/models/m:streamGenerateContent", None),
        ("/v1/messages/count_tokens", None),
        ("/v1/models", None),
        ("/", None),
        ("", None),
    ];
    for (path, expected) in table {
        assert_eq!(Endpoint::of_path(path), expected, "{path}");
    }
}

#[test]
fn broken_percent_escapes_stay_as_they_are() {
    for (text, expected) in
        [("a%2", "a%2"), ("%zz", "%zz"), ("%", "%"), ("%C3%BC", "ü"), ("%2B1", "+1"), ("%+1", "%+1")]
    {
        assert_eq!(percent_decoded(text), expected, "{text}");
    }
}

#[test]
fn each_format_reads_who_said_what() {
    let expected = [(false, "Be kind."), (true, "Hi there"), (false, "Hello"), (true, "Bye")];
    let table = [
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": [{"type": "text", "text": "Hi "}, {"type": "text", "text": "there"}]},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Bye"},
            ]}),
        ),
        (
            "/v1/responses",
            json!({"model": "m", "instructions": "Be kind.", "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Hi there"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
                {"role": "user", "content": "Bye"},
            ]}),
        ),
        (
            "/v1/messages",
            json!({"model": "m", "max_tokens": 1, "system": [{"type": "text", "text": "Be kind."}], "messages": [
                {"role": "user", "content": "Hi there"},
                {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
                {"role": "user", "content": "Bye"},
            ]}),
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({"systemInstruction": {"parts": [{"text": "Be kind."}]}, "contents": [
                {"role": "user", "parts": [{"text": "Hi "}, {"text": "there"}]},
                {"role": "model", "parts": [{"text": "Hello"}]},
                {"parts": [{"text": "Bye"}]},
            ]}),
        ),
    ];
    for (path, body) in table {
        let call = read(&Endpoint::of_path(path).unwrap(), body.to_string().as_bytes()).unwrap();
        let messages: Vec<(bool, &str)> =
            call.messages.iter().map(|message| (message.is_from_user, message.text.as_str())).collect();
        assert_eq!((call.model.as_str(), messages), ("m", expected.to_vec()), "{path}");
        assert_eq!(call.last_user_message(), "Bye");
        assert_eq!(call.estimated_input_tokens(), 2 + 2 + 2 + 1, "{path}");
    }
}

#[test]
fn the_token_estimate_counts_characters_not_bytes() {
    for (text, tokens) in [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("üüüü", 1)] {
        assert_eq!(estimate_tokens(text), tokens, "{text:?}");
    }
}
