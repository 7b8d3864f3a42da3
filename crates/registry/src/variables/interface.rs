//! The interface of a version: what a caller must know to render it.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Variable, Variables};
use crate::digest::Digest;
use crate::template::TemplateFormat;

/// The template language and the variables that a version is registered with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interface {
    format: TemplateFormat,
    variables: Variables,
}

impl Interface {
    /// An interface of these parts.
    pub fn new(format: TemplateFormat, variables: Variables) -> Self {
        Self { format, variables }
    }

    /// The language of the templates.
    pub fn format(&self) -> TemplateFormat {
        self.format
    }

    /// The variables.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// SHA-256 of the interface in its normal form, so that two spellings of one interface agree and a change of what a
    /// caller may pass does not.
    ///
    /// The normal form is [canonical JSON](crate::digest::canonical_json):
    /// `{"template_format": "format", "variables": {name: {"required": true, …}}}`, where a variable has `type`, `default`,
    /// `enum`, `max_length` and `pattern` if they are declared. Descriptions, the order of the variables and the choice
    /// between the list and the map form make no difference; the order of `enum` does not either.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&self.normal_form())
    }

    fn normal_form(&self) -> Value {
        let variables: Map<String, Value> =
            self.variables.iter().map(|(name, variable)| (name.to_owned(), variable.normal_form())).collect();
        Value::Object(Map::from_iter([
            ("template_format".to_owned(), Value::from(self.format.as_str())),
            ("variables".to_owned(), Value::Object(variables)),
        ]))
    }
}

/// As they would be declared in a file, in their order: [`VariablesSpec`](super::VariablesSpec) reads the same variables again.
impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, variable)| {
            let mut declaration = variable.declaration(variable.allowed.clone());
            let description = variable.description().map(|text| ("description".to_owned(), text.into()));
            declaration.extend(description);
            (name, declaration)
        }))
    }
}

impl Variable {
    fn normal_form(&self) -> Value {
        let mut allowed = self.allowed.clone();
        if let Some(values) = &mut allowed {
            values.sort_by_cached_key(crate::digest::canonical_json);
        }
        Value::Object(self.declaration(allowed))
    }

    /// What a caller must know of it, with the listed values in this order.
    fn declaration(&self, allowed: Option<Vec<Value>>) -> Map<String, Value> {
        let members = [
            ("type", self.kind.map(|kind| Value::from(kind.name()))),
            ("required", Some(Value::from(self.required))),
            ("default", self.default.clone()),
            ("enum", allowed.map(Value::Array)),
            ("max_length", self.max_length.map(Value::from)),
            ("pattern", self.pattern().map(Value::from)),
        ];
        members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}
