//! What an expression reads. `MiniJinja` answers that too, but does not look at what is sliced: not at `output` in `output[:3]`.

use std::collections::BTreeSet;

use minijinja::machinery::ast::Expr;
use minijinja::machinery::parse_expr;

use super::written::form;

/// The names that are read, those of functions too, each with the fields that are taken of it: `json.score`.
pub(super) fn reads(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Ok(expression) = parse_expr(source) {
        add(&expression, &mut found);
    }
    found
}

fn add(part: &Expr<'_>, found: &mut BTreeSet<String>) {
    if let Some(path) = path(part) {
        found.insert(path);
        return;
    }
    if let Expr::Call(call) = part
        && let Expr::Var(function) = &call.expr
    {
        found.insert(function.id.to_owned());
    }
    form(part, &mut |operand| {
        add(operand, found);
        String::new()
    });
}

/// A name with the fields that are taken of it.
fn path(part: &Expr<'_>) -> Option<String> {
    match part {
        Expr::Var(variable) => Some(variable.id.to_owned()),
        Expr::GetAttr(field) => Some(format!("{}.{}", path(&field.expr)?, field.name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sliced_is_read_as_well() {
        let read = |source: &str| reads(source).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(read("output[:3] == 'Yes'"), "output");
        assert_eq!(
            read("inputs.nam[json.a:reference[1:]] ~ range(json.b.c)[0]"),
            "inputs.nam json.a json.b.c range reference"
        );
        assert_eq!(
            read("json['a'].b | default(json.c) is in({json.k: [output]})"),
            "json json.c json.k output"
        );
        assert_eq!(read("json.items.first() if not output.x else -json.n"), "json.items json.n output.x");
    }
}
