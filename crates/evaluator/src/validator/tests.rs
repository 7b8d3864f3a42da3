//! Validators as a whole: what is common to all, and that no reply breaks one.

use std::sync::LazyLock;

use promptassay_llm::{ModelRowSpec, Provider};
use proptest::prelude::*;

use super::*;

pub(crate) fn reply(text: &str) -> Reply {
    Reply::from_text(text)
}

/// A model row without price.
pub(crate) fn model(name: &str) -> ModelRow {
    ModelRowSpec::new(Provider::OpenAiChat, name).validate(name).unwrap()
}

/// Builds one validator from YAML, in a suite that asks `asked`, is judged by `judge`, and may run commands; or says all that is
/// wrong with it.
pub(crate) fn build(yaml: &str) -> Result<Validator, String> {
    let models = ["asked", "judge"].map(|name| (name.to_owned(), model(name))).into();
    let settings = Settings { models, allow_commands: true, ..Settings::default() };
    let asked = ["asked".to_owned()];
    let surroundings = Surroundings { settings: &settings, judge: Some("judge"), asked: &asked };
    build_in(surroundings, yaml)
}

pub(crate) fn build_in(surroundings: Surroundings<'_>, yaml: &str) -> Result<Validator, String> {
    let mut problems = Vec::new();
    let document = Document::parse("v.yaml", yaml, &mut problems).ok_or_else(|| problems[0].to_string())?;
    let reading = document.read::<ValidatorSpec>();
    problems.extend(reading.problems);
    let context = Context { document: &document, surroundings: Some(surroundings) };
    let built = reading.value.and_then(|spec| spec.build(context, &mut problems));
    match built {
        Some(validator) if problems.is_empty() => Ok(validator),
        _ => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// What a validator says of a text without inputs, cost and latency.
pub(crate) fn check(yaml: &str, text: &str) -> CheckResult {
    let validator = build(yaml).unwrap_or_else(|problem| panic!("{problem}"));
    validator.check(&Subject::new(&reply(text), &Values::new()))
}

/// `pass`, or the reason in one line.
pub(crate) fn verdict(yaml: &str, text: &str) -> String {
    describe(&check(yaml, text))
}

/// The score, in [0, 1].
pub(crate) fn score(yaml: &str, text: &str) -> f64 {
    check(yaml, text).score
}

/// `pass`, or the reason in one line, after `error` or `unscored` where it is no plain failure.
pub(crate) fn describe(result: &CheckResult) -> String {
    let (kind, reason) = match &result.outcome {
        CheckOutcome::Pass => return "pass".to_owned(),
        CheckOutcome::Fail(reason) => ("", reason),
        CheckOutcome::Error(reason) => ("error: ", reason),
        CheckOutcome::Unscored(reason) => ("unscored: ", reason),
    };
    let part = |label: &str, part: &Option<String>| {
        part.as_ref().map(|part| format!(" | {label}: {part}")).unwrap_or_default()
    };
    format!("{kind}{}{}{}", reason.message, part("expected", &reason.expected), part("got", &reason.got))
}

#[test]
fn a_property_that_must_not_hold_turns_the_check_around() {
    let validator = build("contains: sorry").unwrap().as_property("apology", false);
    assert_eq!(validator.name(), "apology");
    let outcome = |text: &str| validator.check(&Subject::new(&reply(text), &Values::new())).outcome;
    assert_eq!(outcome("fine"), CheckOutcome::Pass);
    assert!(matches!(outcome("so sorry"), CheckOutcome::Fail(_)));
}

#[test]
fn a_part_of_the_json_is_looked_at() {
    let reply = r#"{"answer": {"text": "hi there", "n": 3}, "tags": ["a", "b"]}"#;
    for yaml in [
        "starts_with: hi\nat: $.answer.text",
        "max_words: 2\nat: $.answer.text",
        "equals: '3'\nat: $.answer.n",
        "equals: '[\"a\",\"b\"]'\nat: $.tags",
        "json: object\nat: $.answer",
        "json_schema: {type: string, minLength: 8}\nat: $.answer.text",
        "expr: json == 3 and output == '3'\nat: $.answer.n",
        "all_of: [{contains: there, at: $.text}, {expr: json.n == 3}]\nat: $.answer",
        "not_contains: a\nat: $.tags[1]",
    ] {
        assert_eq!(verdict(yaml, reply), "pass", "{yaml}");
    }
}

#[test]
fn a_part_that_is_not_there_fails_in_either_sense() {
    insta::assert_snapshot!(
        [
            ("contains: a\nat: $.b", "{}"),
            ("not_contains: a\nat: $.b", "{}"),
            ("not_contains: a\nat: $.b", "no json"),
            ("none_of: [{contains: a, at: $.b}]", "{}"),
            ("none_of: [{contains: a, at: $.b}, {json: true}]", "{}"),
            ("none_of: [{all_of: [{contains: a, at: $.b}, {contains: '{'}]}]", "{}"),
            ("none_of: [{all_of: [{contains: a, at: $.b}, {contains: x}]}]", "{}"),
            ("none_of: [{expr: json.b > 3}]", "{}"),
            ("any_of: [{contains: a, at: $.b}, {json: true}]", "{}"),
        ]
        .map(|(yaml, text)| format!("{}\n", verdict(yaml, text)))
        .concat()
    );
    let property = build("contains: a\nat: $.b").unwrap().as_property("has_a", false);
    let result = property.check(&Subject::new(&reply("{}"), &Values::new()));
    assert!(matches!(result.outcome, CheckOutcome::Fail(_)));
}

#[test]
fn a_closure_is_a_validator() {
    let polite = Validator::from_fn("polite", |reply| {
        if reply.text.contains("please") {
            CheckOutcome::Pass
        } else if reply.text.is_empty() {
            CheckOutcome::Error(Reason::new("nothing to look at"))
        } else {
            CheckOutcome::Fail(Reason::new("says no please"))
        }
    });
    let check = |text: &str| describe(&polite.check(&Subject::new(&reply(text), &Values::new())));
    assert_eq!(
        [check("please"), check("now"), check("")].join(", "),
        "pass, says no please, error: nothing to look at"
    );
    assert_eq!(polite.name(), "polite");
}

#[test]
fn what_an_option_means_nothing_for_is_refused() {
    insta::assert_snapshot!(
        [
            "max_words: 3\nthreshold: 0.5",
            "judge: x\nthreshold: -0.1",
            "max_latency: 2s\nat: $.a",
            "tool_calls: [f]\nat: $.a",
            "contains: x\nat: a.b",
            "contains: x\nat: $.a[*]",
            "equals: {value: x, word: true}",
            "not_json: true",
            "contains: x\nthresold: 1",
        ]
        .map(|yaml| format!("{yaml:?}\n  {}\n", build(yaml).unwrap_err()))
        .concat()
    );
}

/// One validator of every check that asks nobody.
const ONE_OF_EACH: &[&str] = &[
    "equals: a",
    "contains: {value: é, ignore_case: true, word: true}",
    "contains_any: [a, é]",
    "contains_all: [a, é]",
    "starts_with: {value: é, ignore_case: true}",
    "ends_with: {value: é, word: true}",
    "regex: '\\w+$'",
    "max_words: 3",
    "min_words: 3",
    "max_chars: 3",
    "min_chars: 3",
    "max_lines: 3",
    "json: object",
    "json_schema: {type: [object, array, string], maxProperties: 1, items: {format: date-time}, pattern: '^.$'}",
    "contains_json: {value: true, schema: {required: [a]}}",
    "levenshtein: {value: 'aé{\"', max_distance: 3}",
    "max_latency: 2s",
    "max_cost: 1",
    "max_tokens: 1",
    "finish_reason: stop",
    "refusal: false",
    "tool_calls: []",
    "expr: output | length < 3 or json.a == 1",
    "all_of: [{contains: a, at: '$.a'}, {json: true, at: '$[0]'}]",
    "any_of: [{contains: a, at: $.a}, {max_words: 1}]",
    "none_of: [{contains: a, at: $.a}, {max_words: 1}]",
];

#[test]
fn every_check_is_among_those_that_no_reply_breaks() {
    for check in CHECKS.iter().filter(|check| !["judge", "command"].contains(&check.name)) {
        assert!(
            ONE_OF_EACH.iter().any(|yaml| yaml.starts_with(&format!("{}:", check.name))),
            "{}",
            check.name
        );
    }
}

#[test]
fn no_huge_reply_breaks_a_check() {
    let replies = ["", "a", "é ", "{\"a\":", "[", "\"\\", "\u{0}\n"];
    for text in replies.map(|part| part.repeat((1 << 20) / part.len().max(1))) {
        for yaml in ONE_OF_EACH {
            let result = check(yaml, &text);
            let length = result
                .outcome
                .reason()
                .map_or(0, |reason| reason.message.len() + reason.got.as_ref().map_or(0, String::len));
            assert!(length < 4_000, "{yaml}: {length} bytes of reason");
            assert!((0.0..=1.0).contains(&result.score), "{yaml}: {}", result.score);
        }
    }
}

proptest! {
    #[test]
    fn no_reply_breaks_a_check(text in "(\\PC|[\\[\\]{}\":,0-9\\\\\n]|\"a\"|true|é|İ|ß|\u{301}){0,40}") {
        static VALIDATORS: LazyLock<Vec<Validator>> =
            LazyLock::new(|| ONE_OF_EACH.iter().map(|yaml| build(yaml).unwrap()).collect());
        for validator in VALIDATORS.iter() {
            let result = validator.check(&Subject::new(&reply(&text), &Values::new()));
            prop_assert!((0.0..=1.0).contains(&result.score));
        }
    }
}

#[test]
fn a_text_that_is_not_what_was_meant_is_not_looked_for_in_silence() {
    let check = |yaml: &str| build(yaml).unwrap_err();
    insta::assert_snapshot!(
        [
            r#"not_regex: "\b(lol|omg)\b""#,
            r#"none_of: [{regex: "\bam"}]"#,
            r#"regex: {value: "a\e", word: true}"#,
            r#"json_schema: {properties: {a: {pattern: "\bx"}}}"#,
            r#"json_schema: {patternProperties: {"\bx": {type: string}}}"#,
            r#"not_regex: "\e\\[[0-9;]*m""#,
            r#"not_regex: "[\x00-\x08]""#,
            r#"not_regex: "[\0-\x06]""#,
            r#"contains_any: [hi, "\bho"]"#,
            "contains: file://texts/hello.md",
            "{judge: ' file://rubric.md', threshold: 0.7}",
        ]
        .map(|yaml| format!("{yaml}\n{}\n", check(yaml)))
        .concat()
    );
    for yaml in [
        r"not_regex: '\b(lol|omg)\b'",
        r#"regex: "a\tb\r?\n""#,
        r"regex: '\x08'",
        r"not_regex: '\x1b\[[0-9;]*m'",
        r"not_regex: '[\x00-\x08]'",
        r#"not_contains: "\e[""#,
        "contains: file://a is a link",
        "judge: Names no file://",
    ] {
        assert!(build(yaml).is_ok(), "{yaml}");
    }
}

#[test]
fn what_is_wrong_with_a_validator_is_said_at_its_place() {
    let check = |yaml: &str| build(yaml).unwrap_err();
    insta::assert_snapshot!(
        [
            "max_word: 3",
            "{}",
            "contains: hi\nequals: ho",
            "name: only a name",
            "max_words: -3",
            "max_words: lots",
            "contains_any: []",
            "contains_any: hello",
            "contains: ''",
            "contains: {value: hi, ignorecase: true}",
            "contains: {ignore_case: true}",
            "regex: ''",
            "min_words: 0",
            "regex: '(?=look)ahead'",
            "regex: '(unclosed'",
            "regex: '(a{1000}){1000}'",
            "contains: hi\nweight: -1",
            "contains: 3",
            "not_max_words: 3",
            "- contains",
            "contains",
        ]
        .map(|yaml| format!("{yaml:?}\n{}\n", check(yaml)))
        .concat()
    );
}
