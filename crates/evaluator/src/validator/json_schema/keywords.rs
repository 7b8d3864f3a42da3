//! Keywords of JSON Schema: one that is not known checks nothing, and JSON Schema itself says nothing of it.

use jsonschema::Draft;
use promptassay_registry::problem::one_edit_away;
use promptassay_registry::yaml::Located;

use super::idle::Idle;
use crate::validator::spec::Builder;
use crate::validator::spec::located_json::LocatedJson;
use crate::validator::spec::meant::refuse_control_character;

/// What a keyword does, by where its schemas stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It says something and checks nothing.
    Remark,
    /// Its schemas check where a `$ref` leads to them.
    Shelf,
    /// It checks, and holds no schema.
    Check,
    /// It checks by the schema that it is, or by those of its list.
    Schemas,
    /// It checks by the schemas under its names.
    Named,
}

/// The drafts that know a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Both,
    Draft7,
    Draft2020,
}

use Known::{Both, Draft7, Draft2020};
use Role::{Check, Named, Remark, Schemas, Shelf};

/// JSON Schema Core and Validation, draft 2020-12 and draft 7. `$defs` and `definitions` hold parts in
/// either, and `dependencies` is still checked in the later one.
const KEYWORDS: [(&str, Role, Known); 60] = [
    ("$anchor", Remark, Draft2020),
    ("$comment", Remark, Both),
    ("$defs", Shelf, Both),
    ("$dynamicAnchor", Remark, Draft2020),
    ("$dynamicRef", Check, Draft2020),
    ("$id", Remark, Both),
    ("$ref", Check, Both),
    ("$schema", Remark, Both),
    ("$vocabulary", Remark, Draft2020),
    ("additionalItems", Schemas, Draft7),
    ("additionalProperties", Schemas, Both),
    ("allOf", Schemas, Both),
    ("anyOf", Schemas, Both),
    ("const", Check, Both),
    ("contains", Schemas, Both),
    ("contentEncoding", Check, Both),
    ("contentMediaType", Check, Both),
    ("contentSchema", Remark, Draft2020),
    ("default", Remark, Both),
    ("definitions", Shelf, Both),
    ("dependencies", Named, Both),
    ("dependentRequired", Check, Draft2020),
    ("dependentSchemas", Named, Draft2020),
    ("deprecated", Remark, Draft2020),
    ("description", Remark, Both),
    ("else", Schemas, Both),
    ("enum", Check, Both),
    ("examples", Remark, Both),
    ("exclusiveMaximum", Check, Both),
    ("exclusiveMinimum", Check, Both),
    ("format", Check, Both),
    ("if", Schemas, Both),
    ("items", Schemas, Both),
    ("maxContains", Check, Draft2020),
    ("maxItems", Check, Both),
    ("maxLength", Check, Both),
    ("maxProperties", Check, Both),
    ("maximum", Check, Both),
    ("minContains", Check, Draft2020),
    ("minItems", Check, Both),
    ("minLength", Check, Both),
    ("minProperties", Check, Both),
    ("minimum", Check, Both),
    ("multipleOf", Check, Both),
    ("not", Schemas, Both),
    ("oneOf", Schemas, Both),
    ("pattern", Check, Both),
    ("patternProperties", Named, Both),
    ("prefixItems", Schemas, Draft2020),
    ("properties", Named, Both),
    ("propertyNames", Schemas, Both),
    ("readOnly", Remark, Both),
    ("required", Check, Both),
    ("then", Schemas, Both),
    ("title", Remark, Both),
    ("type", Check, Both),
    ("unevaluatedItems", Schemas, Draft2020),
    ("unevaluatedProperties", Schemas, Draft2020),
    ("uniqueItems", Check, Both),
    ("writeOnly", Remark, Both),
];

/// Refuses keywords that are nearly one that checks, or check nothing where they stand, and warns of others that are not known. Gives
/// whether anything was refused.
pub(super) fn check(schema: &LocatedJson, draft: Draft, builder: &mut Builder<'_>) -> bool {
    let mut has_unevaluated = false;
    schema.visit(&mut |key, _| has_unevaluated |= key.starts_with("unevaluated"));
    check_part(Idle { schema, draft, has_unevaluated }, builder)
}

fn check_part(whole: Idle<'_>, builder: &mut Builder<'_>) -> bool {
    let Idle { schema, draft, .. } = whole;
    let mut refused = false;
    for (key, value) in schema.entries() {
        let known = KEYWORDS.iter().find(|(name, ..)| *name == key.value);
        match known {
            Some((_, role, drafts)) if is_known(*drafts, draft) => {
                refused |= whole.refuse(key, !matches!(role, Remark | Shelf), builder);
                if let Some(pattern) = value.as_str().filter(|_| key.value == "pattern") {
                    refused |= refuse_control_character(pattern, value.span(), builder);
                }
                if key.value == "patternProperties" {
                    for (pattern, _) in value.entries() {
                        refused |= refuse_control_character(&pattern.value, pattern.span, builder);
                    }
                }
                let parts: Vec<&LocatedJson> = match role {
                    Remark | Check => Vec::new(),
                    Schemas => std::iter::once(value).chain(value.items()).collect(),
                    Shelf | Named => value.entries().iter().map(|(_, part)| part).collect(),
                };
                for part in parts {
                    refused |= check_part(Idle { schema: part, ..whole }, builder);
                }
            }
            Some(_) => warn_of_other_draft(key, draft, builder),
            None if key.value.starts_with("x-") => {}
            None => refused |= unknown(key, draft, builder),
        }
    }
    refused
}

/// Whether some keyword of the schema itself checks something.
pub(super) fn checks_something(schema: &LocatedJson, draft: Draft) -> bool {
    schema.entries().iter().any(|(key, _)| {
        KEYWORDS.iter().any(|(name, role, drafts)| {
            *name == key.value && !matches!(role, Remark | Shelf) && is_known(*drafts, draft)
        })
    })
}

fn is_known(drafts: Known, draft: Draft) -> bool {
    match drafts {
        Both => true,
        Draft7 => draft == Draft::Draft7,
        Draft2020 => draft != Draft::Draft7,
    }
}

fn title(draft: Draft) -> &'static str {
    if draft == Draft::Draft7 { "draft 7" } else { "draft 2020-12" }
}

fn warn_of_other_draft(key: &Located<String>, draft: Draft, builder: &mut Builder<'_>) {
    let message = format!("{} does not know `{key}`, so it checks nothing", title(draft));
    let help = match key.as_str() {
        "additionalItems" => "write the list of `items` as `prefixItems`, and this as `items`",
        _ => "leave `$schema` out for draft 2020-12, which knows it",
    };
    builder.warn("suite::unknown_keyword", message, key.span, help);
}

/// Gives whether it was refused.
fn unknown(key: &Located<String>, draft: Draft, builder: &mut Builder<'_>) -> bool {
    let message = format!("`{key}` is no keyword of JSON Schema, so it checks nothing");
    match meant(key, draft) {
        Some((name, role)) if role != Remark => {
            builder.refuse("suite::unknown_keyword", message, key.span, format!("did you mean `{name}`?"));
            true
        }
        Some((name, _)) => {
            builder.warn("suite::unknown_keyword", message, key.span, &format!("did you mean `{name}`?"));
            false
        }
        None => {
            let help = "a remark is written as `$comment`; a key of your own begins with `x-`";
            builder.warn("suite::unknown_keyword", message, key.span, help);
            false
        }
    }
}

/// The keyword of which this is one edit away, whatever the case of its letters. Of `if` and `not` other words are as near, such as `id`
/// and `note`; and what begins with another letter is another word, as `when` is beside `then`.
fn meant(key: &str, draft: Draft) -> Option<(&'static str, Role)> {
    let key = key.to_lowercase();
    let is_alike = |name: &str| name.to_lowercase().chars().take(2).any(|first| key.starts_with(first));
    let candidates = KEYWORDS
        .iter()
        .filter(|(name, _, drafts)| name.len() > 3 && is_known(*drafts, draft) && is_alike(name));
    let name = one_edit_away(&key, candidates.clone().map(|(name, ..)| *name))?;
    candidates.into_iter().find(|(candidate, ..)| *candidate == name).map(|(name, role, _)| (*name, *role))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_draft_does_not_know_checks_nothing() {
        for (draft, schema, reply) in [
            (Draft::Draft202012, json!({"additionalItems": false, "items": {}}), json!([1])),
            (Draft::Draft7, json!({"dependentRequired": {"a": ["b"]}}), json!({"a": 1})),
            (Draft::Draft7, json!({"dependentSchemas": {"a": {"required": ["b"]}}}), json!({"a": 1})),
            (Draft::Draft7, json!({"prefixItems": [{"type": "string"}]}), json!([1])),
            (Draft::Draft7, json!({"contains": {"type": "string"}, "minContains": 2}), json!(["a"])),
            (Draft::Draft7, json!({"contains": {"type": "string"}, "maxContains": 1}), json!(["a", "b"])),
            (Draft::Draft7, json!({"unevaluatedProperties": false}), json!({"a": 1})),
            (Draft::Draft7, json!({"unevaluatedItems": false}), json!([1])),
        ] {
            let validator = jsonschema::options().with_draft(draft).build(&schema).unwrap();
            assert!(validator.is_valid(&reply), "{schema}");
        }
    }
}
