//! Gemini generateContent.

use promptassay_llm::{ChatRequest, FinishReason, Message, ModelErrorKind, Params, Provider, Usage, encode};
use serde_json::{Value, json};

use crate::support::{decoded, hello, rich, row, text};

fn answer(parts: &Value, finish_reason: &str) -> Value {
    json!({
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": finish_reason, "index": 0}],
        "usageMetadata": {"promptTokenCount": 20, "cachedContentTokenCount": 5, "candidatesTokenCount": 3,
            "thoughtsTokenCount": 9, "totalTokenCount": 32},
        "modelVersion": "gemini-3.5-flash", "responseId": "r-1",
    })
}

fn gemini() -> promptassay_llm::ModelRow {
    row(json!({"provider": "gemini", "model": "gemini-3.5-flash"}))
}

#[test]
fn a_short_question_has_no_generation_config() {
    insta::assert_snapshot!(text(&encode(&gemini(), &hello()).unwrap()));
}

#[test]
fn a_rich_question_maps_everything() {
    let mut request = rich();
    request.params = Params {
        top_k: Some(20),
        seed: Some(7),
        stop: Some(vec!["END".into()]),
        frequency_penalty: Some(0.1),
        presence_penalty: Some(-0.1),
        ..request.params
    };
    request.extra = serde_json::from_value(json!({"generationConfig": {"candidateCount": 1}})).unwrap();
    insta::assert_snapshot!(text(&encode(&gemini(), &request).unwrap()));
}

#[test]
fn a_model_with_a_path_of_its_own_keeps_it_and_cannot_climb() {
    let url = |model: &str| {
        let row = row(json!({"provider": "gemini", "model": model, "base_url": "http://127.0.0.1:1/v1beta"}));
        encode(&row, &hello()).map(|request| request.url.to_string())
    };
    assert_eq!(
        url("tunedModels/mine").unwrap(),
        "http://127.0.0.1:1/v1beta/tunedModels/mine:generateContent"
    );
    assert_eq!(url("a?b#c").unwrap(), "http://127.0.0.1:1/v1beta/models/a%3Fb%23c:generateContent");
    assert!(url("../../secret").is_err());
}

#[test]
fn a_tool_result_without_its_call_is_refused() {
    let request = ChatRequest::new(vec![Message::user("a"), Message::tool("call_9", "b")]);
    insta::assert_snapshot!(
        encode(&gemini(), &request).unwrap_err(),
        @"no earlier message calls a tool under the id `call_9`"
    );
}

#[test]
fn a_success_skips_thoughts_and_counts_them_as_output() {
    let parts =
        json!([{"text": "hm", "thought": true}, {"text": "Hel"}, {"text": "lo!", "thoughtSignature": "x"}]);
    insta::assert_json_snapshot!(decoded(Provider::Gemini, &answer(&parts, "STOP")).unwrap());
}

#[test]
fn a_blocked_prompt_is_a_filtered_reply() {
    let body = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}});
    let reply = decoded(Provider::Gemini, &body).unwrap();
    assert_eq!(
        (reply.finish_reason, reply.refusal.as_deref()),
        (FinishReason::Filter, Some("PROHIBITED_CONTENT"))
    );
    assert_eq!(reply.usage, Usage { input: Some(4), ..Usage::default() });
}

#[test]
fn every_finish_reason_has_its_meaning() {
    for (word, expected) in [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("SAFETY", FinishReason::Filter),
        ("RECITATION", FinishReason::Filter),
        ("SPII", FinishReason::Filter),
        ("MALFORMED_FUNCTION_CALL", FinishReason::Other("malformed_function_call".into())),
    ] {
        assert_eq!(decoded(Provider::Gemini, &answer(&json!([]), word)).unwrap().finish_reason, expected);
    }
    // All tokens went into thoughts: no parts at all.
    let mut cut = answer(&json!([]), "MAX_TOKENS");
    cut["candidates"][0]["content"] = json!({"role": "model"});
    cut["usageMetadata"] = json!({"promptTokenCount": 4, "thoughtsTokenCount": 400});
    let reply = decoded(Provider::Gemini, &cut).unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.output, reply.usage.reasoning), ("", Some(400), Some(400)));
}

#[test]
fn a_tool_call_is_a_reply() {
    let parts = json!([{"functionCall": {"name": "weather", "args": {"city": "Rome"}}}]);
    let reply = decoded(Provider::Gemini, &answer(&parts, "STOP")).unwrap();
    assert_eq!(reply.finish_reason, FinishReason::Tool);
    assert_eq!(
        (reply.tool_calls[0].name.as_str(), &reply.tool_calls[0].arguments),
        ("weather", &json!({"city": "Rome"}))
    );
}

#[test]
fn other_shapes_are_malformed_and_missing_usage_is_missing() {
    for body in [json!({}), json!({"candidates": []}), json!([]), json!({"promptFeedback": {}})] {
        assert_eq!(decoded(Provider::Gemini, &body).unwrap_err().kind(), ModelErrorKind::Malformed, "{body}");
    }
    let mut body = answer(&json!([{"text": "x"}]), "STOP");
    body["usageMetadata"] = json!({});
    assert_eq!(decoded(Provider::Gemini, &body).unwrap().usage, Usage::default());
}
