use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::digest::Digest;

fn spec(value: Value) -> VariablesSpec {
    serde_json::from_value(value).unwrap()
}

fn variables(value: Value) -> Variables {
    spec(value).validate(TemplateFormat::Format).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn values(value: Value) -> Values {
    serde_json::from_value(value).unwrap()
}

fn problems_of(value: Value) -> String {
    let mut table = String::new();
    for problem in spec(value).validate(TemplateFormat::Format).unwrap_err() {
        let help = problem.help.map(|help| format!(" ({help})")).unwrap_or_default();
        writeln!(table, "{}: {}{help}", problem.path.join("."), problem.message).unwrap();
    }
    table
}

#[test]
fn a_list_of_names_takes_any_value_and_needs_each() {
    let variables = variables(json!(["b", "a"]));
    assert_eq!(variables.names().collect::<Vec<_>>(), ["b", "a"]);
    assert!(variables.iter().all(|(_, variable)| variable.kind().is_none() && variable.is_required()));
    assert!(variables.resolve(&values(json!({"a": [1], "b": null}))).is_ok());
}

#[test]
fn a_declaration_is_a_map_a_type_or_nothing() {
    let variables = variables(json!({
        "full": {"type": "string", "max_length": 80, "pattern": "^T", "description": "who", "enum": ["Tech", "Toy"], "default": "Toy"},
        "short": "integer",
        "any": null
    }));
    let full = variables.get("full").unwrap();
    assert_eq!(
        (full.kind(), full.max_length(), full.pattern()),
        (Some(VariableType::String), Some(80), Some("^T"))
    );
    assert_eq!((full.description(), full.default()), (Some("who"), Some(&json!("Toy"))));
    assert_eq!(full.allowed(), Some(&[json!("Tech"), json!("Toy")][..]));
    assert!(!full.is_required());
    assert_eq!(variables.get("short").unwrap().kind(), Some(VariableType::Integer));
    assert_eq!(variables.get("any").unwrap().kind(), None);
}

#[test]
fn misspelt_keys_and_types_are_refused() {
    for (value, expected) in [
        (json!({"a": {"typ": "string"}}), "unknown field `typ`"),
        (json!({"a": "text"}), "unknown variant `text`"),
        (json!({"a": {"type": "text"}}), "unknown variant `text`"),
        (json!({"a": 3}), "the name of a type or a map"),
        (json!("a"), "a list of names or a map"),
        (json!([1]), "expected a string"),
        (json!({"a": {"max_length": -1}}), "invalid value"),
    ] {
        let error = serde_json::from_value::<VariablesSpec>(value).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_problem_of_a_declaration_is_reported_with_its_path() {
    insta::assert_snapshot!(problems_of(json!({
        "user name": null,
        "tone": {"type": "string", "enum": ["calm", "calm", 3], "default": "clam"},
        "count": {"type": "integer", "max_length": 3, "pattern": "a", "default": 1.5},
        "any": {"max_length": 0},
        "empty": {"enum": []},
        "code": {"type": "string", "pattern": "(a"},
        "ahead": {"type": "string", "pattern": "(?=a)"},
        "large": {"type": "string", "pattern": "x{1000}{1000}"},
        "quoted": {"type": "string", "pattern": "\u{8}word"},
        "both": {"required": true, "default": "x"},
        "neither": {"required": false},
        "none": {"type": "string", "default": null},
        "short": {"type": "string", "max_length": 2, "pattern": "^b", "default": "aaa", "enum": ["aaa"]}
    })), @r#"
user name: `user name` is not a variable name: it has white space in it (write `user_name`)
tone.enum: `calm` is listed twice in `enum` of `tone`
tone.enum: `3` in `enum` of `tone` is an integer, not a string (quote it: `"3"`)
tone.default: the default of `tone` is `clam`, which is not one of those listed (did you mean `calm`?)
count.max_length: `max_length` of `count` holds for strings only (add `type: string`, or remove it)
count.pattern: `pattern` of `count` holds for strings only (add `type: string`, or remove it)
count.default: the default of `count` is a number, not an integer (write it without a fraction, or declare `type: number`)
any.max_length: `max_length` of `any` holds for strings only (add `type: string`, or remove it)
any.max_length: `max_length` of `any` admits no text (at least 1)
empty.enum: `enum` of `empty` admits no value (list the values, or remove `enum`)
code.pattern: the pattern of `code` is no regular expression: unclosed group
ahead.pattern: the pattern of `ahead` is no regular expression: look-around, including look-ahead and look-behind, is not supported
large.pattern: the pattern of `large` is no regular expression: it is too large (use smaller repetition counts)
quoted.pattern: the pattern of `quoted` holds a backspace (U+0008), which no value has (in double quotes YAML reads `\b` as that character; write single quotes, in which a backslash stays one: '\b…')
both.required: `both` is required, so its default is never used (remove `required` or `default`)
neither.required: `neither` is not required, and nothing says what stands in its place (add a default: `default: ""` leaves its place empty)
none.default: the default of `none` is null, not a string
short.enum: `aaa` in `enum` of `short` has 3 characters, more than 2
short.default: the default of `short` has 3 characters, more than 2
"#);
    insta::assert_snapshot!(problems_of(json!(["a", "a", "2nd", ""])), @r#"
: `a` is listed twice (keep one of the two)
: `2nd` is not a variable name: it begins with a digit (write `_2nd`)
: `` is not a variable name: it is blank
"#);
}

#[test]
fn jinja_may_leave_a_variable_without_value_and_default() {
    let spec = spec(json!({"tone": {"required": false}}));
    let variables = spec.validate(TemplateFormat::Jinja).unwrap();
    assert!(variables.resolve(&Values::new()).unwrap().values.is_empty());
}

#[test]
fn defaults_are_added_and_values_win() {
    let variables = variables(json!({"tone": {"default": "calm"}, "query": "string"}));
    let given = values(json!({"query": "hi"}));
    let resolved = variables.resolve(&given).unwrap();
    assert_eq!(*resolved.values, values(json!({"query": "hi", "tone": "calm"})));
    let given = values(json!({"query": "hi", "tone": null}));
    assert!(matches!(variables.resolve(&given).unwrap().values, Cow::Borrowed(values) if *values == given));
}

#[test]
fn every_problem_of_the_values_is_reported() {
    let variables = variables(json!({
        "text": "string", "whole": "integer", "number": "number", "flag": "boolean", "list": "list", "map": "object",
        "tier": {"type": "string", "enum": ["Basic", "Premium"]},
        "level": {"type": "integer", "enum": [1, 2]},
        "short": {"type": "string", "max_length": 3},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "query": "string", "missing": null
    }));
    let given = values(json!({
        "text": 1, "whole": 1.0, "number": "1", "flag": null, "list": {}, "map": [], "tier": "premum", "level": 3, "short": "éééé",
        "code": "secret", "qeury": "x"
    }));
    let mut table = String::new();
    for problem in variables.resolve(&given).unwrap_err() {
        let help = problem.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
        writeln!(table, "{} {problem}{help}", problem.code).unwrap();
    }
    insta::assert_snapshot!(table, @r#"
value::type the value of `text` is an integer, not a string (quote it: `"1"`)
value::type the value of `whole` is a number, not an integer (write it without a fraction, or declare `type: number`)
value::type the value of `number` is a string, not a number
value::type the value of `flag` is null, not a boolean
value::type the value of `list` is an object, not a list
value::type the value of `map` is a list, not an object
value::not_allowed the value of `tier` is `premum`, which is not one of those listed (did you mean `Premium`?)
value::not_allowed the value of `level` is not one of those listed (one of `1`, `2`)
value::too_long the value of `short` has 4 characters, more than 3
value::pattern the value of `code` does not match `^[A-Z]+$`
value::missing_variable no value for `query` (a value `qeury` was given; did you mean `query`?)
value::missing_variable no value for `missing` (give it a value, or declare a `default`)
"#);
}

#[test]
fn values_at_their_limits_are_taken() {
    let variables = variables(json!({
        "short": {"type": "string", "max_length": 3}, "big": "integer", "number": "number", "code": {"type": "string", "pattern": "b"}
    }));
    let given = values(json!({"short": "ééé", "big": u64::MAX, "number": 1, "code": "abc"}));
    assert!(variables.resolve(&given).is_ok());
}

#[test]
fn a_text_becomes_the_type_of_its_variable() {
    let variables = variables(
        json!({"text": "string", "count": "integer", "flag": "boolean", "list": "list", "any": null}),
    );
    for (name, text, expected) in [
        ("text", "5", json!("5")),
        ("any", "5", json!("5")),
        ("unknown", "true", json!("true")),
        ("count", "5", json!(5)),
        ("count", "5.0", json!("5.0")),
        ("count", "five", json!("five")),
        ("flag", "true", json!(true)),
        ("flag", "TRUE", json!(true)),
        ("flag", "yes", json!("yes")),
        ("list", "[1, \"a\"]", json!([1, "a"])),
        ("list", "{}", json!("{}")),
    ] {
        assert_eq!(variables.value_from_text(name, text), expected, "{name}={text}");
    }
}

#[test]
fn undeclared_values_are_data_and_not_an_error() {
    let variables = variables(json!({"query": {"default": "x"}, "name": null}));
    let given = values(json!({"name": "a", "qeury": "b", "zzz": 1}));
    let resolved = variables.resolve(&given).unwrap();
    let unknown: Vec<_> =
        resolved.unknown.iter().map(|unknown| (&*unknown.name, unknown.suggestion.as_deref())).collect();
    assert_eq!(unknown, [("qeury", Some("query")), ("zzz", None)]);
    assert_eq!(resolved.values["qeury"], "b");
}

#[test]
fn the_interface_digest_is_stable_and_ignores_what_callers_do_not_see() {
    let interface = |value: Value| Interface::new(TemplateFormat::Format, variables(value)).digest();
    assert_eq!(
        interface(json!(["a", "b"])),
        interface(json!({"b": null, "a": {"description": "words", "required": true}}))
    );
    assert_eq!(
        interface(json!({"t": {"type": "string", "enum": ["x", "y"]}})),
        interface(json!({"t": {"enum": ["y", "x"], "type": "string"}}))
    );
    let base = interface(json!({"a": "string"}));
    for changed in [
        json!({"a": "integer"}),
        json!({"b": "string"}),
        json!({"a": "string", "b": null}),
        json!({"a": {"type": "string", "max_length": 3}}),
        json!({"a": {"type": "string", "pattern": "x"}}),
        json!({"a": {"type": "string", "default": "x"}}),
        json!({"a": {"type": "string", "enum": ["x"]}}),
    ] {
        assert_ne!(interface(changed.clone()), base, "{changed}");
    }
    assert_ne!(Interface::new(TemplateFormat::Jinja, variables(json!({"a": "string"}))).digest(), base);
    // `printf '{"template_format":"format","variables":{"a":{"required":true,"type":"string"}}}' | sha256sum`
    assert_eq!(
        base,
        Digest::of(r#"{"template_format":"format","variables":{"a":{"required":true,"type":"string"}}}"#)
    );
}

#[test]
fn the_schema_admits_what_the_reader_admits() {
    let schema = schemars::schema_for!(VariablesSpec);
    let text = serde_json::to_string(&schema).unwrap();
    for key in [
        "type",
        "required",
        "default",
        "enum",
        "max_length",
        "pattern",
        "description",
        "additionalProperties",
    ] {
        assert!(text.contains(&format!("\"{key}\"")), "{key} in {text}");
    }
}

proptest! {
    /// What travels without its prompt.yaml is held to the same rules, and its problems stand in the same order.
    #[test]
    fn written_variables_are_read_back(
        declared in prop::collection::hash_map("[a-z]{1,6}", declaration(), 0..5),
        jinja in any::<bool>(),
    ) {
        let format = if jinja { TemplateFormat::Jinja } else { TemplateFormat::Format };
        let spec = spec(Value::Object(declared.into_iter().collect()));
        prop_assume!(spec.validate(format).is_ok());
        let variables = spec.validate(format).unwrap();
        let text = serde_json::to_string(&variables).unwrap();
        let read: VariablesSpec = serde_json::from_str(&text).unwrap();
        let read = read.validate(format).map_err(|problems| TestCaseError::fail(format!("{text}: {problems:?}")))?;
        prop_assert_eq!(&read, &variables);
        prop_assert!(read.names().eq(variables.names()));
    }
}

fn declaration() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!("list")),
        Just(json!({"required": false, "description": "words"})),
        any::<f64>().prop_map(|number| json!({"type": "number", "default": number})),
        prop::collection::hash_set("[a-z]{0,3}", 1..4)
            .prop_map(|words| json!({"default": words.iter().next(), "enum": words})),
        (1..9u64, "[a-z]{0,3}")
            .prop_map(|(most, pattern)| json!({"type": "string", "max_length": most, "pattern": pattern})),
    ]
}
