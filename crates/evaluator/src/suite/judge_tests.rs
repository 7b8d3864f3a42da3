//! What a suite says to its judges and programs.

use promptassay_registry::template::TemplateFormat;
use promptassay_registry::variables::{Interface, Variables};
use promptassay_registry::yaml::Document;

use super::resolve;
use crate::settings::Settings;

const REGISTRY: &str = "\
models:
  default: {provider: openai, model: gpt-6-luna}
  judge: {provider: anthropic, model: claude-opus-5-5}
  twin: {provider: openai, model: gpt-6-luna}
properties:
  kind: {judge: The reply is kind}
  runs: {command: [check]}
";

/// All that is wrong with a suite, or `fine`.
fn problems(suite: &str, allow_commands: bool) -> String {
    let mut problems = Vec::new();
    let registry = Document::parse("registry.yaml", REGISTRY, &mut problems).unwrap();
    let settings = Settings { allow_commands, ..Settings::read(&registry, &mut problems) };
    assert!(problems.is_empty(), "{problems:?}");
    let document = Document::parse("s.yaml", suite, &mut problems).unwrap();
    let no_files = |_: &str| Ok(Vec::new());
    let interface = Interface::new(TemplateFormat::Format, Variables::inferred(TemplateFormat::Format, []));
    let resolved = resolve(&document, &interface, &settings, &no_files, &mut problems);
    let has_errors = promptassay_registry::problem::has_errors(&problems);
    assert_eq!(resolved.is_some(), !has_errors);
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    if lines.is_empty() { "fine".to_owned() } else { lines.join("\n") }
}

const JUDGED: &str = "cases: [{name: a, validators: [{judge: polite}]}]";

#[test]
fn a_judge_is_a_row_and_must_be_named() {
    insta::assert_snapshot!(
        [
            format!("judge: judge\n{JUDGED}"),
            JUDGED.to_owned(),
            format!("judge: jugde\n{JUDGED}"),
            format!("judge: default\n{JUDGED}"),
            format!("judge: twin\n{JUDGED}"),
            format!("judge: default\nmodels: [judge]\n{JUDGED}"),
            "cases: [{name: a, validators: [{judge: {value: polite, model: judge}}]}]".to_owned(),
            "cases: [{name: a, validators: [{judge: {value: polite, model: default}}]}]".to_owned(),
            "cases: [{name: a, validators: [{judge: {value: polite, model: nobody}}]}]".to_owned(),
            "judge: judge\ncases: [{name: a, validators: [{judge: {value: '', samples: 2}}, {any_of: [{judge: {value: x, samples: 99}}]}]}]".to_owned(),
            "judge: judge\ncases: [{name: a, validators: [{judge: x, threshold: 1.5}, {contains: x, threshold: 0.5}]}]".to_owned(),
        ]
        .map(|suite| format!("{suite}\n  {}\n", problems(&suite, false)))
        .concat()
    );
}

#[test]
fn a_shared_property_is_held_against_the_suite_that_uses_it_once() {
    let two = "cases: [{name: a, expected: {kind: true}}, {name: b, expected: {kind: false}}]";
    insta::assert_snapshot!(problems(two, false), @"registry.yaml:6:10: nobody is named who judges (help: add `judge: ROW` to the suite, with the name of a model row of registry.yaml)");
    assert_eq!(problems(&format!("judge: judge\n{two}"), false), "fine");
    let runs = "cases: [{name: a, expected: {runs: true}}, {name: b, expected: {runs: true}}]";
    insta::assert_snapshot!(problems(runs, false), @"registry.yaml:7:10: this check runs a program, and programs are not allowed (help: read the program, then pass `--allow-commands`)");
    assert_eq!(problems(runs, true), "fine");
}

#[test]
fn programs_run_only_where_they_are_allowed() {
    let suite = "cases: [{name: a, validators: [{any_of: [{contains: x}, {command: [check, --strict]}]}]}]";
    insta::assert_snapshot!(problems(suite, false), @"s.yaml:1:58: this check runs a program, and programs are not allowed (help: read the program, then pass `--allow-commands`)");
    assert_eq!(problems(suite, true), "fine");
}

#[test]
fn what_no_reply_to_a_case_can_mend_is_said_before_it_is_asked() {
    let case = |inputs: &str, expr: &str| {
        format!("cases: [{{name: a, inputs: {{{inputs}}}, validators: [{{expr: \"{expr}\"}}]}}]")
    };
    insta::assert_snapshot!(
        [
            case("n: 1", "inputs.nmae in output"),
            case("n: 1", "inputs.nmae[:2] in output"),
            case("n: 1", "json.score > inputs.limit"),
            case("n: 1", "inputs.n > 3 and json.a or inputs.order.id == json.id"),
            case("n: x", "json.score > inputs.n - 1"),
            case("n: 0", "json.score > 10 / inputs.n"),
            case("n: 'yes'", "inputs.n"),
            case("n: 1", "reference in output"),
            "validators: [{any_of: [{expr: reference in output}, {contains: a}]}]\ncases: [{name: a}, {name: b, reference: r}, {name: c, skip: later}]".to_owned(),
            case("n: 1", "inputs.limit is defined and json.score > inputs.limit"),
            case("n: 1", "json.score > inputs.limit | default(3)"),
            case("n: 1", "json.kind != 'n' or json.score > inputs.limit"),
            case("n: true", "inputs.n or json.score > inputs.limit"),
            case("n: [1, 2]", "json.score in inputs.n and inputs.n | length == 2"),
        ]
        .map(|suite| format!("{suite}\n  {}\n", problems(&suite, false)))
        .concat()
    );
}

#[test]
fn a_cost_that_nobody_will_know_is_warned_of_once() {
    let suite = "validators: [{any_of: [{max_cost: 0.1}]}]\nmodels: [default, twin]\ncases: [{name: a, models: [twin], validators: [{contains: x}]}, {name: b, models: [twin], validators: [{contains: x}]}]";
    insta::assert_snapshot!(problems(suite, false));
}

#[test]
fn a_metric_is_known_by_a_check_that_is_refused_and_by_one_that_only_warns() {
    let of = |gate: &str, checks: &str, allow_commands: bool| {
        let suite = format!(
            "gate: {{margin: 0.2, metrics: [{gate}]}}\nproperties: {{short: {{regex: '('}}}}\ncases: [{{name: a, {checks}}}]\n"
        );
        problems(&suite, allow_commands)
    };
    let shown = [
        of("prog", "validators: [{command: [sh], name: prog}]", false),
        of("command", "validators: [{all_of: [{command: [sh]}]}]", false),
        of("odd", "validators: [{regex: '(', name: odd}]", true),
        of("short", "expected: {short: true}", true),
        of("polite", "expected: {polite: true}", true),
        of("hours", "validators: [{max_words: 9}, {contains: hours, name: hours, warn: true}]", true),
    ];
    insta::assert_snapshot!(shown.join("\n--\n"));
}
