//! `expr`: a MiniJinja expression over `output` (the text), `json` (the reply as JSON; undefined where it is none), `inputs` (the
//! case's values) and `reference` (that of the case) that gives `true` or `false`.
//!
//! Sandboxed: no loader, no functions from outside, strict about what is undefined, and fuel bounds time and memory.

mod before;
mod idle;
mod known;
mod ordered;
mod parts;
mod reads;
mod written;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::value::{Serde, Value as Item};
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior};
use promptassay_registry::problem::did_you_mean;
use promptassay_registry::template::Values;
use promptassay_registry::yaml::Located;
use schemars::JsonSchema;
use serde_json::Value;

use self::before::{CaseGives, flaws};
use self::idle::idle;
use self::ordered::{compile, is_unlike, teach};
use self::parts::{Part, parts, with_parts};
use self::reads::reads;

use super::excerpt::excerpt;
use super::spec::{Builder, Options};
use super::view::{View, not_json};
use super::{Found, Look, Subject};
use crate::outcome::{CheckOutcome, Reason};

/// `MiniJinja` takes one unit a step and one for about every 64 bytes: so much for some 60 MiB and a second.
const FUEL: u64 = 1_000_000;

/// What an expression can see.
const VARIABLES: [&str; 4] = ["output", "json", "inputs", "reference"];

/// An expression that must be true.
#[derive(Debug)]
pub(super) struct ExpressionCheck {
    source: String,
    expression: Expression<'static, 'static>,
    /// What it reads, such as `json.score`.
    reads: BTreeSet<String>,
    /// What a reason tells of that, in the order in which it is written.
    parts: Vec<Part>,
}

impl ExpressionCheck {
    pub(super) fn look(&self, view: &View<'_>) -> Look {
        let Subject { inputs, reference, .. } = view.subject;
        match evaluate(&self.expression, view.text(), view.json().ok(), inputs, *reference) {
            Ok(value) => match bool::try_from(value.clone()) {
                Ok(holds) if value.kind() == minijinja::value::ValueKind::Bool => {
                    let reason = |is: &str| self.reason(&format!("`{}` is {is}", self.source), view);
                    Ok(Found::new(holds, reason("false"), reason("true")))
                }
                _ => Err(CheckOutcome::Error(
                    Reason::new(format!("`{}` gives {}, not true or false", self.source, value.kind()))
                        .expected("a comparison, or `| bool` at the end"),
                )),
            },
            Err(error) => Err(self.explain(&error, view)),
        }
    }

    /// Why a reply fails, with what the parts of the expression were.
    fn reason(&self, message: &str, view: &View<'_>) -> Reason {
        Reason::new(with_parts(message, &self.parts, view)).got(excerpt(view.text()))
    }

    /// That it asks nothing of a reply, where that is sure.
    pub(super) fn idle(&self) -> Option<String> {
        idle(&self.source, &self.reads)
    }

    /// What cannot be right about it for any reply to a case, and what to do: for the suite, before anything is asked.
    pub(super) fn flaw_in_case(&self, inputs: &Values, reference: Option<&str>) -> Option<(String, String)> {
        if !self.reads.iter().any(|path| path.starts_with("inputs") || path == "reference") {
            return None;
        }
        let flaw = flaws(&self.source, Some(CaseGives { inputs, reference })).into_iter().next()?;
        let missing = self.missing(inputs, reference).filter(|_| flaw.is_undefined);
        Some(match missing {
            Some(message) => {
                (message, "give it to the case, or test it with `is defined` before it is used".to_owned())
            }
            None => (
                flaw.message,
                flaw.help
                    .unwrap_or_else(|| "no reply can pass: change the case or the expression".to_owned()),
            ),
        })
    }

    /// That the case lacks something that is read, where it does.
    fn missing(&self, inputs: &Values, reference: Option<&str>) -> Option<String> {
        let path = self.reads.iter().find(|path| match path.strip_prefix("inputs.") {
            Some(path) => !has_path(inputs, path),
            None => *path == "reference" && reference.is_none(),
        })?;
        Some(format!("`{}` needs `{path}`, which the case does not have", self.source))
    }

    /// What the JSON lacks, and what cannot be done with what the reply is, is the reply's fault: what cannot be done with any reply was
    /// refused with the suite. All else is the expression's fault or the case's.
    fn explain(&self, error: &Error, view: &View<'_>) -> CheckOutcome {
        let reads = |root: &str| {
            let inside = |path: &String| {
                path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            self.reads.iter().any(inside)
        };
        let reads_json = || reads("json");
        let is_of_reply = reads("output") || reads_json();
        if (is_unlike(error) || error.kind() == ErrorKind::InvalidOperation) && is_of_reply {
            let message = format!("`{}`: {}", self.source, describe(error));
            return CheckOutcome::Fail(self.reason(&message, view));
        }
        if error.kind() == ErrorKind::UndefinedError {
            if let Some(message) = self.missing(view.subject.inputs, view.subject.reference) {
                return CheckOutcome::Error(Reason::new(message));
            }
            if reads_json() {
                return CheckOutcome::Fail(match view.json() {
                    Err(why) => not_json(why, view.text()),
                    Ok(_) => self.reason(
                        &format!("`{}` needs a value that the reply's JSON does not have", self.source),
                        view,
                    ),
                });
            }
        }
        CheckOutcome::Error(Reason::new(format!(
            "`{}` cannot be evaluated: {}",
            self.source,
            describe(error)
        )))
    }
}

fn has_path(inputs: &Values, path: &str) -> bool {
    let mut names = path.split('.');
    let Some(first) = names.next().and_then(|name| inputs.get(name)) else { return false };
    names.try_fold(first, |value, name| value.get(name)).is_some()
}

fn evaluate(
    expression: &Expression<'static, 'static>,
    output: &str,
    json: Option<&Value>,
    inputs: &Values,
    reference: Option<&str>,
) -> Result<Item, Error> {
    let mut context = vec![("output", Item::from(output)), ("inputs", Serde(inputs).into())];
    context.extend(json.map(|json| ("json", Serde(json).into())));
    context.extend(reference.map(|reference| ("reference", Item::from(reference))));
    expression.eval(Item::from_pairs(context))
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // It prints every value that the expression was given.
    environment.remove_global("debug");
    teach(&mut environment);
    environment
});

/// What went wrong, without any value: those are the reply's.
fn describe(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (_, Some(detail)) if is_unlike(error) => detail.to_owned(),
        (ErrorKind::OutOfFuel, _) => "it takes too many steps or too much memory".to_owned(),
        (ErrorKind::UndefinedError, None) => "a value is undefined; test it with `is defined`".to_owned(),
        (ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction, Some(detail)) => {
            detail.to_owned()
        }
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// `"json.score > 3"` or `{value: …}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpressionOptions {
    /// The expression.
    value: Located<String>,
}

impl Options for ExpressionOptions {
    type Short = String;
    const EXPECTING: &'static str = "an expression, such as `json.score > 3`";

    fn short(value: Located<String>) -> Self {
        Self { value }
    }
}

impl ExpressionOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<ExpressionCheck> {
        let source = &self.value;
        let expression = match compile(&ENVIRONMENT, &source.value) {
            Ok(expression) => expression,
            Err(error) => {
                let message = format!("the expression cannot be read: {}", describe(&error));
                let help =
                    "an expression stands without `{{ }}`, as in `json.score > 3 and \"yes\" in output`";
                builder.refuse("suite::invalid_expression", message, source.span, help);
                return None;
            }
        };
        let before = builder.problem_count();
        // Of the text as it stands: what is rewritten to be evaluated uses a name more.
        let reads = reads(&source.value);
        let globals: BTreeSet<&str> = ENVIRONMENT.globals().map(|(name, _)| name).collect();
        let names: BTreeSet<&str> = reads.iter().filter_map(|path| path.split('.').next()).collect();
        for name in names {
            if !VARIABLES.contains(&name) && !globals.contains(name) {
                builder.refuse(
                    "suite::unknown_name",
                    format!("the expression knows no `{name}`"),
                    source.span,
                    did_you_mean(name, VARIABLES, "names"),
                );
            }
        }
        // Filters, tests and fields are looked up late, where it comes to them.
        if builder.problem_count() == before {
            for flaw in flaws(source, None) {
                builder.refuse_maybe_help("suite::invalid_expression", flaw.message, source.span, flaw.help);
            }
        }
        if builder.problem_count() > before {
            return None;
        }
        Some(ExpressionCheck { source: source.value.clone(), expression, reads, parts: parts(&source.value) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use crate::validator::Subject;
    use crate::validator::tests::{build, describe, reply, verdict};

    fn with_inputs(yaml: &str, text: &str) -> String {
        let inputs = serde_json::from_value(json!({"name": "Ada", "order": {"id": 7}})).unwrap();
        describe(&build(yaml).unwrap().check(&Subject::new(&reply(text), &inputs)))
    }

    #[test]
    fn an_expression_sees_output_json_and_inputs() {
        assert_eq!(verdict("expr: output | length < 10 and 'hi' in output", "oh hi"), "pass");
        assert_eq!(with_inputs("expr: inputs.name in output and inputs.order.id == 7", "Dear Ada"), "pass");
        assert_eq!(
            verdict("expr: json.score >= 3 and json.tags[0] == 'a'", r#"{"score": 3.5, "tags": ["a"]}"#),
            "pass"
        );
        assert_eq!(verdict("expr: {value: json is defined and json.ok}", r#"{"ok": true}"#), "pass");
        assert_eq!(verdict("expr: \"'é' in output\"", "café"), "pass");
        insta::assert_snapshot!(verdict("expr: \"'x' in output\"", ""), @"`'x' in output` is false | got: nothing");
    }

    #[test]
    fn a_reply_without_the_json_fails_and_a_case_without_the_input_is_an_error() {
        let lines = [
            with_inputs("expr: json.score > 3", "no json"),
            with_inputs("expr: json.score > 3", "{}"),
            with_inputs("expr: json.a.b > 3", "{}"),
            with_inputs("expr: inputs.nmae in output", "x"),
            with_inputs("expr: json.score > inputs.order.limit", "{\"score\": 1}"),
            with_inputs("expr: json is defined", "no json"),
            with_inputs("expr: reference in output", "x"),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_reply_is_compared_with_the_reference() {
        let inputs = promptassay_registry::template::Values::new();
        let verdict = |text: &str| {
            let reply = reply(text);
            let subject = Subject::new(&reply, &inputs).reference(Some("5 days"));
            describe(&build("expr: reference in output").unwrap().check(&subject))
        };
        assert_eq!(verdict("It takes 5 days."), "pass");
        assert!(verdict("It takes 6 days.").contains("is false"));
    }

    #[test]
    fn only_a_boolean_is_an_answer() {
        insta::assert_snapshot!(verdict("expr: json.answer", r#"{"answer": "yes"}"#), @"error: `json.answer` gives string, not true or false | expected: a comparison, or `| bool` at the end");
        assert_eq!(verdict("expr: json.items | bool", r#"{"items": [1]}"#), "pass");
        insta::assert_snapshot!(verdict("expr: json.items | length > 0", r#"{"items": 3}"#), @r#"`json.items | length > 0`: invalid operation: cannot calculate length of value of type number: `json.items` is 3 | got: "{"items": 3}""#);
    }

    #[test]
    fn what_cannot_be_done_with_a_reply_is_its_fault_and_never_a_pass() {
        let lines = [
            verdict("expr: json.score | float > 3", r#"{"score": "4/5"}"#),
            verdict("none_of: [{expr: json.score | float > 3}]", r#"{"score": "4/5"}"#),
            verdict("none_of: [{expr: json.score > 3}]", r#"{"score": "4"}"#),
            verdict("none_of: [{expr: json.score > 3}]", "no json"),
            verdict("expr: output | int > 3", "four"),
            verdict("expr: json.n // json.d == 1", r#"{"n": 1, "d": 0}"#),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        `json.score | float > 3`: invalid operation: invalid float literal: `json.score` is "4/5" | got: "{"score": "4/5"}"
        1 of 1 had nothing to look at: expr: `json.score | float > 3`: invalid operation: invalid float literal: `json.score` is "4/5"
        1 of 1 had nothing to look at: expr: `json.score > 3`: string and number have no order: `json.score` is "4"
        1 of 1 had nothing to look at: expr: the reply is not JSON: expected a value at line 1 column 2
        `output | int > 3`: invalid operation: invalid float literal | got: "four"
        `json.n // json.d == 1`: invalid operation: unable to calculate 1 // 0: `json.n` is 1, `json.d` is 0 | got: "{"n": 1, "d": 0}"
        "#);
        assert_eq!(verdict("expr: json.score | float > 3", r#"{"score": "4"}"#), "pass");
    }

    #[test]
    fn fuel_bounds_the_work() {
        let text = "x".repeat(1 << 20);
        assert_eq!(verdict("expr: output | length == 1048576", &text), "pass");
        insta::assert_snapshot!(verdict("expr: \"(range(100000) | list | length) * (output * 1000) | length > 0\"", &text), @"error: `(range(100000) | list | length) * (output * 1000) | length > 0` cannot be evaluated: it takes too many steps or too much memory");
    }

    #[test]
    fn what_cannot_be_an_expression_is_refused() {
        insta::assert_snapshot!(
            [
                "expr: ''",
                "expr: json.score >",
                "expr: '{{ json.score }}'",
                "expr: outptu == 3",
                "expr: debug()",
                "expr: output | lenght > 3",
                "expr: include('x')",
                "expr: 3",
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }

    #[test]
    fn what_no_reply_can_mend_is_refused() {
        insta::assert_snapshot!(
            [
                "expr: json(output).x == 3",
                "expr: output(1)",
                "expr: output.text == 'x'",
                "expr: \"output['text'] == 'x'\"",
                "expr: (output | length).size > 3",
                "expr: range(3).last == 2",
                "expr: output.upper() == 'A'",
                "expr: json.items.append(3)",
                "expr: json is defined and output | lenght > 3",
                "expr: json.a > 3 or json.b is nmuber",
                "expr: json.names | map('lenght') | list == []",
                "expr: json.name | replace('a') == 'b'",
                "expr: output | upper('a') == 'A'",
                "expr: range(1, 2, 3, 4) | length > 1",
                "expr: range() | length > 1",
                "expr: output - 3 > 1",
                "expr: json.score - 'a' > 1",
                "expr: output | length | items | length > 0",
                "expr: 3 in 4 or json.a",
                "expr: 1 / 0 > json.a",
                "expr: \"{'a': 1}.b > json.a\"",
                "expr: output",
                "expr: output | length",
                "expr: json.items | length + 1",
                "expr: output if json.a else reference",
                "expr: \"'yes'\"",
                "expr: \"'x' * 1000000000000 == json.a\"",
                "expr: 'true'",
                "expr: 1 > 2",
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }

    #[test]
    fn what_some_reply_passes_is_accepted() {
        for yaml in [
            "expr: output | int > 3",
            "expr: output | trim | float <= 0.5",
            "expr: \"(output | split('Score: '))[1] | int > 3\"",
            "expr: \"output | split(':') | last | int > 3\"",
            "expr: output | lines | length == 3 and (output | lines)[7] == 'x'",
            "expr: json.a.b.c[3]['d'] | length > inputs.n",
            "expr: json.xs | map(attribute='id') | list == inputs.ids",
            "expr: \"json.xs | selectattr('ok') | list | length > 2\"",
            "expr: json.xs | sum > 3 and json.xs | max < 7 and json.xs | first == json.xs[0]",
            "expr: json.kind | default('none') in ['a', 'none']",
            "expr: json is defined and json.n is number and json.n is divisibleby 3",
            "expr: json | items | length == 2 and json | dictsort | first | last > 1",
            "expr: json.when | split('-') | length == 3",
            "expr: \"'%s-%s' | format(json.a, json.b) in output\"",
            "expr: json.a ~ json.b == output",
            "expr: output * 2 == inputs.x + 'a' or output[0] == output[-1] or output[1:3] == 'ab'",
            "expr: json.n % 2 == 0 and -json.n < 3 and json.n ** 2 >= 0",
            "expr: json.a == 3 if json.kind == 'n' else json.b",
            "expr: not json.refused",
            "expr: json.items | bool",
            "expr: \"dict(a=json.x).a == 3 and {'a': json.x}.a == 3\"",
            "expr: 1 < json.a < json.b <= 10",
            "expr: json.a | round(2) == 0.25 and json.a | abs > 0",
            "expr: reference | lower in output | lower",
            "expr: inputs.name is defined and inputs.name in output",
            "expr: json.tags | sort | unique | join(', ') == 'a, b'",
            "expr: json.items | slice(json.n) | list | length > json.m",
            "expr: json[output | length] == 3 and range(json.n)[2] == 2",
        ] {
            assert!(build(yaml).is_ok(), "{yaml}: {:?}", build(yaml).err());
        }
    }

    proptest! {
        #[test]
        fn no_reply_makes_it_panic(text in "\\PC{0,64}") {
            verdict("expr: json.a > 1 and output | upper != inputs.x", &text);
        }
    }
}
