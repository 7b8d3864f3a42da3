//! What a change does to the cases that it is judged by, wherever that is written: once each, with the cases behind it.

#![expect(clippy::format_push_string, reason = "rows of a few hundred; the line says what they look like")]

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const PROMPT: &str = "prompts/greet/prompt.yaml";
const REPORTS: [&str; 4] =
    ["markdown=report.md", "junit=report.xml", "json=report.json", "github=report.txt"];

/// `greet` with so many cases, the first two of which must pass, and recorded replies; `None` where there is no git.
fn sandbox(cases: usize) -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    let (mut suite, mut replies) = ("cases:\n".to_owned(), String::new());
    for case in 0..cases {
        let must_pass = if case < 2 { ", must_pass: true" } else { "" };
        suite.push_str(&format!(
            "  - {{name: c{case:02}, inputs: {{name: Ada}}, validators: [contains: please]{must_pass}}}\n"
        ));
        replies.push_str(&format!(
            "{{\"case\": \"c{case:02}\", \"version\": \"1.0.0\", \"model\": \"default\", \"repeat\": 1, \
             \"text\": \"Yes please\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
        ));
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite).write("replies/greet.jsonl", replies);
    sandbox.write(".gitignore", ".promptassay/\n");
    sandbox.commit_to_main().then_some(sandbox)
}

/// What is said beside the report of a change, which passes; each of its sentences stands in every report as well.
fn said(sandbox: &Sandbox) -> String {
    let mut arguments = vec!["eval", "--offline", "--changed-since", "main"];
    arguments.extend(REPORTS.iter().flat_map(|report| ["--report", report]));
    let seen = sandbox.run(&arguments);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    for report in REPORTS {
        let (_, file) = report.split_once('=').unwrap();
        let text = sandbox.read(file).replace("&apos;", "'").replace('\\', "");
        for line in seen.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")) {
            assert!(text.contains(line), "{file} lacks: {line}\n{text}");
        }
    }
    sandbox.clean(&seen.stderr)
}

#[test]
fn another_default_edits_every_case_that_it_is_asked_in() {
    let Some(sandbox) = sandbox(6) else { return };
    sandbox.edit(PROMPT, "default: warm", "default: dry");
    assert_snapshot!(said(&sandbox));
    // It came to the other side as well, or from there.
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.commit("dry");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    sandbox.edit(PROMPT, "description: A greeting", "description: A short greeting");
    assert_eq!(said(&sandbox), "");
}

#[test]
fn a_variable_that_is_new_edits_no_case() {
    let Some(sandbox) = sandbox(3) else { return };
    sandbox.edit(PROMPT, "variables:\n", "variables:\n  length: {type: string, default: short}\n");
    sandbox.edit("prompts/greet/v1.0.0.txt", "tone.", "tone, {length}.");
    let said = said(&sandbox);
    assert!(said.contains("rewrites it in place"), "{said}");
    assert!(!said.contains("edits the suite") && !said.contains("must pass"), "{said}");
}
