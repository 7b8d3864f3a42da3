//! What the arguments of cargo test select, and what happens where there is nothing.

use crate::example::{Example, Run};

#[test]
fn a_prompt_or_a_case_is_selected_by_its_name() {
    let example = Example::new();
    let Some(run) = example.run(&["desk_reply::lost_book"]) else { return };
    assert_eq!(run.code, Some(0), "{}", run.text);
    insta::assert_snapshot!(run.tests(), @"test desk_reply::lost_book ... ok");
    let Some(run) = example.run(&["desk_reply::", "--skip", "lost"]) else { return };
    assert_eq!(run.code, Some(0), "{}", run.text);
    insta::assert_snapshot!(run.tests());
}

#[test]
fn tests_are_listed_without_being_run() {
    let example = Example::new();
    // A reply that would fail.
    example.edit("replies/desk_reply.jsonl", "Hello! On Tuesdays", "On Tuesdays");
    let Some(run) = example.run(&["--list"]) else { return };
    assert_eq!(run.code, Some(0), "{}", run.text);
    insta::assert_snapshot!(run.text);
    let Some(run) = example.run(&["--list", "--ignored"]) else { return };
    insta::assert_snapshot!(run.text, @"desk_reply::letter_in_handwriting: test");
}

#[test]
fn a_filter_that_names_a_prompt_and_selects_nothing_fails() {
    let example = Example::new();
    for (filter, code) in [("desk_reply::lost_boook", 101), ("desk_replay", 101), ("a_preview_is_one", 0)] {
        let Some(Run { text, code: actual }) = example.run(&[filter]) else { return };
        assert_eq!(actual, Some(code), "{filter}: {text}");
        assert!(text.contains("no prompt test is selected"), "{filter}: {text}");
    }
}

#[test]
fn nothing_to_test_fails() {
    let example = Example::new();
    example.remove("prompts/desk_reply/tests");
    example.remove("prompts/subject_line/tests");
    let Some(run) = example.run(&[]) else { return };
    assert_eq!(run.code, Some(101), "{}", run.text);
    insta::assert_snapshot!(run.failures());
    example.remove("prompts");
    let Some(run) = example.run(&[]) else { return };
    assert_eq!(run.code, Some(101), "{}", run.text);
    insta::assert_snapshot!(run.failures());
}
