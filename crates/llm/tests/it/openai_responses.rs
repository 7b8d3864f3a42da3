//! OpenAI Responses.

use promptassay_llm::{FinishReason, ModelErrorKind, Params, Provider, Usage, encode};
use serde_json::{Value, json};

use crate::support::{decoded, hello, rich, row, text};

fn answer(status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "status": status, "error": null, "incomplete_details": null,
        "model": "gpt-6-luna-2026-09-01", "output": output,
        "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 25}, "total_tokens": 50},
    })
}

fn message(content: &Value) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [content]})
}

#[test]
fn a_rich_question_maps_everything() {
    let row = row(json!({"provider": "openai_responses", "model": "gpt-6-luna"}));
    insta::assert_snapshot!(text(&encode(&row, &rich()).unwrap()));
}

#[test]
fn a_parameter_that_this_api_lacks_is_refused_and_not_dropped() {
    let row = row(json!({"provider": "openai_responses", "model": "gpt-6-luna"}));
    let mut request = hello();
    request.params = Params { seed: Some(1), stop: Some(vec!["x".into()]), ..Params::default() };
    insta::assert_snapshot!(
        encode(&row, &request).unwrap_err(),
        @"provider `openai_responses` has no parameter `seed`; provider `openai_responses` has no parameter `stop`"
    );
}

#[test]
fn a_success_skips_the_reasoning_and_counts_it() {
    let body = answer(
        "completed",
        &json!([
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
            message(&json!({"type": "output_text", "text": "Hello!", "annotations": []})),
        ]),
    );
    insta::assert_json_snapshot!(decoded(Provider::OpenAiResponses, &body).unwrap());
}

#[test]
fn refusal_filter_cut_off_and_tool_call_are_replies() {
    let refusal = answer("completed", &json!([message(&json!({"type": "refusal", "refusal": "No."}))]));
    let reply = decoded(Provider::OpenAiResponses, &refusal).unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.refusal.as_deref(), reply.finish_reason),
        ("", Some("No."), FinishReason::Stop)
    );

    for (reason, expected) in
        [("max_output_tokens", FinishReason::Length), ("content_filter", FinishReason::Filter)]
    {
        let mut cut = answer("incomplete", &json!([]));
        cut["incomplete_details"] = json!({"reason": reason});
        assert_eq!(decoded(Provider::OpenAiResponses, &cut).unwrap().finish_reason, expected);
    }

    let call = answer(
        "completed",
        &json!([
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\":\"Rome\"}"}]),
    );
    let reply = decoded(Provider::OpenAiResponses, &call).unwrap();
    assert_eq!(reply.finish_reason, FinishReason::Tool);
    assert_eq!(reply.tool_calls[0].arguments, json!({"city": "Rome"}));
}

#[test]
fn a_failed_response_is_an_error_of_its_class() {
    let mut body = answer("failed", &json!([]));
    body["error"] = json!({"code": "rate_limit_exceeded", "message": "slow down"});
    assert_eq!(decoded(Provider::OpenAiResponses, &body).unwrap_err().kind(), ModelErrorKind::RateLimited);
    body["error"] = json!({"code": "server_error", "message": "sorry"});
    assert_eq!(decoded(Provider::OpenAiResponses, &body).unwrap_err().kind(), ModelErrorKind::Server);
    body["error"] = json!(null);
    assert_eq!(decoded(Provider::OpenAiResponses, &body).unwrap_err().kind(), ModelErrorKind::Server);
}

#[test]
fn a_response_that_is_not_finished_is_no_answer() {
    let half = json!([{"type": "message", "content": [{"type": "output_text", "text": "The sky"}]}]);
    let error = |status: &str| decoded(Provider::OpenAiResponses, &answer(status, &half)).unwrap_err();
    for status in ["queued", "in_progress"] {
        assert_eq!(error(status).kind(), ModelErrorKind::BadRequest);
        assert!(error(status).to_string().contains("take `background` out"), "{}", error(status));
    }
    assert_eq!(error("cancelled").kind(), ModelErrorKind::Server);
}

#[test]
fn missing_usage_is_missing_and_missing_output_is_malformed() {
    let mut body = answer("completed", &json!([]));
    body["usage"] = json!(null);
    assert_eq!(decoded(Provider::OpenAiResponses, &body).unwrap().usage, Usage::default());
    body["output"] = json!(null);
    assert_eq!(decoded(Provider::OpenAiResponses, &body).unwrap_err().kind(), ModelErrorKind::Malformed);
}
