//! The variables of a prompt: what may be inserted, of which type, within which limits.
//!
//! [`VariablesSpec`] is the shape in a file, [`Variables`] the same without anything that could be wrong, [`Interface`] what a
//! version was registered with. Nothing here renders.

mod check;
mod interface;
mod spec;

use std::borrow::Cow;

use indexmap::IndexMap;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::closest;
use crate::template::{TemplateFormat, UnknownVariable, Values, unknown_variables};

pub use interface::Interface;
pub use spec::{SpecProblem, VariableSpec, VariablesSpec};

/// The type of a variable: that of its JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VariableType {
    /// Text.
    String,
    /// A number without a fraction, between −2⁶³ and 2⁶⁴ − 1; `1.0` is not one.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list of anything.
    List,
    /// A map from names to anything.
    Object,
}

impl VariableType {
    /// The name as it stands in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    /// Whether the value is of this type.
    pub fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// A declared variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    kind: Option<VariableType>,
    required: bool,
    default: Option<Value>,
    allowed: Option<Vec<Value>>,
    max_length: Option<u64>,
    pattern: Option<Pattern>,
    description: Option<String>,
}

/// A regular expression that a value must match somewhere. It is matched in time linear in the value.
#[derive(Debug, Clone)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Variable {
    fn untyped(required: bool) -> Self {
        Self {
            kind: None,
            required,
            default: None,
            allowed: None,
            max_length: None,
            pattern: None,
            description: None,
        }
    }

    /// Its type; `None` takes any value.
    pub fn kind(&self) -> Option<VariableType> {
        self.kind
    }

    /// Whether a value must be given.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// What stands in its place when no value is given.
    pub fn default(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// The only values it takes, if they are listed.
    pub fn allowed(&self) -> Option<&[Value]> {
        self.allowed.as_deref()
    }

    /// The most characters (Unicode scalar values) of its text.
    pub fn max_length(&self) -> Option<u64> {
        self.max_length
    }

    /// The regular expression that its text must match somewhere.
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_ref().map(|pattern| pattern.0.as_str())
    }

    /// What it is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

/// Declared variables, in the order of their declaration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variables(IndexMap<String, Variable>);

impl Variables {
    /// Variables as templates use them, where nobody declared any: of any type. In the `format` language each needs a value;
    /// in `jinja` the template decides.
    pub fn inferred<'a>(format: TemplateFormat, names: impl IntoIterator<Item = &'a str>) -> Self {
        let required = format == TemplateFormat::Format;
        Self(names.into_iter().map(|name| (name.to_owned(), Variable::untyped(required))).collect())
    }

    /// The same, with those of `later` that are not among them and need no value: what was written before can use none of these.
    #[must_use]
    pub fn with_new_defaults_of(mut self, later: &Self) -> Self {
        for (name, variable) in later.0.iter().filter(|(_, variable)| variable.default.is_some()) {
            self.0.entry(name.clone()).or_insert_with(|| variable.clone());
        }
        self
    }

    /// The variable of this name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(name)
    }

    /// Names and variables, in the order of their declaration.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Variable)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    /// The names, in the order of their declaration.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value that a text stands for, where values come as text (a command line, a table): JSON for a variable of another
    /// type than string, else the text itself. A text that is no such JSON stays text, so that [`Variables::resolve`] says
    /// what was expected.
    pub fn value_from_text(&self, name: &str, text: &str) -> Value {
        let kind = self.get(name).and_then(|variable| variable.kind).unwrap_or(VariableType::String);
        let text_of_json = match kind {
            // Spreadsheets write every `true` as `TRUE`.
            VariableType::Boolean => Cow::Owned(text.to_ascii_lowercase()),
            _ => Cow::Borrowed(text),
        };
        let read = || serde_json::from_str(&text_of_json).ok().filter(|value| kind.admits(value));
        let typed = if kind == VariableType::String { None } else { read() };
        typed.unwrap_or_else(|| Value::from(text))
    }

    /// Adds defaults and checks every value; on failure, all that is wrong. Values of undeclared names are kept, and reported
    /// beside.
    pub fn resolve<'a>(&self, values: &'a Values) -> Result<Resolved<'a>, Vec<ValueProblem>> {
        let mut resolved = Cow::Borrowed(values);
        let mut problems = Vec::new();
        for (name, variable) in &self.0 {
            match (values.get(name), &variable.default) {
                (Some(value), _) => problems.extend(variable.fault(value).map(|fault| fault.of(name))),
                (None, Some(default)) => {
                    resolved.to_mut().insert(name.clone(), default.clone());
                }
                (None, None) if variable.required => problems.push(self.missing(name, values)),
                (None, None) => {}
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let known: Vec<&str> = self.names().collect();
        Ok(Resolved { unknown: unknown_variables(&known, values), values: resolved })
    }

    fn missing(&self, name: &str, values: &Values) -> ValueProblem {
        let undeclared = values.keys().map(String::as_str).filter(|given| !self.0.contains_key(*given));
        let help = match closest(name, undeclared) {
            Some(given) => format!("a value `{given}` was given; did you mean `{name}`?"),
            None => "give it a value, or declare a `default`".to_owned(),
        };
        ValueProblem {
            code: code::MISSING,
            variable: name.to_owned(),
            message: format!("no value for `{name}`"),
            help: Some(help),
        }
    }
}

/// Values with the defaults among them, fit for a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved<'a> {
    /// The values; copied only where a default was added.
    pub values: Cow<'a, Values>,
    /// Values that no declared variable takes, probably misspelt. Whether that is an error is for the caller to decide.
    pub unknown: Vec<UnknownVariable>,
}

/// A value that its variable does not take, or a variable without a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct ValueProblem {
    /// A stable name for programs: one of [`code`].
    pub code: &'static str,
    /// The variable.
    pub variable: String,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// The stable names of what can be wrong with a value.
pub mod code {
    /// A required variable has no value.
    pub const MISSING: &str = "value::missing_variable";
    /// The value has another type.
    pub const TYPE: &str = "value::type";
    /// The value is not one of those listed.
    pub const NOT_ALLOWED: &str = "value::not_allowed";
    /// The text has too many characters.
    pub const TOO_LONG: &str = "value::too_long";
    /// The text does not match the pattern.
    pub const PATTERN: &str = "value::pattern";
}

#[cfg(test)]
mod tests;
