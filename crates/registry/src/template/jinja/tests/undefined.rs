use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{rendered, template, values};
use crate::template::RenderError;

fn given() -> Value {
    json!({
        "x": "text", "n": 3, "l": ["a", "b"], "e": [], "d": {"k": "v"}, "t": true, "f": false,
        "rows": [{"a": 1}, {}]
    })
}

/// Forms that read something undefined, each of which was nothing, `null` or false once. Jinja2 with `StrictUndefined` fails on those
/// before the comment; the others are uses as well.
const READS: [&str; 56] = [
    "{{ q | e }}",
    "{{ q | escape }}",
    "{{ q | indent }}",
    "{{ q | tojson }}",
    "{{ d.nokey | tojson }}",
    "{{ l[9] | e }}",
    "{{ e | first | e }}",
    "{{ e | last | tojson }}",
    "{{ [q] | join }}",
    "{{ ['a', d.nokey] | join('-') }}",
    "{{ [1, q] | sum }}",
    "{{ rows | map(attribute='a') | join(',') }}",
    "{{ rows | join(',', attribute='a') }}",
    "{{ rows | sum(attribute='a') }}",
    "{{ rows | sum('a') }}",
    "{{ rows | selectattr('a') | list }}",
    "{{ rows | rejectattr('a') | list }}",
    "{{ rows | sort(attribute='a') }}",
    "{{ rows | sort(attribute='a,b') }}",
    "{{ rows | unique(attribute='a') }}",
    "{{ rows | min(attribute='a') }}",
    "{{ rows | max(attribute='a.b') }}",
    "{{ rows | groupby('a') | length }}",
    "{{ rows | groupby(attribute='a') | length }}",
    "{{ [q] | tojson }}",
    "{{ [q, 1] | max }}",
    "{{ l | join(q) }}",
    "{{ n | round(q) }}",
    "{{ x in [q] }}",
    "{{ [q] == [1] }}",
    "{{ 1 < n != [q] }}",
    "{{ q is eq(1) }}",
    "{{ q is in(l) }}",
    "{{ q is iterable }}",
    "{{ d[q] }}",
    "{{ d[q] | default(1) }}",
    "{{ {q: 1}.a | default(1) }}",
    "{{ [q] | select | list }}",
    // Jinja2 has a value for these, and a prompt has none.
    "{{ q | pprint }}",
    "{{ q is string }}",
    "{{ q is not none }}",
    "{{ l[q] | default(1) }}",
    "{{ ['a', q] | string }}",
    "{{ ['a', q] ~ '' }}",
    "{{ [[q]] | length }}",
    "{{ [q, 1] | last }}",
    "{{ dict(a=q) | length }}",
    "{{ namespace(a=q).b is defined }}",
    "{{ [] | map('round', q) | list }}",
    "{{ [] | select('eq', q) | list }}",
    "{{ x | replace('t', q) }}",
    "{{ '%s' | format(q) }}",
    "{% for i in l %}{{ loop.cycle(q, q) is defined }}{% endfor %}",
    "{% for i in l %}{{ loop.changed(q) }}{% endfor %}",
    "{% for i in l if i in [q] %}{% endfor %}",
    "{% autoescape q %}{% endautoescape %}",
];

#[test]
fn what_is_undefined_is_an_error_wherever_it_is_used() {
    for source in READS {
        let error = template(source).render(&values(given())).expect_err(source);
        let is_missing =
            matches!(&error, RenderError::Missing(missing) if missing.len() == 1 && missing[0].name == "q");
        let is_told = is_missing || error.to_string().contains("undefined");
        assert!(is_told, "{source}: {error}");
    }
}

#[test]
fn what_is_only_named_or_asked_for_is_no_use() {
    let expected = [
        ("{{ q is defined }}{{ q is undefined }}{{ q is not defined }}", "falsetruetrue"),
        ("{{ q | default('D') }}{{ d.nokey | d('D') }}{{ l[9] | default }}{{ x | default(q) }}", "DDtext"),
        ("{{ d.nokey is defined or d.k is defined }}", "true"),
        ("{% set w = q %}{{ w | default('D') }}", "D"),
        ("{% with w = q %}{{ w is defined }}{% endwith %}", "false"),
        ("{{ [q, x] | select('defined') | join }}", "text"),
        ("{{ [q, x] | reject('undefined') | list }}", "[\"text\"]"),
        ("{{ [q, x] | map('default', 'D') | join(',') }}", "D,text"),
        ("{{ rows | map(attribute='a') | list | select('defined') | join }}", "1"),
        ("{{ rows | map(attribute='a') | map('d', 0) | sum }}", "1"),
        ("{{ rows | map(attribute='a', default=0) | sum }}", "1"),
        ("{{ rows | groupby('a', default=0) | length }}", "2"),
        ("{{ rows | selectattr('a', 'defined') | list }}", "[{\"a\":1}]"),
        ("{% for i in [q, x] %}{{ i | default('D') }}{% endfor %}", "Dtext"),
        ("{{ 'y' if q is defined and q == 'x' else 'n' }}", "n"),
    ];
    for (source, text) in expected {
        assert_eq!(rendered(source, given()), text, "{source}");
    }
}

#[test]
fn the_absent_else_of_an_inline_if_is_nothing_and_no_json() {
    let source = "<{{ ('y' if f) }}{{ ('y' if f) | e }}{{ ('y' if f) ~ '' }}{{ ['y' if f] | join }}{{ ('y' if f) | upper }}>";
    assert_eq!(rendered(source, given()), "<>");
    for source in ["{{ ('y' if f) | tojson }}", "{{ ['y' if f] }}", "{{ ['y' if f] | string }}"] {
        assert!(template(source).render(&values(given())).is_err(), "{source}");
    }
}

#[test]
fn errors_name_what_is_undefined_and_where() {
    let wrong = [
        "Dear {{ user.name | tojson }}",
        "{{ x ~ l[0] }} {{ user.name | e }}",
        "{{ x ~ x }}{% if x ~ x in l %}{% endif %}\n{{ x ~ l[l[0]] }}",
        "{{ [x, user.name] | join(', ') }}",
        "{% set name = user.name %}\n\n{{ name | upper }}",
        "{{ user['name'] + 1 }}",
        "{{ users | map(attribute='name') | join(', ') }}",
        "{{ users | sort(attribute='name') }}",
        "{{ user.nmae }}{{ v0 is defined }}",
        "{{ v0 + 1 }}",
        "{{ v0 ~ v1 | default(v2) }}",
    ];
    let given =
        values(json!({"x": "text", "l": ["a"], "user": {"nam": "SECRET"}, "users": [{"nam": "SECRET"}]}));
    let mut table = String::new();
    for source in wrong {
        let error = template(source).render(&given).unwrap_err();
        writeln!(table, "{}\n    {error}", source.escape_debug()).unwrap();
    }
    assert!(!table.contains("SECRET"));
    insta::assert_snapshot!(table);
}

/// An expression that is undefined where nothing has a value for `q`.
fn undefined() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["q", "d.nokey", "l[9]", "d['no']", "(e | first)", "rows[1].a"]);
    leaf.prop_map(str::to_owned).prop_recursive(2, 4, 1, |inner| {
        (
            prop::sample::select(vec![
                "(#)",
                "(# if t else x)",
                "(x if f else #)",
                "(t and #)",
                "(f or #)",
                "[x, #][1]",
            ]),
            inner,
        )
            .prop_map(|(form, inner)| form.replace('#', &inner))
    })
}

/// A list or a map that holds it.
fn holder() -> impl Strategy<Value = String> {
    let forms = vec!["[#]", "[x, #]", "{'k': #}", "(#, 1)", "[[#]]", "{'k': [x, {'k': #}]}"];
    let inner =
        (prop::sample::select(forms), undefined()).prop_map(|(form, inner)| form.replace('#', &inner));
    inner.prop_recursive(2, 4, 1, |inner| {
        (
            prop::sample::select(vec![
                "[#]",
                "([#] + l)",
                "(l + [#])",
                "([#] * 2)",
                "([#] | list)",
                "(# if t else l)",
                "[#][0:]",
            ]),
            inner,
        )
            .prop_map(|(form, inner)| form.replace('#', &inner))
    })
}

/// A use of something undefined, or of what holds it.
fn used() -> impl Strategy<Value = String> {
    let of_anything = vec![
        "{{ # }}",
        "{{ # | e }}",
        "{{ # | tojson }}",
        "{{ # | string }}",
        "{{ # | upper }}",
        "{{ # | trim | length }}",
        "{{ # ~ x }}",
        "{{ x ~ (#) ~ x }}",
        "{{ # == l }}",
        "{{ l != # }}",
        "{{ l < # }}",
        "{{ # in l }}",
        "{{ x not in # }}",
        "{{ # is string }}",
        "{{ # is not none }}",
        "{{ x is eq(#) }}",
        "{{ # | join(',') }}",
        "{{ [#] | join }}",
        "{{ # | length }}",
        "{{ # | first | default(x) }}",
        "{{ # | sort }}",
        "{{ # | unique }}",
        "{{ # | sum }}",
        "{{ # | pprint }}",
        "{{ # | indent(2) }}",
        "{{ # | reverse }}",
        "{{ # | batch(2) }}",
        "{{ # | select }}",
        "{{ l | zip(#) }}",
        "{{ '%s' | format(#) }}",
        "{{ x | replace('t', #) }}",
        "{{ range(#) }}",
        "{{ dict(a=#) }}",
        "{{ l | map('replace', 'a', #) | list }}",
        "{{ d[#] | default(x) }}",
        "{{ {#: 1}.k | default(x) }}",
        "{% filter upper %}{{ # }}{% endfilter %}",
        "{% set w = # %}{{ w }}",
        "{% set w = # %}{{ w | e }}",
        "{% with w = # %}{{ w ~ '' }}{% endwith %}",
        "{% set w %}{{ # }}{% endset %}",
        "{% if x in # %}{% endif %}",
        "{% for i in l if i == # or [i] == # %}{% endfor %}",
        "{% for i in [#] %}{{ i }}{% endfor %}",
        "{% for i in l %}{{ loop.cycle(#, #) }}{% endfor %}",
        "{{ # if t else x }}",
        "{{ (#)[#] | default(x) }}",
    ];
    prop_oneof![
        (prop::sample::select(of_anything), prop_oneof![undefined(), holder()]),
        (
            prop::sample::select(vec![
                "{% if # %}{% endif %}",
                "{% if not # %}{% endif %}",
                "{% for i in # %}{% endfor %}",
                "{{ # and x }}",
                "{{ # or x }}",
                "{{ #.a | default(x) }}",
                "{{ #[0] is defined }}",
                "{{ -# }}",
                "{{ # + 1 }}",
                "{{ 'x' if # }}",
                "{{ l[#:] }}",
                "{{ #[1:] }}",
            ]),
            undefined()
        ),
    ]
    .prop_map(|(form, inner)| form.replace('#', &inner))
}

/// Something that is evaluated around it.
fn around() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "#",
        "é {{ x ~ n }} #",
        "{% if t %}#{% endif %}",
        "{% if f %}{% else %}#{% endif %}",
        "{% for i in l %}#{% endfor %}",
        "{% if x is defined and (x ~ n) in ['text3'] %}#{% endif %}",
        "{% for i in x %}{{ loop.length }}#{% endfor %}",
        "{% raw %}{{ q }}{% endraw %}#",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn whatever_reads_something_undefined_fails(around in around(), used in used()) {
        let source = around.replacen('#', &used, 1);
        let result = template(&source).render(&values(given()));
        prop_assert!(result.is_err(), "{} gave {:?}", source, result);
    }

    #[test]
    fn what_is_behind_default_or_is_defined_passes(around in around(), undefined in undefined(), form in prop::sample::select(vec![
        "{{ # | default('D') }}", "{{ # is defined }}", "{{ # is not undefined }}", "{{ [#] | map('default', 'D') | join }}",
        "{{ [#] | select('defined') | list }}", "{% set w = # %}{{ w | d }}", "{% if # is defined and # == x %}{% endif %}",
    ])) {
        let source = around.replacen('#', &form.replace('#', &undefined), 1);
        let result = template(&source).render(&values(given()));
        prop_assert!(result.is_ok(), "{} gave {:?}", source, result);
    }
}
