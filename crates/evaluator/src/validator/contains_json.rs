//! `contains_json`: whether a real JSON object or array stands somewhere in the reply, in prose or in a code fence.
//!
//! A candidate begins at a `{` or `[` and must parse as a whole: `use {name} here` holds none. What is found is not searched
//! again: the array in `[{"a": 1}]` is one candidate, its object is none. A citation such as `[1]` is a JSON array; ask for `object` where
//! that matters. Nesting is limited to 127, and work to that many looks at each byte.

use schemars::JsonSchema;
use serde_json::Value;

use promptassay_registry::yaml::Located;

use super::Found;
use super::excerpt::excerpt;
use super::json::{JsonKind, KindWord};
use super::json_schema::{JsonSchemaCheck, SchemaSpec};
use super::spec::{Builder, Options};
use super::view::{View, json_excerpt};
use crate::outcome::Reason;

/// The deepest nesting that the JSON parser reads.
pub(super) const MAX_DEPTH: usize = 127;

/// JSON that must stand somewhere in the reply.
#[derive(Debug)]
pub(super) struct ContainsJson {
    kind: JsonKind,
    schema: Option<JsonSchemaCheck>,
}

impl ContainsJson {
    pub(super) fn find(&self, view: &View<'_>) -> Found {
        let text = view.text();
        let noun = match self.kind {
            JsonKind::Any => "JSON object or array",
            JsonKind::Object => "JSON object",
            JsonKind::Array => "JSON array",
        };
        let mut nearest: Option<Reason> = None;
        for value in Values::of(text).filter(|value| self.kind.includes(value)) {
            let Some(reason) = self.schema.as_ref().and_then(|schema| schema.problem(&value)) else {
                let with = Reason::new(format!("contains a {noun}")).got(json_excerpt(&value));
                return Found::new(true, with.clone(), with);
            };
            nearest = nearest.or(Some(reason));
        }
        let without = match nearest {
            Some(reason) => Reason {
                message: format!("contains a {noun}, but none that fits the schema: {}", reason.message),
                ..reason
            },
            None => Reason::new(format!("contains no {noun}")).got(excerpt(text)),
        };
        Found::new(false, without.clone(), without)
    }
}

/// The JSON objects and arrays of a text, from left to right, none inside another.
struct Values<'a> {
    text: &'a str,
    from: usize,
}

impl<'a> Values<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, from: 0 }
    }
}

impl Iterator for Values<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        while let Some(offset) = self.text[self.from..].find(['{', '[']) {
            let start = self.from + offset;
            let value = balanced(&self.text.as_bytes()[start..]).and_then(|length| {
                Some((length, serde_json::from_str(self.text.get(start..start + length)?).ok()?))
            });
            if let Some((length, value)) = value {
                self.from = start + length;
                return Some(value);
            }
            self.from = start + 1;
        }
        self.from = self.text.len();
        None
    }
}

/// How long the candidate at the beginning of `text` is: brackets balance, and nothing stands between strings that JSON does not know.
/// Only what passes this cheap look is parsed, which keeps hostile replies from costing more than 127 looks a byte.
fn balanced(text: &[u8]) -> Option<usize> {
    let mut closers = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'{' => closers.push(b'}'),
            b'[' => closers.push(b']'),
            closer @ (b'}' | b']') => {
                if closers.pop() != Some(closer) {
                    return None;
                }
                if closers.is_empty() {
                    return Some(at + 1);
                }
            }
            b'"' => at = end_of_string(text, at)?,
            // Between strings: white space, punctuation, digits and the letters of `true`, `false`, `null` and exponents.
            byte if byte.is_ascii_digit() || b" \t\n\r,:+-.Eaeflnrstu".contains(&byte) => {}
            _ => return None,
        }
        if closers.len() > MAX_DEPTH {
            return None;
        }
        at += 1;
    }
    None
}

/// The place of the quote that ends the string which begins at `start`.
fn end_of_string(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            0..=0x1f => return None,
            _ => at += 1,
        }
    }
}

/// `contains_json: true`, `contains_json: object` or with a schema.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContainsJsonOptions {
    /// `true` for an object or array, or one of the two words.
    #[schemars(with = "KindWord")]
    value: Located<KindWord>,
    /// A JSON Schema that the value must fit.
    #[serde(default)]
    schema: Option<SchemaSpec>,
}

impl Options for ContainsJsonOptions {
    type Short = KindWord;
    const EXPECTING: &'static str = "`true`, `object` or `array`, or a map with `value`";

    fn short(value: Located<KindWord>) -> Self {
        Self { value, schema: None }
    }
}

impl ContainsJsonOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<ContainsJson> {
        let schema = match &self.schema {
            Some(schema) => Some(schema.build(builder)?),
            None => None,
        };
        Some(ContainsJson { kind: self.value.value.0, schema })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::validator::tests::verdict;

    #[test]
    fn braces_alone_are_no_json() {
        for text in
            ["", "use {name} here", "{", "}", "[x]", "{'a': 1}", "{a: 1}", "if (x) { return [y]; }", "[1, 2"]
        {
            assert!(
                verdict("contains_json: true", text).starts_with("contains no JSON object or array"),
                "{text}"
            );
        }
    }

    #[test]
    fn json_is_found_in_prose_and_fences() {
        for text in [
            "{}",
            "so: {\"a\": [1]}, done",
            "```json\n{\"a\": 1}\n```",
            "{name} {\"é\": \"}\"}",
            "{{\"a\": 1}}",
        ] {
            assert_eq!(verdict("contains_json: object", text), "pass", "{text}");
        }
        assert_eq!(verdict("contains_json: true", "as in [1]"), "pass");
        assert!(verdict("contains_json: object", "as in [1]").starts_with("contains no JSON object"));
        assert_eq!(verdict("contains_json: {value: array}", "{x} then [1, 2]"), "pass");
        assert!(verdict("contains_json: object", r#"[{"a": 1}]"#).starts_with("contains no JSON object"));
    }

    #[test]
    fn one_of_them_must_fit_the_schema() {
        let yaml = "contains_json: {value: object, schema: {required: [ok]}}";
        assert_eq!(verdict(yaml, r#"{"draft": 1} and then {"ok": true}"#), "pass");
        insta::assert_snapshot!(verdict(yaml, r#"{"draft": 1}"#), @r#"contains a JSON object, but none that fits the schema: "ok" is a required property | got: "{"draft":1}""#);
    }

    #[test]
    fn huge_replies_take_linear_time() {
        assert!(verdict("contains_json: true", &"[".repeat(1 << 20)).starts_with("contains no"));
        assert!(verdict("contains_json: true", &"{\"a\": {x} ".repeat(1 << 17)).starts_with("contains no"));
        assert_eq!(verdict("contains_json: true", &format!("{}{{}}", "{x} ".repeat(1 << 18))), "pass");
    }

    proptest! {
        #[test]
        fn what_stands_in_prose_is_found(before in "[^\\[{]{0,12}", after in "\\PC{0,12}", number: i64, word in "\\PC{0,6}") {
            let value = json!({"n": number, "w": [word]});
            let found = Values::of(&format!("{before}{value}{after}")).next();
            prop_assert_eq!(found, Some(value));
        }

        #[test]
        fn nothing_makes_it_panic(text in "([\\[\\]{}\":,1é ]|\\PC){0,40}") {
            for value in Values::of(&text) {
                prop_assert!(value.is_object() || value.is_array());
            }
        }
    }
}
