//! Runs of a selection that `compare` judges: what the selection left out is not missed, and what has changed since is.

use insta::assert_snapshot;

use super::{clean, sandbox, suite, write};
use crate::sandbox::Sandbox;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

/// Cases that are judged otherwise than they were.
fn edit(sandbox: &Sandbox, cases: std::ops::Range<usize>) {
    for case in cases {
        let inputs = format!("{{name: N{case}}}, ");
        sandbox.edit(SUITE, &inputs, &format!("{inputs}validators: [{{max_words: 9}}], "));
    }
}

/// A second model that the suite asks, with the same replies.
fn ask_another(sandbox: &Sandbox) {
    sandbox.edit("prompts/registry.yaml", "models:\n", "models:\n  other: {provider: openai, model: m}\n");
    sandbox.edit(SUITE, "repeat: 1", "models: [default, other]\nrepeat: 1");
    let replies = sandbox.read("replies/greet.jsonl");
    sandbox.write("replies/greet.jsonl", format!("{replies}{}", replies.replace("\"default\"", "\"other\"")));
}

fn eval(sandbox: &Sandbox, arguments: &[&str], code: i32) {
    let seen = sandbox.run(&[&["eval", "--offline"], arguments].concat());
    assert_eq!(seen.code, Some(code), "{}", seen.shown());
}

const FAILING: [usize; 15] = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24];

#[test]
fn a_margin_that_the_selection_could_show_is_not_dropped_because_cases_were_edited() {
    let sandbox = sandbox(40, "{margin: 0.1, min_pass_rate: 0.4}");
    eval(&sandbox, &["--case", "c[0-2]"], 0);
    edit(&sandbox, 0..5);
    write(&sandbox, 40, 1, &FAILING, 0);
    eval(&sandbox, &[], 0);
    let seen = sandbox.run(&["compare", "latest~1", "latest"]);
    assert_snapshot!(clean(&sandbox, &seen.shown()));
    // What the help says, done.
    let seen = sandbox.run(&["compare", "latest~1", "latest", "--margin", "0.113"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    // What the selection was too few for stays so, whatever was edited of it.
    eval(&sandbox, &["--case", "c0"], 0);
    edit(&sandbox, 5..6);
    eval(&sandbox, &[], 0);
    let seen = sandbox.run(&["compare", "latest~1", "latest"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[test]
fn who_chooses_a_model_leaves_no_case_out() {
    let sandbox = sandbox(32, "{margin: 0.1, min_pass_rate: 0.4}");
    ask_another(&sandbox);
    eval(&sandbox, &["--model", "default"], 0);
    edit(&sandbox, 0..5);
    write(&sandbox, 32, 1, &FAILING, 0);
    eval(&sandbox, &["--model", "default"], 0);
    let seen = sandbox.run(&["compare", "latest~1", "latest"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(seen.stderr.contains("27 units cannot show a margin of 10 points"), "{}", seen.shown());
    // Nor is what was taken out of the suite left out by it.
    sandbox.write(
        SUITE,
        suite(20, 1, "{min_pass_rate: 0.4}").replace("repeat", "models: [default, other]\nrepeat"),
    );
    eval(&sandbox, &["--model", "default"], 0);
    let seen = sandbox.run(&["compare", "latest~2", "latest"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(
        seen.stdout.contains("12 of 32 cases of the baseline have no partner (12 removed)"),
        "{}",
        seen.shown()
    );
}

#[test]
fn what_compares_nothing_has_not_passed() {
    let sandbox = sandbox(20, "{min_pass_rate: 0.5}");
    eval(&sandbox, &["--case", "c0"], 0);
    eval(&sandbox, &["--case", "c1"], 0);
    let seen = sandbox.run(&["compare", "latest~1", "latest"]);
    assert_snapshot!("no_case_of_both", clean(&sandbox, &seen.shown()));
    // No margin and no help to another one makes anything of that.
    let seen = sandbox.run(&["compare", "latest~1", "latest", "--margin", "0.1"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    // The whole suite has partners, which nobody answered.
    let replies = sandbox.read("replies/greet.jsonl");
    sandbox.write("replies/greet.jsonl", "");
    eval(&sandbox, &[], 4);
    sandbox.write("replies/greet.jsonl", replies);
    eval(&sandbox, &[], 0);
    let seen = sandbox.run(&["compare", "latest~1", "latest"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("BROKEN  nothing of the baseline v1.0.0 of run"), "{}", seen.shown());
}

#[test]
fn that_a_margin_is_not_judged_stands_in_the_answer_with_the_model() {
    let sandbox = sandbox(40, "{margin: 0.1}");
    ask_another(&sandbox);
    eval(&sandbox, &["--case", "c0"], 0);
    eval(&sandbox, &[], 0);
    let seen = sandbox.run(&["compare", "latest~1", "latest", "-q"]);
    assert_snapshot!("not_judged", clean(&sandbox, &seen.shown()));
    let json = sandbox.run(&["compare", "latest~1", "latest", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let gate = &json["gates"][0];
    assert_eq!(gate["margin_not_judged"], "the margin of 10 points is not judged; 10 units cannot show it");
    assert_eq!(gate["narrowed_by"], serde_json::json!({"baseline": ["--case c0"], "candidate": []}));
    let json = sandbox.run(&["compare", "latest", "latest", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["gates"][0]["margin_not_judged"], serde_json::Value::Null);
    // Whose number it is that is too small.
    let seen = sandbox.run(&["compare", "latest~1", "latest", "--margin", "0.1"]);
    assert!(seen.stderr.contains("greet v1.0.0 on other: 10 units cannot show"), "{}", seen.shown());
}
