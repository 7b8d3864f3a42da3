//! What a failing test says: the reason, the place, what to do.

use crate::example::{Example, Run};

fn failures(example: &Example, arguments: &[&str]) -> Option<String> {
    let Run { text, code } = example.run(arguments)?;
    assert_eq!(code, Some(101), "{text}");
    Some(Run { text, code }.failures().to_owned())
}

#[test]
fn an_edited_reply_fails_for_its_reason() {
    let example = Example::new();
    example.edit(
        "replies/desk_reply.jsonl",
        "Hello! On Tuesdays we are open until 8 pm",
        "We are open until eight",
    );
    example.edit(
        "replies/desk_reply.jsonl",
        "I cannot say which day it comes back",
        "you can have it on Friday",
    );
    let Some(said) = failures(&example, &[]) else { return };
    let shown = crate::documentation::blocks().into_iter().find(|(info, _)| info == "text").unwrap().1;
    assert!(said.starts_with(&shown), "the documentation shows another failure than:\n{said}");
    insta::assert_snapshot!(said);
}

#[test]
fn an_edited_prompt_with_old_replies_says_how_to_refresh() {
    let example = Example::new();
    example.edit("prompts/subject_line/v1.0.0.txt", "At most eight words", "At most six words");
    let Some(said) = failures(&example, &["subject_line::new_books"]) else { return };
    insta::assert_snapshot!(said);
}

#[test]
fn a_new_case_without_a_reply_says_how_to_get_one() {
    let example = Example::new();
    example.edit(
        "prompts/subject_line/tests/test_cases.yaml",
        "  - name: roof_repair\n",
        "  - name: summer_party\n    inputs: {news: The summer party is in July.}\n  - name: roof_repair\n",
    );
    let Some(said) = failures(&example, &[]) else { return };
    insta::assert_snapshot!(said);
}

#[test]
fn every_invalid_file_is_one_failed_test_and_stands_in_no_other_prompts_way() {
    let example = Example::new();
    example.edit("prompts/desk_reply/tests/test_cases.yaml", "must_pass: true", "must_pas: true");
    example.edit("prompts/desk_reply/tests/test_cases.yaml", "names_a_time: true", "names_a_tine: true");
    example.edit("replies/desk_reply.jsonl", r#"{"case":"lost_book""#, r#"{"kase":"lost_book""#);
    let Some(run) = example.run(&[]) else { return };
    assert_eq!(run.code, Some(101), "{}", run.text);
    insta::assert_snapshot!(format!("{}\n\n{}", run.tests(), run.failures()));
}

#[test]
fn a_broken_registry_file_is_the_only_test() {
    let example = Example::new();
    example.edit("prompts/registry.yaml", "provider: openai", "provider: opnai");
    let Some(run) = example.run(&[]) else { return };
    assert_eq!(run.code, Some(101), "{}", run.text);
    insta::assert_snapshot!(format!("{}\n\n{}", run.tests(), run.failures()));
}

#[test]
fn a_gate_that_tolerates_a_failure_is_heard() {
    let example = Example::new();
    let suite = "prompts/subject_line/tests/test_cases.yaml";
    example.edit(
        "replies/subject_line.jsonl",
        "Forty new books for beekeepers",
        "Forty new books for beekeepers!",
    );
    example.edit(suite, "cases:\n", "gate: {min_pass_rate: 0.5}\ncases:\n");
    let Some(run) = example.run(&["subject_line"]) else { return };
    assert_eq!(run.code, Some(0), "{}", run.text);
    insta::assert_snapshot!(run.tests());
    example.edit(suite, "min_pass_rate: 0.5", "min_pass_rate: 0.6");
    let Some(said) = failures(&example, &["subject_line"]) else { return };
    insta::assert_snapshot!(said);
    // Whatever the rate: a case that must pass decides alone.
    example.edit(suite, "min_pass_rate: 0.6", "min_pass_rate: 0.5");
    example.edit(suite, "  - name: new_books\n", "  - name: new_books\n    must_pass: true\n");
    let Some(said) = failures(&example, &["subject_line"]) else { return };
    insta::assert_snapshot!(said);
}
