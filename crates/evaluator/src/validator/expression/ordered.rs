//! What comes before what. `MiniJinja` orders every value: a text is greater than every number, and nothing less than all. A model that
//! writes `"score": "1"` would pass `json.score > 3`. So orders are asked of a function that knows only like kinds.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;

use minijinja::machinery::ast::Expr;
use minijinja::machinery::parse_expr;
use minijinja::value::{Value as Item, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Expression};

use promptassay_registry::template::jinja::end_of_chain;

use super::written::{binary, comparison, form};

/// The function that orders; no name that anybody would choose.
const FUNCTION: &str = "_is_ordered";

/// The names of tests that order, by operator.
const TESTS: [(&str, &[&str]); 4] = [
    ("<", &["lt", "lessthan", "<"]),
    ("<=", &["le", "<="]),
    (">", &["gt", "greaterthan", ">"]),
    (">=", &["ge", ">="]),
];

/// An expression whose orders hold many times more text than it has is not read: chains are written out.
const MAX_BYTES: usize = 256 << 10;

const TOO_LONG: &str = "its chains are too long";

/// Makes the environment order like kinds only: see [`compile`].
pub(super) fn teach(environment: &mut Environment<'static>) {
    environment.add_function(FUNCTION, |left: Item, operator: &str, right: Item| {
        is_ordered(&left, operator, &right)
    });
    for (operator, names) in TESTS {
        for name in names {
            environment.add_test(*name, move |left: Item, right: Item| is_ordered(&left, operator, &right));
        }
    }
}

/// Compiles an expression in which `<`, `<=`, `>` and `>=` fail between unlike kinds.
pub(super) fn compile(
    environment: &'static Environment<'static>,
    source: &str,
) -> Result<Expression<'static, 'static>, Error> {
    if end_of_chain(source).is_some() {
        return Err(Error::new(ErrorKind::SyntaxError, TOO_LONG));
    }
    let text = match parse_expr(source) {
        Ok(expression) if orders(&expression) => rewritten(&expression),
        // What is wrong with it is told of the text as it stands.
        _ => Cow::Borrowed(source),
    };
    if text.len() > MAX_BYTES.max(source.len()) {
        return Err(Error::new(ErrorKind::SyntaxError, TOO_LONG));
    }
    environment.compile_expression_owned(text.into_owned())
}

/// Whether an expression failed because it orders values of unlike kinds.
pub(super) fn is_unlike(error: &Error) -> bool {
    error.source().and_then(|source| source.downcast_ref::<Unlike>()).is_some()
}

/// Whether a part itself orders.
pub(super) fn is_order(part: &Expr<'_>) -> bool {
    match part {
        Expr::BinOp(operation) => is_order_operator(binary(operation.op)),
        Expr::Compare(chain) => chain.ops.iter().any(|operation| is_order_operator(comparison(operation.op))),
        _ => false,
    }
}

/// Two values of kinds that have no order between them.
#[derive(Debug)]
struct Unlike {
    left: ValueKind,
    right: ValueKind,
}

impl fmt::Display for Unlike {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} and {} have no order", self.left, self.right)
    }
}

impl std::error::Error for Unlike {}

fn is_ordered(left: &Item, operator: &str, right: &Item) -> Result<bool, Error> {
    if left.is_undefined() || right.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    alike(left, right)
        .map_err(|unlike| Error::new(ErrorKind::InvalidOperation, unlike.to_string()).with_source(unlike))?;
    Ok(match operator {
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    })
}

/// Numbers are ordered, and texts; lists by what stands in them at the same place.
fn alike(left: &Item, right: &Item) -> Result<(), Unlike> {
    match (left.kind(), right.kind()) {
        (ValueKind::Number, ValueKind::Number) | (ValueKind::String, ValueKind::String) => Ok(()),
        (ValueKind::Seq, ValueKind::Seq) => {
            let (Ok(left), Ok(right)) = (left.try_iter(), right.try_iter()) else { return Ok(()) };
            left.zip(right).try_for_each(|(left, right)| alike(&left, &right))
        }
        (left, right) => Err(Unlike { left, right }),
    }
}

fn is_order_operator(operator: &str) -> bool {
    TESTS.iter().any(|(known, _)| *known == operator)
}

/// Whether any part of an expression orders.
fn orders(part: &Expr<'_>) -> bool {
    let mut found = is_order(part);
    form(part, &mut |operand| {
        found |= orders(operand);
        String::new()
    });
    found
}

/// The expression with its orders as calls, and brackets around every part.
fn rewritten(part: &Expr<'_>) -> Cow<'static, str> {
    let mut inner = |operand: &Expr<'_>| format!("({})", rewritten(operand));
    let text = match part {
        Expr::BinOp(operation) if is_order(part) => {
            pair(&inner(&operation.left), binary(operation.op), &inner(&operation.right))
        }
        Expr::Compare(chain) if is_order(part) => {
            let mut left = inner(&chain.expr);
            let mut pairs = Vec::new();
            for operation in &chain.ops {
                let right = inner(&operation.expr);
                pairs.push(pair(&left, comparison(operation.op), &right));
                left = right;
                if pairs.iter().map(String::len).sum::<usize>() > MAX_BYTES {
                    break;
                }
            }
            pairs.join(" and ")
        }
        _ => form(part, &mut inner),
    };
    Cow::Owned(text)
}

fn pair(left: &str, operator: &str, right: &str) -> String {
    if is_order_operator(operator) {
        format!("{FUNCTION}({left}, '{operator}', {right})")
    } else {
        format!("({left} {operator} {right})")
    }
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::validator::expression::ENVIRONMENT;
    use crate::validator::tests::{build, verdict};

    #[test]
    fn a_chain_of_any_length_ends_no_process() {
        let chains = |links: usize| {
            [
                format!("json{} == 1", ".a".repeat(links)),
                format!("json{} is defined", "[0]".repeat(links)),
                format!("output{} == 'a'", "|upper".repeat(links)),
                format!("output{} == 'a'", "~output".repeat(links)),
                format!("output == 'a'{}", " or json.a > 2".repeat(links / 3)),
                format!("0{} < json.a", " < json.a".repeat(links / 2)),
                format!("{}(json.a > 1)", "not ".repeat(links)),
                format!("{}json.a > 1", "-".repeat(links)),
                format!("output == {}'b'", "'a' if json.a > 1 else ".repeat(links / 3)),
            ]
        };
        // Tests have threads with 2 MiB of stack, as those that judge replies have.
        for check in chains(280) {
            let yaml = format!("expr: {}", serde_json::to_string(&check).unwrap());
            if build(&yaml).is_ok() {
                verdict(&yaml, "{\"a\": 1}");
            }
        }
        for check in chains(100_000) {
            let refused = build(&format!("expr: {}", serde_json::to_string(&check).unwrap())).unwrap_err();
            assert!(refused.contains(TOO_LONG), "{refused:.400}");
        }
    }

    #[test]
    fn a_reply_of_another_kind_than_it_is_ordered_against_fails() {
        let replies = [
            r#"{"score": "9"}"#,
            r#"{"score": []}"#,
            r#"{"score": {}}"#,
            r#"{"score": null}"#,
            r#"{"score": true}"#,
            r#"{"score": "low"}"#,
        ];
        for reply in replies {
            for check in [
                "json.score > 3",
                "json.score <= 3",
                "0 < json.score < 9",
                "json.score is ge(1)",
                "[json.score] > [3]",
            ] {
                let seen = verdict(&format!("expr: '{check}'"), reply);
                assert!(seen.contains("have no order: `json.score` is "), "{check} of {reply}: {seen}");
            }
        }
        insta::assert_snapshot!(
            verdict("expr: json.score > 3 and 'x' in output", r#"{"score": "9"}"#),
            @r#"`json.score > 3 and 'x' in output`: string and number have no order: `json.score` is "9" | got: "{"score": "9"}""#
        );
        assert_eq!(verdict("expr: json.score | float > 3", r#"{"score": "9"}"#), "pass");
        assert_eq!(verdict("expr: json.day < '2026-02-01'", r#"{"day": "2026-01-31"}"#), "pass");
        assert_eq!(
            verdict("expr: '[json.major, json.minor] >= [1, 2]'", r#"{"major": 1, "minor": 10}"#),
            "pass"
        );
    }

    #[test]
    fn what_is_always_of_another_kind_is_refused_before_anything_is_asked() {
        let refused =
            ["output > 3", "output | length > '3'", "3 < output | upper", "json.a > 1 or none >= 2"];
        insta::assert_snapshot!(
            refused.map(|check| format!("{check}\n  {}\n", build(&format!("expr: \"{check}\"")).unwrap_err())).concat(),
            @"
        output > 3
          v.yaml:1:7: `output > 3` cannot be evaluated: string and number have no order
        output | length > '3'
          v.yaml:1:7: `(output | length) > '3'` cannot be evaluated: number and string have no order
        3 < output | upper
          v.yaml:1:7: `3 < (output | upper)` cannot be evaluated: number and string have no order
        json.a > 1 or none >= 2
          v.yaml:1:7: `None >= 2` cannot be evaluated: none and number have no order
        "
        );
    }

    /// Expressions over numbers, of every form that is rewritten.
    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("json.a".to_owned()),
            Just("json['b']".to_owned()),
            Just("json.list[1]".to_owned()),
            (0..20_i32).prop_map(|number| number.to_string()),
            Just("1.5".to_owned()),
            Just("(json.text | length)".to_owned()),
            Just(r"('it\'s \\ \n' | length)".to_owned()),
        ];
        let number = leaf.prop_recursive(3, 12, 2, |inner| {
            let operators = prop::sample::select(vec!["+", "-", "*"]);
            prop_oneof![
                (inner.clone(), operators, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
                inner.clone().prop_map(|a| format!("-{a}")),
                inner.prop_map(|a| format!("([{a}, 2, 3] | first)")),
            ]
        });
        let operator = || prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
        let test = prop_oneof![
            (number.clone(), operator(), number.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (number.clone(), operator(), number.clone(), operator(), number.clone())
                .prop_map(|(a, first, b, second, c)| format!("{a} {first} {b} {second} {c}")),
            (number.clone(), number).prop_map(|(a, b)| format!("{a} < {b} in json.list")),
        ];
        test.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|a| format!("not ({a})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
            ]
        })
    }

    proptest! {
        /// Among numbers nothing but the kinds is asked for.
        #[test]
        fn an_expression_over_numbers_says_the_same(source in expressions(), a in -20..20_i32, b in -2.0..2.0_f64) {
            let context = json!({"json": {"a": a, "b": b, "list": [1, a, 3], "text": "it's"}});
            let plain = ENVIRONMENT.compile_expression(&source).unwrap().eval(Serde(&context));
            let ours = compile(&ENVIRONMENT, &source).unwrap().eval(Serde(&context));
            prop_assert_eq!(ours.ok(), plain.ok(), "{}", source);
        }
    }
}
