//! What is wrong with an expression whatever the reply will be. Its syntax tree is walked with what each part can be: a constant and
//! the case are known, `output` is text, and `json` can be anything. A part that fails with everything that it can be given is wrong.

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr};
use minijinja::machinery::parse_expr;
use minijinja::value::{Serde, Value as Item, ValueKind};
use minijinja::{Error, ErrorKind};
use promptassay_registry::template::Values;

use super::known::{Kind, Known};
use super::ordered::{compile, is_order};
use super::written::{form, written};
use super::{ENVIRONMENT, VARIABLES, describe};

/// More combinations of operands are not tried: then nothing is known.
const MAX_TRIALS: usize = 2_000;

/// What stands for the operands of a part that is tried.
const OPERANDS: [&str; 8] = ["_0", "_1", "_2", "_3", "_4", "_5", "_6", "_7"];

/// What a case gives to an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct CaseGives<'a> {
    pub(super) inputs: &'a Values,
    pub(super) reference: Option<&'a str>,
}

/// What is wrong, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whether something is undefined: then the case may lack it.
    pub(super) is_undefined: bool,
}

/// What is wrong with an expression that can be read: for every case, or for this one, and then only in the parts that are evaluated
/// for every reply to it.
pub(super) fn flaws(source: &str, case: Option<CaseGives<'_>>) -> Vec<Flaw> {
    let Ok(expression) = parse_expr(source) else { return Vec::new() };
    let mut walk = Walk { case, flaws: Vec::new() };
    let result = walk.part(&expression, true);
    if walk.flaws.is_empty() {
        let kind = match &result {
            Known::Exactly(value) if value.kind() != ValueKind::Bool => Some(value.kind().to_string()),
            Known::OfKind(kind) if *kind != Kind::Boolean => Some(kind.name().to_owned()),
            _ => None,
        };
        if let Some(kind) = kind {
            walk.flaws.push(Flaw {
                message: format!("`{source}` gives {kind}, not true or false"),
                help: Some("write a comparison, or `| bool` at the end".to_owned()),
                is_undefined: matches!(&result, Known::Exactly(value) if value.is_undefined()),
            });
        }
        if let (Known::Exactly(value), None) = (&result, case)
            && value.kind() == ValueKind::Bool
        {
            walk.flaws.push(Flaw {
                message: format!("`{source}` is {} for every reply", value.is_true()),
                help: Some("ask something of `output`, `json` or the case".to_owned()),
                is_undefined: false,
            });
        }
    }
    walk.flaws
}

struct Walk<'a> {
    case: Option<CaseGives<'a>>,
    flaws: Vec<Flaw>,
}

impl Walk<'_> {
    /// What a part gives. `is_certain` says that it is evaluated for every reply.
    fn part(&mut self, part: &Expr<'_>, is_certain: bool) -> Known {
        match part {
            Expr::Var(variable) => self.variable(variable.id),
            Expr::Const(constant) => Known::Exactly(constant.value.clone()),
            Expr::BinOp(operation) if matches!(operation.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                let left = self.part(&operation.left, is_certain);
                let goes_on_where = matches!(operation.op, BinOpKind::ScAnd);
                let decided = self.holds(&operation.left, &left, is_certain);
                if decided.is_some_and(|holds| holds != goes_on_where) {
                    self.part(&operation.right, false);
                    return left;
                }
                let right = self.part(&operation.right, is_certain && decided.is_some());
                if decided.is_some() { right } else { left.or(&right) }
            }
            Expr::IfExpr(condition) => {
                let test = self.part(&condition.test_expr, is_certain);
                let decided = self.holds(&condition.test_expr, &test, is_certain);
                let when_true = self.part(&condition.true_expr, is_certain && decided == Some(true));
                let when_false = match &condition.false_expr {
                    Some(part) => self.part(part, is_certain && decided == Some(false)),
                    None => Known::Exactly(Item::UNDEFINED),
                };
                match decided {
                    Some(true) => when_true,
                    Some(false) => when_false,
                    None => when_true.or(&when_false),
                }
            }
            Expr::GetAttr(field) => {
                let base = self.part(&field.expr, is_certain);
                if base.kind().is_some() {
                    return self.no_field(part, &field.expr, &base, is_certain);
                }
                self.exactly_of(part, &[base], is_certain)
            }
            Expr::GetItem(item) => {
                let base = self.part(&item.expr, is_certain);
                let index = self.part(&item.subscript_expr, is_certain);
                let is_name = index.kind() == Some(Kind::Text);
                match base.kind() {
                    Some(Kind::Number | Kind::Boolean) => self.no_field(part, &item.expr, &base, is_certain),
                    Some(Kind::Text | Kind::List) if is_name => {
                        self.no_field(part, &item.expr, &base, is_certain)
                    }
                    _ => self.exactly_of(part, &[base, index], is_certain),
                }
            }
            Expr::Call(call) => self.call(part, call, is_certain),
            // A chain stops at the first comparison that does not hold.
            Expr::Compare(chain) => {
                let mut operands = vec![self.part(&chain.expr, is_certain)];
                for (at, operation) in chain.ops.iter().enumerate() {
                    operands.push(self.part(&operation.expr, is_certain && at == 0));
                }
                let known = if is_order(part) {
                    self.tried(part, &operands, is_certain)
                } else {
                    self.exactly_of(part, &operands, is_certain)
                };
                match known {
                    Known::Anything => Known::OfKind(Kind::Boolean),
                    known => known,
                }
            }
            Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => {
                let operands = self.operands(part, is_certain);
                match self.exactly_of(part, &operands, is_certain) {
                    Known::Anything if !matches!(part, Expr::Map(_)) => Known::OfKind(Kind::List),
                    known => known,
                }
            }
            Expr::UnaryOp(_) | Expr::BinOp(_) | Expr::Filter(_) | Expr::Test(_) | Expr::Slice(_) => {
                let operands = self.operands(part, is_certain);
                self.tried(part, &operands, is_certain)
            }
        }
    }

    fn variable(&self, name: &str) -> Known {
        match (name, self.case) {
            ("output", _) | ("reference", None) => Known::OfKind(Kind::Text),
            ("reference", Some(case)) => Known::Exactly(case.reference.map_or(Item::UNDEFINED, Item::from)),
            ("inputs", Some(case)) => Known::Exactly(Serde(case.inputs).into()),
            _ => match ENVIRONMENT.globals().find(|(known, _)| *known == name) {
                Some((_, value)) => Known::Exactly(value),
                None => Known::Anything,
            },
        }
    }

    /// Whether the part that decides what comes next is true, where that is known.
    fn holds(&mut self, part: &Expr<'_>, known: &Known, is_certain: bool) -> Option<bool> {
        let value = known.exactly()?;
        if value.is_undefined() {
            self.report(part, "a value is undefined", None, true, is_certain);
            return None;
        }
        Some(value.is_true())
    }

    fn call(&mut self, part: &Expr<'_>, call: &Call<'_>, is_certain: bool) -> Known {
        match &call.expr {
            Expr::Var(name) if VARIABLES.contains(&name.id) => {
                self.operands(part, is_certain);
                let why = format!("`{}` is a value, not a function", name.id);
                let help = match name.id {
                    "json" => Some("`json` is the reply as JSON already: write `json.field`".to_owned()),
                    _ => None,
                };
                self.report(part, &why, help, false, is_certain);
                Known::Anything
            }
            Expr::Var(_) => {
                let operands = self.operands(part, is_certain);
                self.tried(part, &operands, is_certain)
            }
            // Values of YAML and JSON have no methods.
            Expr::GetAttr(method) => {
                let operands = self.operands(part, is_certain);
                if operands.first().is_some_and(|base| base.exactly().is_none()) {
                    let is_filter = ENVIRONMENT
                        .compile_expression_owned(format!("'{}' is filter", method.name))
                        .and_then(|probe| probe.eval(()))
                        .is_ok_and(|known| known.is_true());
                    let help = if is_filter {
                        format!("write it as a filter: `{} | {}`", written(&method.expr), method.name)
                    } else {
                        "use a filter, as in `output | upper`".to_owned()
                    };
                    let why = format!("values have no methods, such as `{}`", method.name);
                    self.report(part, &why, Some(help), false, is_certain);
                    return Known::Anything;
                }
                self.exactly_of(part, &operands, is_certain)
            }
            _ => {
                let operands = self.operands(part, is_certain);
                self.exactly_of(part, &operands, is_certain)
            }
        }
    }

    /// What the parts of a part give that are all evaluated where it is.
    fn operands(&mut self, part: &Expr<'_>, is_certain: bool) -> Vec<Known> {
        let mut operands = Vec::new();
        form(part, &mut |operand| {
            operands.push(self.part(operand, is_certain));
            String::new()
        });
        operands
    }

    /// Tried only where everything is known: what is in a list or a map depends on its values.
    fn exactly_of(&mut self, part: &Expr<'_>, operands: &[Known], is_certain: bool) -> Known {
        if operands.iter().all(|operand| operand.exactly().is_some()) {
            return self.tried(part, operands, is_certain);
        }
        Known::Anything
    }

    /// What comes of a part with everything that its operands can be.
    fn tried(&mut self, part: &Expr<'_>, operands: &[Known], is_certain: bool) -> Known {
        let is_exact = operands.iter().all(|operand| operand.exactly().is_some());
        let lacks_one = operands.iter().filter_map(Known::exactly).any(Item::is_undefined);
        // What can be anything was tried for every case together.
        let is_settled = self.case.is_some()
            && !lacks_one
            && operands.iter().any(|known| matches!(known, Known::Anything));
        if operands.len() > OPERANDS.len() || is_settled || (!is_exact && has_splat(part)) {
            return Known::Anything;
        }
        let samples: Vec<Vec<Item>> = operands.iter().map(Known::samples).collect();
        if samples.iter().map(Vec::len).product::<usize>() > MAX_TRIALS {
            return Known::Anything;
        }
        let mut names = OPERANDS.iter();
        let text = form(part, &mut |_| names.next().copied().unwrap_or_default().to_owned());
        let Ok(expression) = compile(&ENVIRONMENT, &text) else { return Known::Anything };
        let results: Vec<Result<Item, Error>> = combinations(&samples)
            .into_iter()
            .map(|values| expression.eval(Item::from_pairs(OPERANDS.into_iter().zip(values))))
            .collect();
        let mut errors = results.iter().filter_map(|result| result.as_ref().err());
        let are_options_exact = operands.iter().skip(1).all(|operand| operand.exactly().is_some());
        let is_wrong = |result: &Result<Item, Error>| {
            result.as_ref().is_err_and(|error| is_exact || lacks_one || is_misuse(error))
        };
        let found = if results.iter().all(is_wrong) {
            errors.next()
        } else {
            // A filter that is named by a text is looked up when there is something to filter.
            errors.find(|error| is_unknown(error) && are_options_exact)
        };
        if let Some(error) = found {
            self.report(part, &describe(error), None, lacks_one, is_certain);
            return Known::Anything;
        }
        let mut values = results.into_iter().filter_map(Result::ok);
        if is_exact {
            return values.next().map_or(Known::Anything, Known::Exactly);
        }
        let Some(kind) = values.next().and_then(|value| Kind::of(&value)) else { return Known::Anything };
        if values.all(|value| Kind::of(&value) == Some(kind)) { Known::OfKind(kind) } else { Known::Anything }
    }

    fn no_field(&mut self, part: &Expr<'_>, base: &Expr<'_>, known: &Known, is_certain: bool) -> Known {
        let kind = known.kind().map_or("value", Kind::name);
        let help = match base {
            Expr::Var(name) if name.id == "output" => {
                Some("`output` is the text; the reply as JSON is `json`".to_owned())
            }
            _ => None,
        };
        let why = format!("`{}` is a {kind}, and a {kind} has no fields", written(base));
        self.report(part, &why, help, false, is_certain);
        Known::Anything
    }

    fn report(
        &mut self,
        part: &Expr<'_>,
        why: &str,
        help: Option<String>,
        is_undefined: bool,
        is_certain: bool,
    ) {
        if self.case.is_some() && !is_certain {
            return;
        }
        let flaw =
            Flaw { message: format!("`{}` cannot be evaluated: {why}", written(part)), help, is_undefined };
        if !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
    }
}

/// Whether the expression is at fault, not a value that is lacking or large.
fn is_misuse(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::UndefinedError | ErrorKind::OutOfFuel)
}

fn is_unknown(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest)
}

/// Whether the number of arguments depends on a value.
fn has_splat(part: &Expr<'_>) -> bool {
    let arguments = match part {
        Expr::Call(call) => &call.args,
        Expr::Filter(filter) => &filter.args,
        Expr::Test(test) => &test.args,
        _ => return false,
    };
    arguments.iter().any(|argument| matches!(argument, CallArg::PosSplat(_) | CallArg::KwargSplat(_)))
}

/// Every choice of one value from each.
fn combinations(samples: &[Vec<Item>]) -> Vec<Vec<Item>> {
    samples.iter().fold(vec![Vec::new()], |chosen, values| {
        let with = |before: &Vec<Item>| {
            let before = before.clone();
            values.iter().map(move |value| before.iter().cloned().chain([value.clone()]).collect())
        };
        chosen.iter().flat_map(with).collect()
    })
}
