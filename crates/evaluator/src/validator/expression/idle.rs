//! Whether an expression asks anything of a reply: that it looks at nothing of it, or is true of every one. Only what follows from how it is
//! written is said: an ordinary check that is taken for one that never fails would be worse than one of those that nobody names.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, UnaryOpKind};
use minijinja::machinery::parse_expr;

use super::written::{binary, written};

/// Tests that take no argument and whatever they are given.
const TESTS_OF_KIND: [&str; 9] =
    ["none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable"];
/// Filters that make a text of every text, and cannot fail.
const TEXT_FILTERS: [&str; 3] = ["lower", "upper", "trim"];

/// That an expression asks nothing of a reply, where that is sure. `reads` is what it reads, such as `json.score`.
pub(super) fn idle(source: &str, reads: &BTreeSet<String>) -> Option<String> {
    if !reads.iter().any(|path| is_of(path, "output") || is_of(path, "json")) {
        return Some(format!("`{source}` looks at nothing of the reply"));
    }
    let expression = parse_expr(source).ok()?;
    surely_gives(&expression, true).then(|| format!("`{source}` is true whatever the reply says"))
}

fn is_of(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a part gives this answer for every reply.
fn surely_gives(part: &Expr<'_>, answer: bool) -> bool {
    match part {
        Expr::Const(constant) => constant.value == answer.into(),
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
            surely_gives(&operation.expr, !answer)
        }
        Expr::BinOp(operation) => match operation.op {
            BinOpKind::ScOr if answer => some_side_gives(part, Chain::Or),
            BinOpKind::ScAnd if !answer => some_side_gives(part, Chain::And),
            BinOpKind::ScOr | BinOpKind::ScAnd => {
                surely_gives(&operation.left, answer) && surely_gives(&operation.right, answer)
            }
            BinOpKind::Eq | BinOpKind::Ne => {
                let is_same = written(&operation.left) == written(&operation.right);
                is_same && is_text(&operation.left) && answer == matches!(operation.op, BinOpKind::Eq)
            }
            BinOpKind::Gte => answer && is_length(&operation.left) && is_at_most(&operation.right, 0),
            BinOpKind::Gt => answer && is_length(&operation.left) && is_at_most(&operation.right, -1),
            BinOpKind::Lt => !answer && is_length(&operation.left) && is_at_most(&operation.right, 0),
            _ => false,
        },
        Expr::Test(test) if test.args.is_empty() && is_text(&test.expr) => match test.name {
            "string" | "defined" => answer,
            "none" | "undefined" | "number" | "integer" | "float" | "boolean" | "mapping" => !answer,
            _ => false,
        },
        _ => false,
    }
}

/// Sides of which one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// One side that is true makes it true.
    Or,
    /// One side that is false makes it false.
    And,
}

/// Whether one of the sides surely decides a chain, or two of them are each other's opposite. A side before it that fails with some reply
/// fails the check.
fn some_side_gives(part: &Expr<'_>, chain: Chain) -> bool {
    let mut sides = Vec::new();
    add_sides(part, chain, &mut sides);
    for (index, side) in sides.iter().enumerate() {
        if surely_gives(side, chain == Chain::Or) {
            return true;
        }
        if !cannot_fail(side) {
            return false;
        }
        if sides[..index].iter().any(|earlier| are_opposites(earlier, side)) {
            return true;
        }
    }
    false
}

fn add_sides<'e>(part: &'e Expr<'e>, chain: Chain, sides: &mut Vec<&'e Expr<'e>>) {
    match (part, chain) {
        (Expr::BinOp(operation), Chain::Or) if matches!(operation.op, BinOpKind::ScOr) => {
            add_sides(&operation.left, chain, sides);
            add_sides(&operation.right, chain, sides);
        }
        (Expr::BinOp(operation), Chain::And) if matches!(operation.op, BinOpKind::ScAnd) => {
            add_sides(&operation.left, chain, sides);
            add_sides(&operation.right, chain, sides);
        }
        _ => sides.push(part),
    }
}

fn are_opposites(one: &Expr<'_>, other: &Expr<'_>) -> bool {
    let is_not = |part: &Expr<'_>, of: &Expr<'_>| match part {
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
            written(&operation.expr) == written(of)
        }
        Expr::BinOp(not) => match of {
            Expr::BinOp(is) => {
                opposite(not.op) == Some(binary(is.op))
                    && written(&not.left) == written(&is.left)
                    && written(&not.right) == written(&is.right)
            }
            _ => false,
        },
        _ => false,
    };
    is_not(one, other) || is_not(other, one)
}

/// The operator that is true where this one is not.
fn opposite(operator: BinOpKind) -> Option<&'static str> {
    Some(match operator {
        BinOpKind::Eq => "!=",
        BinOpKind::Ne => "==",
        BinOpKind::Lt => ">=",
        BinOpKind::Gte => "<",
        BinOpKind::Gt => "<=",
        BinOpKind::Lte => ">",
        _ => return None,
    })
}

/// Whether a part gives true or false for every reply, as far as the case has what it reads.
fn cannot_fail(part: &Expr<'_>) -> bool {
    match part {
        Expr::Const(_) => true,
        Expr::UnaryOp(operation) => matches!(operation.op, UnaryOpKind::Not) && cannot_fail(&operation.expr),
        Expr::BinOp(operation) => {
            let (left, right) = (&operation.left, &operation.right);
            match operation.op {
                BinOpKind::ScAnd | BinOpKind::ScOr => cannot_fail(left) && cannot_fail(right),
                BinOpKind::In => {
                    (is_text(left) || is_given(left)) && is_text(right) || is_text(left) && is_given(right)
                }
                BinOpKind::Eq | BinOpKind::Ne => {
                    [left, right].into_iter().all(|side| is_text(side) || is_given(side))
                }
                BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
                    [left, right].into_iter().all(|side| is_length(side) || is_number(side))
                }
                _ => false,
            }
        }
        Expr::Test(test) => match test.name {
            "defined" | "undefined" => matches!(test.expr, Expr::Var(_)) || is_text(&test.expr),
            "startingwith" | "endingwith" => {
                let is_of_text =
                    |argument: &CallArg<'_>| matches!(argument, CallArg::Pos(value) if is_text(value));
                is_text(&test.expr) && test.args.len() == 1 && test.args.iter().all(is_of_text)
            }
            name => test.args.is_empty() && TESTS_OF_KIND.contains(&name) && is_text(&test.expr),
        },
        Expr::Var(_) | Expr::GetAttr(_) => is_given(part),
        _ => false,
    }
}

/// Whether a part is a text for every reply.
fn is_text(part: &Expr<'_>) -> bool {
    match part {
        Expr::Const(constant) => constant.value.as_str().is_some(),
        Expr::Var(variable) => variable.id == "output",
        Expr::Filter(filter) => {
            filter.args.is_empty()
                && TEXT_FILTERS.contains(&filter.name)
                && filter.expr.as_ref().is_some_and(is_text)
        }
        _ => false,
    }
}

/// Whether a part is the same for every reply to a case: what it is there, the case has to say.
fn is_given(part: &Expr<'_>) -> bool {
    match part {
        Expr::Var(variable) => matches!(variable.id, "inputs" | "reference"),
        Expr::GetAttr(field) => is_given(&field.expr),
        _ => false,
    }
}

/// Whether a part is how long something is that is a text for every reply.
fn is_length(part: &Expr<'_>) -> bool {
    match part {
        Expr::Filter(filter) => {
            let of_text = match &filter.expr {
                Some(Expr::Filter(words))
                    if words.args.is_empty() && matches!(words.name, "split" | "lines") =>
                {
                    words.expr.as_ref()
                }
                subject => subject.as_ref(),
            };
            filter.args.is_empty()
                && matches!(filter.name, "length" | "count")
                && of_text.is_some_and(is_text)
        }
        _ => false,
    }
}

fn is_number(part: &Expr<'_>) -> bool {
    matches!(part, Expr::Const(constant) if constant.value.is_number())
}

fn is_at_most(part: &Expr<'_>, most: i64) -> bool {
    match part {
        Expr::Const(constant) => is_number(part) && constant.value <= most.into(),
        Expr::UnaryOp(operation) => {
            matches!(operation.op, UnaryOpKind::Neg)
                && matches!(&operation.expr, Expr::Const(number) if number.value >= (-most).into())
                && is_number(&operation.expr)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::Validator;
    use crate::validator::tests::build;

    /// The warning about an expression, which is one check all the same.
    fn warned(expression: &str) -> Option<String> {
        let check = format!("expr: {}", serde_json::json!(expression));
        assert!(Validator::parse(&check).is_ok(), "{expression}: {:?}", Validator::parse(&check));
        build(&check).err()
    }

    #[test]
    fn an_expression_that_no_reply_fails_is_warned_of() {
        for expression in [
            "'a' in output or true",
            "output is string",
            "output | length >= 0",
            "output == output",
            "json is defined or json is not defined",
            "inputs.name in output or true",
            "reference in output or reference not in output",
            "not (output is none)",
            "'a' in output or 'a' not in output",
            "(output | length) < 5 or (output | length) >= 5",
            "'a' in output or output is startingwith('b') or not 'a' in output",
            "(output | lower) == (output | lower)",
            "output | split | length > -1",
        ] {
            assert!(warned(expression).is_some(), "{expression}");
        }
        insta::assert_snapshot!(
            ["output | length >= 0", "inputs.lang == 'de'"].map(|expression| warned(expression).unwrap()).join("\n"),
            @"
        v.yaml:1:1: `output | length >= 0` is true whatever the reply says (help: ask something of `output` or `json` that a reply can get wrong)
        v.yaml:1:1: `inputs.lang == 'de'` looks at nothing of the reply (help: ask something of `output` or `json` that a reply can get wrong)
        "
        );
    }

    #[test]
    fn an_expression_that_decides_with_others_is_not() {
        assert!(build("any_of: [{expr: inputs.lang != 'de'}, {contains: Danke}]").is_ok());
    }

    #[test]
    fn an_expression_that_some_reply_fails_is_not() {
        for expression in [
            "'sorry' not in output",
            "'SORRY' not in output | upper",
            "not output is startingwith('As an AI')",
            "output | length < 500",
            "output | length <= 90000",
            "output | length < 5000000",
            "(output | length) / 4.5 <= 2000.5",
            "output | length != 7",
            "output | split | length <= 120",
            "output | lines | length <= 300",
            "output | trim == output",
            "output | lower == output",
            "output | upper != output",
            "output != 'No'",
            "'\n' not in output",
            "'a' ~ 'b' not in output",
            "'**' not in output and '##' not in output",
            "['sorry', 'alas'] | select('in', output) | list | length == 0",
            "output | split(';') | length < 4",
            "output != reference",
            "reference in output",
            "inputs.lang != 'de' or 'Danke' in output",
            "inputs.secret not in output",
            "inputs.max >= output | length",
            "inputs.words | select('in', output) | list | length == 0",
            "json is not defined or json.score <= 5",
            "json is not defined or json | length < 100",
            "not json.refused",
            "json.error is not defined",
            "json.kind | default('none') in ['a', 'none']",
            "json.kind | default('none') != 'b'",
            "json is not defined",
            "json is defined",
            "json is not defined or json.items | default([]) | length < 50",
            "output | length < 64 * 1024",
            "output | length < 10 ** 6",
            "not ('refund' in output and output is endingwith('?'))",
            "not (output is startingwith('help') and 'Sure' in output)",
            "('a' not in output) or ('b' not in output) or ('c' in output)",
            "output | lines | length < 2 or output is not startingwith('-')",
            "output | split(', ') | length < 5000",
            "json is not defined or json.status | default('') != 'refund' or json.reason | default('') != 'none'",
            "output[:3] == 'Yes'",
            "output[-1:] == '.'",
            "json[:2] == [1,2]",
            "output[0:1] != '{' or output[-1:] == '}'",
            // What fails with some reply fails the check.
            "json.a or true",
            "json.a == json.a",
            "json.a > 3 or not json.a > 3",
            "output | int > 3 or true",
            "json.a is defined or json.a is not defined",
            "json | length >= 0",
            "output | length > 0",
            "output | length >= 1",
        ] {
            assert_eq!(warned(expression), None, "{expression}");
        }
    }
}
