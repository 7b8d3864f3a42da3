use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{rendered, template, values};

fn given() -> Value {
    json!({
        "t": true, "f": 1e21, "tiny": 5e-324, "z": null, "one": 1.0, "s": "a<b> \"é\"", "l": ["a", true, null, 1e21], "o": {"k": null},
        "n": 3, "lines": "one\ntwo\n\nthree\n"
    })
}

#[test]
fn a_value_has_one_text_wherever_text_is_made() {
    let forms = [
        "{{ # }}",
        "{{ # | string }}",
        "{{ # ~ '' }}",
        "{{ '' ~ # }}",
        "{{ '' ~ (# if true else 1) ~ '' }}",
        "{{ [#] | join(',') }}",
        "{{ [{'a': #}] | join(',', attribute='a') }}",
        "{{ [''] | join(#) ~ # }}",
        "{{ [#] | map('string') | join }}",
        "{{ # | trim }}",
        "{{ # | safe }}",
        "{{ # | replace('\u{1}', '') }}",
        "{{ 'x' | replace('x', #) }}",
        "{{ # | indent }}",
        "{{ '%s' | format(#) }}",
        "{{ '%(a)s' | format(a=#) }}",
        "{{ # | lines | join('\n') }}",
        "{% filter trim %}{{ # }}{% endfilter %}",
        "{% set w %}{{ # }}{% endset %}{{ w }}",
    ];
    let texts = [
        ("t", "true"),
        ("not t", "false"),
        ("z", "null"),
        ("f", "1e+21"),
        ("one", "1.0"),
        ("n", "3"),
        ("n / 2", "1.5"),
        ("s", "a<b> \"é\""),
        ("l", "[\"a\",true,null,1e+21]"),
        ("o", "{\"k\":null}"),
        ("(1, t)", "[1,true]"),
        ("range(2)", "[0,1]"),
        ("dict(a=t)", "{\"a\":true}"),
        ("'a' * 2", "aa"),
    ];
    for (value, text) in texts {
        for form in forms {
            let source = form.replace('#', &format!("({value})"));
            assert_eq!(rendered(&source, given()), text, "{source}");
        }
    }
    assert_eq!(
        rendered("{{ tiny ~ '' }}{{ t | upper }}{{ o | e }}", given()),
        "5e-324TRUE{&quot;k&quot;:null}"
    );
    assert_eq!(rendered("{{ '%d %s %05.1f' | format(n, t, n) }}", given()), "3 true 003.0");
    assert_eq!(
        rendered("{{ {'a': t, 'b': none} | urlencode }} {{ o | urlencode }} {{ s | urlencode }}", given()),
        "a=true&b=null k=null a%3Cb%3E%20%22%C3%A9%22"
    );
}

#[test]
fn tojson_is_the_text_that_a_list_would_hold() {
    assert_eq!(
        rendered("{{ s | tojson }} {{ o | tojson }} {{ l | tojson }}", given()),
        "\"a<b> \\\"é\\\"\" {\"k\":null} [\"a\",true,null,1e+21]"
    );
    assert_eq!(
        rendered("{{ o | tojson(indent=4) }}{{ o | tojson(true) }}{{ o | pprint }}", given()),
        "{\n    \"k\": null\n}{\n  \"k\": null\n}{\n  \"k\": null\n}"
    );
    for source in ["{{ (1e308 * 10) | tojson }}", "{{ (1e308 * 10) ~ '' }}", "{{ [1e308 * 10] | join }}"] {
        assert!(template(source).render(&values(given())).is_err(), "{source}");
    }
}

#[test]
fn a_loop_over_a_text_knows_its_length() {
    let source = "{% for c in # %}{{ c }}{% if not loop.last %}, {% endif %}{% endfor %}|{% for c in # %}{{ loop.revindex }}/{{ loop.length }} {% endfor %}";
    for text in ["'aéb'", "x", "x[::-1]", "x ~ ''", "(x if true else 1)", "'xaéb'[1:]"] {
        let source = source.replace('#', text);
        assert_eq!(
            rendered(&source, json!({"x": "aéa"})).replace('b', "a"),
            "a, é, a|3/3 2/3 1/3 ",
            "{source}"
        );
    }
    assert_eq!(
        rendered(
            "{% for c in 'ab' recursive %}{{ c }}{{ loop.length }}{% if c == 'a' %}{{ loop('xyz') }}{% endif %}{% endfor %}",
            json!({})
        ),
        "a2x3y3z3b2"
    );
    assert_eq!(
        rendered("{% for c in ['a'] | chain('bc') if c != 'x' %}{{ loop.length }}{% endfor %}", json!({})),
        "333"
    );
}

#[test]
fn indent_keeps_the_last_line_break() {
    assert_eq!(rendered("{{ lines | indent(2) }}", given()), "one\n  two\n\n  three\n");
    assert_eq!(rendered("{{ lines | indent('> ', true, true) }}", given()), "> one\n> two\n> \n> three\n");
    assert_eq!(rendered("{{ 'a\r\n\r\nb' | indent(width=1, first=true) }}", given()), " a\r\n\r\n b");
    assert_eq!(rendered("{{ '' | indent }}{{ 'a' | indent }}", given()), "a");
    assert!(template("{{ lines | indent(2, frist=true) }}").render(&values(given())).is_err());
}

#[test]
fn replace_counts() {
    assert_eq!(
        rendered(
            "{{ 'aaa' | replace('a', 'b', 2) }}{{ 'aaa' | replace('a', t, count=1) }}{{ 11 | replace(1, 2) }}",
            given()
        ),
        "bbatrueaa22"
    );
}

#[test]
fn what_would_break_down_is_refused() {
    for source in [
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns | tojson }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns ~ '' }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns == n }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(3000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{{ n is divisibleby(0) }}",
        "{{ 'a' * 1000000 | replace('a', 'b' * 1000000) }}",
        "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}",
        "{{ ('a\n' * 1000000) | indent(60000) }}",
        "{{ (['a'] * 100000) | join('b' * 1000000) }}",
    ] {
        assert!(template(source).render(&values(given())).is_err(), "{source}");
    }
    let problems =
        crate::template::jinja::JinjaTemplate::parse("é {% for i in l %}{{ loop.cycle() }}{% endfor %}")
            .unwrap_err();
    insta::assert_snapshot!(problems[0]);
}

/// Expressions over texts and whole numbers, for which MiniJinja and this language have the same text.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "n",
        "2",
        "'lit'",
        "'x' 'y'",
        "m.a",
        "m['n']",
        "l[0]",
        "l[n - 2]",
        "l[-1]",
        "a[1:]",
        "a[:n]",
        "a[::-1]",
        "'q\\'s'",
        "((a))",
        "-n",
        "- n",
        "l[(0)]",
        "m[('a')]",
        "{'k': a}.k",
        "{('k'): a}['k']",
        "(a, n)[0]",
        "[a, n][n - 3]",
        "l | length",
        "(l) | join('-')",
        "range(n)[1]",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let two = prop::sample::select(vec![
            "# ~ @",
            "(#) ~ @",
            "# ~ (@)",
            "(# ~ @)",
            "[#, @] | join",
            "(# if n == 3 else @)",
            "# if @ == a else n",
            "(#) == @",
            "# != (@)",
            "(# in [@, #])",
            "(# not in [@])",
            "(not # == @)",
            "(not (# not in [@]) == (@ in [#]))",
            "# is eq(@)",
            "# is not eq (@)",
            "(# is eq @) ~ @ | length",
            "# == @ == (#)",
            "# and @",
            "# or @",
            "[#] == [@]",
            "{#: @}[#]",
            "(#) | default(@)",
            "m.get if n == 4 else # ~ @",
            "# | replace(@, 'x')",
            "[(#), @] | first",
            "# ~ -n ~ @",
            "(# ~ @) | upper",
            "(#, @) == (@, #)",
            "dict(a=#).a ~ @",
            "# | e ~ (@) | e",
            "n ~ # * 1 ~ @",
        ]);
        (two, inner.clone(), inner).prop_map(|(form, a, b)| form.replace('#', &a).replace('@', &b))
    })
}

/// What MiniJinja says of the text as it stands. Booleans are a matter of their own.
fn plain(source: &str, context: &Value) -> Option<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let text = environment.render_str(source, minijinja::value::Serde(context)).ok()?;
    Some(text.replace("True", "true").replace("False", "false"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_checked_says_the_same(expression in expression(), form in prop::sample::select(vec![
        "{{ # }}", "<{{- (#) -}}>", "{% if # %}y{% else %}n{% endif %}", "{% set w = # %}{{ w ~ a }}", "{% set w = #, n %}{{ w[0] }}",
        "{% for i in [#, a] if i != n %}{{ i }}{{ loop.last }}{% endfor %}", "{% for i in l %}{{ loop.cycle(#, (a)) ~ i }}{% endfor %}",
        "{% with w = (#), v = a %}{{ w ~ v }}{% endwith %}", "{% filter upper %}{{ # }}{% endfilter %}",
    ])) {
        let context = json!({"a": "text", "n": 3, "l": ["x", "yé"], "m": {"a": "b", "n": "c"}});
        let source = form.replace('#', &expression);
        if let Some(expected) = plain(&source, &context) {
            let ours = template(&source).render(&values(context));
            prop_assert_eq!(ours.map(|text| text.replace("True", "true").replace("False", "false")), Ok(expected), "{}", source);
        }
    }
}
