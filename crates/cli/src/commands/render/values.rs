//! The values that a rendering is given: those of a case, of a file or standard input over them, and `--var` over all.

use std::io::Read as _;
use std::path::Path;

use indexmap::IndexMap;
use promptassay_registry::files::read_text;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::template::Values;
use promptassay_registry::variables::{Variable, VariableType, Variables};
use promptassay_registry::yaml::Document;
use serde_json::Value;

use crate::failure::Failure;
use crate::key_value::KeyValue;

/// The largest file of values that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Values, and where they come from.
pub(super) struct Given {
    pub(super) values: Values,
    /// The file that some stand in.
    document: Option<Document>,
    /// The names that `--var` sets.
    overridden: Vec<String>,
}

impl Given {
    /// Those of `file` win over `case`, and `assignments` over both.
    pub(super) fn read(
        case: Values,
        file: Option<&Path>,
        assignments: &[KeyValue],
        variables: &Variables,
    ) -> Result<Self, Failure> {
        let document = file.map(read_document).transpose()?;
        let mut values = case;
        if let Some(document) = &document {
            values.extend(read_values(document)?);
        }
        for KeyValue { key, value } in assignments {
            values.insert(key.clone(), typed(value, variables.get(key).and_then(Variable::kind)));
        }
        let overridden = assignments.iter().map(|assignment| assignment.key.clone()).collect();
        Ok(Self { values, document, overridden })
    }

    /// Where the value of this name stands, if it stands in a file.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let document = self.document.as_ref()?;
        if self.overridden.iter().any(|overridden| overridden == name) {
            return None;
        }
        let keys = document.keys_at(&[]);
        let (_, span) = keys.iter().find(|(key, _)| *key == name)?;
        Some(document.place(*span))
    }
}

/// What is typed on a command line is text; where another type is declared, the text is its JSON. What is not JSON stays text, and
/// whoever checks types says so.
fn typed(text: &str, kind: Option<VariableType>) -> Value {
    match kind {
        None | Some(VariableType::String) => Value::from(text),
        Some(_) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

fn read_document(path: &Path) -> Result<Document, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text).map_err(|error| {
            let message = format!("standard input cannot be read: {error}");
            Failure::invalid_one(Problem::error("cli::stdin", message).help("pass YAML or JSON as UTF-8"))
        })?;
        text
    } else {
        read_text(path, MAX_BYTES).map_err(|problem| Failure::invalid_one(*problem))?
    };
    let shown = if path == Path::new("-") { Path::new("<standard input>") } else { path };
    let mut problems = Vec::new();
    match Document::parse(shown, text, &mut problems) {
        Some(document) if !has_errors(&problems) => Ok(document),
        _ => Err(Failure::invalid(problems)),
    }
}

fn read_values(document: &Document) -> Result<Values, Failure> {
    if document.is_empty() {
        return Ok(Values::new());
    }
    let reading = document.read::<IndexMap<String, Value>>();
    match reading.value {
        Some(values) if reading.problems.is_empty() => Ok(values),
        _ => Err(Failure::invalid(reading.problems)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_assignment_is_text_unless_another_type_is_declared() {
        assert_eq!(typed("3", None), json!("3"));
        assert_eq!(typed("3", Some(VariableType::String)), json!("3"));
        assert_eq!(typed("3", Some(VariableType::Integer)), json!(3));
        assert_eq!(typed("[1, 2]", Some(VariableType::List)), json!([1, 2]));
        assert_eq!(typed("three", Some(VariableType::Integer)), json!("three"));
    }
}
