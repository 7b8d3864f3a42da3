//! Bad days of a provider, and keys that are missing or wrong.

use std::fs;

use serde_json::{Value, json};

use super::{CALLS_FOR_NOTHING, KEY, Mock, eval, repeats, report, sandbox};

#[test]
fn a_bad_day_ends_with_every_question_answered_once() {
    let mock = Mock::start(json!({
        "seed": 7,
        "draw_per": "request",
        "faults": [
            {"share": 0.20, "answer": {"rate_limited": {"retry_after_ms": 1}}},
            {"share": 0.05, "answer": {"reset": {}}},
            {"share": 0.05, "answer": {"server_error": {}}},
            {"share": 0.01, "answer": {"garbage": {}}},
        ],
        "default": {"answer": {"text": "Thank you"}},
    }));
    let sandbox = sandbox(&mock.row(), 500);
    let seen = eval(&sandbox, &["--format", "json", "--backoff", "1ms"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    let mut report = report(&seen);
    let calls = report["calls"].clone();
    let answers = repeats(&mut report);
    assert_eq!(answers.len(), 500);
    assert!(answers.iter().all(|repeat| repeat["outcome"] == "passed"));
    let counters = mock.counters();
    counters.assert_answered_by("default", 500);
    assert_eq!(calls["answered"], 500);
    let failed = |kind: &str| calls["failed"][kind].as_u64().unwrap_or(0);
    assert_eq!(failed("rate_limited"), counters.answered_by["faults[0]"]);
    assert_eq!(failed("transport"), counters.answered_by["faults[1]"]);
    assert_eq!(failed("server"), counters.answered_by["faults[2]"]);
    assert_eq!(failed("malformed"), counters.answered_by["faults[3]"]);
    let all = counters.calls - 500;
    assert!(all > 150, "{all} calls failed");
    assert_eq!(calls["asked_again"], all);
}

#[test]
fn the_report_says_what_retries_cost() {
    let mock = Mock::start(json!({
        "rules": [{"when": {"call": {"per": "request", "to": 2}}, "answer": {"unavailable": {}}}],
        "default": {"answer": {"text": "Thank you"}},
    }));
    let seen = eval(&sandbox(&mock.row(), 4), &["--backoff", "0ms"]);
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""));
    let line =
        seen.stdout.lines().skip_while(|line| !line.starts_with("retries")).take(2).collect::<Vec<_>>();
    insta::assert_snapshot!(line.join("\n"), @r"
    retries    8 of 12 calls failed (8 overloaded); 8 were asked again, after 0.0 s
               of waiting in all
    ");
}

#[test]
fn a_wrong_answer_is_never_asked_again() {
    let mock = Mock::start(json!({"default": {"answer": {"text": "no"}}}));
    let seen = eval(&sandbox(&mock.row(), 5), &[]);
    assert_eq!(seen.code, Some(4), "nothing passed");
    mock.counters().assert_calls(5);
}

#[test]
fn what_never_succeeds_is_an_error_and_breaks_the_verdict() {
    let mock = Mock::start(json!({"default": {"answer": {"server_error": {}}}}));
    let seen = eval(&sandbox(&mock.row(), 1), &["--backoff", "0ms", "--attempts", "3"]);
    assert_eq!(seen.code, Some(4));
    mock.counters().assert_calls(3);
    assert!(seen.stdout.contains("(3 attempts)"), "{}", seen.shown());
}

#[test]
fn where_nobody_listens_it_is_said_once_and_was_no_attempt() {
    let mock = Mock::polite();
    // A port that nobody has: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sandbox = sandbox(&mock.row(), 3);
    let right = sandbox.read("prompts/registry.yaml");
    let uri = mock.server.uri();
    sandbox.edit("prompts/registry.yaml", uri, &format!("http://127.0.0.1:{free}"));
    let seen = eval(&sandbox, &["--backoff", "0ms", "--attempts", "2"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    insta::assert_snapshot!(seen.stdout.replace(&free.to_string(), "PORT"));
    // Now somebody does. Nothing was asked before, so this is the first attempt; one whose answers are known already is none.
    sandbox.write("prompts/registry.yaml", right);
    let seen = eval(&sandbox, &[]);
    assert_eq!((seen.code, seen.stdout.contains("attempt")), (Some(0), false), "{}", seen.shown());
    assert_eq!(eval(&sandbox, &[]).code, Some(0));
    let seen = eval(&sandbox, &["--refresh"]);
    assert!(seen.stdout.contains("the 2nd attempt; the earlier run passed"), "{}", seen.shown());
    // What the cache answers is no new attempt, and what was stopped before there was a verdict is none at all.
    let cached = eval(&sandbox, &[]);
    assert!(cached.stdout.contains("the 2nd attempt; the earlier run passed"), "{}", cached.shown());
    let stopped = eval(&sandbox, &["--refresh", "--max-calls", "1"]);
    assert_eq!((stopped.code, stopped.stdout.contains("attempt")), (Some(4), false), "{}", stopped.shown());
    let seen = eval(&sandbox, &["--refresh"]);
    assert!(seen.stdout.contains("the 3rd attempt; both earlier runs passed"), "{}", seen.shown());
    let seen = eval(&sandbox, &["--resume", "latest"]);
    assert!(seen.stderr.contains("nothing was left to ask"), "{}", seen.shown());
}

#[test]
fn a_model_that_does_not_answer_in_time_is_an_error_of_its_question_alone() {
    let slow = json!({
        "name": "slow",
        "when": {"last_user_message": {"contains": "Ada 1 "}},
        "answer": {"text": "Thank you"},
        "delay": {"fixed": "1h"},
    });
    let mock = Mock::start(json!({"rules": [slow], "default": {"answer": {"text": "Thank you"}}}));
    let sandbox = sandbox(&mock.row(), 20);
    // An attempt that is not answered is tried again; then the question is given up, and the others are not held up.
    let seen =
        eval(&sandbox, &["--timeout", "300ms", "--attempts", "2", "--backoff", "1ms", "--format", "json"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    mock.counters().assert_answered_by("slow", 2);
    let mut report = report(&seen);
    assert_eq!(report["calls"]["failed"]["timeout"], 2);
    let kinds: Vec<Value> =
        repeats(&mut report).iter().map(|repeat| repeat["answer"]["error"]["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "timeout").count(), 1);
    assert_eq!(kinds.iter().filter(|kind| kind.is_null()).count(), 19);
    // The deadline counts all attempts of a question.
    let seen = eval(&sandbox, &["--deadline", "300ms", "--format", "json"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    mock.counters().assert_answered_by("slow", 3);
}

#[test]
fn a_wrong_key_is_one_clear_sentence_and_stands_nowhere() {
    // The server repeats what it was sent, as some do.
    let mock = Mock::start(json!({
        "default": {"answer": {"unauthorized": {"message": format!("Incorrect API key provided: {KEY}")}}},
    }));
    let sandbox = sandbox(&mock.row(), 40);
    let seen = eval(&sandbox, &["--junit", "report.xml", "--record", "-v"]);
    assert_eq!(seen.code, Some(4));
    let stderr: Vec<&str> = seen.stderr.lines().collect();
    insta::assert_snapshot!(stderr[..2].join("\n"), @r"
    error: model default cannot be asked: not authorised: Incorrect API key provided: [redacted] (HTTP 401, invalid_api_key)
      = help: check the key in TEST_KEY and what it may do
    ");
    assert_eq!(seen.stderr.matches("error:").count(), 1, "{}", seen.stderr);
    assert!(mock.counters().calls <= CALLS_FOR_NOTHING, "{:?}", mock.counters());
    let json = eval(&sandbox, &["--format", "json"]);
    assert_eq!(json.code, Some(4));
    for (name, text) in
        [("out", &seen.stdout), ("err", &seen.stderr), ("json", &json.stdout), ("json err", &json.stderr)]
    {
        assert!(!text.contains(KEY), "{name}: {text}");
    }
    let files = sandbox.files(".");
    assert!(files.iter().any(|file| file.ends_with("report.xml")), "{files:?}");
    for file in files {
        let bytes = fs::read(sandbox.path(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{file} holds the key");
    }
}

#[test]
fn a_right_key_stands_nowhere_either() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 3);
    let seen = eval(&sandbox, &["--junit", "report.xml", "--record", "-v"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(!seen.shown().contains(KEY));
    let files = sandbox.files(".");
    assert!(files.iter().any(|file| file.contains(".promptassay/cache/")), "{files:?}");
    for file in files {
        let bytes = fs::read(sandbox.path(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{file} holds the key");
    }
}

#[test]
fn a_key_that_is_missing_or_cannot_be_one_is_known_before_the_first_call() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 3);
    let seen = sandbox.run(&["eval"]);
    insta::assert_snapshot!(seen.shown(), @r"
    --- stderr
    error: no key for model default: the environment variable TEST_KEY is not set
      = help: set it, or use `--offline` for recorded replies; keys are never read from a file
    --- exit 4
    ");
    let seen = crate::sandbox::Seen::of(sandbox.command(&["eval"]).env("TEST_KEY", " \n"));
    insta::assert_snapshot!(seen.shown(), @r"
    --- stderr
    error: no key for model default: the value of the environment variable TEST_KEY cannot be used: the key is empty
      = help: give it the key alone; keys are never read from a file
    --- exit 4
    ");
    mock.counters().assert_calls(0);
}
