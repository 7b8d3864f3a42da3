//! Keywords of JSON Schema that are spelt as they should be and check nothing all the same, because of what stands beside them.

use jsonschema::Draft;
use promptassay_registry::yaml::Located;

use crate::validator::spec::Builder;
use crate::validator::spec::located_json::LocatedJson;

/// Keywords that look at values of one type only, and pass all others.
const OF_ONE_TYPE: [(&str, &[&str]); 7] = [
    (
        "array",
        &["items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems"],
    ),
    (
        "object",
        &[
            "properties",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "required",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "unevaluatedProperties",
        ],
    ),
    ("string", &["minLength", "maxLength", "pattern"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("integer", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("boolean", &[]),
    ("null", &[]),
];

/// One schema, and what matters of the whole that it is part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idle<'a> {
    pub(super) schema: &'a LocatedJson,
    pub(super) draft: Draft,
    /// Whether some part looks at what other keywords have left, for which `if` matters by itself.
    pub(super) has_unevaluated: bool,
}

impl Idle<'_> {
    /// Refuses a keyword that `checks` where it cannot. Gives whether it did.
    pub(super) fn refuse(&self, key: &Located<String>, checks: bool, builder: &mut Builder<'_>) -> bool {
        let Some((why, help)) = self.without_another(key).or_else(|| self.of_other_types(key)).or_else(|| {
            let is_ignored = checks && self.draft == Draft::Draft7 && key.value != "$ref" && self.has("$ref");
            let help = "write both into a list: `allOf: [{$ref: …}, {…}]`; or leave `$schema` out for draft 2020-12";
            is_ignored.then(|| ("beside `$ref` in draft 7".to_owned(), help.to_owned()))
        }) else {
            return false;
        };
        builder.refuse("suite::idle_keyword", format!("`{key}` checks nothing {why}"), key.span, help);
        true
    }

    /// A keyword that only says more of another one, which is not there.
    fn without_another(&self, key: &str) -> Option<(String, String)> {
        let is_2020 = self.draft != Draft::Draft7;
        let (other, help) = match key {
            "then" | "else" if !self.has("if") => ("`if`", "write the condition as `if: {…}` beside it"),
            "if" if !self.has("then") && !self.has("else") && !self.has_unevaluated => {
                ("`then` or `else`", "write what is to hold as `then: {…}` beside it")
            }
            "minContains" | "maxContains" if is_2020 && !self.has("contains") => (
                "`contains`",
                "write what is counted as `contains: {…}`; `minItems` and `maxItems` count all",
            ),
            "additionalItems" if !is_2020 && self.has_idle_additional_items() => {
                ("a list of `items`", "in draft 7 it is for what comes after such a list")
            }
            _ => return None,
        };
        Some((format!("without {other}"), help.to_owned()))
    }

    /// Whether there is no list that `additionalItems` could go on from. Beside one schema for all items, `true` and `false` say nothing
    /// that is lost, and generators write them.
    fn has_idle_additional_items(&self) -> bool {
        let says_something = self.find("additionalItems").is_some_and(|it| !it.to_value().is_boolean());
        match self.find("items") {
            None => true,
            Some(items) => items.items().is_empty() && says_something,
        }
    }

    /// A keyword for values that `type` does not let through.
    fn of_other_types(&self, key: &str) -> Option<(String, String)> {
        let of = OF_ONE_TYPE.iter().filter(|(_, keywords)| keywords.contains(&key)).map(|(name, _)| *name);
        let of: Vec<&str> = of.collect();
        let written = self.find("type")?;
        let types: Vec<&str> = written
            .as_str()
            .into_iter()
            .chain(written.items().iter().filter_map(LocatedJson::as_str))
            .collect();
        let are_known = types.iter().all(|name| OF_ONE_TYPE.iter().any(|(known, _)| known == name));
        if of.is_empty() || types.is_empty() || !are_known || types.iter().any(|name| of.contains(name)) {
            return None;
        }
        let why = format!("where `type` is {}", types.join(" or "));
        let help = match (key, types.as_slice()) {
            ("properties" | "required", ["array"]) => {
                "what each item must have is written in `items: {type: object, …}`".to_owned()
            }
            _ => format!(
                "it looks at values of type {} only; leave it out, or correct `type`",
                of.join(" or ")
            ),
        };
        Some((why, help))
    }

    fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &str) -> Option<&LocatedJson> {
        self.schema.entries().iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_refused_checks_nothing() {
        let string = json!({"type": "string"});
        for (draft, schema, replies) in [
            (Draft::Draft202012, json!({"then": string, "else": string}), vec![json!(1), json!([])]),
            (Draft::Draft202012, json!({"if": string}), vec![json!(1), json!("a")]),
            (Draft::Draft202012, json!({"minContains": 2, "maxContains": 0}), vec![json!([]), json!([1])]),
            (Draft::Draft7, json!({"additionalItems": {"type": "string"}, "items": {}}), vec![json!([1, 2])]),
            (Draft::Draft7, json!({"additionalItems": false}), vec![json!([1, 2])]),
            (
                Draft::Draft7,
                json!({"$ref": "#/definitions/a", "required": ["b"], "minProperties": 9, "definitions": {"a": {}}}),
                vec![json!({}), json!({"a": 1})],
            ),
        ] {
            let validator = jsonschema::options().with_draft(draft).build(&schema).unwrap();
            for reply in replies {
                assert!(validator.is_valid(&reply), "{schema} {reply}");
            }
        }
        // A keyword passes whatever is not of its type.
        let values =
            [json!([1, 1]), json!({"a": 1}), json!("ab"), json!(0.5), json!(1), json!(true), json!(null)];
        let strictest = |keyword: &str| match keyword {
            "items"
            | "contains"
            | "unevaluatedItems"
            | "additionalProperties"
            | "propertyNames"
            | "unevaluatedProperties" => json!(false),
            "prefixItems" => json!([false]),
            "minItems" | "minProperties" | "minLength" | "minimum" | "exclusiveMinimum" => json!(100),
            "maxItems" | "maxProperties" | "maxLength" => json!(0),
            "maximum" | "exclusiveMaximum" => json!(-100),
            "multipleOf" => json!(7),
            "uniqueItems" => json!(true),
            "properties" | "dependentSchemas" | "dependencies" => json!({"a": false}),
            "patternProperties" => json!({".": false}),
            "required" => json!(["z"]),
            "dependentRequired" => json!({"a": ["z"]}),
            "pattern" => json!("z"),
            other => panic!("{other}"),
        };
        let names = ["array", "object", "string", "number", "integer", "boolean", "null"];
        assert_eq!(OF_ONE_TYPE.map(|(name, _)| name), names);
        let is_of = |name: &str, value: &serde_json::Value| {
            let validator = jsonschema::draft202012::new(&json!({"type": name})).unwrap();
            validator.is_valid(value)
        };
        for keyword in OF_ONE_TYPE.iter().flat_map(|(_, keywords)| keywords.iter()) {
            let schema = json!({*keyword: strictest(keyword)});
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            for value in &values {
                let looks = OF_ONE_TYPE
                    .iter()
                    .any(|(name, keywords)| keywords.contains(keyword) && is_of(name, value));
                assert_eq!(validator.is_valid(value), !looks, "{schema} {value}");
            }
        }
    }
}
