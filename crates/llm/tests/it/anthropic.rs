//! Anthropic Messages.

use promptassay_llm::{
    ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS, ChatRequest, FinishReason, Message, ModelErrorKind, Params,
    Provider, ReasoningEffort, ResponseFormat, Usage, encode,
};
use serde_json::{Value, json};

use crate::support::{decoded, hello, rich, row, text};

fn answer(content: &Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-20260901", "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000,
            "output_tokens": 7, "service_tier": "standard"},
    })
}

fn claude() -> promptassay_llm::ModelRow {
    row(json!({"provider": "anthropic", "model": "claude-sonnet-5"}))
}

#[test]
fn a_short_question_sends_only_the_required_default_on_top() {
    let request = encode(&claude(), &hello()).unwrap();
    assert_eq!(request.body["max_tokens"], ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS);
    insta::assert_snapshot!(text(&request));
}

#[test]
fn a_rich_question_maps_everything() {
    let mut request = rich();
    request.params = Params { top_k: Some(20), stop: Some(vec!["END".into()]), ..request.params };
    insta::assert_snapshot!(text(&encode(&claude(), &request).unwrap()));
}

#[test]
fn no_reasoning_switches_thinking_off() {
    let mut request = hello();
    request.params.reasoning_effort = Some(ReasoningEffort::None);
    let body = encode(&claude(), &request).unwrap().body;
    assert_eq!(body["thinking"], json!({"type": "disabled"}));
    assert_eq!(body.get("output_config"), None);
}

#[test]
fn the_version_in_the_path_is_not_doubled() {
    for (base, url) in [
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000/v1/messages"),
        ("http://127.0.0.1:4000/anthropic/", "http://127.0.0.1:4000/anthropic/v1/messages"),
        ("http://127.0.0.1:4000/v1/", "http://127.0.0.1:4000/v1/messages"),
    ] {
        let row = row(json!({"provider": "anthropic", "model": "claude-sonnet-5", "base_url": base}));
        assert_eq!(encode(&row, &hello()).unwrap().url.as_str(), url);
    }
}

#[test]
fn what_this_api_cannot_express_is_refused() {
    let refused = |request: &ChatRequest| encode(&claude(), request).unwrap_err().to_string();
    insta::assert_snapshot!(refused(&ChatRequest::new(vec![])), @"the request has no message");
    insta::assert_snapshot!(
        refused(&ChatRequest::new(vec![Message::system("a")])),
        @"anthropic needs a message that is not a system message"
    );
    insta::assert_snapshot!(
        refused(&ChatRequest::new(vec![Message::user("a"), Message::system("b")])),
        @"anthropic takes system messages only at the start of a conversation"
    );
    insta::assert_snapshot!(
        refused(&ChatRequest { response_format: Some(ResponseFormat::JsonObject), ..hello() }),
        @"anthropic has no format for any JSON object: give a JSON Schema"
    );
    let mut broken = rich();
    broken.messages[3].tool_calls[0].arguments = json!("{\"city");
    insta::assert_snapshot!(refused(&broken), @"the arguments of the call of `weather` are not a JSON object");
}

#[test]
fn a_success_skips_thinking_and_counts_the_cache_into_the_input() {
    let content = json!([
        {"type": "thinking", "thinking": "hm", "signature": "x"},
        {"type": "text", "text": "Hel"}, {"type": "text", "text": "lo!"},
    ]);
    insta::assert_json_snapshot!(decoded(Provider::Anthropic, &answer(&content, "end_turn")).unwrap());
}

#[test]
fn every_stop_reason_has_its_meaning() {
    for (word, expected) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::Tool),
        ("refusal", FinishReason::Filter),
        ("pause_turn", FinishReason::Other("pause_turn".into())),
    ] {
        assert_eq!(decoded(Provider::Anthropic, &answer(&json!([]), word)).unwrap().finish_reason, expected);
    }
}

#[test]
fn a_refusal_and_a_tool_call_are_replies() {
    let mut refused = answer(&json!([]), "refusal");
    assert_eq!(decoded(Provider::Anthropic, &refused).unwrap().refusal.as_deref(), Some("refusal"));
    refused["content"] = json!([{"type": "text", "text": "I will not."}]);
    assert_eq!(decoded(Provider::Anthropic, &refused).unwrap().refusal.as_deref(), Some("I will not."));
    refused["stop_details"] = json!({"type": "refusal", "explanation": "It is about weapons."});
    assert_eq!(
        decoded(Provider::Anthropic, &refused).unwrap().refusal.as_deref(),
        Some("It is about weapons.")
    );

    let content = json!([{"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}]);
    let reply = decoded(Provider::Anthropic, &answer(&content, "tool_use")).unwrap();
    assert_eq!((reply.text.as_str(), reply.tool_calls[0].id.as_str()), ("Let me look.", "toolu_1"));
    assert_eq!(reply.tool_calls[0].arguments, json!({"city": "Rome"}));
}

#[test]
fn missing_usage_is_missing_and_missing_content_is_malformed() {
    let mut body = answer(&json!([]), "end_turn");
    body["usage"] = json!({"output_tokens": 3});
    assert_eq!(
        decoded(Provider::Anthropic, &body).unwrap().usage,
        Usage { output: Some(3), ..Usage::default() }
    );
    body["content"] = json!("text");
    assert_eq!(decoded(Provider::Anthropic, &body).unwrap_err().kind(), ModelErrorKind::Malformed);
}
