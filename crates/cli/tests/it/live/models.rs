//! Each provider once, and what several models at once are like.

use promptassay_llm::Provider;
use serde_json::json;

use super::{CALLS_FOR_NOTHING, KEY, Mock, eval, report, sandbox, suite};
use crate::sandbox::Seen;

#[test]
fn every_provider_is_asked_in_its_own_format() {
    for provider in Provider::ALL {
        let (path, header, key) = match provider {
            Provider::OpenAiChat | Provider::OpenAiResponses => {
                ("/v1", "authorization", format!("Bearer {KEY}"))
            }
            Provider::Anthropic => ("", "x-api-key", KEY.to_owned()),
            Provider::Gemini => ("/v1beta", "x-goog-api-key", KEY.to_owned()),
            // A program is asked in the next test.
            Provider::Command => continue,
        };
        let header = json!({"name": header, "value": {"equals": key}});
        let mock = Mock::start(json!({
            "rules": [{
                "name": "greeting",
                "when": {"last_user_message": {"contains": "Greet Ada 0"}, "headers": [header]},
                "answer": {"text": "Thank you, Ada"},
                "served_model": "m-2026-11-01",
            }],
        }));
        let row = format!(
            "{{provider: {provider}, base_url: \"{}{path}\", model: m, api_key_env: TEST_KEY, price: {{input: 1, output: 2}}}}",
            mock.server.uri()
        );
        let seen = eval(&sandbox(&row, 1), &["--format", "json"]);
        assert_eq!(seen.code, Some(0), "{provider}: {}", seen.shown());
        mock.counters().assert_answered_by("greeting", 1);
        let report = report(&seen);
        assert_eq!(report["replies"], json!(["live"]));
        let reply =
            &report["prompts"][0]["variants"][0]["results"][0]["repeats"][0]["answer"]["reply"]["reply"];
        assert_eq!(
            (&reply["text"], &reply["finish_reason"]),
            (&json!("Thank you, Ada"), &json!("stop")),
            "{provider}"
        );
        assert_eq!(reply["served_model"], "m-2026-11-01", "{provider}");
        assert!(reply["usage"]["input"].as_u64().is_some_and(|tokens| tokens > 0), "{provider}: {reply}");
    }
}

#[test]
fn several_models_behind_one_row_are_named_in_every_report() {
    let mock = Mock::start(json!({
        "rules": [{
            "when": {"last_user_message": {"contains": "Greet Ada 0"}},
            "answer": {"text": "Thank you"},
            "served_model": "m-mini",
        }],
        "default": {"answer": {"text": "Thank you"}},
    }));
    let sandbox = sandbox(&mock.row(), 3);
    let seen = eval(&sandbox, &["--junit", "j.xml", "--report", "markdown=m.md"]);
    let words = seen.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "2 models answered on row `default`: `m` 2, `m-mini` 1; the numbers are of a mixture";
    for text in [&words, &sandbox.read("j.xml"), &sandbox.read("m.md")] {
        assert!(text.contains(said), "{text}");
    }
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "Ada 0", "Ada 1");
    let of_one = eval(&sandbox, &[]);
    assert!(!of_one.stdout.contains("models answered"), "{}", of_one.shown());
}

#[cfg(unix)]
#[test]
fn a_program_is_asked_only_where_that_is_allowed() {
    let sandbox = sandbox("{provider: command, command: [sh, app.sh]}", 2);
    sandbox.write("app.sh", "cat > /dev/null; echo '{\"text\": \"Thank you\"}'\n");
    insta::assert_snapshot!(eval(&sandbox, &[]).shown(), @r"
    --- stderr
    error: model default runs a program, which is not allowed here
      = help: add `--allow-commands` if you trust it, or choose another model
    --- exit 2
    ");
    let seen = eval(&sandbox, &["--allow-commands"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[cfg(unix)]
#[test]
fn a_program_that_was_changed_is_asked_again() {
    let sandbox = sandbox("{provider: command, command: [sh, app.sh]}", 2);
    let verdict = |answer: &str| {
        sandbox.write("app.sh", format!("cat > /dev/null; echo '{{\"text\": \"{answer}\"}}'\n"));
        let seen = eval(&sandbox, &["--allow-commands", "--format", "json"]);
        assert_eq!(report(&seen)["replies"], json!(["live"]), "{}", seen.shown());
        seen.code
    };
    assert_eq!(verdict("Thank you"), Some(0));
    assert_eq!(verdict("no idea"), Some(4), "nothing passes");
}

#[test]
fn a_model_that_is_out_of_reach_leaves_others_alone() {
    let (locked, open) = (Mock::start(json!({"default": {"answer": {"unauthorized": {}}}})), Mock::polite());
    let sandbox = sandbox(&locked.row(), 1);
    sandbox.edit("prompts/registry.yaml", "replies:", &format!("  other: {}\nreplies:", open.row()));
    sandbox
        .write("prompts/greet/tests/test_cases.yaml", format!("models: [default, other]\n{}", suite(1, 40)));
    let seen = eval(&sandbox, &["--format", "json"]);
    assert_eq!(seen.code, Some(4));
    open.counters().assert_calls(40);
    assert!(locked.counters().calls <= CALLS_FOR_NOTHING, "{:?}", locked.counters());
    let report = report(&seen);
    let verdicts: Vec<_> = report["prompts"][0]["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["gate"]["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["broken", "passed"]);
}

#[test]
fn a_reason_that_is_the_same_is_said_once_and_cases_name_their_model() {
    let locked = Mock::start(json!({"default": {"answer": {"unauthorized": {}}}}));
    let open = Mock::start(json!({
        "rules": [{"when": {"last_user_message": {"contains": "Ada 1"}}, "answer": {"text": "no"}}],
        "default": {"answer": {"text": "Thank you"}},
    }));
    let sandbox = sandbox(&locked.row(), 1);
    let rows = format!("  same: {}\n  other: {}\nreplies:", locked.row(), open.row());
    sandbox.edit("prompts/registry.yaml", "replies:", &rows);
    let suite = suite(1, 12).replace("Ada 10", "Eve").replace("Ada 11", "Eve");
    sandbox.write("prompts/greet/tests/test_cases.yaml", format!("models: [default, same, other]\n{suite}"));
    let seen = eval(&sandbox, &["--max-concurrency", "1"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    let cases = &seen.stdout[seen.stdout.find("  failed").unwrap()..];
    let end = ["\nretries", "\ncalls", "\ngate"].iter().find_map(|line| cases.find(line)).unwrap();
    insta::assert_snapshot!(&cases[..end]);
    assert_eq!(seen.stdout.matches("not authorised").count(), 1, "{}", seen.stdout);
}

#[test]
fn a_limit_of_the_user_is_kept() {
    let mock = Mock::start(json!({"default": {"answer": {"text": "Thank you"}, "delay": {"fixed": "5ms"}}}));
    let sandbox = sandbox(&mock.row().replace("model: m", "model: m, limits: {max_concurrency: 3}"), 60);
    assert_eq!(eval(&sandbox, &[]).code, Some(0));
    assert_eq!(mock.counters().peak_in_flight, Some(3));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_finishes_what_is_under_way_and_writes_its_reports() {
    use std::process::{Command, Stdio};

    let mock =
        Mock::start(json!({"default": {"answer": {"text": "Thank you"}, "delay": {"fixed": "300ms"}}}));
    let sandbox = sandbox(&mock.row(), 1_000);
    let arguments = ["eval", "--max-concurrency", "2", "--junit", "report.xml"];
    let mut command = sandbox.command(&arguments);
    let child = command.env("TEST_KEY", KEY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while mock.counters().calls == 0 {
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let seen = Seen::from(child.wait_with_output().unwrap());
    assert_eq!(seen.code, Some(130), "{}", seen.shown());
    assert!(mock.counters().calls < 1_000);
    assert!(sandbox.read("report.xml").contains("<testsuite"));
    assert!(seen.stdout.contains("interrupted: not every question was asked"), "{}", seen.shown());
    let stopping = seen.stderr.lines().find(|line| line.starts_with("stopping: ")).unwrap_or_default();
    assert!(stopping.contains(" under way; again ends at once"), "{}", seen.shown());
    assert!(seen.stderr.trim_end().ends_with(" goes on with this run"), "{}", seen.shown());
}
