//! Recorded answers of judges that no longer fit: what has changed, and what to do.

use std::fmt::Write as _;

use serde_json::Value;

use super::{KIND, clean, first_repeat, judge, judged};
use crate::live::{Mock, eval, report};
use crate::sandbox::Sandbox;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";
const REPLIES: &str = "replies/greet.jsonl";
const ANSWERS: &str = "replies/greet.judge.jsonl";

/// Why the check is not carried out without a network.
fn reason(sandbox: &Sandbox) -> String {
    let seen = sandbox.run(&["eval", "--offline", "--format", "json"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let repeat = first_repeat(&report(&seen));
    let checks = repeat["checks"].as_array().unwrap();
    let reasons: Vec<&str> = checks.iter().filter_map(|check| check["error"]["message"].as_str()).collect();
    clean(sandbox, &reasons.join("\n")).replace("the judge could not be asked: ", "")
}

/// A row of the answers without a key that says what the question was made of.
fn without_parts(row: &str) -> String {
    let mut row: serde_json::Map<String, Value> = serde_json::from_str(row).unwrap();
    assert!(row.remove("parts").is_some(), "{row:?}");
    Value::from(row).to_string()
}

#[test]
fn a_stale_answer_says_what_has_changed() {
    let edits: [(&str, &str, &str, &str); 8] = [
        ("the rubric", SUITE, "The reply thanks", "The reply thanks warmly"),
        ("a reference", SUITE, "inputs:", "reference: Thanks!\n    inputs:"),
        // A reply by hand answers whatever is asked, so that it is the judge who is asked something else.
        ("the inputs", SUITE, "name: Ada", "name: Bob"),
        ("the reply", REPLIES, "Thank you, Ada", "Thanks"),
        (
            "the judge's parameters",
            "prompts/registry.yaml",
            "price: {input: 10, output: 10}",
            "params: {seed: 1}",
        ),
        ("another check", SUITE, "validators: [", "validators: [{judge: The reply thanks by name}, "),
        (
            "more samples",
            SUITE,
            "{judge: The reply thanks,",
            "{judge: {value: The reply thanks, samples: 3},",
        ),
        ("what cannot be read", ANSWERS, r#"\"score\": 0.9, "#, ""),
    ];
    let mut said = String::new();
    for (what, file, from, to) in edits {
        let (asked, judge) = (Mock::polite(), judge(KIND, ""));
        let sandbox = judged(&asked, &judge);
        sandbox.write(
            REPLIES,
            "{\"case\":\"a\",\"version\":\"1.0.0\",\"model\":\"default\",\"repeat\":1,\"text\":\"Thank you, Ada\",\"finish_reason\":\"stop\",\"source\":\"hand\"}\n",
        );
        let recorded = eval(&sandbox, &["--record"]);
        assert_eq!(recorded.code, Some(0), "{}", recorded.shown());
        sandbox.edit(file, from, to);
        writeln!(said, "{what}\n{}\n", reason(&sandbox)).unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_stale_answer_by_hand_is_renewed_as_it_says() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    eval(&sandbox, &["--record"]);
    sandbox.edit(ANSWERS, r#""source":"recorded""#, r#""source":"hand""#);
    sandbox.edit(SUITE, "The reply thanks", "The reply thanks warmly");
    insta::assert_snapshot!(reason(&sandbox));
    // What it says is enough: today's digest, and no parts.
    let seen = sandbox.run(&["eval", "--offline", "--format", "json"]);
    let (_, today) = seen.stdout.split_once("today's question is ").unwrap();
    let answers = sandbox.read(ANSWERS);
    let row = answers.lines().last().unwrap();
    let (_, then) = row.split_once(r#""request_sha256":""#).unwrap();
    let renewed = without_parts(&row.replace(&then[..64], &today[..64]));
    sandbox.write(ANSWERS, format!("{renewed}\n"));
    let seen = sandbox.run(&["eval", "--offline"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    judge.counters().assert_calls(1);
}

#[test]
fn rows_that_do_not_say_what_was_asked_are_read_and_say_it_once_they_are_recorded_again() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    eval(&sandbox, &["--record"]);
    let answers = sandbox.read(ANSWERS);
    let (header, row) = answers.split_once('\n').unwrap();
    sandbox.write(ANSWERS, format!("{header}\n{}\n", without_parts(row)));
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    sandbox.edit(SUITE, "The reply thanks", "The reply thanks warmly");
    insta::assert_snapshot!(reason(&sandbox), @"stale reply of judge: replies/greet.judge.jsonl:2 answers another question: the rubric, the judge's row or the reply has changed since it was recorded; `promptassay eval --record` asks anew; today's question is [DIGEST]");
    sandbox.edit(SUITE, "The reply thanks warmly", "The reply thanks");
    let again = eval(&sandbox, &["--record"]);
    assert!(again.stderr.contains("recorded 1 reply in replies/greet.judge.jsonl"), "{}", again.shown());
    assert_eq!(sandbox.read(ANSWERS), answers);
    judge.counters().assert_calls(1);
}

#[test]
fn what_a_person_wrote_and_no_judge_was_asked_is_named_where_it_is_recorded_over() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    sandbox.edit(
        SUITE,
        "cases:\n",
        "repeat: 2\ncases:\n  - {name: b, inputs: {name: Bob}, validators: [judge: The reply thanks]}\n",
    );
    eval(&sandbox, &["--record"]);
    let answers = sandbox.read(ANSWERS).replace(r#""source":"recorded""#, r#""source":"hand""#);
    sandbox.write(ANSWERS, &answers);
    let seen = eval(&sandbox, &["--record"]);
    assert!(!seen.stderr.contains("for nothing"), "they answer: {}", seen.shown());
    sandbox.edit(SUITE, "{judge: The reply thanks, threshold", "{judge: The reply thanks warmly, threshold");
    // Of a case that is not asked nothing is known.
    let b = eval(&sandbox, &["--record", "--case", "b"]);
    assert!(!b.stderr.contains("for nothing"), "{}", b.shown());
    let first = eval(&sandbox, &["--record"]);
    let answers = sandbox.read(ANSWERS);
    let row = 1 + answers.lines().position(|row| row.contains("\"a\"") && row.contains("\"hand\"")).unwrap();
    assert!(first.stderr.contains(&format!("(line {row})")), "{}\n{answers}", first.shown());
    // It is said as long as it stands there, also where nothing is recorded.
    let again = eval(&sandbox, &["--record"]);
    let pruned = sandbox.run(&["replies", "prune"]);
    let last = eval(&sandbox, &["--record"]);
    let said = [first.stderr, again.stderr, pruned.stdout, last.stderr].join("\n");
    insta::assert_snapshot!(
        said.replace(&format!("(line {row})"), "(line [LINE])").replace(&format!(":{row}"), ":[LINE]")
    );
}
