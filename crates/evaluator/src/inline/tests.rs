use std::sync::atomic::{AtomicUsize, Ordering};

use promptassay_llm::ResponseFormat;
use promptassay_registry::content::VersionContent;
use promptassay_registry::content::{Chat, MessageTemplate, Role, Tool};
use promptassay_registry::digest::Digest;
use promptassay_registry::memory;
use promptassay_registry::template::{Template, TemplateFormat};
use promptassay_registry::variables::{Interface, VariablesSpec};

use super::*;
use crate::event::AskErrorKind;
use crate::outcome::Reason;

fn prompt() -> VersionContent {
    VersionContent::Text(Template::parse(TemplateFormat::Format, "Greet {name}.").unwrap())
}

fn polite(name: &str) -> Case {
    Case::new(name).input("name", name).check("thanks", |reply| {
        if reply.text.contains("thanks") {
            CheckOutcome::Pass
        } else {
            CheckOutcome::Fail(Reason::new("no thanks"))
        }
    })
}

#[tokio::test]
async fn a_suite_is_asked_as_often_as_it_should_and_stands_in_its_order() {
    let asked = AtomicUsize::new(0);
    let ask = |request: ChatRequest| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let text = request.messages[0].content.clone();
        async move {
            // The later ones answer first.
            for _ in number..12 {
                tokio::task::yield_now().await;
            }
            match text.as_str() {
                "Greet b." if number.is_multiple_of(2) => Ok(Reply::from_text("no")),
                "Greet c." => Err(AskError { kind: AskErrorKind::ModelOutOfReach, message: "gone".into() }),
                _ => Ok(Reply::from_text("thanks")),
            }
        }
    };
    let cases = [polite("a"), polite("b"), polite("c")];
    let options = Options { repeat: 4, concurrency: 12 };
    let result = run_suite(&prompt(), &cases, options, ask).await.unwrap();
    let rows: Vec<_> = result
        .cases
        .iter()
        .map(|case| (case.name.as_str(), case.pass_rate(), case.passes(), case.is_complete()))
        .collect();
    assert_eq!(
        rows,
        [("a", Some(1.0), true, true), ("b", Some(0.5), false, true), ("c", None, false, false)]
    );
    assert!(!result.passes());
    let rate = result.pass_rate(Confidence::each_end(0.95).unwrap()).unwrap();
    assert!(rate.lower < 0.75 && rate.upper > 0.75);
    assert_eq!(asked.into_inner(), 12);
}

#[tokio::test]
async fn what_is_wrong_with_cases_is_said_before_the_first_question() {
    let nobody = |_| async { panic!("nobody is asked") };
    let cases = [
        polite("a"),
        polite("a"),
        Case::new("empty").input("name", "x"),
        Case { inputs: Values::new(), ..polite("blank") },
    ];
    let invalid = run_suite(&prompt(), &cases, Options::default(), nobody).await.unwrap_err();
    insta::assert_snapshot!(invalid, @"
    two cases have the name `a`
    the case `empty` has no check
    the case `blank` cannot be asked: no value for `name` (help: give it a value, or declare a `default`)
    ");
    // So `?` works in a test that returns any error.
    let _: Box<dyn std::error::Error> = invalid.into();
    assert!(run_case(&prompt(), &cases[2], nobody).await.is_err());
}

#[tokio::test]
async fn a_suite_without_cases_does_not_pass() {
    let result = run_suite(&prompt(), &[], Options::default(), |_| async { panic!() }).await.unwrap();
    assert!(!result.passes());
    assert_eq!(result.pass_rate(Confidence::each_end(0.95).unwrap()), None);
}

#[tokio::test]
async fn checks_of_a_program_are_written_as_in_a_suite() {
    let case = Case::new("a").input("name", "Ada").validator(Validator::parse("max_words: 1").unwrap());
    let ask = |_| async { Ok(Reply::from_text("far too many")) };
    let result = run_case(&prompt(), &case, ask).await.unwrap();
    let reason = result.repeats[0].checks[0].outcome.reason().unwrap();
    assert_eq!(reason.message, "3 words, limit 1");
    let problems = Validator::parse("max_word: 1").unwrap_err();
    assert!(problems[0].to_string().contains("did you mean `max_words`?"), "{problems:?}");
}

/// A chat that asks for more than its messages.
fn chat(params: serde_json::Value) -> VersionContent {
    let template = Template::parse(TemplateFormat::Format, "Greet {name}.").unwrap();
    let message = MessageTemplate { role: Role::User, template };
    let serde_json::Value::Object(params) = params else { panic!("a map") };
    let tool = Tool { name: "wave".into(), description: "Waves.".into(), parameters: serde_json::Map::new() };
    let chat = Chat::new(vec![message], params, Some("json_object".into())).unwrap();
    VersionContent::Chat(chat.with_tools(vec![tool]))
}

#[tokio::test]
async fn a_chat_is_asked_with_all_that_its_version_says() {
    let ask = |request: ChatRequest| async move {
        assert_eq!(request.params.max_output_tokens, Some(9));
        assert_eq!(request.response_format, Some(ResponseFormat::JsonObject));
        assert_eq!(request.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["wave"]);
        Ok(Reply::from_text("thanks"))
    };
    let sound = chat(serde_json::json!({"max_output_tokens": 9}));
    assert!(run_case(&sound, &polite("a"), ask).await.unwrap().passes());
    let unsound = chat(serde_json::json!({"max_tokens": 9}));
    let said = run_suite(&unsound, &[polite("a"), polite("b")], Options::default(), ask).await.unwrap_err();
    insta::assert_snapshot!(said, @"the prompt's `params` or `response_format`: unknown field `max_tokens`, expected one of `max_output_tokens`, `temperature`, `top_p`, `top_k`, `seed`, `stop`, `reasoning_effort`, `frequency_penalty`, `presence_penalty`");
}

/// A version whose prompt declares defaults and limits.
fn version() -> memory::PromptVersion {
    let declared = serde_json::json!({
        "tier": {"type": "string", "enum": ["basic", "plus"], "default": "basic"},
        "question": {"type": "string", "max_length": 9},
    });
    let declared: VariablesSpec = serde_json::from_value(declared).unwrap();
    let variables = declared.validate(TemplateFormat::Format).unwrap();
    let template = Template::parse(TemplateFormat::Format, "For {tier}: {question}").unwrap();
    memory::PromptVersion {
        version: "1.0.0".parse().unwrap(),
        content: VersionContent::Text(template),
        interface: Interface::new(TemplateFormat::Format, variables),
        digest: Digest::of("For {tier}: {question}"),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        created_by: "ada".to_owned(),
        description: String::new(),
        metadata: serde_json::Map::new(),
    }
}

#[tokio::test]
async fn a_version_is_asked_with_the_defaults_of_its_prompt() {
    let ask = |request: ChatRequest| async move { Ok(Reply::from_text(request.messages[0].content.clone())) };
    let case = Case::new("a")
        .input("question", "why?")
        .validator(Validator::parse("{expr: \"output == 'For basic: ' ~ inputs.question\"}").unwrap())
        .validator(Validator::parse("{expr: \"inputs.tier == 'basic'\"}").unwrap());
    let result = run_case(&version(), &case, ask).await.unwrap();
    assert!(result.passes(), "{result:?}");
    let given = case.input("tier", "plus");
    assert!(!run_case(&version(), &given, ask).await.unwrap().passes());
}

#[tokio::test]
async fn values_that_the_prompt_does_not_take_are_not_asked() {
    let nobody = |_| async { panic!("nobody is asked") };
    let case = |name: &str| Case::new(name).check("any", |_| CheckOutcome::Pass);
    let cases = [
        case("misspelt").input("question", "hi").input("teir", "plus").input("x", 1),
        case("missing").input("qestion", "refund"),
        case("limits").input("question", "much too long").input("tier", "pluss"),
    ];
    let invalid = run_suite(&version(), &cases, Options::default(), nobody).await.unwrap_err();
    insta::assert_snapshot!(invalid, @"
    the case `misspelt` has a value that no variable of the prompt takes: `teir` (did you mean `tier`?), `x`
    the case `missing` cannot be asked: no value for `question` (help: a value `qestion` was given; did you mean `question`?)
    the case `limits` cannot be asked: the value of `tier` is `pluss`, which is not one of those listed (help: did you mean `plus`?); the value of `question` has 13 characters, more than 9
    ");
    let case = polite("a").input("nmae", "Ada");
    insta::assert_snapshot!(run_case(&prompt(), &case, nobody).await.unwrap_err(), @"the case `a` has a value that no variable of the prompt takes: `nmae`");
}

#[test]
fn a_check_that_somebody_must_be_asked_for_leads_to_a_closure() {
    let refused =
        ["judge: is kind", "{judge: {value: is kind, model: strict}}", "command: {values: [python3, x.py]}"];
    let lines: Vec<String> = refused
        .iter()
        .flat_map(|yaml| Validator::parse(yaml).unwrap_err())
        .map(|problem| problem.to_string())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    validator:1:1: nobody is named who judges (help: only suites in files ask judges and run programs; here, do that in your own code and give the outcome by `Validator::from_fn`)
    validator:1:33: there is no model `strict` (help: only suites in files ask judges and run programs; here, do that in your own code and give the outcome by `Validator::from_fn`)
    validator:1:1: this check runs a program, and programs are not allowed (help: only suites in files ask judges and run programs; here, do that in your own code and give the outcome by `Validator::from_fn`)
    ");
}
