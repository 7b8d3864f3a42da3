use std::time::Duration;

use promptassay_mock_llm::MockLlm;
use serde_json::{Value, json};

use crate::client::{http, question, script};

#[tokio::test]
async fn rules_answer_over_http_and_every_request_is_kept() {
    let mock = MockLlm::start(script(json!({
        "rules": [
            {"name": "greeting", "when": {"last_user_message": {"contains": "hello"}}, "answer": {"text": "Hi!"}},
            {"name": "limited", "when": {"call": {"to": 1}}, "answer": {"rate_limited": {"retry_after": "2s"}}},
        ],
        "default": {"answer": {"template": "you said {last_user_message}"}},
    })))
    .await
    .unwrap();
    let url = format!("{}/v1/chat/completions", mock.uri());
    let client = http();
    let ask = async |message: &str| {
        client.post(&url).header("authorization", "Bearer k").json(&question(message)).send().await.unwrap()
    };

    let greeting: Value = ask("hello").await.json().await.unwrap();
    assert_eq!(greeting["choices"][0]["message"]["content"], "Hi!");
    let limited = ask("bye").await;
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    assert_eq!(limited.headers()["content-type"], "application/json");
    let echo: Value = ask("bye").await.json().await.unwrap();
    assert_eq!(echo["choices"][0]["message"]["content"], "you said bye");

    let counters = mock.counters();
    counters.assert_calls(3);
    counters.assert_answered_by("greeting", 1);
    counters.assert_answered_by("limited", 1);
    counters.assert_answered_by("default", 1);
    assert_eq!(counters.peak_in_flight, None);

    let requests = mock.requests().await;
    assert_eq!(requests.len(), 3);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(requests[0].header("Authorization"), Some("Bearer k"));
    assert_eq!(requests[1].json().unwrap()["messages"][0]["content"], "bye");
}

#[tokio::test]
async fn unusual_statuses_and_bodies_arrive() {
    let mock = MockLlm::start(script(json!({"rules": [
        {"when": {"call": {"to": 1}}, "answer": {"overloaded": {}}},
        {"when": {"call": {"to": 1}}, "answer": {"garbage": {"bytes": 32}}},
        {"when": {"call": {"to": 1}}, "answer": {"proxy_html": {}}},
    ]})))
    .await
    .unwrap();
    let url = format!("{}/v1/chat/completions?api-version=1", mock.uri());
    let ask = async || {
        let response = http().post(&url).json(&question("x")).send().await.unwrap();
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        (response.status().as_u16(), content_type, response.bytes().await.unwrap())
    };
    let (status, _, body) = ask().await;
    assert_eq!((status, serde_json::from_slice::<Value>(&body).is_ok()), (529, true));
    let (status, _, body) = ask().await;
    assert_eq!((status, body.len()), (200, 32));
    let (status, content_type, body) = ask().await;
    assert_eq!((status, content_type.as_str(), body.starts_with(b"<html>")), (502, "text/html", true));
    assert_eq!(mock.requests().await[0].path, "/v1/chat/completions?api-version=1");
}

#[tokio::test]
async fn a_delay_outlasts_a_shorter_timeout() {
    let mock = MockLlm::start(script(json!({
        "default": {"answer": {"text": "late"}, "delay": {"fixed": "1h"}},
    })))
    .await
    .unwrap();
    let url = format!("{}/v1/chat/completions", mock.uri());
    let request = http().post(&url).json(&question("x")).timeout(Duration::from_millis(300));
    assert!(request.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_script_that_breaks_connections_is_refused() {
    let refused = MockLlm::start(script(json!({
        "faults": [{"share": 0.1, "answer": {"server_error": {}}}, {"share": 0.1, "answer": {"reset": {}}}],
        "rules": [{"name": "half", "when": {"chance": 0.5}, "answer": {"cut_body": {}}}],
        "default": {"answer": {"text": "ok"}},
    })))
    .await
    .unwrap_err();
    insta::assert_snapshot!(refused, @"the in-process mock always sends whole replies, but the script asks for `reset` in `faults[1]`, `cut_body` in `half`: use RawServer instead");
}
