//! Paying once.

use serde_json::json;

use super::{Mock, eval, report, sandbox, suite, without_sources};
use crate::sandbox::Seen;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

#[test]
fn a_second_run_makes_no_call_and_says_so() {
    let mock = Mock::start(json!({"default": {"answer": {"template": "Thank you for call {call}"}}}));
    let sandbox = sandbox(&mock.row(), 10);
    let first = eval(&sandbox, &["--format", "json"]);
    mock.counters().assert_calls(10);
    let second = eval(&sandbox, &["--format", "json"]);
    mock.counters().assert_calls(10);
    assert_eq!((first.code, second.code), (Some(0), Some(0)));
    assert_eq!(report(&second)["replies"], json!(["cached"]));
    assert_eq!(without_sources(&report(&first)), without_sources(&report(&second)));

    let third = eval(&sandbox, &[]);
    let said: Vec<&str> = third.stdout.lines().filter(|line| line.starts_with("calls")).collect();
    insta::assert_snapshot!(said.join("\n"), @"calls      no model was called: all answers come from the cache");
    assert!(third.stdout.contains("replies cached (oldest 20"), "{}", third.stdout);
    mock.counters().assert_calls(10);
}

#[test]
fn what_is_spent_is_told_from_what_the_cache_saves() {
    let usage = json!({"tokens": {"input": 1000, "output": 1000}});
    let mock = Mock::start(json!({"default": {"answer": {"text": "Thank you"}, "usage": usage}}));
    let row = mock.row().replace("model: m", "model: m, price: {input: 1.0, output: 1.0}");
    let sandbox = sandbox(&row, 4);
    let cost = |seen: &Seen| seen.stdout.lines().find(|line| line.starts_with("cost")).map(str::to_owned);
    let money = |seen: &Seen| report(seen)["cost"].clone();
    // 0.002 dollars a question: all of it stands in the table.
    assert_eq!(cost(&eval(&sandbox, &[])), None);
    let cached = eval(&sandbox, &[]);
    insta::assert_snapshot!(cost(&cached).unwrap(), @"cost       $0.0080; spent in this run $0, saved by the cache $0.0080");
    sandbox.write(SUITE, suite(3, 4));
    let mixed = eval(&sandbox, &[]);
    insta::assert_snapshot!(cost(&mixed).unwrap(), @"cost       $0.024; spent in this run $0.016, saved by the cache $0.0080");
    let money = money(&eval(&sandbox, &["--format", "json"]));
    assert_eq!((&money["spent"], &money["saved"]), (&json!(0.0), &json!(0.024)), "{money}");
    // The answers of another run are paid for already.
    let rescored = sandbox.run(&["rescore"]);
    insta::assert_snapshot!(cost(&rescored).unwrap(), @"cost       $0.024; spent in this run $0");
    let markdown = sandbox.run(&["report", "latest~2", "--report", "markdown=-"]);
    let head = markdown.stdout.lines().find(|line| line.contains("cost")).unwrap_or_default().to_owned();
    insta::assert_snapshot!(head.split(" · ").last().unwrap(), @"cost $0.024; spent in this run $0.016, saved by the cache $0.0080");
}

#[test]
fn more_repeats_pay_for_the_new_ones_only() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 4);
    eval(&sandbox, &[]);
    mock.counters().assert_calls(4);
    sandbox.write(SUITE, suite(3, 4));
    let seen = eval(&sandbox, &["--format", "json"]);
    mock.counters().assert_calls(12);
    assert_eq!(report(&seen)["replies"], json!(["live", "cached"]));
}

#[test]
fn what_is_asked_decides_and_not_how_its_answer_is_checked() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 4);
    eval(&sandbox, &[]);
    sandbox.edit(SUITE, "cases:", "validators: [{max_words: 9}]\ncases:");
    eval(&sandbox, &[]);
    mock.counters().assert_calls(4);
    sandbox.edit(SUITE, "Ada 0", "Grace");
    eval(&sandbox, &[]);
    mock.counters().assert_calls(5);
}

#[test]
fn the_cache_can_be_renewed_left_out_and_too_old() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    for (arguments, calls) in [
        (&["--no-cache"][..], 2),
        (&["--no-cache"], 4),
        (&[], 6),
        (&["--refresh"], 8),
        (&["--max-reply-age", "1d"], 8),
        (&["--max-reply-age", "0s"], 10),
    ] {
        assert_eq!(eval(&sandbox, arguments).code, Some(0));
        mock.counters().assert_calls(calls);
    }
}

#[test]
fn a_filtered_reply_is_asked_for_again() {
    let mock = Mock::start(json!({"default": {"answer": {"filtered": {}}}}));
    let sandbox = sandbox(&mock.row(), 2);
    eval(&sandbox, &[]);
    eval(&sandbox, &[]);
    mock.counters().assert_calls(4);
}

#[test]
fn the_cache_is_counted_and_emptied() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 3);
    assert_eq!(sandbox.json(&["cache", "stats"])["entries"], 0);
    eval(&sandbox, &[]);
    assert_eq!(sandbox.json(&["cache", "stats"])["entries"], 3);
    assert_eq!(sandbox.json(&["cache", "gc"])["entries"], 0);
    assert_eq!(sandbox.json(&["cache", "gc", "--max-age", "0s"])["entries"], 3);
    eval(&sandbox, &[]);
    mock.counters().assert_calls(6);
    assert_eq!(sandbox.json(&["cache", "clear"])["entries"], 3);
    insta::assert_snapshot!(sandbox.session(&[&["cache", "stats"], &["cache", "gc", "--max-age", "soon"]]), @r"
    $ promptassay cache stats
    --- stdout
    0 replies, 0 B
    --- exit 0

    $ promptassay cache gc --max-age soon
    --- stderr
    error: invalid value 'soon' for '--max-age <DURATION>': write a whole number and its unit: ms, s, m, h or d, such as `30s`

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn rows_of_other_headers_have_answers_of_their_own() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 3);
    sandbox.write(".gitignore", ".promptassay/\n");
    if !sandbox.commit_to_main() {
        return;
    }
    eval(&sandbox, &[]);
    mock.counters().assert_calls(3);
    let since = ["--changed-since", "main"];
    let edited = mock.row().replace("model: m", "model: m, headers: {X-Route: big}");
    sandbox.edit("prompts/registry.yaml", &mock.row(), &edited);
    let seen = eval(&sandbox, &since);
    assert!(seen.stderr.contains("(headers)"), "{}", seen.shown());
    mock.counters().assert_calls(6);
    eval(&sandbox, &since);
    mock.counters().assert_calls(6);
    // What the row answered on main is there as it was.
    sandbox.edit("prompts/registry.yaml", &edited, &mock.row());
    eval(&sandbox, &since);
    mock.counters().assert_calls(6);
    // Another row that differs in its headers alone; a secret is told apart by its name.
    let other = mock.row().replace("model: m", "model: m, headers: {X-Route: {env: TEST_KEY}}");
    sandbox.edit("prompts/registry.yaml", &mock.row(), &format!("{}\n  other: {other}", mock.row()));
    sandbox.edit(SUITE, "repeat: 1", "repeat: 1\nmodels: [default, other]");
    eval(&sandbox, &since);
    mock.counters().assert_calls(9);
    // A part of the row that decides no answer.
    sandbox.edit("prompts/registry.yaml", "model: m,", "model: m, timeout: 9s,");
    eval(&sandbox, &since);
    mock.counters().assert_calls(9);
}
