//! `json_schema`: whether the reply is JSON that fits a JSON Schema: draft 2020-12, or draft 7 where `$schema` says so. Formats are
//! checked. Nothing is fetched: a `$ref` leads to a place in the same schema. Patterns run in linear time, so they know no look-around.

use jsonschema::{Draft, PatternOptions};
use promptassay_registry::problem::did_you_mean;
use promptassay_registry::yaml::error_with_help;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer};
use serde_json::Value;

use super::Found;
use super::spec::Builder;
use super::spec::located_json::LocatedJson;
use super::view::{View, json_excerpt, not_json};
use crate::outcome::Reason;

mod idle;
mod keywords;

/// How many mismatches a reason names.
const SHOWN_MISMATCHES: usize = 3;

/// How many characters a mismatch may take: it can quote the reply.
const MISMATCH_LENGTH: usize = 200;

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The formats that are checked.
const FORMATS: [&str; 16] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

/// A schema that the reply must fit.
#[derive(Debug)]
pub(super) struct JsonSchemaCheck {
    validator: jsonschema::Validator,
}

impl JsonSchemaCheck {
    pub(super) fn find(&self, view: &View<'_>) -> Found {
        match view.json() {
            Err(why) => {
                let reason = not_json(why, view.text());
                Found::new(false, reason.clone(), reason)
            }
            Ok(value) => {
                let problem = self.problem(value);
                let with = Reason::new("fits the schema").got(json_excerpt(value));
                Found::new(problem.is_none(), problem.unwrap_or_else(|| with.clone()), with)
            }
        }
    }

    /// Why a value does not fit.
    pub(super) fn problem(&self, value: &Value) -> Option<Reason> {
        let mut mismatches = self.validator.iter_errors(value);
        let shown: Vec<String> =
            mismatches.by_ref().take(SHOWN_MISMATCHES).map(|error| describe(&error)).collect();
        if shown.is_empty() {
            return None;
        }
        let more = if mismatches.next().is_some() { "; and more" } else { "" };
        Some(Reason::new(format!("{}{more}", shown.join("; "))).got(json_excerpt(value)))
    }
}

fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let what = error.masked_with("the value").to_string();
    let what = match what.char_indices().nth(MISMATCH_LENGTH) {
        Some((cut, _)) => format!("{}…", &what[..cut]),
        None => what,
    };
    match error.instance_path().as_str() {
        "" => what,
        path => format!("{path}: {what}"),
    }
}

/// A schema as it is written: a map.
#[derive(Debug, Clone)]
pub(super) struct SchemaSpec(LocatedJson);

impl SchemaSpec {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<JsonSchemaCheck> {
        let schema = self.0.to_value();
        let span = self.0.span();
        let named = schema.get("$schema").and_then(Value::as_str);
        let draft = match named.map(|name| name.trim_end_matches('#')) {
            None | Some("https://json-schema.org/draft/2020-12/schema") => Draft::Draft202012,
            Some("http://json-schema.org/draft-07/schema") => Draft::Draft7,
            Some(other) => {
                let place = self.0.find("/$schema").map_or(span, LocatedJson::span);
                builder.refuse(
                    "suite::unknown_draft",
                    format!("the draft `{other}` is not known"),
                    place,
                    "leave `$schema` out for draft 2020-12, or write `http://json-schema.org/draft-07/schema#`",
                );
                return None;
            }
        };
        let is_misspelt = keywords::check(&self.0, draft, builder);
        if !is_misspelt && !keywords::checks_something(&self.0, draft) {
            builder.refuse(
                "suite::checks_nothing",
                "nothing in this schema checks anything: any JSON fits it",
                span,
                "write what a reply must have, such as `{type: object, required: [city]}`; where any JSON will do, `json: true` or `contains_json: true`",
            );
        }
        let before = builder.problem_count();
        self.check_against_metaschema(draft, &schema, builder);
        refuse_foreign_references(&self.0, builder);
        if builder.problem_count() > before {
            return None;
        }
        let built = jsonschema::options()
            .with_draft(draft)
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema);
        match built {
            Ok(validator) => Some(JsonSchemaCheck { validator }),
            Err(error) => {
                let path = error.instance_path().as_str();
                let part = self.0.find_deepest(path);
                let name = part.and_then(LocatedJson::as_str).unwrap_or_default();
                let (message, help) = if path.ends_with("/pattern") || path.contains("/patternProperties") {
                    let help = "patterns run in linear time: no look-around, no back-references";
                    (format!("the pattern `{name}` is not usable"), Some(help.to_owned()))
                } else if path.ends_with("/format") {
                    (format!("there is no format `{name}`"), Some(did_you_mean(name, FORMATS, "formats")))
                } else {
                    (format!("the schema is not usable: {}", describe(&error)), None)
                };
                let place = part.map_or(span, LocatedJson::span);
                builder.refuse_maybe_help("suite::invalid_schema", message, place, help);
                None
            }
        }
    }

    /// What the schema's own schema says, each mismatch at its place.
    fn check_against_metaschema(&self, draft: Draft, schema: &Value, builder: &mut Builder<'_>) {
        let metaschema = match draft {
            Draft::Draft7 => jsonschema::draft7::meta::validator(),
            _ => jsonschema::draft202012::meta::validator(),
        };
        for error in metaschema.iter_errors(schema).take(SHOWN_MISMATCHES) {
            let path = error.instance_path().as_str();
            let part = self.0.find_deepest(path);
            let place = part.map_or(self.0.span(), LocatedJson::span);
            let (message, help) = match part.and_then(LocatedJson::as_str) {
                Some(name) if path.ends_with("/type") => {
                    (format!("there is no type `{name}`"), Some(did_you_mean(name, TYPES, "types")))
                }
                _ => (format!("not a valid JSON Schema: {}", describe(&error)), None),
            };
            builder.refuse_maybe_help("suite::invalid_schema", message, place, help);
        }
    }
}

/// Nothing is fetched, so a reference leads inside: `#…`, or the `$id` of a part.
fn refuse_foreign_references(node: &LocatedJson, builder: &mut Builder<'_>) {
    let mut references = Vec::new();
    let mut ids = Vec::new();
    node.visit(&mut |key, value| match (key, value.as_str()) {
        ("$ref" | "$dynamicRef", Some(text)) => references.push((text.to_owned(), value.span())),
        ("$id", Some(text)) => ids.push(text.to_owned()),
        _ => {}
    });
    for (reference, span) in references {
        let target = reference.split('#').next().unwrap_or_default();
        let leads_nowhere = ids.is_empty()
            && reference.starts_with("#/")
            && !reference.contains('%')
            && node.find(&reference[1..]).is_none();
        if leads_nowhere {
            let message = format!("`{reference}` leads to nothing in this schema");
            builder.refuse_maybe_help("suite::invalid_schema", message, span, None);
        } else if !target.is_empty()
            && !ids.iter().any(|id| id.ends_with(target))
            && !target.starts_with("urn:")
        {
            builder.refuse(
                "suite::foreign_reference",
                format!("`{reference}` leads out of this schema, and nothing is fetched"),
                span,
                "copy what it stands for into `$defs`, and write `#/$defs/…`",
            );
        }
    }
}

impl serde::Serialize for SchemaSpec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SchemaSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(LocatedJson::deserialize(deserializer)?)
    }
}

impl SchemaSpec {
    fn of<E: serde::de::Error>(tree: LocatedJson) -> Result<Self, E> {
        if tree.is_object() {
            Ok(Self(tree))
        } else {
            Err(error_with_help(
                "a JSON Schema is a map, such as `{type: object}`",
                "where any JSON will do, write `json: true` or `contains_json: true`",
            ))
        }
    }
}

impl JsonSchema for SchemaSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JsonSchema".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "object"})
    }
}

/// `json_schema: {type: object, …}`, or `{value: {type: object, …}}`: `value` is no key of JSON Schema.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(transparent)]
pub(super) struct JsonSchemaOptions(SchemaSpec);

impl JsonSchemaOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<JsonSchemaCheck> {
        self.0.build(builder)
    }
}

impl<'de> Deserialize<'de> for JsonSchemaOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SchemaSpec(tree) = SchemaSpec::deserialize(deserializer)?;
        Ok(Self(SchemaSpec(match tree.only_entry("value") {
            Some(inner) => SchemaSpec::of(inner.clone())?.0,
            None => tree,
        })))
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::{build, verdict};

    #[test]
    fn a_reply_fits_its_schema() {
        let yaml = "json_schema: {type: object, required: [city], properties: {city: {type: string}, n: {type: integer}}}";
        assert_eq!(verdict(yaml, r#"{"city": "Rome", "n": 3}"#), "pass");
        insta::assert_snapshot!(
            ["{\"city\": 3, \"n\": 1.5}", "{}", "[]", "no", ""]
                .map(|text| format!("{}\n", verdict(yaml, text)))
                .concat()
        );
        assert_eq!(
            verdict(
                &yaml.replace("json_schema: ", "json_schema: {value: ").replace("}}}", "}}}}"),
                r#"{"city": "é"}"#
            ),
            "pass"
        );
    }

    #[test]
    fn both_drafts_are_known() {
        let seven = "json_schema: {$schema: 'http://json-schema.org/draft-07/schema#', items: [{type: string}], additionalItems: false}";
        assert_eq!(verdict(seven, "[\"a\"]"), "pass");
        assert_ne!(verdict(seven, "[\"a\", 1]"), "pass");
        let latest = "json_schema: {prefixItems: [{type: string}], items: false}";
        assert_eq!(verdict(latest, "[\"a\"]"), "pass");
        assert_ne!(verdict(latest, "[\"a\", 1]"), "pass");
    }

    #[test]
    fn formats_are_checked() {
        for (format, good, bad) in [
            ("date-time", "2026-11-23T10:00:00Z", "yesterday"),
            ("date", "2024-02-29", "2023-02-29"),
            ("email", "ada@example.com", "ada"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
            ("uri", "https://example.com/a", "a b"),
            ("ipv4", "127.0.0.1", "127.0.0.256"),
        ] {
            let yaml = format!("json_schema: {{type: string, format: {format}}}");
            assert_eq!(verdict(&yaml, &format!("\"{good}\"")), "pass", "{format}");
            assert_ne!(verdict(&yaml, &format!("\"{bad}\"")), "pass", "{format}");
        }
    }

    #[test]
    fn every_format_that_help_names_is_known() {
        for format in super::FORMATS {
            assert!(build(&format!("json_schema: {{type: string, format: {format}}}")).is_ok(), "{format}");
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_refused_at_its_place() {
        insta::assert_snapshot!(
            [
                "json_schema: {type: objct}",
                "json_schema: [1]",
                "json_schema: true",
                "json_schema:\n  properties:\n    a: {minLength: -1}\n    b: {type: strin}",
                "json_schema:\n  properties:\n    a: {pattern: '(?=a)b'}",
                "json_schema:\n  properties:\n    a: {pattern: '(a'}",
                "json_schema:\n  properties:\n    a: {format: dat}",
                "json_schema: {$ref: 'https://example.com/schema.json'}",
                "json_schema: {$ref: 'file:///etc/passwd'}",
                "json_schema: {$ref: 'other.json#/a'}",
                "json_schema: {$ref: '#/$defs/missing'}",
                "json_schema: {$schema: 'http://json-schema.org/draft-04/schema#'}",
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }

    #[test]
    fn what_would_check_nothing_is_refused_or_warned_of() {
        let draft7 = "$schema: 'http://json-schema.org/draft-07/schema#'";
        insta::assert_snapshot!(
            [
                "json_schema: {requird: [a]}",
                "json_schema: {type: object, maxlenght: 3, MaxLength: 3, ref: '#'}",
                "json_schema: {type: object, properties: {a: {itmes: {type: string}}}}",
                "json_schema: {anyOf: [{type: string}, {patern: a}], items: {not: {minimun: 3}}}",
                "json_schema: {$ref: '#/$defs/a', $defs: {a: {enm: [1]}}}",
                "json_schema: {type: object, dependentSchemas: {a: {requird: [b]}}}",
                "json_schema: {type: object, nullable: true, note: ours, when: now, id: a, titel: b}",
                "json_schema: {type: array, additionalItems: false, dependencies: {a: {typ: string}}}",
                &format!("json_schema: {{{draft7}, type: array, prefixItems: [{{typ: string}}]}}"),
                &format!("json_schema: {{{draft7}, items: [{{typ: string}}], dependencies: {{a: {{typ: string}}}}}}"),
                "json_schema: {}",
                "json_schema: true",
                "json_schema: {value: true}",
                "json_schema: {value: {}}",
                "json_schema: {title: A, $defs: {a: {type: string}}}",
                "contains_json: {value: object, schema: {}}",
                "contains_json: {value: object, schema: {requird: [a]}}",
                "json_schema: {type: object, then: {required: [a]}, else: true}",
                "json_schema: {properties: {a: {if: {type: string}}}}",
                "json_schema: {type: array, minContains: 1, maxContains: 2}",
                "json_schema: {type: array, properties: {a: true}, required: [a]}",
                "json_schema: {items: {type: [string, 'null'], minimum: 3, minLength: 1}}",
                &format!("json_schema: {{{draft7}, type: array, additionalItems: {{type: string}}, items: {{type: string}}}}"),
                &format!("json_schema: {{{draft7}, $ref: '#/definitions/a', required: [b], definitions: {{a: {{enum: [1]}}}}}}"),
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }

    #[test]
    fn what_has_its_companion_checks() {
        let draft7 = "$schema: 'http://json-schema.org/draft-07/schema#'";
        for yaml in [
            "json_schema: {if: {type: string}, else: false}",
            "json_schema: {type: object, allOf: [{if: {properties: {a: {const: 1}}}}], unevaluatedProperties: false}",
            "json_schema: {contains: {type: string}, minContains: 2}",
            "json_schema: {type: [integer, string], minimum: 3, pattern: a}",
            "json_schema: {type: number, multipleOf: 3}",
            "json_schema: {type: string, enum: [a], const: a, format: date, not: {maxLength: 3}}",
            "json_schema: {$ref: '#/$defs/a', required: [b], $defs: {a: {type: object}}}",
            &format!("json_schema: {{{draft7}, items: [true], additionalItems: false}}"),
            // Generators write it; all items are checked.
            &format!("json_schema: {{{draft7}, items: {{type: string}}, additionalItems: false}}"),
            &format!("json_schema: {{{draft7}, items: false, additionalItems: true}}"),
            &format!(
                "json_schema: {{{draft7}, $ref: '#/definitions/a', title: b, definitions: {{a: {{type: 'null'}}}}}}"
            ),
        ] {
            assert!(build(yaml).is_ok(), "{yaml}: {:?}", build(yaml).err());
        }
    }

    #[test]
    fn names_and_values_are_no_keywords() {
        for yaml in [
            "json_schema: {properties: {requird: {type: string}, typ: true}}",
            "json_schema: {patternProperties: {requird: {type: string}}}",
            "json_schema: {$ref: '#/$defs/requird', $defs: {requird: {type: string}}}",
            "json_schema: {dependentSchemas: {requird: {type: object}}}",
            "json_schema: {dependentRequired: {requird: [a]}}",
            "json_schema: {enum: [{requird: 1}]}",
            "json_schema: {const: {requird: 1}}",
            "json_schema: {type: object, default: {requird: 1}, examples: [{requird: 1}], x-requird: 1, $comment: a, title: b}",
        ] {
            assert!(build(yaml).is_ok(), "{yaml}: {:?}", build(yaml).err());
        }
    }

    #[test]
    fn references_inside_the_schema_work_and_end() {
        let tree = "json_schema: {$ref: '#/$defs/node', $defs: {node: {type: object, properties: {next: {$ref: '#/$defs/node'}}}}}";
        assert_eq!(verdict(tree, r#"{"next": {"next": {}}}"#), "pass");
        assert_ne!(verdict(tree, r#"{"next": {"next": 3}}"#), "pass");
        assert_eq!(verdict("json_schema: {$ref: '#'}", "{}"), "pass");
        assert_eq!(
            verdict("json_schema: {allOf: [{$ref: '#/$defs/a'}], $defs: {a: {allOf: [{$ref: '#'}]}}}", "{}"),
            "pass"
        );
    }

    #[test]
    fn a_huge_reply_is_read_and_its_mismatch_is_short() {
        let text = format!("{{\"a\": \"{}\"}}", "é".repeat(1 << 19));
        assert_eq!(verdict("json_schema: {type: object}", &text), "pass");
        assert!(verdict("json_schema: {properties: {a: {pattern: '^(a+)+$'}}}", &text).len() < 2_000);
    }
}
