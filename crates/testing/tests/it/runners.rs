//! The programs that run tests: cargo test, and cargo nextest where it is installed.

use std::process::Command;

use crate::example::{Example, Run};

#[test]
fn cargo_test_runs_the_whole_example() {
    let example = Example::new();
    let Some(output) = example.cargo(&["test"]) else { return };
    let run = Run::of(&output);
    assert_eq!(run.code, Some(0), "{}", run.text);
    insta::assert_snapshot!(run.tests());
}

#[test]
fn cargo_test_fails_where_a_reply_was_edited() {
    let example = Example::new();
    example.edit(
        "replies/subject_line.jsonl",
        "Reading room closed in May",
        "The reading room will be closed for all of May",
    );
    let Some(output) = example.cargo(&["test", "--test", "prompts"]) else { return };
    let run = Run::of(&output);
    assert_eq!(run.code, Some(101), "{}", run.text);
    insta::assert_snapshot!(run.failures());
}

#[test]
fn nextest_runs_each_case_as_a_process() {
    if !Command::new(env!("CARGO"))
        .args(["nextest", "--version"])
        .output()
        .is_ok_and(|it| it.status.success())
    {
        skipped!("SKIPPED: cargo-nextest is not installed");
        return;
    }
    let example = Example::new();
    example.edit("replies/desk_reply.jsonl", "Hello! On Tuesdays", "On Tuesdays");
    let Some(output) = example.cargo(&["nextest", "run", "--test", "prompts", "--no-fail-fast"]) else {
        return;
    };
    let run = Run::of(&output);
    assert_eq!(run.code, Some(100), "{}", run.text);
    for line in
        ["5 tests run: 4 passed, 1 failed, 1 skipped", "desk_reply::closing_time", "greets   does not hold"]
    {
        assert!(run.text.contains(line), "{line}: {}", run.text);
    }
}
