//! Evaluating inside of a test of one's own.

use promptassay_testing::{Invalid, MockLlm, MockScript, Prompts, Versions};
use serde_json::json;

/// Our own prompts, as seen from the package.
fn own() -> Prompts {
    Prompts::new("../../prompts")
}

fn example() -> Prompts {
    Prompts::new("examples/library_desk/prompts")
}

#[tokio::test]
async fn a_case_is_evaluated_from_its_recorded_reply() -> Result<(), Invalid> {
    let outcome = own().evaluate_case("customer_support", "opening_hours").await?;
    outcome.assert_passed();
    assert_eq!(outcome.replies().count(), 1);
    assert_eq!(outcome.report(), "");
    Ok(())
}

#[tokio::test]
async fn a_failed_case_has_the_report_of_the_terminal() -> Result<(), Invalid> {
    let outcome = own().evaluate_case("customer_support", "double_charge").await?;
    assert!(!outcome.passed());
    for words in [
        "failed   v1.1.0  double_charge   ../../prompts/customer_support/tests/",
        "claims_no_refund   contains",
    ] {
        assert!(outcome.report().contains(words), "{}", outcome.report());
    }
    Ok(())
}

#[tokio::test]
async fn every_version_is_asked_where_that_is_wanted() -> Result<(), Invalid> {
    let outcome = |versions| async move {
        own().versions(versions).evaluate_case("customer_support", "thanks_only").await
    };
    assert_eq!(outcome(Versions::Active).await?.replies().count(), 1);
    assert_eq!(outcome(Versions::All).await?.replies().count(), 3);
    let newest = outcome(Versions::Newest).await?;
    assert!(!newest.passed() && newest.report().contains("v1.2.0  thanks_only"), "{}", newest.report());
    Ok(())
}

#[tokio::test]
async fn a_prompt_is_judged_by_its_gate() -> Result<(), Invalid> {
    let outcome = own().evaluate_prompt("customer_support").await?;
    // Two cases fail, and the suite tolerates that.
    outcome.assert_passed();
    assert!(outcome.report().contains("PASSED  93.3 % of 30 cases passed, 90.0 % needed   replies recorded"));
    let curt = example().mock(MockScript::default_reply("No.")).evaluate_prompt("desk_reply").await?;
    assert!(!curt.passed());
    assert!(curt.report().contains("replies scripted"), "{}", curt.report());
    Ok(())
}

#[tokio::test]
async fn a_script_answers_by_rule_and_refuses_what_it_does_not_know() -> Result<(), Invalid> {
    let script = MockScript::without_default().when("beekeeping", "Forty new books for beekeepers");
    let prompts = example().mock(script);
    prompts.evaluate_case("subject_line", "new_books").await?.assert_passed();
    let unknown = prompts.evaluate_case("subject_line", "roof_repair").await?;
    insta::assert_snapshot!(unknown.report());
    Ok(())
}

#[tokio::test]
async fn a_script_speaks_the_wire_format_of_every_row() -> Result<(), Box<dyn std::error::Error>> {
    for (row, path) in [
        ("{provider: openai, model: m}", "/v1/chat/completions"),
        ("{provider: openai_responses, model: m}", "/v1/responses"),
        ("{provider: anthropic, model: m}", "/v1/messages"),
        ("{provider: gemini, model: m}", "/v1beta/models/m:generateContent"),
        ("{provider: command, command: [no-such-program]}", "/v1/chat/completions"),
    ] {
        let directory = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let write = |file: &str, text: &str| {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            promptassay_registry::files::write_atomic(&path, text).unwrap();
        };
        write("registry.yaml", &format!("models: {{default: {row}}}\n"));
        write("greeting/prompt.yaml", "name: greeting\nactive_version: v1.0.0\n");
        write("greeting/v1.0.0.txt", "Greet {name}.\n");
        let suite =
            "repeat: 2\ncases:\n  - {name: ada, inputs: {name: Ada}, validators: [{contains: Ada}]}\n";
        write("greeting/tests/test_cases.yaml", suite);
        let mock = MockLlm::start(MockScript::default_reply("Hello Ada").build()?).await?;
        Prompts::new(directory.path())
            .answered_by(&mock)
            .evaluate_case("greeting", "ada")
            .await?
            .assert_passed();
        let paths: Vec<String> = mock.requests().await.into_iter().map(|request| request.path).collect();
        assert_eq!(paths, [path, path], "{row}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_said_as_on_the_command_line() {
    let script = MockScript::from_json(json!({"rules": [{"when": {"chance": 0}, "answer": {"text": "x"}}]}));
    let problems = [
        example().evaluate_case("desk_replay", "x").await.unwrap_err().to_string(),
        example().evaluate_case("desk_reply", "closing_times").await.unwrap_err().to_string(),
        example().evaluate_case("desk_reply", "letter_in_handwriting").await.unwrap_err().to_string(),
        example()
            .mock_file("no_such_script.yaml")
            .evaluate_prompt("desk_reply")
            .await
            .unwrap_err()
            .to_string(),
        example()
            .mock_file("examples/library_desk/prompts/registry.yaml")
            .evaluate_prompt("desk_reply")
            .await
            .unwrap_err()
            .to_string(),
        Prompts::new("nowhere").evaluate_prompt("code_review").await.unwrap_err().to_string(),
        script.unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(problems.join("\n\n"));
}
