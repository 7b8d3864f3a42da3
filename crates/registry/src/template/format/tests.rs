use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::excerpt::excerpt;
use crate::template::{MAX_TEMPLATE_BYTES, code};

fn values(value: Value) -> Values {
    serde_json::from_value(value).unwrap()
}

fn template(source: &str) -> FormatTemplate {
    FormatTemplate::parse(source).unwrap()
}

fn names(template: &FormatTemplate) -> Vec<&str> {
    template.variables().collect()
}

fn golden(section: &str) -> Vec<Value> {
    let text = include_str!("../../../../../fixtures/golden/format.json");
    let mut golden: Value = serde_json::from_str(text).unwrap();
    let Value::Array(cases) = golden[section].take() else { panic!("{section} is not a list") };
    assert!(!cases.is_empty());
    cases
}

/// The code as the golden file names it.
fn bare(code: &str) -> &str {
    code.strip_prefix("template::").unwrap()
}

#[test]
fn golden_core() {
    for case in golden("core") {
        let (id, source) = (&case["id"], case["template"].as_str().unwrap());
        let codes_accepted: Option<Vec<String>> =
            serde_json::from_value(case["expect"]["error_codes_ok"].clone()).unwrap();
        match FormatTemplate::parse(source) {
            Err(problems) => {
                let accepted = codes_accepted.unwrap_or_else(|| panic!("{id}: {problems:?}"));
                assert!(
                    problems.iter().all(|problem| accepted.iter().any(|ok| ok == bare(problem.code))),
                    "{id}"
                );
            }
            Ok(template) => {
                assert_eq!(json!(names(&template)), case["variables"], "{id}");
                match template.render(&values(case["vars"].clone())) {
                    Ok(output) => assert_eq!(json!(output), case["expect"]["output"], "{id}"),
                    Err(RenderError::Missing(missing)) => {
                        assert!(codes_accepted.unwrap().contains(&"missing_variable".to_owned()), "{id}");
                        let missing: Vec<&str> = missing.iter().map(|variable| &*variable.name).collect();
                        assert_eq!(json!(missing), case["expect"]["missing_all"], "{id}");
                    }
                    Err(error) => panic!("{id}: {error}"),
                }
            }
        }
    }
}

#[test]
fn golden_specifications_are_refused_by_name() {
    for case in golden("spec") {
        let problems = FormatTemplate::parse(case["template"].as_str().unwrap()).unwrap_err();
        assert_eq!(problems.len(), 1, "{}", case["id"]);
        assert!(problems[0].message.contains("`a` is not supported"), "{}", problems[0].message);
    }
}

#[test]
fn golden_must_refuse() {
    for case in golden("must_refuse") {
        assert!(FormatTemplate::parse(case["template"].as_str().unwrap()).is_err(), "{}", case["id"]);
    }
}

#[test]
fn golden_values_are_json_text() {
    for case in golden("value_coercion") {
        let rendered =
            template(case["template"].as_str().unwrap()).render(&values(case["vars"].clone())).unwrap();
        assert_eq!(json!(rendered), case["json_text"], "{}", case["id"]);
    }
}

#[test]
fn strings_are_verbatim_and_all_else_is_compact_json() {
    let values = values(json!({
        "text": "\"a\"\r\n", "big": 9_007_199_254_740_993_u64, "list": [1, "a b", null], "map": {"z": 1, "a": [true]},
        "none": null, "no": false
    }));
    let rendered = template("{text}|{big}|{list}|{map}|{none}|{no}").render(&values).unwrap();
    assert_eq!(rendered, "\"a\"\r\n|9007199254740993|[1,\"a b\",null]|{\"z\":1,\"a\":[true]}|null|false");
}

#[test]
fn the_two_harmless_forms_are_plain_fields() {
    let template = template("{a!s}{a:}{a!s:}{a}");
    assert_eq!(names(&template), ["a"]);
    assert_eq!(template.render(&values(json!({"a": "x"}))).unwrap(), "xxxx");
}

#[test]
fn bytes_of_the_text_are_kept() {
    let source = "a\r\n\tb\u{0} é {x}\r\n";
    assert_eq!(template(source).render(&values(json!({"x": "1"}))).unwrap(), "a\r\n\tb\u{0} é 1\r\n");
    assert_eq!(template(source).source(), source);
}

const REFUSED: &[&str] = &[
    "{}",
    "{!r}",
    "{0}",
    "{٣}",
    "{a.b}",
    "{a[0]}",
    "{a!r}",
    "{a!s:>3}",
    "{a:>10}",
    "{a:{b}}",
    "{ a }",
    "{user-name}",
    "{user name}",
    "{2nd}",
    "{e\u{301}t}",
    "{a\u{1b}}",
    "{a\u{200b}}",
    "{\"answer\": 1}",
    "{\n  \"answer\": {\"a\": 1}\n}",
    "{ color: red; }",
    "{color: red}",
    "{ }",
    "{name",
    "{\"a\": 1",
    "a } b",
    "{{name}",
];

#[test]
fn every_refusal_has_its_place_its_code_and_a_way_out() {
    let mut table = String::new();
    for source in REFUSED {
        for problem in FormatTemplate::parse(*source).unwrap_err() {
            let shown = excerpt(source);
            writeln!(table, "{shown}  {}..{}  {}", problem.span.start, problem.span.end, bare(problem.code))
                .unwrap();
            writeln!(table, "    {}\n    {}", problem.message, problem.help.unwrap()).unwrap();
        }
    }
    insta::assert_snapshot!(table, @r#"
{}  0..2  blank_field
    a field without a name
    name the variable, as in `{query}`; if the braces are text, as in JSON, double them: `{{}}`
{!r}  0..4  blank_field
    a field without a name
    name the variable, as in `{query}`; if the braces are text, as in JSON, double them: `{{!r}}`
{0}  0..3  positional_field
    `0` is a position, and values are passed by name
    name the variable, as in `{query}`; if the braces are text, as in JSON, double them: `{{0}}`
{٣}  0..4  positional_field
    `٣` is a position, and values are passed by name
    name the variable, as in `{query}`; if the braces are text, as in JSON, double them: `{{٣}}`
{a.b}  0..5  unsupported_access
    attribute access on `a` is not supported
    write `{a}` and pass the value as it should appear
{a[0]}  0..6  unsupported_access
    index access on `a` is not supported
    write `{a}` and pass the value as it should appear
{a!r}  0..5  unsupported_conversion
    the conversion `!r` of `a` is not supported
    write `{a}` and pass the value as it should appear
{a!s:>3}  0..8  unsupported_spec
    the format specification `:>3` of `a` is not supported
    write `{a}` and pass the value as it should appear
{a:>10}  0..7  unsupported_spec
    the format specification `:>10` of `a` is not supported
    write `{a}` and pass the value as it should appear
{a:{b}}  0..7  unsupported_spec
    the format specification `:{b}` of `a` is not supported
    write `{a}` and pass the value as it should appear
{ a }  0..5  invalid_name
    ` a ` is not a variable name: it has white space around it
    write `{a}`; if the braces are text, as in JSON, double them: `{{ a }}`
{user-name}  0..11  invalid_name
    `user-name` is not a variable name: it has a hyphen
    write `{user_name}`; if the braces are text, as in JSON, double them: `{{user-name}}`
{user name}  0..11  invalid_name
    `user name` is not a variable name: it has white space in it
    write `{user_name}`; if the braces are text, as in JSON, double them: `{{user name}}`
{2nd}  0..5  invalid_name
    `2nd` is not a variable name: it begins with a digit
    write `{_2nd}`; if the braces are text, as in JSON, double them: `{{2nd}}`
{e\u{301}t}  0..6  invalid_name
    `e\u{301}t` is not a variable name: it is not in Unicode normal form C
    write `{ét}`; if the braces are text, as in JSON, double each of them: `{{` and `}}`
{a\u{1b}}  0..4  invalid_name
    `a\u{1b}` is not a variable name: it has a control character
    write `{a}`; if the braces are text, as in JSON, double each of them: `{{` and `}}`
{a\u{200b}}  0..6  invalid_name
    `a\u{200b}` is not a variable name: it has an invisible character
    write `{a}`; if the braces are text, as in JSON, double each of them: `{{` and `}}`
{"answer": 1}  0..13  invalid_name
    `"answer": 1` is not a variable name
    if the braces are text, as in JSON, double them: `{{"answer": 1}}`
{\n  "answer": {"a": 1}\n}  0..24  invalid_name
    `"answer": {"a": 1}` is not a variable name
    if the braces are text, as in JSON, double each of them: `{{` and `}}`
{ color: red; }  0..15  invalid_name
    `color: red;` is not a variable name
    if the braces are text, as in JSON, double them: `{{ color: red; }}`
{color: red}  0..12  unsupported_spec
    the format specification `: red` of `color` is not supported
    if the braces are text, as in JSON, double them: `{{color: red}}`
{ }  0..3  blank_field
    a field without a name
    name the variable, as in `{query}`; if the braces are text, as in JSON, double them: `{{ }}`
{name  0..1  malformed_template
    this `{` is never closed
    close the field with `}`, or write `{{` for a literal brace
{"a": 1  0..1  malformed_template
    this `{` is never closed
    literal braces, as in JSON, are doubled: write `{{`
a } b  2..3  malformed_template
    this `}` closes no field
    write `}}` for a literal brace
{{name}  6..7  malformed_template
    this `}` closes no field
    write `}}` for a literal brace
"#);
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_text() {
    let problems = FormatTemplate::parse("é {a.b}\r\n{ok} {}\n\n  }{0}").unwrap_err();
    let places: Vec<_> =
        problems.iter().map(|problem| (bare(problem.code), problem.line, problem.column)).collect();
    assert_eq!(
        places,
        [
            ("unsupported_access", 1, 3),
            ("blank_field", 2, 6),
            ("malformed_template", 4, 3),
            ("positional_field", 4, 4)
        ]
    );
}

#[test]
fn a_field_behind_a_brace_that_never_closes_is_still_read() {
    let problems = FormatTemplate::parse("{open and {a.b} and {fine}").unwrap_err();
    let codes: Vec<_> = problems.iter().map(|problem| bare(problem.code)).collect();
    assert_eq!(codes, ["malformed_template", "unsupported_access"]);
}

#[test]
fn an_unescaped_json_object_is_one_problem() {
    let problems = FormatTemplate::parse("Answer {\"a\": {\"b\": [\"{name}\"]}, \"c\": {}}!").unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].span, 7..40);
}

#[test]
fn all_missing_variables_are_reported_at_once_with_the_likely_typo() {
    let error = template("{query} {name} {query} {tone}")
        .render(&values(json!({"qeury": "x", "name": "y"})))
        .unwrap_err();
    let RenderError::Missing(missing) = &error else { panic!("{error}") };
    assert_eq!(missing.iter().map(|variable| &*variable.name).collect::<Vec<_>>(), ["query", "tone"]);
    assert_eq!(missing[0].misspelt_as.as_deref(), Some("qeury"));
    assert_eq!(missing[1].misspelt_as, None);
    insta::assert_snapshot!(error, @"no value for `query`, `tone`");
    insta::assert_snapshot!(error.help().unwrap(), @"a value `qeury` was given; did you mean `query`?");
}

#[test]
fn names_are_compared_exactly() {
    assert!(template("{Name}").render(&values(json!({"name": "x"}))).is_err());
}

#[test]
fn more_variables_than_fit_on_the_stack_render_too() {
    let count = FEW_VARIABLES + 1;
    let names: Vec<String> = (0..count).map(|index| format!("v{index}")).collect();
    let source = format!("{{{}}}", names.join("}{"));
    let values: Values = names.iter().map(|name| (name.clone(), json!(format!("<{name}>")))).collect();
    let expected = format!("<{}>", names.join("><"));
    assert_eq!(template(&source).render(&values).unwrap(), expected);
}

#[test]
fn a_value_is_found_among_few_and_among_many() {
    for count in [1, FEW_VALUES, FEW_VALUES + 1, 3 * FEW_VALUES] {
        let all: Values = (0..count).map(|number| (format!("v{number}"), json!(number))).collect();
        for number in 0..count {
            assert_eq!(template(&format!("{{v{number}}}")).render(&all).unwrap(), number.to_string());
        }
        let missing = template("{v}").render(&all).unwrap_err();
        assert!(matches!(missing, RenderError::Missing(_)), "{missing}");
    }
}

#[test]
fn sizes_are_bounded() {
    assert!(FormatTemplate::parse("x".repeat(MAX_TEMPLATE_BYTES)).is_ok());
    let problems = FormatTemplate::parse("x".repeat(MAX_TEMPLATE_BYTES + 1)).unwrap_err();
    assert_eq!(problems[0].code, code::TOO_LARGE);

    let many = template(&"{a}".repeat(1000));
    let fits = values(json!({"a": "x".repeat(MAX_RENDERED_BYTES / 1000)}));
    assert!(many.render(&fits).is_ok());
    let large = values(json!({"a": "x".repeat(MAX_RENDERED_BYTES / 1000 + 1)}));
    assert_eq!(many.render(&large), Err(RenderError::TooLarge));
}

#[test]
fn a_hostile_template_is_refused_in_bounded_work() {
    let problems = FormatTemplate::parse("{a".repeat(MAX_TEMPLATE_BYTES / 2)).unwrap_err();
    assert_eq!(problems.len(), MAX_PROBLEMS);
}

/// Braces, names and punctuation in all combinations, more often than chance would give.
fn any_template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{", "}", "{{", "}}", "{a}", "{b}", "{é_1}", "{a!s}", "{a.b}", "{0}", "a", "!", ":", "[", "]", ".",
        "\n", "\r\n", "\"", " ", "é", "👍",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn render_never_panics(source in prop_oneof![any_template(), ".*"], a in ".*", b in ".*") {
        if let Ok(template) = FormatTemplate::parse(&*source) {
            let _ = template.render(&values(json!({"a": a, "b": b})));
            let all: Values = template.variables().map(|name| (name.to_owned(), json!(a))).collect();
            prop_assert!(template.render(&all).is_ok());
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_field(before in any_template(), value in any_template(), secret in "SECRET[0-9]{4}") {
        let Ok(template) = FormatTemplate::parse(format!("{before}|{{a}}|")) else { return Ok(()) };
        let all: Values = template.variables().map(|name| (name.to_owned(), json!(secret))).chain([("a".to_owned(), json!(value))]).collect();
        let rendered = template.render(&all).unwrap();
        let ending = format!("|{value}|");
        prop_assert!(rendered.ends_with(&ending));
        prop_assert!(!value.contains("SECRET") && !rendered[rendered.len() - ending.len()..].contains(&secret));
    }

    #[test]
    fn rendering_is_replacing_each_field_once(texts in prop::collection::vec("[^{}]{0,8}", 1..8), value in any_template()) {
        let source = texts.join("{a}");
        prop_assert_eq!(template(&source).render(&values(json!({"a": value}))).unwrap(), texts.join(&value));
    }

    #[test]
    fn doubling_the_braces_makes_any_text_literal(text in any_template()) {
        let escaped = text.replace('{', "{{").replace('}', "}}");
        prop_assert_eq!(template(&escaped).render(&Values::new()).unwrap(), text);
    }

    #[test]
    fn spans_lie_in_the_text_and_places_agree(source in any_template()) {
        for problem in FormatTemplate::parse(&*source).err().unwrap_or_default() {
            let braces = ['{', '}'];
            prop_assert!(source.get(problem.span.clone()).is_some_and(|text| text.starts_with(braces)));
            let line = source.split('\n').nth(problem.line - 1).unwrap();
            prop_assert!(line.chars().nth(problem.column - 1).is_some_and(|brace| braces.contains(&brace)));
        }
    }
}
