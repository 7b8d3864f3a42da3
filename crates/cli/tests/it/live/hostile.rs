//! Replies, files and surroundings that want to do harm, or do it without wanting to.

use std::fmt::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::json;

use super::{KEY, Mock, eval, report, sandbox};
use crate::sandbox::{Sandbox, Seen};

#[test]
fn a_reply_that_is_far_too_long_is_an_error_of_that_question() {
    let mock = Mock::start(json!({
        "rules": [{"when": {"last_user_message": {"contains": "Ada 0"}}, "answer": {"huge_body": {"bytes": 1_u64 << 26}}}],
        "default": {"answer": {"text": "Thank you"}},
    }));
    let sandbox = sandbox(&mock.row(), 2);
    let seen = eval(&sandbox, &["--attempts", "1"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let line = seen.stdout.lines().find(|line| line.contains("longer than 16777216 bytes"));
    assert!(line.is_some(), "{}", seen.shown());
    let kept: u64 = sandbox
        .files(".promptassay")
        .iter()
        .map(|file| std::fs::metadata(sandbox.path(file)).unwrap().len())
        .sum();
    assert!(kept < 1 << 20, "{kept} bytes were kept of a reply that nobody reads");
}

#[test]
fn two_evaluations_in_one_directory_leave_two_whole_runs() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 100);
    let start = || {
        let mut command = sandbox.command(&["eval", "--format", "json"]);
        command.env("TEST_KEY", KEY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| Seen::from(child.wait_with_output().unwrap()));
    for seen in &both {
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        assert_eq!(report(seen)["prompts"][0]["variants"][0]["trials"]["passed"], 100);
    }
    let journals: Vec<String> = sandbox
        .files(".promptassay/runs")
        .into_iter()
        .filter(|file| file.ends_with("events.jsonl"))
        .collect();
    assert_eq!(journals.len(), 2, "{journals:?}");
    for journal in journals {
        assert_eq!(sandbox.read(&journal).matches("\"trial_finished\"").count(), 100, "{journal}");
    }
    // What they kept in the cache answers a third one.
    let calls = mock.counters().calls;
    assert!((100..=200).contains(&calls), "{calls}");
    assert_eq!(eval(&sandbox, &[]).code, Some(0));
    mock.counters().assert_calls(calls);
}

#[test]
fn a_template_of_a_million_fields_is_read_or_refused_in_words() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.0.0.txt", "{name} ".repeat(1_000_000));
    let seen = sandbox.run(&["check"]);
    assert_eq!(seen.code, Some(2), "{}", &seen.stdout[..seen.stdout.len().min(500)]);
    assert!(seen.stdout.len() + seen.stderr.len() < 4_000, "the message holds the template");
    sandbox.write("prompts/greet/v1.0.0.txt", "{name} ".repeat(100_000));
    let seen = sandbox.run(&["render", "greet", "--var", "name=Ada"]);
    assert_eq!((seen.code, seen.stdout.matches("Ada").count()), (Some(0), 100_000));
}

#[test]
fn a_yaml_bomb_is_refused() {
    let sandbox = Sandbox::new();
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", bomb + "cases: *a11\n");
    let seen = sandbox.run(&["check"]);
    assert_eq!(seen.code, Some(2));
    assert!(seen.stdout.len() + seen.stderr.len() < 4_000, "{}", seen.shown());
}

#[cfg(unix)]
#[test]
fn no_file_outside_of_the_repository_is_read() {
    let sandbox = Sandbox::new();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "name,name_of\nsecret,5up3r\n").unwrap();
    std::os::unix::fs::symlink(secret.path(), sandbox.path("prompts/greet/tests/link.csv")).unwrap();
    for file in ["link.csv", "../../../../../../etc/passwd", "/etc/passwd"] {
        sandbox.write(
            "prompts/greet/tests/test_cases.yaml",
            format!("validators: [max_words: 5]\ndatasets: [{{file: \"{file}\"}}]\n"),
        );
        let seen = sandbox.run(&["check"]);
        assert_eq!(seen.code, Some(2), "{file}: {}", seen.shown());
        assert!(!seen.shown().contains("5up3r") && !seen.shown().contains("root:"), "{}", seen.shown());
        let _ = std::fs::remove_file(sandbox.path("prompts/greet/tests/link.csv"));
    }
    assert_snapshot!(sandbox.session(&[&["eval", "--offline"]]));
}

#[test]
fn where_runs_cannot_be_kept_nothing_is_asked() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    sandbox.write(".promptassay", "a file where a directory belongs");
    let seen = eval(&sandbox, &["--no-cache"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stderr.contains("error:"), "{}", seen.shown());
    mock.counters().assert_calls(0);
}

#[test]
fn a_reply_from_tomorrow_is_not_young() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    assert_eq!(eval(&sandbox, &[]).code, Some(0));
    mock.counters().assert_calls(2);
    // As if the clock had been set back by seventy years since.
    let mut dated = 0;
    let date = regex::Regex::new("\"at\":\"20\\d\\d-").unwrap();
    for file in sandbox.files(".promptassay/cache") {
        let text = sandbox.read(&file);
        let later = date.replace(&text, "\"at\":\"2096-");
        if later != text {
            dated += 1;
            sandbox.write(&file, later.as_bytes());
        }
    }
    assert_eq!(dated, 2, "{:?}", sandbox.files(".promptassay/cache"));
    let seen = eval(&sandbox, &["--max-reply-age", "1h"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    mock.counters().assert_calls(4);
}
