//! An expression's syntax tree as text.

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::value::ValueKind;

/// A part as its author could have written it.
pub(super) fn written(part: &Expr<'_>) -> String {
    form(part, &mut |operand| match operand {
        Expr::BinOp(_) | Expr::Compare(_) | Expr::IfExpr(_) | Expr::UnaryOp(_) => {
            format!("({})", written(operand))
        }
        Expr::Filter(_) | Expr::Test(_) if !matches!(part, Expr::Filter(_)) => {
            format!("({})", written(operand))
        }
        _ => written(operand),
    })
}

/// A part with `operand` for its own parts, in the order in which they are written. A function's name is no part, and the value whose
/// method is called is one.
pub(super) fn form<'e>(part: &'e Expr<'e>, operand: &mut dyn FnMut(&'e Expr<'e>) -> String) -> String {
    match part {
        Expr::Var(variable) => variable.id.to_owned(),
        Expr::Const(constant) => match constant.value.kind() {
            ValueKind::String => quoted(constant.value.as_str().unwrap_or_default()),
            _ => constant.value.to_string(),
        },
        Expr::UnaryOp(operation) => {
            let inner = operand(&operation.expr);
            match operation.op {
                UnaryOpKind::Not => format!("not {inner}"),
                UnaryOpKind::Neg => format!("-{inner}"),
            }
        }
        Expr::BinOp(operation) => {
            let left = operand(&operation.left);
            format!("{left} {} {}", binary(operation.op), operand(&operation.right))
        }
        Expr::Compare(chain) => {
            let mut text = operand(&chain.expr);
            for operation in &chain.ops {
                text = format!("{text} {} {}", comparison(operation.op), operand(&operation.expr));
            }
            text
        }
        Expr::IfExpr(condition) => {
            let when_true = operand(&condition.true_expr);
            let text = format!("{when_true} if {}", operand(&condition.test_expr));
            match &condition.false_expr {
                Some(when_false) => format!("{text} else {}", operand(when_false)),
                None => text,
            }
        }
        Expr::Filter(filter) => {
            let subject = filter.expr.as_ref().map(&mut *operand).unwrap_or_default();
            format!("{subject} | {}{}", filter.name, arguments(&filter.args, operand))
        }
        Expr::Test(test) => {
            let subject = operand(&test.expr);
            format!("{subject} is {}{}", test.name, arguments(&test.args, operand))
        }
        Expr::GetAttr(field) => format!("{}.{}", operand(&field.expr), field.name),
        Expr::GetItem(item) => {
            let base = operand(&item.expr);
            format!("{base}[{}]", operand(&item.subscript_expr))
        }
        Expr::Slice(slice) => {
            let base = operand(&slice.expr);
            let mut bound =
                |bound: &'e Option<Expr<'e>>| bound.as_ref().map(&mut *operand).unwrap_or_default();
            let (start, stop) = (bound(&slice.start), bound(&slice.stop));
            match &slice.step {
                Some(_) => format!("{base}[{start}:{stop}:{}]", bound(&slice.step)),
                None => format!("{base}[{start}:{stop}]"),
            }
        }
        Expr::Call(call) => {
            let callee = match &call.expr {
                Expr::Var(name) => name.id.to_owned(),
                Expr::GetAttr(method) => format!("{}.{}", operand(&method.expr), method.name),
                other => operand(other),
            };
            let arguments = arguments(&call.args, operand);
            format!("{callee}{}", if arguments.is_empty() { "()" } else { &arguments })
        }
        Expr::List(list) => format!("[{}]", joined(&list.items, operand)),
        Expr::Tuple(tuple) => format!("({},)", joined(&tuple.items, operand)),
        Expr::Map(map) => {
            let entries = map.keys.iter().zip(&map.values).map(|(key, value)| {
                let key = operand(key);
                format!("{key}: {}", operand(value))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn joined<'e>(items: &'e [Expr<'e>], operand: &mut dyn FnMut(&'e Expr<'e>) -> String) -> String {
    items.iter().map(operand).collect::<Vec<_>>().join(", ")
}

/// With brackets, where there are any.
fn arguments<'e>(arguments: &'e [CallArg<'e>], operand: &mut dyn FnMut(&'e Expr<'e>) -> String) -> String {
    if arguments.is_empty() {
        return String::new();
    }
    let written = arguments.iter().map(|argument| match argument {
        CallArg::Pos(value) => operand(value),
        CallArg::Kwarg(name, value) => format!("{name}={}", operand(value)),
        CallArg::PosSplat(value) => format!("*{}", operand(value)),
        CallArg::KwargSplat(value) => format!("**{}", operand(value)),
    });
    format!("({})", written.collect::<Vec<_>>().join(", "))
}

pub(super) fn binary(operator: BinOpKind) -> &'static str {
    match operator {
        BinOpKind::Eq => "==",
        BinOpKind::Ne => "!=",
        BinOpKind::Lt => "<",
        BinOpKind::Lte => "<=",
        BinOpKind::Gt => ">",
        BinOpKind::Gte => ">=",
        BinOpKind::ScAnd => "and",
        BinOpKind::ScOr => "or",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        BinOpKind::Concat => "~",
        BinOpKind::In => "in",
    }
}

pub(super) fn comparison(operator: CompareOpKind) -> &'static str {
    match operator {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}

/// A text as a literal.
fn quoted(text: &str) -> String {
    let mut literal = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}
