//! A change of the model: what is said of it, because nothing of it is compared.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const REPLY: &str = r#"{"case":"one","version":"1.0.0","model":"default","repeat":1,"text":"Thank you","finish_reason":"stop","source":"hand"}"#;
const ROW: &str = "default: {provider: openai, model: gpt-6-luna}";

/// A prompt with its only reply; `None` where there is no git.
fn committed() -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    sandbox.write("replies/greet.jsonl", REPLY);
    sandbox.write(".gitignore", ".promptassay/\n");
    sandbox.commit_to_main().then_some(sandbox)
}

#[test]
fn a_model_row_that_a_change_edits_is_named_with_what_is_other_of_it() {
    let Some(sandbox) = committed() else { return };
    let other = "default: {provider: openai, model: gpt-6-nova, params: {temperature: 0}, timeout: 9s, headers: {x-team: a}}";
    sandbox.edit("prompts/registry.yaml", ROW, other);
    let arguments = ["eval", "--offline", "--changed-since", "main", "--report", "markdown=report.md"];
    let seen = sandbox.run(&arguments);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_snapshot!(seen.stderr);
    assert!(
        sandbox.read("report.md").contains("edits the model that answers"),
        "{}",
        sandbox.read("report.md")
    );
    // How long an answer is waited for decides none.
    sandbox.edit(
        "prompts/registry.yaml",
        other,
        "default: {provider: openai, model: gpt-6-luna, timeout: 9s}",
    );
    let seen = sandbox.run(&arguments);
    assert!(!seen.stderr.contains("the model that answers"), "{}", seen.shown());
}

#[test]
fn a_model_row_that_the_other_side_edits_is_not_the_changes_doing() {
    let Some(sandbox) = committed() else { return };
    assert!(sandbox.git(&["checkout", "-q", "-b", "change"]));
    assert!(sandbox.git(&["checkout", "-q", "main"]));
    sandbox.edit("prompts/registry.yaml", "gpt-6-luna", "gpt-6-nova");
    sandbox.commit("another model");
    assert!(sandbox.git(&["checkout", "-q", "change"]));
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 5", "max_words: 6");
    let seen = sandbox.run(&["eval", "--offline", "--changed-since", "main"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(!seen.stderr.contains("edits the model that answers"), "{}", seen.shown());
    let moved = "the model that answers in greet is another one at main since this change began: `default` (model `gpt-6-nova` at main and `gpt-6-luna` here)";
    assert!(seen.stderr.contains(moved), "{}", seen.shown());
}
