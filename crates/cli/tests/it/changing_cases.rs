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

#[test]
fn a_variable_that_is_new_edits_no_case_where_none_was_declared() {
    let Some(sandbox) = sandbox(3) else { return };
    let declared = sandbox.read(PROMPT);
    let (head, _) = declared.split_once("variables:").unwrap();
    sandbox.write(PROMPT, head);
    sandbox.write("prompts/greet/v1.0.0.txt", "Greet {name}.\n");
    sandbox.commit("nothing is declared");
    sandbox.git(&["branch", "-f", "base"]);
    let said = || {
        let seen = sandbox.run(&["eval", "--offline", "--changed-since", "base"]);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        seen.stderr
    };
    sandbox.write(PROMPT, &declared);
    sandbox.write("prompts/greet/v1.0.0.txt", "Greet {name} in a {tone} tone.\n");
    let new = said();
    assert!(!new.contains("edits the suite") && !new.contains("must pass"), "{new}");
    // What a text took without one asks something else by a default.
    sandbox.write(PROMPT, format!("{head}template_format: jinja\n"));
    sandbox.write("prompts/greet/v1.0.0.txt", "Greet {{ name }}{% if tone %}, {{ tone }}{% endif %}.\n");
    sandbox.commit("a text takes it");
    sandbox.git(&["branch", "-f", "base"]);
    sandbox.write(PROMPT, format!("{declared}template_format: jinja\n"));
    let taken = said();
    assert!(
        taken.contains("edits the suite") && taken.contains("`tone` (none there and `warm` here)"),
        "{taken}"
    );
}

#[test]
fn a_line_for_every_case_is_told_once_with_the_cases_behind_it() {
    let Some(sandbox) = sandbox(6) else { return };
    let suite = "prompts/greet/tests/test_cases.yaml";
    let written = sandbox.read(suite);
    sandbox.write(suite, format!("validators:\n  - max_words: 9\n{written}"));
    sandbox.commit("what is judged by");
    sandbox.edit(suite, "max_words: 9", "max_words: 8");
    assert_snapshot!(said(&sandbox));
}

/// Three cases that are judged by a property and a check of their suite, at main; and the suite.
fn with_a_property() -> Option<(Sandbox, &'static str)> {
    let (sandbox, suite) = (sandbox(3)?, "prompts/greet/tests/test_cases.yaml");
    let written = sandbox.read(suite).replace(", must_pass: true", "");
    let written = written.replace("validators: [contains: please]", "expected: {polite: true}");
    sandbox.write(suite, format!("validators:\n  - max_words: 9\n{written}"));
    sandbox.commit("what is judged by");
    Some((sandbox, suite))
}

#[test]
fn the_checks_of_the_base_are_those_of_every_file_that_has_one_that_is_another() {
    let Some((sandbox, suite)) = with_a_property() else { return };
    sandbox.git(&["branch", "base"]);
    sandbox.edit(suite, "max_words: 9", "max_words: 1");
    sandbox.edit("prompts/registry.yaml", "(?i)please|thank", "zzz");
    let change = sandbox.run(&["eval", "--offline", "--changed-since", "base"]);
    assert_eq!(change.code, Some(4), "{}", change.shown());
    let typed = "git checkout base -- prompts/greet/tests prompts/registry.yaml";
    assert!(change.stderr.contains(&format!("`{typed}` and `promptassay rescore`")), "{}", change.shown());
    sandbox.commit("the change");
    assert!(sandbox.git(&typed.split(' ').skip(1).collect::<Vec<_>>()));
    let judged = sandbox.run(&["rescore"]);
    assert_eq!(judged.code, Some(0), "{}", judged.shown());
}

#[test]
fn a_file_that_is_new_is_not_among_those_to_check_out() {
    let Some((sandbox, suite)) = with_a_property() else { return };
    // The cases move, and lose their check on the way.
    let row = |case: usize| format!("{{\"name\": \"c{case:02}\", \"inputs\": {{\"name\": \"Ada\"}}}}\n");
    sandbox.write("data/cases.jsonl", (0..3).map(row).collect::<String>());
    sandbox.write(suite, "validators:\n  - max_words: 9\ndatasets: [{file: ../../../data/cases.jsonl}]\n");
    let told = said(&sandbox);
    assert!(told.contains("`git checkout main -- prompts/greet/tests` and `promptassay rescore`"), "{told}");
}

#[test]
fn a_model_row_is_told_once_for_all_prompts_and_cases_that_it_stands_behind() {
    let Some(sandbox) = sandbox(3) else { return };
    let (registry, suite) = ("prompts/registry.yaml", "prompts/greet/tests/test_cases.yaml");
    let written = sandbox.read(suite);
    let judged = written.replacen("contains: please", "contains: please, judge: It is kind.", 1);
    sandbox.write(suite, format!("judge: judge\n{judged}"));
    sandbox.edit(registry, "models:\n", "models:\n  judge: {provider: openai, model: judge-1}\n");
    for prompt in 0..7 {
        let (directory, replies) = (format!("prompts/p{prompt}"), format!("replies/p{prompt}.jsonl"));
        sandbox.write(
            &format!("{directory}/prompt.yaml"),
            sandbox.read(PROMPT).replace("greet", &format!("p{prompt}")),
        );
        sandbox.write(&format!("{directory}/v1.0.0.txt"), crate::sandbox::TEXT);
        sandbox.write(&format!("{directory}/tests/test_cases.yaml"), &written);
        sandbox.write(&replies, sandbox.read("replies/greet.jsonl"));
    }
    sandbox.commit("what is judged by");
    sandbox.edit(registry, "gpt-6-luna}", "gpt-6-nova, api_key_env: OTHER_KEY}");
    sandbox.edit(registry, "judge-1", "judge-2");
    let seen = sandbox.run(&["eval", "--offline", "--changed-since", "main"]);
    let told: Vec<&str> = seen.stderr.lines().filter(|line| line.contains("this change edits")).collect();
    assert_snapshot!(told.join("\n"));
}
