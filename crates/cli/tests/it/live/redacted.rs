//! Who reads a report knows where it speaks of another text than the model's.

use serde_json::{Value, json};

use super::{KEY, Mock, eval, report, sandbox};
use crate::reports::ALL_REPORTS;
use crate::sandbox::{Sandbox, Seen};

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

/// Two of three cases are answered with the key.
fn repeats_the_key() -> (Mock, Sandbox) {
    let mock = Mock::start(json!({
        "rules": [{"when": {"any_message": {"contains": "Ada 0"}}, "answer": {"text": "Thank you"}}],
        "default": {"answer": {"text": format!("Thank you, {KEY}")}},
    }));
    let sandbox = sandbox(&mock.row(), 3);
    (mock, sandbox)
}

fn remarks(seen: &Seen) -> Vec<Value> {
    report(seen)["remarks"].as_array().cloned().unwrap_or_default()
}

/// The warning on the terminal.
fn said(seen: &Seen) -> String {
    let lines = seen.stdout.lines().skip_while(|line| !line.starts_with("warning"));
    lines.take_while(|line| !line.starts_with("gate")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_report_says_of_how_many_replies_a_secret_was_cut_out() {
    let (_mock, sandbox) = repeats_the_key();
    let seen = eval(&sandbox, &ALL_REPORTS);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    insta::assert_snapshot!(said(&seen));
    assert!(sandbox.read("report.txt").contains(&said(&seen)));
    let json: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    let message = json["remarks"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("the value of `TEST_KEY` was cut out of 2 replies;"), "{message}");
    for file in ["report.md", "report.xml", "annotations.txt"] {
        assert!(sandbox.read(file).contains(message), "{file}: {}", sandbox.read(file));
    }
}

#[test]
fn replies_that_are_kept_say_so_for_ever() {
    let (mock, sandbox) = repeats_the_key();
    let live = eval(&sandbox, &["--record", "--format", "json"]);
    assert_eq!(remarks(&live).len(), 1, "{}", live.shown());
    for arguments in [
        // From the cache, from the file of recorded replies, and from the journal.
        &["eval", "--format", "json"][..],
        &["eval", "--offline", "--format", "json"],
        &["report", "--format", "json"],
        &["rescore", "latest~2", "--format", "json"],
    ] {
        let seen = Seen::of(sandbox.command(arguments).env("TEST_KEY", KEY));
        assert_eq!(remarks(&seen), remarks(&live), "{arguments:?}\n{}", seen.shown());
    }
    mock.counters().assert_calls(3);
    let rows = sandbox.read("replies/greet.jsonl");
    assert_eq!(rows.matches(r#""redacted":["TEST_KEY"]"#).count(), 2, "{rows}");
}

#[test]
fn a_run_that_goes_on_counts_the_replies_of_before() {
    let (_mock, sandbox) = repeats_the_key();
    let part = eval(&sandbox, &["--max-calls", "2", "--max-concurrency", "1"]);
    assert_eq!(part.code, Some(4), "{}", part.shown());
    let whole = eval(&sandbox, &["--resume", "--format", "json"]);
    let message = remarks(&whole)[0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the value of `TEST_KEY` was cut out of 2 replies;"), "{message}");
}

#[test]
fn a_word_of_a_judge_that_holds_a_secret_is_counted_apart() {
    let mock = Mock::start(json!({
        "rules": [{
            "when": {"model": {"equals": "judge-model"}},
            "answer": {"text": format!("{{\"reasoning\": \"as {KEY} says\", \"pass\": true, \"score\": 1}}")},
        }],
        "default": {"answer": {"text": "Thank you"}},
    }));
    let sandbox = sandbox(&mock.row(), 1);
    let judge = mock.row().replace("model: m,", "model: judge-model,");
    sandbox.edit("prompts/registry.yaml", "replies: ../", &format!("  judge: {judge}\nreplies: ../"));
    sandbox.edit(SUITE, "cases:", "judge: judge\nvalidators: [{judge: It thanks}]\ncases:");
    let seen = eval(&sandbox, &["--format", "json"]);
    let message = remarks(&seen)[0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the value of `TEST_KEY` was cut out of 1 answer of a judge;"), "{message}");
}
