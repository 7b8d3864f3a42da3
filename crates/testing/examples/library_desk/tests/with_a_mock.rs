//! Tests of one's own, beside those of the suites: a scripted model answers.

use library_desk::preview;
use promptassay_testing::{Invalid, MockLlm, MockScript, Prompts};

#[tokio::test]
async fn a_good_reply_passes_and_makes_a_preview() -> Result<(), Invalid> {
    let script = MockScript::default_reply("I do not know.")
        .when("When do you close", "Hello! We close at 8 pm today. Enjoy your books.");
    let outcome = Prompts::new("prompts").mock(script).evaluate_case("desk_reply", "closing_time").await?;
    outcome.assert_passed();
    let previews: Vec<&str> = outcome.replies().map(|reply| preview(&reply.text)).collect();
    assert_eq!(previews, ["Hello!"]);
    Ok(())
}

#[tokio::test]
async fn a_curt_reply_does_not_pass() -> Result<(), Invalid> {
    let prompts = Prompts::new("prompts").mock(MockScript::default_reply("8."));
    let outcome = prompts.evaluate_case("desk_reply", "closing_time").await?;
    assert!(!outcome.passed());
    assert!(outcome.report().contains("greets"), "{}", outcome.report());
    Ok(())
}

#[tokio::test]
async fn each_case_is_one_question() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockLlm::start(MockScript::default_reply("New books on beekeeping").build()?).await?;
    Prompts::new("prompts").answered_by(&mock).evaluate_prompt("subject_line").await?.assert_passed();
    mock.counters().assert_calls(2);
    let first = &mock.requests().await[0];
    assert!(
        first.json()?["messages"][0]["content"].as_str().is_some_and(|text| text.contains("subject line"))
    );
    Ok(())
}
