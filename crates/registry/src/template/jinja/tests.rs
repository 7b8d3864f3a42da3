mod text;
mod undefined;

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn values(value: Value) -> Values {
    serde_json::from_value(value).unwrap()
}

fn template(source: &str) -> JinjaTemplate {
    JinjaTemplate::parse(source).unwrap_or_else(|problems| panic!("{}", problems[0]))
}

fn rendered(source: &str, given: Value) -> String {
    template(source).render(&values(given)).unwrap_or_else(|error| panic!("{error}"))
}

fn missing(source: &str, given: Value) -> Vec<String> {
    match template(source).render(&values(given)) {
        Err(RenderError::Missing(missing)) => missing.into_iter().map(|variable| variable.name).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_appear_as_in_the_other_language() {
    let given = json!({
        "text": "\"<a> & b\"\r\n", "big": 9_007_199_254_740_993_u64, "list": [1, "a b", null], "map": {"z": 1, "a": [true]},
        "none": null, "no": false, "one": 1.0
    });
    let expected = "\"<a> & b\"\r\n|9007199254740993|[1,\"a b\",null]|{\"z\":1,\"a\":[true]}|null|false|1.0";
    assert_eq!(rendered("{{text}}|{{big}}|{{list}}|{{map}}|{{none}}|{{no}}|{{one}}", given), expected);
}

#[test]
fn the_text_is_kept_to_its_last_byte() {
    assert_eq!(rendered("a\r\n {{ x }} {{ x }}\n", json!({"x": "1"})), "a\r\n 1 1\n");
}

#[test]
fn conditions_loops_and_filters_work() {
    let source = "{% for item in items if item.ok %}{{ loop.index }}. {{ item.name | upper }}\n{% endfor %}{% if not tone is defined %}plain{% endif %}";
    let given = json!({"items": [{"ok": true, "name": "a"}, {"ok": false, "name": "b"}]});
    assert_eq!(rendered(source, given), "1. A\nplain");
}

#[test]
fn a_value_is_never_a_template() {
    let given = json!({"a": "{{ b }}{% if b %}", "b": "SECRET"});
    assert_eq!(rendered("{{ a }}", given), "{{ b }}{% if b %}");
}

#[test]
fn variables_come_in_order_and_without_what_the_template_brings() {
    let template = template(
        "{# b #}{% set x = query %}{% for item in range(count) %}{{ x }}{{ item }}{{ loop.index }}{% endfor %}{{ b.c }}{{ dict(a=query) }}",
    );
    assert_eq!(template.variables().collect::<Vec<_>>(), ["b", "query", "count"]);
}

#[test]
fn a_variable_is_one_wherever_it_stands() {
    let used = |source: &str| template(source).variables().collect::<Vec<_>>().join(" ");
    assert_eq!(used("{{ name[:3] }}{{ list[n:m:k] | join }}{{ (a ~ b)[1:] }}"), "name list n m k a b");
    assert_eq!(used("{% set x = x[:2] %}{{ x }}{% with y = 1 %}{{ y }}{% endwith %}{{ y }}"), "x y");
    assert_eq!(
        used("{% for x in xs[1:] if x != t %}{{ x[:n] }}{{ loop.index }}{% else %}{{ x }}{% endfor %}"),
        "x xs t n"
    );
    assert_eq!(
        used("{% filter replace(a, b) %}{% endfilter %}{% set q | default(c) %}{% endset %}{{ q }}"),
        "a b c"
    );
    assert_eq!(
        used(
            "{% if u %}{% set v = 1 %}{{ v }}{% elif w[:1] %}{% endif %}{{ f(p, k=g, *h) if r is in(s) }}{{ {a: -d}[e].z }}"
        ),
        "u w f p g h r s a d e"
    );
}

#[test]
fn what_every_branch_gives_a_value_is_not_read_from_outside() {
    let used = |source: &str| template(source).variables().collect::<Vec<_>>().join(" ");
    let each =
        "{% if a %}{% set x = 1 %}{% elif b %}{% set x = 2 %}{% else %}{% set x, y = [3, 4] %}{% endif %}";
    assert_eq!(used(&format!("{each}{{{{ x }}}}")), "a b");
    assert_eq!(used(&format!("{each}{{{{ y }}}}")), "a b y");
    assert_eq!(rendered(&format!("{each}{{{{ x }}}}"), json!({"a": false, "b": false})), "3");
    assert_eq!(used("{% if a %}{% set x = 1 %}{% else %}{{ x }}{% endif %}"), "a x");
    assert_eq!(used("{% if a %}{% set x = 1 %}{% endif %}{{ x }}"), "a x");
    assert_eq!(
        used(
            "{% for i in l %}{% if i %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{% endfor %}{{ x }}"
        ),
        "l x"
    );
}

#[test]
fn missing_variables_are_reported_at_once() {
    assert_eq!(missing("{{ a }} {{ b }} {{ c }}", json!({"b": 1})), ["a", "c"]);
    assert_eq!(missing("{% if a %}{{ b }}{% endif %}", json!({})), ["a", "b"]);
    assert_eq!(missing("{% for x in list %}{{ x }}{% endfor %}", json!({})), ["list"]);
    assert_eq!(missing("{{ user.name }}{{ user.address.city }}", json!({})), ["user"]);
}

#[test]
fn variables_that_the_template_can_do_without_are_not_missing() {
    let source = "{{ a }}{% if b is defined %}{{ b }}{% endif %}{{ c | default('none') }}";
    assert_eq!(missing(source, json!({})), ["a"]);
    assert_eq!(rendered(source, json!({"a": "x"})), "xnone");
    assert_eq!(rendered("{% if flag %}{{ a }}{% endif %}", json!({"flag": false})), "");
}

#[test]
fn an_undefined_attribute_is_an_error_with_its_place() {
    let error =
        template("Dear\n{{ user.nmae }}").render(&values(json!({"user": {"name": "SECRET"}}))).unwrap_err();
    let RenderError::Failed(problem) = &error else { panic!("{error:?}") };
    assert_eq!((problem.line, problem.column), (2, 4));
    insta::assert_snapshot!(error, @"line 2, column 4: undefined value: `user.nmae` is undefined (help: test it with `is defined`, or give it a `default()`)");
    assert!(!format!("{error} {error:?}").contains("SECRET"));
}

#[test]
fn messages_do_not_repeat_values() {
    let given = values(json!({"a": "SECRET", "list": ["SECRET"], "map": {"SECRET": 1}, "one": 1}));
    let failing = [
        "{{ a + 1 }}",
        "{{ a | int }}",
        "{{ a | float }}",
        "{{ map[a].x }}",
        "{{ one[a] }}",
        "{{ list | join(1, 2) }}",
        "{{ list | map(a) | list }}",
        "{{ '%d' | format(a) }}",
        "{{ range(a) }}",
        "{% for x, y in list %}{% endfor %}",
    ];
    for source in failing {
        let error = template(source).render(&given).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{source}: {error}");
    }
}

#[test]
fn a_filter_named_by_a_value_is_not_refused_beforehand() {
    let given = json!({"names": ["a"], "filter": "upper"});
    assert_eq!(rendered("{{ names | map(filter) | join }}", given), "A");
}

#[test]
fn undefined_inside_a_list_does_not_slip_through() {
    for source in ["{{ [a.b] }}", "{{ {'x': a.b} }}", "{{ [[1, a.b]] }}"] {
        assert!(template(source).render(&values(json!({"a": {}}))).is_err(), "{source}");
        assert!(
            template(source).render(&values(json!({"a": {"b": null}}))).unwrap().contains("null"),
            "{source}"
        );
    }
}

#[test]
fn what_cannot_be_parsed_is_refused_with_its_place() {
    let refused = [
        "{{ a",
        "{{ a b }}",
        "{% if a %}",
        "{% include 'secrets.txt' %}",
        "x\n{% extends 'base' %}",
        "{% import 'a' as b %}",
        "{% macro m() %}{% endmacro %}",
        "{% frobnicate %}",
        "é {{ a | shuot }}",
        "{% if a is evn %}{% endif %}",
        "{{ naïve }}",
        "{{ b | upper }} {{ a | shuot }}",
        "{{ a.upper() }}",
        "{{ now() }}",
        "{#",
    ];
    let mut table = String::new();
    for source in refused {
        let problems = JinjaTemplate::parse(source).unwrap_err();
        assert_eq!(problems.len(), 1);
        writeln!(table, "{}\n    {}", source.escape_debug(), problems[0]).unwrap();
    }
    insta::assert_snapshot!(table, @r#"
{{ a
    line 1, column 4: syntax error: unexpected end of input, expected end of variable block
{{ a b }}
    line 1, column 6: syntax error: unexpected identifier, expected end of variable block
{% if a %}
    line 1, column 9: syntax error: unexpected end of input, expected end of block
{% include \'secrets.txt\' %}
    line 1, column 4: the tag `include` is not supported (help: a prompt is one file: copy the text, or pass it as the value of a variable)
x\n{% extends \'base\' %}
    line 2, column 4: the tag `extends` is not supported (help: a prompt is one file: copy the text, or pass it as the value of a variable)
{% import \'a\' as b %}
    line 1, column 4: the tag `import` is not supported (help: a prompt is one file: copy the text, or pass it as the value of a variable)
{% macro m() %}{% endmacro %}
    line 1, column 4: the tag `macro` is not supported (help: the tags of a prompt are `if`, `for`, `set`, `with`, `filter` and `raw`)
{% frobnicate %}
    line 1, column 4: the tag `frobnicate` is not supported (help: the tags of a prompt are `if`, `for`, `set`, `with`, `filter` and `raw`)
é {{ a | shuot }}
    line 1, column 10: filter shuot is unknown
{% if a is evn %}{% endif %}
    line 1, column 12: test evn is unknown
{{ naïve }}
    line 1, column 6: syntax error: unexpected character
{{ b | upper }} {{ a | shuot }}
    line 1, column 24: filter shuot is unknown
{{ a.upper() }}
    line 1, column 5: values cannot be called (help: use a filter, as in `{{ name | upper }}`)
{{ now() }}
    line 1, column 4: values cannot be called (help: use a filter, as in `{{ name | upper }}`)
{#
    line 1, column 3: syntax error: unexpected end of comment
"#);
}

#[test]
fn work_and_memory_are_bounded() {
    let hostile = [
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}",
        "{{ 'x' * 999999999 }}",
        "{% set ns = namespace(x='xxxxxxxx') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set x %}{% for a in range(9999) %}{{ big }}{% endfor %}{% endset %}",
        "{% for a in range(99999) %}{{ big }}{% endfor %}",
    ];
    let given = values(json!({"big": "x".repeat(100_000)}));
    for source in hostile {
        match template(source).render(&given) {
            Err(RenderError::Failed(problem)) => assert!(
                problem.code == code::OUT_OF_FUEL || problem.code == code::RENDER_FAILED,
                "{source}: {problem}"
            ),
            other => panic!("{source}: {} bytes", other.unwrap().len()),
        }
    }
}

#[test]
fn a_number_that_json_cannot_hold_is_refused() {
    for source in ["{{ 1e308 * 10.0 }}", "{{ [1e308 * 10.0] }}"] {
        assert!(template(source).render(&Values::new()).is_err(), "{source}");
    }
}

#[test]
fn the_page_names_all_filters_tests_and_functions() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md")).unwrap();
    let names = builtins::names();
    for (kind, mut known) in ["filters", "tests", "functions"].into_iter().zip(names) {
        let row = page.lines().find(|line| line.starts_with(&format!("| {kind} |"))).unwrap();
        known.sort_unstable();
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        assert!(row.starts_with(&format!("| {kind} | {}", known.join(" "))), "{kind}: {}", known.join(" "));
    }
}

#[test]
fn nothing_outside_the_values_can_be_seen() {
    assert!(JinjaTemplate::parse("{{ debug() }}").is_err());
    assert_eq!(missing("{{ environ }}", json!({})), ["environ"]);
}

fn any_template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        " a ",
        " b ",
        "|upper",
        "|default('x')",
        " if ",
        " endif ",
        " for ",
        " in ",
        " endfor ",
        " set ",
        "=",
        "(",
        ")",
        "[",
        "]",
        ".",
        "1",
        "'",
        "\n",
        "é",
        "👍",
        "-",
        "{{ a }}",
        "{% if a %}",
        "{% endif %}",
    ]);
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_and_rendering_never_panic(source in prop_oneof![any_template(), ".*"], a in ".*") {
        match JinjaTemplate::parse(&*source) {
            Ok(template) => {
                let _ = template.render(&Values::new());
                let _ = template.render(&values(json!({"a": a, "b": [a, {"a": 1}]})));
            }
            Err(problems) => prop_assert!(source.get(problems[0].span.clone()).is_some(), "{:?}", problems[0]),
        }
    }

    #[test]
    fn a_value_is_inserted_verbatim(value in prop_oneof![any_template(), ".*"]) {
        prop_assert_eq!(rendered("<{{ a }}>", json!({"a": value})), format!("<{value}>"));
    }
}
