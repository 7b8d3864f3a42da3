//! Variables as they are written in a file, and their validation with every problem at once.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Pattern, Variable, VariableType, Variables};
use crate::excerpt::excerpt;
use crate::template::TemplateFormat;
use crate::template::identifier;
use crate::yaml::control_character;

/// The most bytes of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// `variables:` as written: a list of names, or a map from names to declarations.
#[derive(Debug, Clone, PartialEq)]
pub enum VariablesSpec {
    /// Names; each takes any value and needs one.
    Names(Vec<String>),
    /// Declarations by name.
    Declared(IndexMap<String, VariableSpec>),
}

/// The declaration of one variable, as written: a map, the name of a type, or nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VariableSpec(VariableFields);

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VariableDeclaration")]
struct VariableFields {
    /// The type of the value; without it, any value is taken.
    r#type: Option<VariableType>,
    /// Whether a value must be given. Without it: yes, unless there is a default.
    required: Option<bool>,
    /// What stands in its place when no value is given.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Value")]
    default: Option<Value>,
    /// The only values it takes.
    r#enum: Option<Vec<Value>>,
    /// The most characters of the text.
    max_length: Option<u64>,
    /// A regular expression that the text must match somewhere; anchor it with `^` and `$` to mean all of the text.
    pattern: Option<String>,
    /// What the variable is for.
    description: Option<String>,
}

/// `default: null` is a default, unlike no `default` at all.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// One thing that is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpecProblem {
    /// The keys that lead from `variables` to the place: the name of the variable, then the key of its declaration. Empty
    /// for the list form.
    pub path: Vec<String>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl VariablesSpec {
    /// The variables that are meant; on failure, everything that is wrong, in the order of the file.
    pub fn validate(&self, format: TemplateFormat) -> Result<Variables, Vec<SpecProblem>> {
        let mut problems = Vec::new();
        let variables = match self {
            Self::Names(names) => validate_names(names, &mut problems),
            Self::Declared(declarations) => {
                let mut variables = IndexMap::new();
                for (name, spec) in declarations {
                    check_name(name, std::slice::from_ref(name), &mut problems);
                    variables.insert(
                        name.clone(),
                        Validation { name, format, problems: &mut problems }.variable(&spec.0),
                    );
                }
                variables
            }
        };
        if problems.is_empty() { Ok(Variables(variables)) } else { Err(problems) }
    }
}

fn validate_names(names: &[String], problems: &mut Vec<SpecProblem>) -> IndexMap<String, Variable> {
    let mut variables = IndexMap::new();
    for name in names {
        check_name(name, &[], problems);
        if variables.insert(name.clone(), Variable::untyped(true)).is_some() {
            let message = format!("`{}` is listed twice", excerpt(name));
            problems.push(SpecProblem {
                path: Vec::new(),
                message,
                help: Some("keep one of the two".to_owned()),
            });
        }
    }
    variables
}

fn check_name(name: &str, path: &[String], problems: &mut Vec<SpecProblem>) {
    if let Err(invalid) = identifier::check(name) {
        problems.push(SpecProblem {
            path: path.to_vec(),
            message: format!("`{}` is not a variable name: {}", excerpt(name), invalid.reason),
            help: invalid.suggestion.map(|suggestion| format!("write `{suggestion}`")),
        });
    }
}

/// The validation of one declaration.
struct Validation<'a> {
    name: &'a str,
    format: TemplateFormat,
    problems: &'a mut Vec<SpecProblem>,
}

impl Validation<'_> {
    fn variable(mut self, fields: &VariableFields) -> Variable {
        let mut variable = Variable {
            kind: fields.r#type,
            required: fields.required.unwrap_or(fields.default.is_none()),
            default: fields.default.clone(),
            allowed: None,
            max_length: fields.max_length,
            pattern: fields.pattern.as_ref().and_then(|pattern| self.pattern(pattern)),
            description: fields.description.clone(),
        };
        self.check_text_rules(fields);
        if let Some(allowed) = &fields.r#enum {
            self.check_enum(allowed, &variable);
            variable.allowed = Some(allowed.clone());
        }
        if let Some(fault) = fields.default.as_ref().and_then(|default| variable.fault(default)) {
            self.problem("default", format!("the default of `{}` {}", self.name, fault.message), fault.help);
        }
        self.check_required(fields);
        variable
    }

    fn pattern(&mut self, pattern: &str) -> Option<Pattern> {
        if let Some(found) = control_character(pattern) {
            let message = format!("the pattern of `{}` holds {found}, which no value has", self.name);
            self.problem("pattern", message, Some(found.help()));
            return None;
        }
        let compiled: Result<Regex, _> = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build();
        match compiled {
            Ok(regex) => Some(Pattern(regex)),
            Err(error) => {
                let (reason, help) = explain(&error);
                self.problem(
                    "pattern",
                    format!("the pattern of `{}` is no regular expression: {reason}", self.name),
                    help,
                );
                None
            }
        }
    }

    fn check_text_rules(&mut self, fields: &VariableFields) {
        let is_string = fields.r#type == Some(VariableType::String);
        for (key, is_used) in
            [("max_length", fields.max_length.is_some()), ("pattern", fields.pattern.is_some())]
        {
            if is_used && !is_string {
                let help = "add `type: string`, or remove it".to_owned();
                self.problem(key, format!("`{key}` of `{}` holds for strings only", self.name), Some(help));
            }
        }
        if fields.max_length == Some(0) {
            self.problem(
                "max_length",
                format!("`max_length` of `{}` admits no text", self.name),
                Some("at least 1".to_owned()),
            );
        }
    }

    fn check_enum(&mut self, allowed: &[Value], variable: &Variable) {
        if allowed.is_empty() {
            let help = "list the values, or remove `enum`".to_owned();
            self.problem("enum", format!("`enum` of `{}` admits no value", self.name), Some(help));
        }
        for (index, value) in allowed.iter().enumerate() {
            let shown = super::check::listed(std::slice::from_ref(value));
            if allowed[..index].contains(value) {
                self.problem("enum", format!("{shown} is listed twice in `enum` of `{}`", self.name), None);
            } else if let Some(fault) = variable.fault(value) {
                self.problem(
                    "enum",
                    format!("{shown} in `enum` of `{}` {}", self.name, fault.message),
                    fault.help,
                );
            }
        }
    }

    fn check_required(&mut self, fields: &VariableFields) {
        match (fields.required, &fields.default) {
            (Some(true), Some(_)) => {
                let help = "remove `required` or `default`".to_owned();
                self.problem(
                    "required",
                    format!("`{}` is required, so its default is never used", self.name),
                    Some(help),
                );
            }
            (Some(false), None) if self.format == TemplateFormat::Format => {
                let help = "add a default: `default: \"\"` leaves its place empty".to_owned();
                let message =
                    format!("`{}` is not required, and nothing says what stands in its place", self.name);
                self.problem("required", message, Some(help));
            }
            _ => {}
        }
    }

    fn problem(&mut self, key: &str, message: String, help: Option<String>) {
        self.problems.push(SpecProblem { path: vec![self.name.to_owned(), key.to_owned()], message, help });
    }
}

/// What is wrong with a regular expression, in one line.
fn explain(error: &regex::Error) -> (String, Option<String>) {
    match error {
        regex::Error::CompiledTooBig(_) => {
            ("it is too large".to_owned(), Some("use smaller repetition counts".to_owned()))
        }
        other => {
            // The library draws the pattern over several lines; its last line says what is wrong.
            let text = other.to_string();
            (text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(), None)
        }
    }
}

impl<'de> Deserialize<'de> for VariablesSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMap;

        impl<'de> Visitor<'de> for ListOrMap {
            type Value = VariablesSpec;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of names or a map from names to declarations")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<VariablesSpec, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element()? {
                    names.push(name);
                }
                Ok(VariablesSpec::Names(names))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<VariablesSpec, A::Error> {
                let mut declarations = IndexMap::new();
                while let Some((name, declaration)) = members.next_entry()? {
                    declarations.insert(name, declaration);
                }
                Ok(VariablesSpec::Declared(declarations))
            }
        }

        deserializer.deserialize_any(ListOrMap)
    }
}

impl<'de> Deserialize<'de> for VariableSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Declaration;

        impl<'de> Visitor<'de> for Declaration {
            type Value = VariableSpec;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a type or a map such as `{type: string}`")
            }

            fn visit_unit<E>(self) -> Result<VariableSpec, E> {
                Ok(VariableSpec::default())
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<VariableSpec, E> {
                let kind = VariableType::deserialize(name.into_deserializer())?;
                Ok(VariableSpec(VariableFields { r#type: Some(kind), ..VariableFields::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<VariableSpec, A::Error> {
                VariableFields::deserialize(MapAccessDeserializer::new(members)).map(VariableSpec)
            }
        }

        deserializer.deserialize_any(Declaration)
    }
}

impl JsonSchema for VariablesSpec {
    fn schema_name() -> Cow<'static, str> {
        "Variables".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let declaration = generator.subschema_for::<VariableSpec>();
        json_schema!({
            "description": "The variables: a list of names, or a map from names to declarations.",
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
                {"type": "object", "additionalProperties": declaration}
            ]
        })
    }
}

impl JsonSchema for VariableSpec {
    fn schema_name() -> Cow<'static, str> {
        "Variable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<VariableFields>();
        let kind = generator.subschema_for::<VariableType>();
        json_schema!({
            "description": "A declaration, the name of a type, or nothing for a value of any type.",
            "anyOf": [fields, kind, {"type": "null"}]
        })
    }
}
