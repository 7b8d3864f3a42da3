//! What the parts of an expression were: a reason names the field and the reference, so that nobody has to look for them.

use minijinja::machinery::ast::{Expr, UnaryOpKind};
use minijinja::machinery::parse_expr;
use serde_json::Value;

use super::written::{form, written};
use crate::validator::excerpt::{short_json, with_white_space};
use crate::validator::json_path::Step;
use crate::validator::view::View;

/// So many are told.
const SHOWN: usize = 4;

/// A field that an expression reads: `json.queue`, `inputs.order.id`, `reference`.
#[derive(Debug)]
pub(super) struct Part {
    root: Root,
    /// What is taken of it, each with the text up to there.
    steps: Vec<(Step, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Json,
    Inputs,
    Reference,
}

impl Root {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "inputs" => Some(Self::Inputs),
            "reference" => Some(Self::Reference),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Inputs => "inputs",
            Self::Reference => "reference",
        }
    }
}

/// The fields that an expression reads, in the order in which they are written; `output` is none of them: a reason shows it anyway.
pub(super) fn parts(source: &str) -> Vec<Part> {
    let mut found = Vec::new();
    if let Ok(expression) = parse_expr(source) {
        add(&expression, &mut found);
    }
    found
}

fn add(expression: &Expr<'_>, found: &mut Vec<Part>) {
    if let Some(part) = part(expression) {
        found.push(part);
        return;
    }
    form(expression, &mut |operand| {
        add(operand, found);
        String::new()
    });
}

fn part(expression: &Expr<'_>) -> Option<Part> {
    let (base, step, step_text) = match expression {
        Expr::Var(variable) => return Some(Part { root: Root::of_name(variable.id)?, steps: Vec::new() }),
        Expr::GetAttr(field) => (&field.expr, Step::Name(field.name.to_owned()), format!(".{}", field.name)),
        Expr::GetItem(item) => {
            let step = constant_step(&item.subscript_expr)?;
            let text = match step {
                Step::Index(index) => format!("[{index}]"),
                Step::Name(_) => format!("[{}]", written(&item.subscript_expr)),
            };
            (&item.expr, step, text)
        }
        _ => return None,
    };
    let mut part = part(base)?;
    let base_text = part.steps.last().map_or(part.root.name(), |(_, text)| text);
    let text = format!("{base_text}{step_text}");
    part.steps.push((step, text));
    Some(part)
}

fn constant_step(subscript: &Expr<'_>) -> Option<Step> {
    match subscript {
        Expr::Const(constant) => match constant.value.as_str() {
            Some(name) => Some(Step::Name(name.to_owned())),
            None => constant.value.as_i64().map(Step::Index),
        },
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Neg) => {
            match constant_step(&operation.expr)? {
                Step::Index(index) => index.checked_neg().map(Step::Index),
                Step::Name(_) => None,
            }
        }
        _ => None,
    }
}

/// A reason's message with what the parts were: `…: `json.queue` is "other", `reference` is "technical"`; as it is where there is
/// nothing to show.
pub(super) fn with_parts(message: &str, parts: &[Part], view: &View<'_>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for part in parts {
        // `json.ok` is false where it is false.
        let is_new = |said: &String| said != message && !shown.contains(said);
        let Some(said) = part.said(view).filter(is_new) else { continue };
        if shown.len() == SHOWN {
            shown.push("…".to_owned());
            break;
        }
        shown.push(said);
    }
    if shown.is_empty() { message.to_owned() } else { format!("{message}: {}", shown.join(", ")) }
}

impl Part {
    /// What it is, as far as it goes: of `json.order.id` what `json.order` is, where that has no fields. All of `json` and all of
    /// `inputs` say nothing: the reply is shown, and the case is at hand.
    fn said(&self, view: &View<'_>) -> Option<String> {
        let undefined = |text: &str| Some(format!("`{text}` is undefined"));
        let mut text = self.root.name();
        let mut steps = self.steps.iter();
        let mut value = match self.root {
            Root::Reference => match view.subject.reference {
                Some(reference) => return Some(format!("`{text}` is {}", with_white_space(reference))),
                None => return undefined(text),
            },
            Root::Json => match view.json() {
                Ok(value) => value,
                Err(_) => return undefined(text),
            },
            Root::Inputs => {
                let (Step::Name(name), written) = steps.next()? else { return None };
                text = written;
                match view.subject.inputs.get(name) {
                    Some(value) => value,
                    None => return undefined(text),
                }
            }
        };
        for (step, written) in steps {
            match (step.of(value), step, value) {
                (Some(inner), ..) => (text, value) = (written, inner),
                (None, Step::Name(_), Value::Object(_)) | (None, Step::Index(_), Value::Array(_)) => {
                    return undefined(written);
                }
                // A letter of a text, a field of a number: what that was.
                (None, ..) => break,
            }
        }
        (text != "json").then(|| format!("`{text}` is {}", short(value)))
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => with_white_space(text),
        other => short_json(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::validator::Subject;
    use crate::validator::tests::{build, describe, reply};

    const REPLY: &str =
        r#"{"queue": "other", "score": 2.0, "order": {"id": 7, "tags": ["a", null]}, "sure": false}"#;

    fn verdict(check: &str, text: &str) -> String {
        let inputs = serde_json::from_value(json!({"name": "Ada", "order": {"id": 8}})).unwrap();
        let reply = reply(text);
        let subject = Subject::new(&reply, &inputs).reference(Some("technical"));
        let yaml = if check.contains("_of: ") { check.to_owned() } else { format!("expr: {}", json!(check)) };
        let said = describe(&build(&yaml).unwrap().check(&subject));
        said.split(" | got: ").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_reason_says_what_the_fields_were() {
        let checks = [
            "json.queue == reference",
            "not (json.queue != reference)",
            "json.score > 3 and inputs.name in output",
            "json.order.id == inputs.order.id",
            "json['order']['tags'][0] == json.order.tags[-1]",
            "json.order.tags | length > 2",
            "json.order == inputs.order or json.sure",
            "json.queue[0] == 't'",
            "json.queue == reference and json.queue == reference | lower",
            "[json.sure, json.score, json.queue, reference, inputs.name] == []",
            "{inputs.name: json.score}[output[:3]] | default(reference) is number and output is none",
        ];
        insta::assert_snapshot!(checks.map(|check| verdict(check, REPLY)).join("\n"));
    }

    #[test]
    fn what_is_undefined_is_said_as_far_as_it_goes() {
        let checks = [
            "json.kind is defined and json.kind == 'a'",
            "json.kidn == 'a'",
            "json.order.nr.first == 3",
            "json.order.tags[2] == 3",
            "json.queue.first == 'o'",
            "json.queue > 3",
            "json.queue | float > 3",
            "inputs.nr is defined and json.score > inputs.nr",
        ];
        let of_text = ["json is defined", "json is defined and json.a == 3", "json.a == 3", "'x' in output"];
        let lines = checks.map(|check| verdict(check, REPLY)).join("\n");
        insta::assert_snapshot!(format!(
            "{lines}\n\n{}",
            of_text.map(|check| verdict(check, "no")).join("\n")
        ));
    }

    #[test]
    fn where_nothing_is_to_be_shown_the_sentence_stays() {
        for check in ["json.sure", "output == 'x'", "json == inputs", "output[0] == 'x'", "json | length > 9"]
        {
            assert_eq!(verdict(check, REPLY), format!("`{check}` is false"));
        }
    }

    #[test]
    fn other_checks_tell_it_too() {
        let checks = [
            "all_of: [{expr: json.queue == reference}, {expr: json.sure}]",
            "none_of: [{expr: json.queue != reference}]",
        ];
        insta::assert_snapshot!(checks.map(|check| verdict(check, REPLY)).join("\n"));
    }

    #[test]
    fn long_values_are_cut_and_white_space_is_seen() {
        let long =
            json!({"text": "é".repeat(500), "list": vec!["é"; 500], "name": " technical\n"}).to_string();
        insta::assert_snapshot!(
            [
                verdict("json.text == reference", &long),
                verdict("json.list == [reference]", &long),
                verdict("json.name == reference", &long),
            ]
            .join("\n")
        );
    }
}
