//! Nothing that is said of a registry.yaml repeats what may be a secret, however the file is wrong.

use std::fmt::Write as _;

use promptassay_llm::{LimitsSpec, Params, PriceSpec};
use promptassay_registry::problem::{self, Problem};
use promptassay_registry::registry_file::RegistrySpec;
use promptassay_registry::yaml::Document;

use super::{Settings, SettingsSpec};

const FILES: &str = include_str!("../../../../fixtures/hostile/rows_with_secrets.txt");

/// What is searched for: so much of a secret that it is nothing else.
const SECRETS: [&str; 2] = ["ZQ", "9876"];

fn files() -> Vec<(&'static str, &'static str)> {
    let files: Vec<_> = FILES.split("=== ").skip(1).map(|file| file.split_once('\n').unwrap()).collect();
    assert!(files.len() > 30);
    files
}

/// All that anybody says of it.
fn problems(text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(document) = Document::parse("prompts/registry.yaml", text, &mut problems) {
        problems.extend(document.read::<RegistrySpec>().problems);
        Settings::read(&document, &mut problems);
        // Nobody asks for all at once, and somebody may.
        problems.extend(document.read::<SettingsSpec>().problems);
    }
    problem::sort(&mut problems);
    problems.dedup();
    problems
}

fn shown(problems: &[Problem]) -> String {
    let mut shown = String::new();
    for problem in problems {
        let line = problem.place.as_ref().map_or("", |place| &place.line_text);
        writeln!(shown, "{problem}\n    {line}").unwrap();
    }
    shown
}

fn assert_discreet(name: &str, text: &str, indiscreet: &mut Vec<String>) {
    let shown = shown(&problems(text));
    if SECRETS.iter().any(|secret| shown.contains(secret)) {
        indiscreet.push(format!("{name}: of\n{text}\nit says\n{shown}"));
    }
}

#[test]
fn no_secret_is_repeated_and_all_else_is() {
    let (mut all, mut indiscreet) = (String::new(), Vec::new());
    for (name, text) in files() {
        let problems = problems(text);
        assert!(problem::has_errors(&problems), "{name}");
        assert_discreet(name, text, &mut indiscreet);
        writeln!(all, "=== {name}\n{}", shown(&problems)).unwrap();
    }
    assert!(indiscreet.is_empty(), "{}", indiscreet.join("\n"));
    insta::assert_snapshot!(all);
}

#[test]
fn no_secret_is_repeated_whatever_is_forgotten() {
    let mut indiscreet = Vec::new();
    for (name, text) in files().into_iter().filter(|(name, _)| !name.ends_with("as it stands")) {
        let mut check = |text: &str| assert_discreet(name, text, &mut indiscreet);
        check(&text.replace('\n', "\r\n"));
        check(&format!("schema: 2\n{text}gate: {{confidnce: 1}}\n"));
        check(&format!("gate: {{confidnce: 1\n{text}"));
        check(&text.replace("models:\n", "models: {\n"));
        for (at, letter) in text.char_indices() {
            let (before, behind) = (&text[..at], &text[at + letter.len_utf8()..]);
            if !letter.is_alphanumeric() {
                check(before);
                check(&[before, behind].concat());
            }
        }
    }
    assert!(indiscreet.is_empty(), "{} of them: {}", indiscreet.len(), indiscreet.join("\n"));
}

/// What is shown of a row is told by its keys.
#[test]
fn what_is_shown_of_a_row_are_keys_of_rows() {
    let text = "models:\n  a:\n    provider: opnai\n    timeout: 30\n    limits: {max_concurrency: 1x, requests_per_minute: 1x, tokens_per_minute: 1x}\n    price: {input: 1x, output: 1x, cached_input: 1x}\n    params: {max_output_tokens: 1x, temperature: 1x, top_p: 1x, top_k: 1x, seed: 1x, stop: 1x, reasoning_effort: 1x, frequency_penalty: 1x, presence_penalty: 1x}\n";
    let problems = problems(text);
    let keys = |schema: &str| {
        let schema = match schema {
            "limits" => schemars::schema_for!(LimitsSpec),
            "price" => schemars::schema_for!(PriceSpec),
            _ => schemars::schema_for!(Params),
        };
        schema.as_value()["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    for section in ["limits", "price", "params"] {
        for key in keys(section) {
            assert!(text.contains(&format!("{key}: 1x")), "{key}");
        }
    }
    assert_eq!(
        problems.iter().filter(|problem| problem.place.as_ref().unwrap().line_text.contains('*')).count(),
        0
    );
    assert!(
        problems.iter().filter(|problem| problem.message.contains("\"1x\"")).count() > 10,
        "{}",
        shown(&problems)
    );
}
