//! The text that MiniJinja is given: the author's, with a filter behind each value that one of its operators would take as it comes.
//!
//! Filters and tests can be replaced, operators cannot: `==` and `in` compare lists that hold undefined values, `~` writes numbers and
//! booleans in a way of its own, and a `for` over a text does not know how long it is.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::Error;
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CallType, Expr, Stmt, UnaryOpKind};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;

use super::chains::{MOST_LINKS, end_of_chain_in};
use super::names::undeclared;

/// A filter that is put behind a part. The names are none that anybody would choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing in it may be undefined.
    Whole,
    /// `~` joins it.
    Text,
    /// A `for` walks it.
    Items,
}

impl Check {
    /// What is written behind the part, after an opening bracket before it.
    fn suffix(self) -> &'static str {
        match self {
            Self::Whole => ")|_whole",
            Self::Text => ")|_text",
            Self::Items => ")|_items",
        }
    }

    /// The name of the filter.
    pub(super) fn filter(self) -> &'static str {
        &self.suffix()[2..]
    }
}

/// What was added to an author's text, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Additions(Box<[(usize, &'static str)]>);

/// Why a text is no template.
pub(super) enum Unreadable {
    /// MiniJinja does not understand it.
    Syntax(Error),
    /// MiniJinja would take it, and break down over it.
    Refused { place: Range<usize>, message: String, help: String },
}

/// A template as MiniJinja is given it.
pub(super) struct Checked {
    pub(super) text: String,
    pub(super) additions: Additions,
    /// The variables that it takes from outside, and the functions that it calls.
    pub(super) undeclared: BTreeSet<String>,
}

/// The text for MiniJinja.
pub(super) fn checked(source: &str, name: &str, syntax: &SyntaxConfig) -> Result<Checked, Unreadable> {
    if let Some(place) = end_of_chain_in(source, syntax) {
        let message = format!("more than {MOST_LINKS} links stand in one chain");
        return Err(Unreadable::Refused { place, message, help: "split it with `set`".to_owned() });
    }
    let template = parse(source, name, syntax.clone()).map_err(Unreadable::Syntax)?;
    let mut reader = Reader { source, added: Vec::new(), has_loop: source.contains("loop"), refusal: None };
    reader.statement(&template);
    if let Some(refusal) = reader.refusal {
        return Err(refusal);
    }
    let mut added = reader.added;
    // Stable: what stands inside was added before what stands around it.
    added.sort_by_key(|(offset, _)| *offset);
    let mut text =
        String::with_capacity(source.len() + added.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut copied = 0;
    for (offset, addition) in &added {
        text.push_str(&source[copied..*offset]);
        text.push_str(addition);
        copied = *offset;
    }
    text.push_str(&source[copied..]);
    Ok(Checked { text, additions: Additions(added.into()), undeclared: undeclared(&template) })
}

impl Additions {
    /// The place in the author's text of a place in MiniJinja's.
    pub(super) fn original(&self, place: &Range<usize>) -> Range<usize> {
        self.offset(place.start)..self.offset(place.end)
    }

    fn offset(&self, offset: usize) -> usize {
        let mut shift = 0;
        for (at, addition) in &self.0 {
            if at + shift >= offset {
                break;
            }
            if at + shift + addition.len() >= offset {
                return *at;
            }
            shift += addition.len();
        }
        offset - shift
    }
}

struct Reader<'s> {
    source: &'s str,
    added: Vec<(usize, &'static str)>,
    has_loop: bool,
    refusal: Option<Unreadable>,
}

impl Reader<'_> {
    fn statements(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(printed) => self.part(&printed.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(walk) => {
                self.part(&walk.iter);
                if self.has_loop {
                    self.add(&walk.iter, Check::Items);
                }
                walk.filter_expr.iter().for_each(|condition| self.part(condition));
                self.statements(&walk.body);
                self.statements(&walk.else_body);
            }
            Stmt::IfCond(condition) => {
                self.part(&condition.expr);
                self.statements(&condition.true_body);
                self.statements(&condition.false_body);
            }
            Stmt::WithBlock(block) => {
                block.assignments.iter().for_each(|(_, value)| self.part(value));
                self.statements(&block.body);
            }
            Stmt::Set(set) => self.part(&set.expr),
            Stmt::SetBlock(block) => {
                block.filter.iter().for_each(|filter| self.part(filter));
                self.statements(&block.body);
            }
            Stmt::AutoEscape(block) => {
                self.part(&block.enabled);
                self.add(&block.enabled, Check::Whole);
                self.statements(&block.body);
            }
            Stmt::FilterBlock(block) => {
                self.part(&block.filter);
                self.statements(&block.body);
            }
            Stmt::Do(statement) => self.call(&statement.call, self.extent_of_call(&statement.call)),
        }
    }

    fn part(&mut self, part: &Expr<'_>) {
        match part {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.part(&slice.expr);
                for bound in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
                    self.part(bound);
                }
            }
            Expr::UnaryOp(operation) => self.part(&operation.expr),
            Expr::BinOp(operation) => {
                let sides = [&operation.left, &operation.right];
                for side in sides {
                    self.part(side);
                }
                let check = match operation.op {
                    BinOpKind::Concat => Check::Text,
                    BinOpKind::In => Check::Whole,
                    // What is compared with a literal is not looked into.
                    op if is_comparison(op) && !sides.into_iter().any(is_literal) => Check::Whole,
                    _ => return,
                };
                for side in sides {
                    self.add(side, check);
                }
            }
            Expr::Compare(chain) => {
                for operand in std::iter::once(&chain.expr).chain(chain.ops.iter().map(|then| &then.expr)) {
                    self.part(operand);
                    self.add(operand, Check::Whole);
                }
            }
            Expr::IfExpr(choice) => {
                self.part(&choice.true_expr);
                self.part(&choice.test_expr);
                choice.false_expr.iter().for_each(|otherwise| self.part(otherwise));
            }
            Expr::Filter(filter) => {
                filter.expr.iter().for_each(|subject| self.part(subject));
                self.arguments(&filter.args, None);
            }
            Expr::Test(test) => {
                self.part(&test.expr);
                self.arguments(&test.args, None);
            }
            Expr::GetAttr(field) => self.part(&field.expr),
            Expr::GetItem(item) => {
                self.part(&item.expr);
                self.part(&item.subscript_expr);
                self.add(&item.subscript_expr, Check::Whole);
            }
            Expr::Call(call) => self.call(call, self.extent(part)),
            Expr::List(list) => list.items.iter().for_each(|item| self.part(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.part(item)),
            Expr::Map(map) => {
                for key in &map.keys {
                    self.part(key);
                    self.add(key, Check::Whole);
                }
                map.values.iter().for_each(|value| self.part(value));
            }
        }
    }

    fn call(&mut self, call: &Call<'_>, place: Range<usize>) {
        let check = match call.identify_call() {
            CallType::Function("loop") => Some(Check::Items),
            CallType::Function(_) => None,
            CallType::Method(subject, name) => {
                self.part(subject);
                // MiniJinja divides by the number of values.
                if name == "cycle" && !call.args.iter().any(|argument| matches!(argument, CallArg::Pos(_))) {
                    self.refusal.get_or_insert(Unreadable::Refused {
                        place,
                        message: "`loop.cycle` has no values to choose from".to_owned(),
                        help: "write them in its brackets, as in `loop.cycle(\"odd\", \"even\")`".to_owned(),
                    });
                }
                Some(Check::Whole)
            }
            CallType::Object(subject) => {
                self.part(subject);
                None
            }
        };
        self.arguments(&call.args, check);
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>], check: Option<Check>) {
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.part(value);
            if let Some(check) = check {
                self.add(value, check);
            }
        }
    }

    /// Puts a filter behind a part, unless it would do nothing.
    fn add(&mut self, part: &Expr<'_>, check: Check) {
        let is_needless = match (part, check) {
            (Expr::Const(literal), Check::Text) => literal.value.as_str().is_some(),
            (Expr::BinOp(operation), Check::Text) => matches!(operation.op, BinOpKind::Concat),
            (Expr::Const(literal), Check::Items) => literal.value.as_str().is_none(),
            (Expr::Const(_) | Expr::Test(_), Check::Whole) => true,
            _ => false,
        };
        if is_needless {
            return;
        }
        let Range { start, end } = self.extent(part);
        self.added.push((start, "("));
        self.added.push((end, check.suffix()));
    }

    /// Where a part stands, without the brackets around it. The syntax tree knows where a part ends, but not where one begins whose
    /// first word is another part.
    fn extent(&self, part: &Expr<'_>) -> Range<usize> {
        let span = part.span();
        let span = span.start_offset as usize..span.end_offset as usize;
        let first = match part {
            Expr::Var(_) | Expr::Const(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => return span,
            Expr::UnaryOp(operation) => {
                let operand = self.extent(&operation.expr);
                let word = match operation.op {
                    UnaryOpKind::Not => "not",
                    UnaryOpKind::Neg => "-",
                };
                // `a not in b` and `a is not b` have their word inside.
                let stands_before = span.start < operand.start && self.source[span.start..].starts_with(word);
                let start = if stands_before { span.start } else { operand.start };
                return start..if stands_before { self.around(operand).end } else { operand.end };
            }
            Expr::BinOp(operation) => {
                let start = self.around(self.extent(&operation.left)).start;
                return start..self.around(self.extent(&operation.right)).end;
            }
            Expr::Compare(chain) => {
                let start = self.around(self.extent(&chain.expr)).start;
                let last = chain.ops.last().map(|operation| self.around(self.extent(&operation.expr)).end);
                return start..last.unwrap_or(span.end);
            }
            Expr::IfExpr(choice) => {
                let start = self.around(self.extent(&choice.true_expr)).start;
                let last = choice.false_expr.as_ref().unwrap_or(&choice.test_expr);
                return start..self.around(self.extent(last)).end;
            }
            Expr::Filter(filter) => filter.expr.as_ref(),
            Expr::Test(test) => Some(&test.expr),
            Expr::Slice(slice) => Some(&slice.expr),
            Expr::GetAttr(field) => Some(&field.expr),
            Expr::GetItem(item) => Some(&item.expr),
            Expr::Call(call) => Some(&call.expr),
        };
        first.map_or(span.start, |first| self.around(self.extent(first)).start)..span.end
    }

    fn extent_of_call(&self, call: &minijinja::machinery::ast::Spanned<Call<'_>>) -> Range<usize> {
        let span = call.span();
        self.around(self.extent(&call.expr)).start..span.end_offset as usize
    }

    /// A place with the brackets that stand directly around it.
    fn around(&self, place: Range<usize>) -> Range<usize> {
        let before = self.source[..place.start].trim_end();
        let after = self.source[place.end..].trim_start();
        if before.ends_with('(') && after.starts_with(')') {
            self.around(before.len() - 1..self.source.len() - after.len() + 1)
        } else {
            place
        }
    }
}

fn is_comparison(operator: BinOpKind) -> bool {
    use BinOpKind::{Eq, Gt, Gte, Lt, Lte, Ne};
    matches!(operator, Eq | Ne | Lt | Lte | Gt | Gte)
}

fn is_literal(part: &Expr<'_>) -> bool {
    matches!(part, Expr::Const(_))
}
