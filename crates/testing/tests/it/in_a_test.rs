//! Evaluating inside of a test of one's own.

use jiff::Timestamp;
use promptassay_evaluator::inline::{Case, run_case};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::validator::Validator;
use promptassay_llm::{ApiKey, ChatRequest, Client, ClientOptions, ModelRow, Secrets};
use promptassay_registry::files::write_atomic;
use promptassay_registry::tree::{Loaded, Tree};
use promptassay_testing::{Invalid, MockLlm, MockScript, Prompts, Reply, Versions};
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
    assert_eq!(outcome.replies().count(), 3, "it is asked three times");
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
async fn the_help_knows_where_the_test_looks_for_replies() -> Result<(), Invalid> {
    let elsewhere = example().replies("tests/no_replies");
    insta::assert_snapshot!(elsewhere.evaluate_case("subject_line", "new_books").await?.report());
    Ok(())
}

#[tokio::test]
async fn every_version_is_asked_where_that_is_wanted() -> Result<(), Invalid> {
    let outcome = |versions| async move {
        own().versions(versions).evaluate_case("customer_support", "thanks_only").await
    };
    assert_eq!(outcome(Versions::Active).await?.replies().count(), 3);
    assert_eq!(outcome(Versions::All).await?.replies().count(), 9);
    let said = |outcome: &promptassay_testing::CaseOutcome| {
        outcome.replies().map(|reply| reply.text.clone()).collect::<Vec<_>>()
    };
    let (active, newest) = (outcome(Versions::Active).await?, outcome(Versions::Newest).await?);
    assert_eq!(said(&newest).len(), 3);
    assert_ne!(said(&newest), said(&active), "another version was asked");
    Ok(())
}

#[tokio::test]
async fn a_prompt_is_judged_by_its_gate() -> Result<(), Invalid> {
    let outcome = own().evaluate_prompt("customer_support").await?;
    // Two cases fail, and the suite tolerates that.
    outcome.assert_passed();
    assert!(
        outcome.report().contains("PASSED  95.6 % of 90 trials passed, 90.0 % needed   replies recorded")
    );
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

#[tokio::test]
async fn a_check_in_rust_counts_like_every_other() -> Result<(), Invalid> {
    let short = |reply: &Reply| match reply.text.chars().count() {
        0..=140 => Ok(()),
        long => Err(format!("{long} characters do not fit into a text message")),
    };
    let of_all = example().validator("desk_reply", "fits_a_text_message", short);
    of_all.evaluate_case("desk_reply", "closing_time").await?.assert_passed();
    let long = of_all.evaluate_case("desk_reply", "lost_book").await?;
    assert!(!long.passed());
    insta::assert_snapshot!(long.report());
    // Of one case only.
    let of_one = example().validator("desk_reply::closing_time", "fits_a_text_message", short);
    of_one.evaluate_case("desk_reply", "lost_book").await?.assert_passed();
    Ok(())
}

#[tokio::test]
async fn a_check_for_nothing_is_an_error() {
    let never = |_: &Reply| Err("is never called".to_owned());
    let problems = [
        example().validator("desk_replay", "x", never).evaluate_case("subject_line", "new_books").await,
        example()
            .validator("desk_reply::lost_boook", "x", never)
            .evaluate_case("desk_reply", "lost_book")
            .await,
    ];
    insta::assert_snapshot!(problems.map(|problem| problem.unwrap_err().to_string()).join("\n\n"));
}

/// A prompt in a directory of its own.
fn prompt(row: &str, suite: &str) -> tempfile::TempDir {
    let directory = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let write = |file: &str, text: &str| {
        let path = directory.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        promptassay_registry::files::write_atomic(&path, text).unwrap();
    };
    write(
        "registry.yaml",
        &format!("replies: replies\nmodels: {{default: {row}, judge: {{provider: openai, model: j}}}}\n"),
    );
    write("greeting/prompt.yaml", "name: greeting\nactive_version: v1.0.0\n");
    write("greeting/v1.0.0.txt", "Greet {name}.\n");
    write("greeting/tests/test_cases.yaml", suite);
    write(
        "replies/greeting.jsonl",
        "{\"case\":\"ada\",\"version\":\"1.0.0\",\"model\":\"default\",\"repeat\":1,\"text\":\"Hello Ada\",\"finish_reason\":\"stop\",\"source\":\"hand\"}\n",
    );
    directory
}

#[tokio::test]
async fn a_script_answers_for_the_judge_too() -> Result<(), Invalid> {
    let directory = prompt(
        "{provider: openai, model: m}",
        "judge: judge\ncases:\n  - {name: ada, inputs: {name: Ada}, validators: [{judge: is friendly, threshold: 0.5}]}\n",
    );
    let judged = |score: f64| {
        MockScript::from_json(json!({
            "rules": [{"when": {"model": {"equals": "j"}}, "answer": {"json": {"reason": "so it is", "score": score}}}],
            "default": {"answer": {"text": "Hello Ada"}}
        }))
        .unwrap()
    };
    let evaluate = |script: MockScript| {
        let prompts = Prompts::new(directory.path()).mock(script);
        async move { prompts.evaluate_case("greeting", "ada").await }
    };
    evaluate(judged(1.0)).await?.assert_passed();
    let unfriendly = evaluate(judged(0.0)).await?;
    assert!(!unfriendly.passed() && unfriendly.report().contains("so it is"), "{}", unfriendly.report());
    let recorded = Prompts::new(directory.path()).evaluate_case("greeting", "ada").await?;
    let words: Vec<&str> = recorded.report().split_whitespace().collect();
    let report = words.join(" ");
    for said in ["no answer of judge about this reply is recorded in", "record what the judge says with"] {
        assert!(report.contains(said), "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn a_check_by_a_program_runs_only_where_that_is_allowed() -> Result<(), Invalid> {
    let directory = prompt(
        "{provider: openai, model: m}",
        "cases:\n  - {name: ada, inputs: {name: Ada}, validators: [{command: [sh, -c, 'echo \"{\\\"pass\\\": true}\"']}]}\n",
    );
    let refused = Prompts::new(directory.path()).evaluate_case("greeting", "ada").await.unwrap_err();
    assert!(refused.to_string().contains("programs are not allowed"), "{refused}");
    // What a program says of itself is no judge that is missing.
    let broken = prompt(
        "{provider: openai, model: m}",
        "cases:\n  - {name: ada, inputs: {name: Ada}, validators: [{command: [sh, -c, 'echo no answer of mine >&2; exit 3']}]}\n",
    );
    let broken = Prompts::new(broken.path()).allow_commands().evaluate_case("greeting", "ada").await?;
    assert!(broken.report().contains("exit status: 3"), "{}", broken.report());
    assert!(!broken.report().contains("record what the judge says"), "{}", broken.report());
    let prompts = Prompts::new(directory.path()).allow_commands();
    prompts.evaluate_case("greeting", "ada").await?.assert_passed();
    Ok(())
}

/// As docs/testing.md has it, but for the model: a mock stands where the row's address is.
#[tokio::test]
async fn the_client_of_a_row_asks_a_version_with_its_defaults() -> Result<(), Box<dyn std::error::Error>> {
    let prompts = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mock = MockLlm::start(MockScript::default_reply("Good morning, Ada!").build()?).await?;
    let silent = MockLlm::start(MockScript::without_default().build()?).await?;
    let row = |name: &str, mock: &MockLlm| {
        format!(
            "  {name}: {{provider: openai, base_url: \"{}/v1\", api_key_env: KEY, model: m, params: {{seed: 7, temperature: 1}}}}\n",
            mock.uri()
        )
    };
    for (file, text) in [
        ("registry.yaml", format!("models:\n{}{}", row("default", &mock), row("silent", &silent)).as_str()),
        (
            "greeting/prompt.yaml",
            "name: greeting\nactive_version: v1.0.0\nvariables: {name: string, tone: {default: kindly}}\n",
        ),
        (
            "greeting/v1.0.0.yaml",
            "messages: [{role: user, content: \"Greet {name} {tone}.\"}]\nparams: {temperature: 0}\n",
        ),
    ] {
        let path = prompts.path().join(file);
        std::fs::create_dir_all(path.parent().ok_or("a directory")?)?;
        write_atomic(&path, text)?;
    }
    let Loaded { tree, mut problems } = Tree::load(prompts.path());
    let document = tree.registry().document.as_ref().ok_or("a registry.yaml")?;
    let settings = Settings::read(document, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let mut secrets = Secrets::none();
    for name in settings.models["default"].environment_names() {
        secrets.insert(name.clone(), ApiKey::new("a-key-that-nobody-checks")?);
    }
    let client = Client::new(ClientOptions { proxy_from_environment: false, ..ClientOptions::default() })?;
    let (client, secrets) = (&client, &secrets);
    let ask = |row| {
        move |mut request: ChatRequest| async move {
            let row: &ModelRow = row;
            request.params = request.params.merged_over(&row.params);
            Ok(client.ask(row, secrets, &request, Timestamp::UNIX_EPOCH).await?.reply)
        }
    };
    let case = Case::new("by_name").input("name", "Ada");
    let case = case.validator(Validator::parse("contains: Ada").map_err(|problems| problems[0].to_string())?);
    let version = tree.find("greeting")?.active_version()?;

    assert!(run_case(version, &case, ask(&settings.models["default"])).await?.passes());
    let asked = mock.requests().await[0].json()?;
    assert_eq!(asked["messages"][0]["content"], "Greet Ada kindly.");
    assert_eq!((&asked["seed"], &asked["temperature"]), (&json!(7), &json!(0.0)));

    let result = run_case(version, &case, ask(&settings.models["silent"])).await?;
    let error = result.repeats[0].reply.as_ref().unwrap_err();
    assert_eq!(error.kind.as_str(), "bad_request", "{error:?}");
    Ok(())
}
