//! OpenAI Chat Completions and its compatible servers.

use promptassay_llm::{FinishReason, ModelErrorKind, Params, Provider, Usage, decode, encode};
use serde_json::{Value, json};

use crate::support::{decoded, hello, now, response, rich, row, text};

fn completion(message: &Value, finish_reason: &str, usage: &Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000, "model": "gpt-6-luna-2026-09-01",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": usage, "service_tier": "default", "system_fingerprint": "fp_1",
    })
}

#[test]
fn a_short_question_sends_what_was_written_and_nothing_else() {
    let row = row(json!({"provider": "openai", "model": "gpt-6-luna"}));
    insta::assert_snapshot!(text(&encode(&row, &hello()).unwrap()));
}

#[test]
fn a_rich_question_maps_everything() {
    let row = row(json!({"provider": "openai", "model": "gpt-6-luna"}));
    let mut request = rich();
    request.params = Params {
        seed: Some(7),
        stop: Some(vec!["END".into()]),
        frequency_penalty: Some(0.1),
        presence_penalty: Some(-0.1),
        ..request.params
    };
    insta::assert_snapshot!(text(&encode(&row, &request).unwrap()));
}

#[test]
fn a_compatible_server_gets_the_older_token_limit_and_no_key_of_openai() {
    let row = row(json!({"provider": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:8080/v1",
        "headers": {"X-Title": "assay"}}));
    let mut request = hello();
    request.params = Params { max_output_tokens: Some(40), top_k: Some(20), ..Params::default() };
    insta::assert_snapshot!(text(&encode(&row, &request).unwrap()));
}

#[test]
fn azure_gets_its_own_key_header_and_keeps_the_query() {
    let row = row(json!({"provider": "openai", "model": "luna",
        "base_url": "https://example.openai.azure.com/openai/deployments/luna?api-version=2026-08-01",
        "headers": {"api-key": {"env": "AZURE_OPENAI_API_KEY"}}}));
    let mut request = hello();
    request.params.max_output_tokens = Some(40);
    insta::assert_snapshot!(text(&encode(&row, &request).unwrap()));
}

#[test]
fn a_success_is_read_with_all_its_counts() {
    let body = completion(
        &json!({"role": "assistant", "content": "Hello!", "refusal": null, "annotations": []}),
        "stop",
        &json!({"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32,
            "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 8}}),
    );
    let answer =
        response(200, &[("x-request-id", "req_9"), ("x-litellm-response-cost", "0.00012")], body.to_string());
    let reply = decode(Provider::OpenAiChat, &answer, now()).unwrap();
    insta::assert_json_snapshot!(reply);
}

#[test]
fn missing_usage_is_missing() {
    let mut body = completion(&json!({"role": "assistant", "content": "Hello!"}), "stop", &json!(null));
    assert_eq!(decoded(Provider::OpenAiChat, &body).unwrap().usage, Usage::default());
    body.as_object_mut().unwrap().remove("usage");
    assert_eq!(decoded(Provider::OpenAiChat, &body).unwrap().usage, Usage::default());
    body["usage"] = json!({"prompt_tokens": -1, "completion_tokens": "12", "cost": -0.1});
    assert_eq!(decoded(Provider::OpenAiChat, &body).unwrap().usage, Usage::default());
}

#[test]
fn cost_of_openrouter_and_extra_reasoning_are_counted() {
    let usage = |usage: Value| {
        let body = completion(&json!({"content": "x"}), "stop", &usage);
        decoded(Provider::OpenAiChat, &body).unwrap().usage
    };
    assert_eq!(
        usage(json!({"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.015})).provider_cost,
        Some(0.015)
    );
    let beside = usage(json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35,
        "completion_tokens_details": {"reasoning_tokens": 20}}));
    assert_eq!((beside.output, beside.reasoning), (Some(25), Some(20)));
    assert_eq!(usage(json!({"prompt_tokens": 9, "prompt_cache_hit_tokens": 8})).cached_input, Some(8));
}

#[test]
fn a_refusal_a_filter_and_a_cut_off_answer_are_replies() {
    let refusal = json!({"role": "assistant", "content": null, "refusal": "I cannot help with that."});
    let reply = decoded(Provider::OpenAiChat, &completion(&refusal, "stop", &json!(null))).unwrap();
    assert_eq!((reply.text.as_str(), reply.refusal.as_deref()), ("", Some("I cannot help with that.")));

    let filtered = completion(&json!({"role": "assistant", "content": null}), "content_filter", &json!(null));
    assert_eq!(decoded(Provider::OpenAiChat, &filtered).unwrap().finish_reason, FinishReason::Filter);

    let cut = completion(
        &json!({"role": "assistant", "content": ""}),
        "length",
        &json!({"completion_tokens": 400}),
    );
    let reply = decoded(Provider::OpenAiChat, &cut).unwrap();
    assert_eq!(
        (reply.finish_reason, reply.usage.output, reply.usage.input),
        (FinishReason::Length, Some(400), None)
    );
}

#[test]
fn tool_calls_are_read_in_order_and_broken_arguments_are_kept() {
    let call = |id: &str, arguments: Value| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [
        call("a", json!("{\"city\":\"Rome\"}")), call("b", json!("{\"city\":\"Os")), call("c", json!({"city": "Bonn"})),
        call("d", json!(""))]});
    let reply = decoded(Provider::OpenAiChat, &completion(&message, "tool_calls", &json!(null))).unwrap();
    assert_eq!(reply.finish_reason, FinishReason::Tool);
    let arguments: Vec<_> = reply.tool_calls.iter().map(|call| call.arguments.clone()).collect();
    assert_eq!(
        arguments,
        [json!({"city": "Rome"}), json!("{\"city\":\"Os"), json!({"city": "Bonn"}), json!({})]
    );
    // Some servers say `stop` although they call.
    let reply = decoded(Provider::OpenAiChat, &completion(&message, "stop", &json!(null))).unwrap();
    assert_eq!(reply.finish_reason, FinishReason::Tool);
}

#[test]
fn content_in_parts_is_joined() {
    let message = json!({"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
    assert_eq!(
        decoded(Provider::OpenAiChat, &completion(&message, "stop", &json!(null))).unwrap().text,
        "ab"
    );
}

#[test]
fn an_error_inside_a_choice_is_an_error() {
    let body = json!({"id": "gen-1", "choices": [{"finish_reason": "error", "message": {"content": ""},
        "error": {"code": 502, "message": "upstream went away"}}]});
    assert_eq!(decoded(Provider::OpenAiChat, &body).unwrap_err().kind(), ModelErrorKind::Server);
}

#[test]
fn other_shapes_are_malformed() {
    for body in [
        json!({}),
        json!({"choices": []}),
        json!({"choices": [{"message": null}]}),
        json!("hello"),
        json!({"choices": [{"message": {"content": 3}}]}),
    ] {
        assert_eq!(
            decoded(Provider::OpenAiChat, &body).unwrap_err().kind(),
            ModelErrorKind::Malformed,
            "{body}"
        );
    }
}
