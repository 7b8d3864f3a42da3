//! The JSON Schema of a validator, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::json;

use super::check_spec::CheckSpec;
use super::{CHECKS, ValidatorSpec};

impl JsonSchema for ValidatorSpec {
    fn schema_name() -> Cow<'static, str> {
        "Validator".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for check in CHECKS {
            let argument = CheckSpec::schema(check.kind, generator);
            let with_about = |about: String| {
                let mut argument = argument.clone();
                argument["description"] = about.into();
                argument
            };
            properties.insert(check.name.to_owned(), with_about(check.about.to_owned()));
            if check.has_negation {
                properties.insert(format!("not_{}", check.name), with_about(format!("Not: {}", check.about)));
            }
        }
        let common = [
            ("name", json!({"type": "string", "description": "The name that reports use."})),
            (
                "weight",
                json!({"type": "number", "minimum": 0, "default": 1, "description": "Its share in the score."}),
            ),
            (
                "threshold",
                json!({"type": "number", "minimum": 0, "maximum": 1, "description": "The score must be at least this, beside what the check itself asks for."}),
            ),
            (
                "warn",
                json!({"type": "boolean", "default": false, "description": "Reported only; takes no part in pass or score."}),
            ),
            (
                "at",
                json!({"type": "string", "pattern": "^\\$", "description": "The part of the reply's JSON that is looked at, such as `$.answer.items[0]`."}),
            ),
        ];
        properties.extend(common.map(|(key, schema)| (key.to_owned(), schema)));
        let schema = json!({
            "type": "object",
            "description": "One check, beside optional `name`, `weight`, `threshold`, `warn` and `at`.",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": properties,
        });
        Schema::try_from(schema).unwrap_or_default()
    }
}
