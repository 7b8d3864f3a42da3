use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CHAT: &str = "/v1/chat/completions";

fn script(value: Value) -> Script {
    Script::from_json(value).unwrap()
}

fn chat_body(model: &str, message: &str) -> Vec<u8> {
    let messages = json!([
        {"role": "system", "content": "You are a support agent."},
        {"role": "user", "content": "An earlier question"},
        {"role": "assistant", "content": "An earlier answer"},
        {"role": "user", "content": message},
    ]);
    json!({"model": model, "messages": messages}).to_string().into_bytes()
}

fn chat<'a>(headers: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Request<'a> {
    Request { method: "POST", path: CHAT, headers, body }
}

/// Asks `calls` times with the same body at the same time.
fn origins(script: &Script, body: &[u8], calls: usize) -> Vec<Origin> {
    let mut memory = Memory::default();
    (0..calls).map(|_| respond(script, &mut memory, &chat(&[], body), Duration::ZERO).answered_by).collect()
}

fn whole(reply: &Reply) -> &HttpReply {
    match &reply.delivery {
        Delivery::Whole(http) => http,
        other => panic!("not a whole reply: {other:?}"),
    }
}

fn ask(answer: &Value) -> Reply {
    let script = script(json!({"default": {"answer": answer}}));
    respond(&script, &mut Memory::default(), &chat(&[], &chat_body("m-1", "What now?")), Duration::ZERO)
}

fn body_of(reply: &Reply) -> Value {
    serde_json::from_slice(&whole(reply).body).unwrap()
}

#[test]
fn a_rule_holds_only_if_all_its_conditions_hold() {
    let table = [
        (json!({"model": {"equals": "m-1"}}), true),
        (json!({"model": {"equals": "m-2"}}), false),
        (json!({"model": {"regex": "^m-\\d$"}}), true),
        (json!({"last_user_message": {"contains": "refund"}}), true),
        (json!({"last_user_message": {"contains": "earlier"}}), false),
        (json!({"any_message": {"contains": "earlier answer"}}), true),
        (json!({"any_message": {"contains": "support agent"}}), true),
        (json!({"any_message": {"contains": "nobody said this"}}), false),
        (json!({"headers": [{"name": "Authorization", "value": {"equals": "Bearer good"}}]}), true),
        (json!({"headers": [{"name": "authorization", "value": {"equals": "Bearer bad"}}]}), false),
        (json!({"headers": [{"name": "x-absent", "value": {"regex": ""}}]}), false),
        (json!({"chance": 1.0}), true),
        (json!({"call": {"from": 1, "to": 1}}), true),
        (json!({"call": {"from": 2}}), false),
        (json!({"model": {"equals": "m-1"}, "last_user_message": {"contains": "refund"}}), true),
        (json!({"model": {"equals": "m-2"}, "last_user_message": {"contains": "refund"}}), false),
        (json!({"model": {"equals": "m-1"}, "last_user_message": {"contains": "weather"}}), false),
    ];
    for (when, expected) in table {
        let script = script(
            json!({"rules": [{"when": when, "answer": {"text": "yes"}}], "default": {"answer": {"text": "no"}}}),
        );
        let body = chat_body("m-1", "I want a refund");
        let request = chat(&[("authorization", b"Bearer good")], &body);
        let reply = respond(&script, &mut Memory::default(), &request, Duration::ZERO);
        let origin = if expected { Origin::Rule(0) } else { Origin::Default };
        assert_eq!(reply.answered_by, origin, "{when}");
    }
}

#[test]
fn the_first_matching_rule_answers() {
    let script = script(json!({"rules": [
        {"when": {"model": {"equals": "other"}}, "answer": {"text": "a"}},
        {"when": {"last_user_message": {"contains": "x"}}, "answer": {"text": "b"}},
        {"answer": {"text": "c"}},
    ]}));
    assert_eq!(origins(&script, &chat_body("m", "x"), 1), [Origin::Rule(1)]);
    assert_eq!(origins(&script, &chat_body("m", "y"), 1), [Origin::Rule(2)]);
}

#[test]
fn calls_are_counted_per_rule_per_request_and_per_server() {
    let counting = |per: &str, call: Value| {
        let mut call = call;
        call["per"] = json!(per);
        script(json!({
            "rules": [{"when": {"last_user_message": {"contains": "a"}, "call": call}, "answer": {"text": "hit"}}],
            "default": {"answer": {"text": "miss"}},
        }))
    };
    let messages = ["b", "a", "a", "aa", "a", "b", "aa"];
    let hits = |script: &Script| -> Vec<usize> {
        let mut memory = Memory::default();
        let hit = |message: &str| {
            let body = chat_body("m", message);
            respond(script, &mut memory, &chat(&[], &body), Duration::ZERO).answered_by == Origin::Rule(0)
        };
        let hits: Vec<bool> = messages.into_iter().map(hit).collect();
        (0..hits.len()).filter(|&index| hits[index]).collect()
    };
    assert_eq!(hits(&counting("rule", json!({"to": 2}))), [1, 2]);
    assert_eq!(hits(&counting("rule", json!({"from": 2, "every": 2}))), [2, 4]);
    assert_eq!(hits(&counting("request", json!({"to": 1}))), [1, 3]);
    assert_eq!(hits(&counting("request", json!({"from": 2}))), [2, 4, 6]);
    assert_eq!(hits(&counting("server", json!({"from": 3, "to": 4}))), [2, 3]);
}

#[test]
fn faults_take_their_shares_and_repeat_with_the_seed() {
    let with_seed = |seed: u64| {
        script(json!({
            "seed": seed,
            "faults": [
                {"share": 0.2, "answer": {"rate_limited": {}}},
                {"share": 0.05, "answer": {"reset": {}}},
                {"share": 0.05, "answer": {"server_error": {}}},
                {"share": 0.01, "answer": {"garbage": {}}},
            ],
            "default": {"answer": {"text": "ok"}},
        }))
    };
    let body = chat_body("m", "x");
    let calls = 20_000;
    let sequence = origins(&with_seed(1), &body, calls);
    assert_eq!(sequence, origins(&with_seed(1), &body, calls));
    assert_ne!(sequence, origins(&with_seed(2), &body, calls));
    let share = |origin| sequence.iter().filter(|&&other| other == origin).count() as f64 / calls as f64;
    for (index, expected) in [0.2, 0.05, 0.05, 0.01].into_iter().enumerate() {
        let observed = share(Origin::Fault(index));
        // Four standard errors of the share.
        let tolerance = 4.0 * (expected * (1.0 - expected) / calls as f64).sqrt();
        assert!((observed - expected).abs() < tolerance, "fault {index}: {observed} for {expected}");
    }
}

#[test]
fn draws_per_request_do_not_hang_on_the_order_of_arrival() {
    let script = script(json!({
        "draw_per": "request",
        "faults": [{"share": 0.5, "answer": {"server_error": {}}}],
        "default": {"answer": {"text": "ok"}, "delay": {"uniform": {"from": "0ms", "to": "1h"}}},
    }));
    let bodies: Vec<Vec<u8>> = (0..40).map(|index| chat_body("m", &format!("question {index}"))).collect();
    let replies = |order: &mut dyn Iterator<Item = usize>| {
        let mut memory = Memory::default();
        let mut replies = Vec::new();
        for index in order {
            let reply = respond(&script, &mut memory, &chat(&[], &bodies[index]), Duration::ZERO);
            replies.push((index, reply.answered_by, reply.delay));
        }
        replies.sort_by_key(|(index, ..)| *index);
        replies
    };
    let forward = replies(&mut (0..40));
    assert_eq!(forward, replies(&mut (0..40).rev()));
    assert!(forward.iter().any(|reply| reply.1 == Origin::Default));
    assert!(forward.iter().any(|reply| reply.1 == Origin::Fault(0)));
}

#[test]
fn a_request_that_fails_once_does_not_fail_for_ever() {
    let script = script(json!({
        "draw_per": "request",
        "faults": [{"share": 0.5, "answer": {"server_error": {}}}],
        "default": {"answer": {"text": "ok"}},
    }));
    let attempts = origins(&script, &chat_body("m", "x"), 50);
    assert!(attempts.contains(&Origin::Default) && attempts.contains(&Origin::Fault(0)), "{attempts:?}");
}

#[test]
fn a_hidden_rate_limit_stands_before_everything() {
    let script = script(json!({
        "rate_limit": {"requests_per_second": 10.0, "burst": 2, "hints": {"retry_after": "1500ms"}},
        "default": {"answer": {"text": "ok"}},
    }));
    let mut memory = Memory::default();
    let body = chat_body("m", "x");
    let mut ask = |at: u64| respond(&script, &mut memory, &chat(&[], &body), Duration::from_millis(at));
    assert_eq!([ask(0), ask(0)].map(|reply| reply.answered_by), [Origin::Default; 2]);
    let refused = ask(50);
    assert_eq!(refused.answered_by, Origin::RateLimit);
    assert_eq!(whole(&refused).status, 429);
    assert!(whole(&refused).headers.contains(&("retry-after".into(), "1.5".to_owned())));
    assert_eq!(ask(100).answered_by, Origin::Default);
    let counters = memory.counters(&script);
    counters.assert_calls(4);
    counters.assert_answered_by("rate_limit", 1);
    counters.assert_answered_by("default", 3);
}

#[test]
fn a_call_that_nothing_matches_is_refused_loudly() {
    let script = script(json!({"rules": [{"when": {"model": {"equals": "a"}}, "answer": {"text": "x"}}]}));
    let mut memory = Memory::default();
    let reply = respond(&script, &mut memory, &chat(&[], &chat_body("b", "x")), Duration::ZERO);
    assert_eq!((reply.answered_by, whole(&reply).status), (Origin::Unmatched, 400));
    let message = body_of(&reply)["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "no rule of the mock's script matches this call: add a rule or a `default`");
    memory.counters(&script).assert_answered_by("unmatched", 1);
}

#[test]
fn a_template_knows_the_prompt_the_model_and_the_call() {
    let script = script(json!({"default": {"answer": {"template": "{call}/{model}: {last_user_message}"}}}));
    let mut memory = Memory::default();
    let body = chat_body("m-1", "Hi {call}");
    let mut text = || {
        let reply = respond(&script, &mut memory, &chat(&[], &body), Duration::ZERO);
        body_of(&reply)["choices"][0]["message"]["content"].clone()
    };
    assert_eq!(text(), "1/m-1: Hi {call}");
    assert_eq!(text(), "2/m-1: Hi {call}");
}

#[test]
fn a_json_answer_is_compact_text() {
    let reply = ask(&json!({"json": {"score": 0.5, "reasons": ["a"]}}));
    assert_eq!(body_of(&reply)["choices"][0]["message"]["content"], r#"{"score":0.5,"reasons":["a"]}"#);
}

#[test]
fn broken_answers_are_broken_in_the_way_that_was_asked_for() {
    assert_eq!(ask(&json!({"reset": {}})).delivery, Delivery::Reset);

    let Delivery::Cut { reply, sent_bytes } = ask(&json!({"cut_body": {"keep": 0.25}})).delivery else {
        panic!("not cut")
    };
    assert_eq!(sent_bytes, reply.body.len() / 4);
    assert!(serde_json::from_slice::<Value>(&reply.body).is_ok(), "the promised body is whole");
    assert!(serde_json::from_slice::<Value>(&reply.body[..sent_bytes]).is_err());

    let garbage = ask(&json!({"garbage": {"bytes": 100}}));
    assert_eq!((whole(&garbage).status, whole(&garbage).body.len()), (200, 100));
    assert!(str::from_utf8(&whole(&garbage).body).is_err());

    let html = ask(&json!({"proxy_html": {"status": 504}}));
    assert_eq!((whole(&html).status, whole(&html).content_type), (504, "text/html"));
    assert!(whole(&html).body.starts_with(b"<html>"));

    let huge = ask(&json!({"huge_body": {"bytes": 1_000_000}}));
    assert_eq!(body_of(&huge)["choices"][0]["message"]["content"].as_str().unwrap().len(), 1_000_000);
}

#[test]
fn a_rule_decides_about_served_model_usage_and_headers() {
    let script = script(json!({"default": {
        "answer": {"text": "ok"},
        "served_model": "m-1-2026-10-01",
        "usage": {"tokens": {"input": 10, "cached_input": 4, "output": 7, "reasoning": 2}},
        "headers": {"x-should-retry": "false"},
    }}));
    let reply = respond(&script, &mut Memory::default(), &chat(&[], &chat_body("m-1", "x")), Duration::ZERO);
    let body = body_of(&reply);
    assert_eq!(body["model"], "m-1-2026-10-01");
    assert_eq!(body["usage"]["total_tokens"], 17);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    assert!(whole(&reply).headers.contains(&("x-should-retry".into(), "false".to_owned())));
}

#[test]
fn absent_usage_is_absent_in_every_format() {
    let script = script(json!({"default": {"answer": {"text": "ok"}, "usage": {"absent": {}}}}));
    let bodies = [
        (CHAT, json!({"model": "m", "messages": [{"role": "user", "content": "x"}]})),
        ("/v1/responses", json!({"model": "m", "input": "x"})),
        (
            "/v1/messages",
            json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}),
        ),
        ("/v1beta/models/m:generateContent", json!({"contents": [{"parts": [{"text": "x"}]}]})),
    ];
    for (path, body) in bodies {
        let body = body.to_string();
        let request = Request { method: "POST", path, headers: &[], body: body.as_bytes() };
        let reply = respond(&script, &mut Memory::default(), &request, Duration::ZERO);
        assert_eq!(whole(&reply).status, 200, "{path}");
        let body = body_of(&reply);
        assert!(body.get("usage").is_none() && body.get("usageMetadata").is_none(), "{path}: {body}");
    }
}

#[test]
fn a_delay_of_the_script_holds_for_rules_and_default_but_not_for_faults() {
    let script = script(json!({
        "delay": {"fixed": "100ms"},
        "rules": [
            {"when": {"last_user_message": {"equals": "own"}}, "answer": {"text": "x"}, "delay": {"fixed": "2s"}},
            {"when": {"last_user_message": {"equals": "common"}}, "answer": {"text": "x"}},
        ],
        "default": {"answer": {"text": "x"}},
    }));
    let delay = |message: &str| {
        respond(&script, &mut Memory::default(), &chat(&[], &chat_body("m", message)), Duration::ZERO).delay
    };
    assert_eq!(delay("own"), Duration::from_secs(2));
    assert_eq!(delay("common"), Duration::from_millis(100));
    assert_eq!(delay("other"), Duration::from_millis(100));

    let faulty = super::tests::script(json!({
        "delay": {"fixed": "100ms"},
        "faults": [{"share": 1.0, "answer": {"overloaded": {}}}],
    }));
    let reply = respond(&faulty, &mut Memory::default(), &chat(&[], &chat_body("m", "x")), Duration::ZERO);
    assert_eq!((reply.delay, whole(&reply).status), (Duration::ZERO, 529));
}

#[test]
fn what_a_provider_would_refuse_never_reaches_the_script() {
    let good = chat_body("m", "x");
    let table: [(&str, &str, &[u8], u16); 9] = [
        ("POST", "/v1/embeddings", &good, 404),
        ("GET", CHAT, b"", 405),
        ("POST", CHAT, b"{", 400),
        ("POST", CHAT, b"[]", 400),
        ("POST", CHAT, b"\xff\xfe", 400),
        ("POST", CHAT, br#"{"messages": [{"role": "user", "content": "x"}]}"#, 400),
        ("POST", CHAT, br#"{"model": "m", "messages": []}"#, 400),
        (
            "POST",
            CHAT,
            br#"{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}"#,
            400,
        ),
        ("POST", "/v1/messages", &good, 400),
    ];
    let script = script(json!({"default": {"answer": {"text": "ok"}}}));
    for (method, path, body, status) in table {
        let mut memory = Memory::default();
        let reply =
            respond(&script, &mut memory, &Request { method, path, headers: &[], body }, Duration::ZERO);
        assert_eq!((reply.answered_by, whole(&reply).status), (Origin::Refused, status), "{method} {path}");
        assert_eq!((memory.counters(&script).calls, memory.counters(&script).refused), (0, 1));
    }
}

#[test]
fn counters_say_who_answered_and_how() {
    let script = script(json!({
        "rules": [
            {"name": "limited", "when": {"call": {"to": 2}}, "answer": {"rate_limited": {}}},
            {"when": {"model": {"equals": "cut"}}, "answer": {"cut_body": {}}},
            {"when": {"model": {"equals": "reset"}}, "answer": {"reset": {}}},
        ],
        "default": {"answer": {"text": "ok"}},
    }));
    let mut memory = Memory::default();
    for model in ["m", "m", "m", "cut", "reset"] {
        respond(&script, &mut memory, &chat(&[], &chat_body(model, "x")), Duration::ZERO);
    }
    insta::assert_json_snapshot!(memory.counters(&script));
}

fn arbitrary_path() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(CHAT.to_owned()),
        Just("/v1/responses".to_owned()),
        Just("/v1/messages?beta=true".to_owned()),
        Just("/v1beta/models/m%2:generateContent".to_owned()),
        any::<String>(),
    ]
}

/// Bytes, or JSON that is nearly a request.
fn arbitrary_body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof![Just("user"), Just("text"), Just("assistant")].prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("model"),
        Just("messages"),
        Just("role"),
        Just("content"),
        Just("text"),
        Just("type"),
        Just("input"),
        Just("instructions"),
        Just("system"),
        Just("max_tokens"),
        Just("contents"),
        Just("parts"),
        Just("output"),
        Just("systemInstruction"),
    ];
    let value = leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()
            }),
        ]
    });
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        value.prop_map(|value| value.to_string().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn respond_never_panics_and_always_says_something(
        method in prop_oneof![Just("POST".to_owned()), any::<String>()],
        path in arbitrary_path(),
        header in (any::<String>(), prop::collection::vec(any::<u8>(), 0..20)),
        body in arbitrary_body(),
        now in any::<Duration>(),
        seed in any::<u64>(),
    ) {
        let script = script(json!({
            "seed": seed,
            "draw_per": "request",
            "rate_limit": {"requests_per_second": 1e6, "burst": 1000},
            "delay": {"lognormal": {"median": "100ms", "p95": "1s"}},
            "faults": [
                {"share": 0.1, "answer": {"garbage": {}}},
                {"share": 0.1, "answer": {"error_with_ok_status": {}}},
                {"share": 0.1, "answer": {"cut_body": {}}},
            ],
            "rules": [
                {"when": {"headers": [{"name": "a", "value": {"contains": "b"}}]}, "answer": {"refusal": "no"}},
                {"when": {"chance": 0.3, "last_user_message": {"regex": "."}}, "answer": {"template": "{last_user_message}{model}"}},
                {"when": {"call": {"per": "request", "from": 2}}, "answer": {"filtered": {"stage": "prompt"}}},
            ],
            "default": {"answer": {"tool_calls": [{"name": "f"}]}, "usage": {"tokens": {"input": 1, "output": 1, "reasoning": 1}}},
        }));
        let mut memory = Memory::default();
        let headers = [(header.0.as_str(), header.1.as_slice()), ("a", b"b".as_slice())];
        let request = Request { method: &method, path: &path, headers: &headers, body: &body };
        let again = |memory: &mut Memory| respond(&script, memory, &request, now);
        let (first, _) = (again(&mut memory), again(&mut memory));
        if let Delivery::Whole(http) = &first.delivery {
            prop_assert!(!http.body.is_empty());
        }
        prop_assert_eq!(first, again(&mut Memory::default()));
    }
}
