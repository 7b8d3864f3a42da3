//! Judges and programs as checks: another model and a script have their say.

use serde_json::{Value, json};

use super::{Mock, eval, repeats, report, sandbox};
use crate::sandbox::Sandbox;

/// A judge that answers so, first and when it is asked again.
fn judge(first: &str, again: &str) -> Mock {
    Mock::start(json!({"rules": [
        {"name": "again", "when": {"last_user_message": {"contains": "cannot be read"}}, "answer": {"text": again}},
        {"name": "first", "when": {"last_user_message": {"contains": "Rubric:\nThe reply thanks"}}, "answer": {"text": first}},
    ]}))
}

fn judged(asked: &Mock, judge: &Mock) -> Sandbox {
    let sandbox = sandbox(&asked.row(), 1);
    let row = judge.row().replace("model: m", "model: judge-model, price: {input: 10, output: 10}");
    sandbox.edit("prompts/registry.yaml", "replies:", &format!("  judge: {row}\nreplies:"));
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "judge: judge\ncases:\n  - name: a\n    inputs: {name: Ada}\n    validators: [{judge: The reply thanks, threshold: 0.7}]\n",
    );
    sandbox
}

fn first_repeat(report: &Value) -> Value {
    let mut report = report.clone();
    repeats(&mut report)[0].clone()
}

#[test]
fn a_judge_is_asked_once_a_reply_and_its_answer_is_kept() {
    let (asked, judge) = (Mock::polite(), judge(r#"{"pass": true, "score": 0.9, "reason": "kind"}"#, ""));
    let sandbox = judged(&asked, &judge);
    let seen = eval(&sandbox, &["--format", "json"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    judge.counters().assert_answered_by("first", 1);
    assert_eq!(first_repeat(&report(&seen))["outcome"], "passed");
    // The second time both answers come from the cache.
    let seen = eval(&sandbox, &["--format", "json"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    judge.counters().assert_calls(1);
    asked.counters().assert_calls(1);
}

#[test]
fn a_judge_that_cannot_be_read_twice_leaves_the_reply_unscored() {
    let (asked, judge) = (Mock::polite(), judge("Lovely", "Really lovely"));
    let seen = eval(&judged(&asked, &judge), &["--format", "json"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    judge.counters().assert_answered_by("first", 1);
    judge.counters().assert_answered_by("again", 1);
    assert_eq!(first_repeat(&report(&seen))["outcome"], "unscored");
}

#[test]
fn an_answer_is_repaired_once() {
    let again = "```json\n{\"pass\": false, \"score\": 0.2, \"reason\": \"curt\"}\n```";
    let (asked, judge) = (Mock::polite(), judge("Lovely", again));
    let seen = eval(&judged(&asked, &judge), &[]);
    judge.counters().assert_calls(2);
    assert!(seen.stdout.contains("score 0.2: curt"), "{}", seen.shown());
}

#[test]
fn a_judge_without_its_key_is_missed_before_the_first_question() {
    let (asked, judge) = (Mock::polite(), judge("", ""));
    let sandbox = judged(&asked, &judge);
    sandbox.edit(
        "prompts/registry.yaml",
        "model: judge-model, price: {input: 10, output: 10}, api_key_env: TEST_KEY",
        "model: judge-model, api_key_env: OTHER_KEY",
    );
    let seen = eval(&sandbox, &[]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stderr.contains("OTHER_KEY"), "{}", seen.shown());
    asked.counters().assert_calls(0);
}

#[cfg(unix)]
#[test]
fn a_program_checks_only_where_that_is_allowed() {
    let asked = Mock::polite();
    let sandbox = sandbox(&asked.row(), 1);
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "cases: [{name: a, inputs: {name: Ada}, validators: [{command: [sh, thanks.sh]}]}]\n",
    );
    sandbox.write(
        "prompts/greet/tests/thanks.sh",
        "case $(cat) in *'\"output\":\"Thank you, Ada\"'*) echo '{\"pass\": true}';; *) echo '{\"pass\": false}';; esac\n",
    );
    insta::assert_snapshot!(eval(&sandbox, &[]).shown(), @r"
    --- stderr
    error: this check runs a program, and programs are not allowed
     --> prompts/greet/tests/test_cases.yaml:1:54
      |
    1 | cases: [{name: a, inputs: {name: Ada}, validators: [{command: [sh, thanks.sh]}]}]
      |                                                      ^^^^^^^
      |
      = help: read the program, then pass `--allow-commands`
    --- exit 2
    ");
    asked.counters().assert_calls(0);
    let seen = eval(&sandbox, &["--allow-commands"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}
