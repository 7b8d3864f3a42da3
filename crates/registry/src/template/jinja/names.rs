//! The variables that a template takes from outside. `MiniJinja` names them too, but does not look at what is sliced, as `name` in
//! `{{ name[:3] }}`, nor at what stands behind the name of a filter block.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{CallArg, Expr, Stmt};

/// The names that are read where the template has given them no value.
pub(super) fn undeclared(template: &Stmt<'_>) -> BTreeSet<String> {
    let mut names = Names { found: BTreeSet::new(), scopes: vec![BTreeSet::from(["self"])] };
    names.statement(template);
    names.found
}

struct Names<'t> {
    found: BTreeSet<String>,
    /// What the template has given a value, by the block that it holds in.
    scopes: Vec<BTreeSet<&'t str>>,
}

impl<'t> Names<'t> {
    fn statement(&mut self, statement: &'t Stmt<'t>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(printed) => self.read(&printed.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(walk) => {
                self.read(&walk.iter);
                self.scopes.push(BTreeSet::from(["loop"]));
                self.assign(&walk.target);
                walk.filter_expr.iter().for_each(|condition| self.read(condition));
                self.statements(&walk.body);
                self.scopes.pop();
                self.block(&walk.else_body);
            }
            Stmt::IfCond(condition) => {
                self.read(&condition.expr);
                let one = self.block(&condition.true_body);
                let other = self.block(&condition.false_body);
                // What only one of the two gives a value is read from outside where the other is taken, as in Jinja2.
                self.give(one.into_iter().filter(|name| other.contains(name)));
            }
            Stmt::WithBlock(block) => {
                self.scopes.push(BTreeSet::new());
                for (target, value) in &block.assignments {
                    self.read(value);
                    self.assign(target);
                }
                self.statements(&block.body);
                self.scopes.pop();
            }
            Stmt::Set(set) => {
                self.read(&set.expr);
                self.assign(&set.target);
            }
            Stmt::SetBlock(block) => {
                block.filter.iter().for_each(|filter| self.read(filter));
                self.block(&block.body);
                self.assign(&block.target);
            }
            Stmt::AutoEscape(block) => {
                self.read(&block.enabled);
                self.block(&block.body);
            }
            Stmt::FilterBlock(block) => {
                self.read(&block.filter);
                self.block(&block.body);
            }
            Stmt::Do(statement) => {
                self.read(&statement.call.expr);
                self.arguments(&statement.call.args);
            }
        }
    }

    fn statements(&mut self, statements: &'t [Stmt<'t>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    /// Reads a block of its own; returns what it gives a value.
    fn block(&mut self, statements: &'t [Stmt<'t>]) -> BTreeSet<&'t str> {
        self.scopes.push(BTreeSet::new());
        self.statements(statements);
        self.scopes.pop().unwrap_or_default()
    }

    fn give(&mut self, names: impl IntoIterator<Item = &'t str>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(names);
        }
    }

    fn assign(&mut self, target: &'t Expr<'t>) {
        match target {
            Expr::Var(variable) => self.give([variable.id]),
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item)),
            _ => {}
        }
    }

    fn read(&mut self, part: &Expr<'_>) {
        match part {
            Expr::Var(variable) => {
                if !self.scopes.iter().any(|scope| scope.contains(variable.id)) {
                    self.found.insert(variable.id.to_owned());
                }
            }
            Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.read(&slice.expr);
                [&slice.start, &slice.stop, &slice.step]
                    .into_iter()
                    .flatten()
                    .for_each(|bound| self.read(bound));
            }
            Expr::UnaryOp(operation) => self.read(&operation.expr),
            Expr::BinOp(operation) => {
                self.read(&operation.left);
                self.read(&operation.right);
            }
            Expr::Compare(chain) => {
                self.read(&chain.expr);
                chain.ops.iter().for_each(|then| self.read(&then.expr));
            }
            Expr::IfExpr(choice) => {
                self.read(&choice.true_expr);
                self.read(&choice.test_expr);
                choice.false_expr.iter().for_each(|otherwise| self.read(otherwise));
            }
            Expr::Filter(filter) => {
                filter.expr.iter().for_each(|subject| self.read(subject));
                self.arguments(&filter.args);
            }
            Expr::Test(test) => {
                self.read(&test.expr);
                self.arguments(&test.args);
            }
            Expr::GetAttr(field) => self.read(&field.expr),
            Expr::GetItem(item) => {
                self.read(&item.expr);
                self.read(&item.subscript_expr);
            }
            Expr::Call(call) => {
                self.read(&call.expr);
                self.arguments(&call.args);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.read(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.read(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.read(item)),
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.read(value);
        }
    }
}
