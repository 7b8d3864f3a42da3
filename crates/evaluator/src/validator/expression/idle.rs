//! Whether an expression can be told from `true`: it is tried with replies that differ in whatever it may look at. What is true for all
//! of them is most likely true for every one; that is a suspicion, and a warning.

use std::collections::BTreeSet;

use minijinja::Expression;
use minijinja::machinery::ast::Expr;
use minijinja::machinery::parse_expr;
use minijinja::value::ValueKind;
use promptassay_registry::template::Values;
use serde_json::{Map, Value, json};

use super::evaluate;
use super::written::form;

/// So many texts of an expression make replies of their own.
const MOST_LITERALS: usize = 12;
/// How often a text is written to be long, whatever an expression counts.
const LONG: usize = 2_000;
/// The longest reply that is made of texts that are written.
const MOST_BYTES: usize = 1 << 20;
/// Where a number is larger, it may count more than is tried, and nothing is said.
const LARGEST: i64 = 100_000;
/// How many times what a number counts is still tried: it may count parts of a text, or be multiplied.
const MANY_TIMES: usize = 16;

/// That an expression asks nothing of a reply, where it looks so. `reads` is what it reads, such as `json.score`.
pub(super) fn idle(
    source: &str,
    expression: &Expression<'static, 'static>,
    reads: &BTreeSet<String>,
) -> Option<String> {
    if !reads.iter().any(|path| is_of(path, "output") || is_of(path, "json")) {
        return Some(format!("`{source}` looks at nothing of the reply"));
    }
    let given = |path: &&str| is_of(path, "inputs") || *path == "reference";
    let given: Vec<&str> = reads.iter().map(String::as_str).filter(given).collect();
    let literals = Literals::of(source);
    if literals.numbers.iter().any(|number| number.abs() > LARGEST) {
        return None;
    }
    let holds = |case: &Map<String, Value>, (output, json): &(String, Option<Value>)| {
        let reference = case.get("reference").and_then(Value::as_str);
        let inputs = case.get("inputs").cloned().unwrap_or_default();
        let inputs: Values = serde_json::from_value(inputs).unwrap_or_default();
        let value = evaluate(expression, output, json.as_ref(), &inputs, reference).ok()?;
        Some(value.kind() == ValueKind::Bool && value.is_true())
    };
    let always = if given.is_empty() {
        // Most expressions are told from `true` by these, and the others take longer.
        let short = ["", "x", "{}"].map(|text| (text.to_owned(), serde_json::from_str(text).ok()));
        let is_true = |reply| holds(&Map::new(), reply) == Some(true);
        short.iter().all(is_true) && replies(reads, &literals).iter().all(is_true)
    } else {
        let replies = replies(reads, &literals);
        let values = literals.values().into_iter().filter(|value| value.to_string().len() < LONG);
        let mut is_true = false;
        for case in values.map(|value| with(&given, &value)) {
            match holds_always(replies.iter().map(|reply| holds(&case, reply))) {
                Some(true) => is_true = true,
                Some(false) => return None,
                // A value of a kind that the expression can do nothing with says nothing of it.
                None => {}
            }
        }
        is_true
    };
    always.then(|| format!("`{source}` is true whatever the reply says, as far as could be tried"))
}

/// Whether all that could be evaluated is true, and that was all; `None` where nothing could.
fn holds_always(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let (mut some, mut failed) = (false, false);
    for result in results {
        match result {
            Some(true) => some = true,
            Some(false) => return Some(false),
            None => failed = true,
        }
        if some && failed {
            return Some(false);
        }
    }
    some.then_some(true)
}

fn is_of(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What is written in an expression.
#[derive(Default)]
struct Literals {
    texts: BTreeSet<String>,
    numbers: BTreeSet<i64>,
}

impl Literals {
    fn of(source: &str) -> Self {
        let mut literals = Self::default();
        if let Ok(expression) = parse_expr(source) {
            literals.add(&expression);
        }
        literals
    }

    fn add(&mut self, part: &Expr<'_>) {
        if let Expr::Const(constant) = part {
            if let Some(text) = constant.value.as_str().filter(|_| self.texts.len() < MOST_LITERALS) {
                self.texts.insert(text.to_owned());
            }
            if let Ok(number) = f64::try_from(constant.value.clone()) {
                // Whatever is too large to be tried is the largest.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a cast to a whole number keeps to its range"
                )]
                self.numbers.insert(number.ceil() as i64);
            }
        }
        form(part, &mut |operand| {
            self.add(operand);
            String::new()
        });
    }

    /// Values of JSON of every kind, and around what is written.
    fn values(&self) -> Vec<Value> {
        let mut values = vec![
            json!("x"),
            json!(1),
            json!(true),
            json!(null),
            json!(false),
            json!(0),
            json!(-1),
            json!(0.5),
            json!(1e12),
            json!(-1e12),
            json!(""),
            json!([]),
            json!({}),
            json!(["x"]),
            json!({"x": 1}),
            json!([0, "x", null]),
        ];
        values.extend(self.texts.iter().flat_map(|text| [json!(text), json!([text]), json!({text: text})]));
        for number in self.numbers.iter().take(MOST_LITERALS) {
            values.extend(
                [*number, number.saturating_sub(1), number.saturating_add(1)].map(|near| json!(near)),
            );
        }
        values.push(json!("x ".repeat(LONG)));
        values.push(json!(vec!["x"; LONG]));
        values
    }
}

/// An object that has this value at each of these paths.
fn with(paths: &[&str], value: &Value) -> Map<String, Value> {
    let mut root = Map::new();
    for path in paths {
        let mut names: Vec<&str> = path.split('.').collect();
        let last = names.pop().unwrap_or_default();
        let mut inside = Some(&mut root);
        for name in names {
            inside =
                inside.and_then(|object| object.entry(name).or_insert_with(|| json!({})).as_object_mut());
        }
        if let Some(object) = inside {
            object.insert(last.to_owned(), value.clone());
        }
    }
    root
}

/// Replies, with their JSON where they are any; those first that most expressions tell apart.
fn replies(reads: &BTreeSet<String>, literals: &Literals) -> Vec<(String, Option<Value>)> {
    let mut texts: Vec<String> = ["", "x", " x \n", "Ab\té, 日本 🙂", "a b\n\n```\nc\n```", "-1", "0", "1.5"]
        .map(str::to_owned)
        .into();
    texts.push((' '..='~').collect());
    for text in &literals.texts {
        texts.extend([
            text.clone(),
            text.to_uppercase(),
            text.to_lowercase(),
            format!("x {text} x"),
            text.repeat(9),
        ]);
    }
    let all: Vec<&str> = literals.texts.iter().map(String::as_str).collect();
    let often = LONG.min(MOST_BYTES / all.concat().len().max(1));
    texts.extend([all.concat(), all.join(" "), all.join("\n").repeat(often)]);
    for number in literals.numbers.iter().take(MOST_LITERALS) {
        texts.push(number.to_string());
        let count = usize::try_from(*number).unwrap_or(0);
        let near = [count.saturating_sub(1), count, count + 1];
        texts.extend(near.iter().flat_map(|count| ["x", "x ", "\n"].map(|text| text.repeat(*count))));
    }
    let most = literals.numbers.last().and_then(|most| usize::try_from(*most).ok()).unwrap_or(0);
    texts.extend(["x".repeat(LONG), "x \n".repeat(MANY_TIMES * most + LONG)]);
    let paths: Vec<&str> = reads.iter().filter_map(|path| path.strip_prefix("json.")).collect();
    let mut replies: Vec<(String, Option<Value>)> = texts
        .into_iter()
        .map(|text| {
            let json = serde_json::from_str(&text).ok();
            (text, json)
        })
        .collect();
    for value in literals.values() {
        let object = Value::Object(with(&paths, &value));
        replies.extend([(object.to_string(), Some(object)), (value.to_string(), Some(value))]);
    }
    replies
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
            "(output | length) < 5 or (output | length) > 4",
        ] {
            assert!(warned(expression).is_some(), "{expression}");
        }
        insta::assert_snapshot!(
            ["output | length >= 0", "inputs.lang == 'de'"].map(|expression| warned(expression).unwrap()).join("\n"),
            @"
        v.yaml:1:1: `output | length >= 0` is true whatever the reply says, as far as could be tried (help: ask something of `output` or `json` that a reply can get wrong)
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
        ] {
            assert_eq!(warned(expression), None, "{expression}");
        }
    }
}
