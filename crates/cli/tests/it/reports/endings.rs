//! Replies that are no whole answers pass a suite of limits and prohibitions; every report says so.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::reports::ALL_REPORTS;
use crate::sandbox::Sandbox;

/// Six cases of which a silent model passes each, three that ask for such a reply, and a limit of tokens.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/registry.yaml",
        "models:\n  default: {provider: openai, model: gpt-6-luna, params: {max_output_tokens: 16}}\n\
         replies: ../replies\n",
    );
    let cases = [
        ("empty", "not_contains: zz", r#""text": "", "finish_reason": "length""#),
        ("blank", "max_words: 5", r#""text": " \n", "finish_reason": "length""#),
        ("strange", "max_words: 5", r#""text": "", "finish_reason": "\u001b[2J::error::x""#),
        ("cut", "max_words: 5", r#""text": "Dear Ad", "finish_reason": "length""#),
        ("withheld", "max_words: 5", r#""text": "Dear", "finish_reason": "filter""#),
        ("refused", "max_words: 5", r#""text": "", "refusal": "I cannot", "finish_reason": "stop""#),
        ("fails", "contains: zz", r#""text": "", "finish_reason": "stop""#),
        ("silent", "equals: ''", r#""text": "", "finish_reason": "stop""#),
        ("short", "finish_reason: length", r#""text": "Dear", "finish_reason": "length""#),
        ("declined", "refusal: true", r#""text": "", "finish_reason": "filter""#),
        (
            "calls",
            "max_words: 5",
            r#""text": "", "finish_reason": "tool", "tool_calls": [{"name": "find", "arguments": {}}]"#,
        ),
        ("whole", "max_words: 5", r#""text": "Dear Ada", "finish_reason": "stop""#),
    ];
    let mut suite = "gate: {min_pass_rate: 0.5}\ncases:\n".to_owned();
    let mut rows = String::new();
    for (name, check, reply) in cases {
        writeln!(suite, "  - {{name: {name}, inputs: {{name: Ada}}, validators: [{{{check}}}]}}").unwrap();
        writeln!(
            rows,
            "{{\"case\": \"{name}\", \"version\": \"1.0.0\", \"model\": \"default\", \"repeat\": 1, {reply}, \"source\": \"hand\"}}"
        )
        .unwrap();
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
    sandbox.write("replies/greet.jsonl", rows);
    sandbox
}

#[test]
fn a_model_that_says_nothing_is_not_green_without_a_word() {
    let sandbox = sandbox();
    let seen = sandbox.run(&[&["eval", "--offline"][..], &ALL_REPORTS].concat());
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_snapshot!(seen.stdout);
    let json: serde_json::Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    let remarks =
        json["prompts"][0]["variants"][0]["gate"]["remarks"].as_array().map_or(&[][..], Vec::as_slice);
    let first = "2 of 12 replies are empty, finish reason `length`, and 2 of them passed: \
                 `max_output_tokens` (16) may be too small for v1.0.0 on `default`";
    assert_eq!(remarks.first().and_then(|remark| remark.as_str()), Some(first), "{json}");
    assert_eq!(remarks.len(), 6, "{remarks:?}");
    for report in ["report.md", "report.xml", "annotations.txt"] {
        let text = sandbox.read(report);
        assert!(text.contains("2 of 12 replies are empty, finish reason"), "{report}: {text}");
        assert!(!text.contains('\u{1b}'), "{report}");
    }
    // A kept run says the same.
    assert_eq!(sandbox.run(&["report"]).stdout, seen.stdout);
}

#[test]
fn without_a_limit_of_ours_the_way_to_set_one_is_named() {
    let sandbox = sandbox();
    sandbox.edit("prompts/registry.yaml", ", params: {max_output_tokens: 16}", "");
    let seen = sandbox.run(&["eval", "--offline", "--case", "cut"]);
    assert!(
        seen.stdout.replace("\n       ", " ").contains(
            "1 of 1 reply is cut off, finish reason `length`, and it passed: \
             the limit is the server's own, and `max_output_tokens` of row `default` sets another"
        ),
        "{}",
        seen.shown()
    );
}
