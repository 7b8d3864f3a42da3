//! Whatever a server sends, decoding ends with a reply or an error: never with a panic, never with a key in the error.

use promptassay_llm::{ModelErrorKind, Provider, RateHint, decode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{http_providers, now, response};

/// The body of a short answer.
fn answer(provider: Provider) -> Value {
    match provider {
        Provider::OpenAiChat | Provider::Command => {
            json!({"choices": [{"message": {"content": "Grüße"}, "finish_reason": "stop"}]})
        }
        Provider::OpenAiResponses => {
            json!({"status": "completed", "output": [{"type": "message", "content": []}]})
        }
        Provider::Anthropic => {
            json!({"content": [{"type": "text", "text": "Grüße"}], "stop_reason": "end_turn"})
        }
        Provider::Gemini => json!({"candidates": [{"content": {"parts": [{"text": "Grüße"}]}}]}),
    }
}

/// JSON that uses the words of the formats, so that it gets past the first check.
fn plausible() -> impl Strategy<Value = Value> {
    const KEYS: [&str; 36] = [
        "choices",
        "message",
        "content",
        "text",
        "type",
        "output",
        "status",
        "error",
        "code",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "candidates",
        "parts",
        "functionCall",
        "args",
        "finishReason",
        "usageMetadata",
        "promptTokenCount",
        "thoughtsTokenCount",
        "promptFeedback",
        "blockReason",
        "details",
        "retryDelay",
        "violations",
        "stop_reason",
        "incomplete_details",
        "reason",
        "total_tokens",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "message",
            "output_text",
            "text",
            "tool_use",
            "function_call",
            "refusal",
            "failed",
            "error",
            "429",
            "1e3s"
        ])
        .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS.to_vec()), inner), 0..8).prop_map(|entries| {
                Value::Object(
                    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..300)) {
        for provider in http_providers() {
            let _ = decode(provider, &response(status, &[], body.clone()), now());
        }
    }

    #[test]
    fn plausible_json_never_panics(status in prop::sample::select(vec![200u16, 400, 429, 500]), body in plausible()) {
        for provider in http_providers() {
            let answer = response(status, &[], body.to_string());
            let _ = decode(provider, &answer, now());
            let _ = RateHint::read(&answer, now());
        }
    }

    #[test]
    fn a_body_cut_anywhere_is_malformed(at in 0usize..1000) {
        for provider in http_providers() {
            let body = answer(provider);
            prop_assert!(decode(provider, &response(200, &[], body.to_string()), now()).is_ok());
            let whole = body.to_string().into_bytes();
            let cut = whole[..at % whole.len()].to_vec();
            let error = decode(provider, &response(200, &[], cut), now()).unwrap_err();
            prop_assert_eq!(error.kind(), ModelErrorKind::Malformed);
            prop_assert!(error.is_retryable());
        }
    }

    #[test]
    fn a_key_in_an_error_body_is_cut_out(key in "sk-[A-Za-z0-9]{20,40}", before in "[a-z ]{0,300}", status in 400u16..600) {
        let bodies = [
            format!("{before} Incorrect API key provided: {key}. Go away."),
            json!({"error": {"message": format!("{before} key {key}"), "type": "x", "code": "y"}}).to_string(),
            json!({"detail": {"headers": {"authorization": format!("Bearer {key}")}}}).to_string(),
        ];
        for body in bodies {
            if let Err(error) = decode(Provider::OpenAiChat, &response(status, &[], body), now()) {
                let text = format!("{error} {error:?}");
                prop_assert!(!text.contains(&key[..8]), "{}", text);
            }
        }
    }
}
