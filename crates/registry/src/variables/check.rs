//! Whether a value fits a variable. Used for the values of a rendering and for the default and the listed values of a
//! declaration, so that all are held to one rule.

use serde_json::Value;

use super::{ValueProblem, Variable, VariableType, code};
use crate::excerpt::excerpt;
use crate::problem::closest;

/// Why a value does not fit; reads on from the name of the value.
pub(super) struct Fault {
    code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, help: None }
    }

    /// The same as a problem of the value for the variable `name`.
    pub(super) fn of(self, name: &str) -> ValueProblem {
        let message = format!("the value of `{name}` {}", self.message);
        ValueProblem { code: self.code, variable: name.to_owned(), message, help: self.help }
    }
}

impl Variable {
    /// What is wrong with this value, if anything.
    pub(super) fn fault(&self, value: &Value) -> Option<Fault> {
        self.fault_of_type(value).or_else(|| self.fault_of_list(value)).or_else(|| self.fault_of_text(value))
    }

    pub(super) fn fault_of_type(&self, value: &Value) -> Option<Fault> {
        let kind = self.kind.filter(|kind| !kind.admits(value))?;
        let mut fault = Fault::new(code::TYPE, format!("is {}, not {}", with_article(value), article(kind)));
        if kind == VariableType::Integer && value.is_f64() {
            fault.help = Some("write it without a fraction, or declare `type: number`".to_owned());
        } else if kind == VariableType::String && (value.is_number() || value.is_boolean()) {
            fault.help = Some(format!("quote it: `\"{value}\"`"));
        }
        Some(fault)
    }

    fn fault_of_list(&self, value: &Value) -> Option<Fault> {
        let allowed = self.allowed.as_ref().filter(|allowed| !allowed.contains(value))?;
        let message = match value {
            Value::String(text) => format!("is `{}`, which is not one of those listed", excerpt(text)),
            _ => "is not one of those listed".to_owned(),
        };
        let texts: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        let meant = value.as_str().and_then(|text| closest(text, texts));
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("one of {}", listed(allowed)),
        };
        Some(Fault { help: Some(help), ..Fault::new(code::NOT_ALLOWED, message) })
    }

    pub(super) fn fault_of_text(&self, value: &Value) -> Option<Fault> {
        let text = value.as_str()?;
        let length = text.chars().count();
        if let Some(most) =
            self.max_length.filter(|most| u64::try_from(length).is_ok_and(|length| length > *most))
        {
            return Some(Fault::new(code::TOO_LONG, format!("has {length} characters, more than {most}")));
        }
        let pattern = self.pattern.as_ref().filter(|pattern| !pattern.0.is_match(text))?;
        // The text itself may be private and is not repeated.
        Some(Fault::new(code::PATTERN, format!("does not match `{}`", pattern.0.as_str())))
    }
}

pub(super) fn listed(values: &[Value]) -> String {
    let shown = |value: &Value| match value {
        Value::String(text) => format!("`{}`", excerpt(text)),
        other => format!("`{}`", excerpt(&other.to_string())),
    };
    values.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn with_article(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => article(VariableType::Boolean),
        Value::Number(number) if number.is_f64() => article(VariableType::Number),
        Value::Number(_) => article(VariableType::Integer),
        Value::String(_) => article(VariableType::String),
        Value::Array(_) => article(VariableType::List),
        Value::Object(_) => article(VariableType::Object),
    }
}

fn article(kind: VariableType) -> &'static str {
    match kind {
        VariableType::String => "a string",
        VariableType::Integer => "an integer",
        VariableType::Number => "a number",
        VariableType::Boolean => "a boolean",
        VariableType::List => "a list",
        VariableType::Object => "an object",
    }
}
