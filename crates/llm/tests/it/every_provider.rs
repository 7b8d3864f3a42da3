//! What holds for each wire format: nothing that was asked for is left out in silence.

use promptassay_llm::{ChatRequest, ModelRow, ModelRowSpec, Params, Provider, VersionPart, encode};
use serde_json::{Map, Value, json};

use crate::support::{hello, http_providers, rich, row, single_params};

fn row_of(provider: Provider) -> ModelRow {
    row(json!({"provider": provider, "model": "m", "base_url": "http://127.0.0.1:1"}))
}

#[test]
fn every_parameter_is_sent_or_refused() {
    for provider in http_providers() {
        let body = |params: &Params| {
            let request = ChatRequest { params: params.clone(), ..hello() };
            encode(&row_of(provider), &request).map(|request| request.body)
        };
        let plain = body(&Params::default()).unwrap();
        for (key, params) in single_params() {
            assert_ne!(params, Params::default(), "`{key}` has no example in support.rs");
            let is_refused = !provider.param_problems(&params).is_empty();
            match body(&params) {
                Ok(body) => {
                    assert!(!is_refused, "{provider}: `{key}`");
                    assert_ne!(body, plain, "{provider}: `{key}` is neither sent nor refused");
                }
                Err(error) => assert!(is_refused, "{provider}: `{key}`: {error}"),
            }
        }
    }
}

#[test]
fn every_part_of_a_conversation_is_sent() {
    for provider in http_providers() {
        let sent = encode(&row_of(provider), &rich()).unwrap().body.to_string();
        for part in [
            "Be brief.",
            "Use the tools.",
            "Is it warmer in Rome or in Oslo?",
            "call_2",
            "celsius",
            "frost",
            "So?",
            "Weather of a city",
            "additionalProperties",
            "metadata",
        ] {
            assert!(sent.contains(part), "{provider}: `{part}` is not in {sent}");
        }
    }
}

#[test]
fn extra_takes_the_place_of_nothing_that_a_version_says() {
    for provider in http_providers() {
        let request = ChatRequest { params: Params::default(), extra: Map::new(), ..rich() };
        let body = encode(&row_of(provider), &request).unwrap().body;
        // Anthropic's limit of tokens is a parameter that nobody wrote.
        for key in body.as_object().unwrap().keys().filter(|key| *key != "max_tokens") {
            let mut spec = ModelRowSpec::new(provider, "m");
            spec.extra.insert(key.clone(), Value::Null);
            let parts = [VersionPart::Tools, VersionPart::ResponseFormat];
            let is_known = spec.validate("row").map_or(true, |row| {
                parts.into_iter().any(|part| row.extra_in_place_of(part).as_ref() == Some(key))
            });
            assert!(is_known, "{provider}: `{key}`");
        }
    }
}
