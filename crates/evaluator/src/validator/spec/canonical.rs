//! The normal form of a validator: what digests of cases and suites are taken of. Two spellings of one validator agree, and comments do
//! not matter.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::check_spec::CheckSpec;
use super::{Kind, ValidatorSpec};

impl ValidatorSpec {
    /// The normal form: every default written out, and the argument in its long form.
    pub fn canonical(&self) -> Value {
        let mut value = Map::new();
        value.insert("check".into(), self.description.name.into());
        value.insert("negated".into(), self.negated.into());
        value.insert("name".into(), self.report_name().into());
        value.insert("weight".into(), self.weight.map_or(1.0, |weight| weight.value).into());
        value.insert("warn".into(), self.warn.is_some_and(|warn| warn.value).into());
        value.insert("threshold".into(), self.threshold.map(|threshold| threshold.value).into());
        value.insert("at".into(), self.at.as_ref().map(|at| at.value.clone()).into());
        // A check of plain data always has a JSON form; where it has parts that its name says already, it is a list of one.
        let argument = match serde_json::to_value(&self.check) {
            Ok(Value::Array(mut items)) if items.len() == 1 => items.remove(0),
            Ok(argument) => argument,
            Err(error) => json!(error.to_string()),
        };
        value.insert("argument".into(), argument);
        Value::Object(value)
    }

    /// Whether a model judges, here or in a part.
    pub fn asks_judge(&self) -> bool {
        match (&self.check, self.description.kind) {
            (CheckSpec::Composite(_, options), _) => options.values.iter().any(Self::asks_judge),
            (_, kind) => matches!(kind, Kind::Judge),
        }
    }
}

impl Serialize for ValidatorSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.canonical().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use promptassay_registry::yaml::Document;

    use super::*;

    fn spec(yaml: &str) -> ValidatorSpec {
        let document = Document::parse("v.yaml", yaml, &mut Vec::new()).unwrap();
        document.read::<ValidatorSpec>().value.unwrap()
    }

    #[test]
    fn two_spellings_agree() {
        for (one, other) in [
            ("contains: hi", "weight: 1.0 # why\ncontains: {value: \"hi\", word: false}"),
            ("max_words: 3", "max_words: {value: 3}"),
            ("json: true", "json: {value: true}"),
            ("json_schema: {type: object}", "json_schema: {value: {type: object}}"),
            ("tool_calls: [f]", "tool_calls: {values: [{name: f}]}"),
            ("finish_reason: stop", "finish_reason: [stop]"),
            ("judge: polite", "judge: {value: polite}"),
            ("any_of: [{json: true}]", "any_of: {values: [{json: {value: true}, weight: 1}]}"),
            ("command: [a, b]", "command: {values: [a, b]}"),
        ] {
            assert_eq!(spec(one).canonical(), spec(other).canonical(), "{one}");
        }
    }

    #[test]
    fn what_makes_a_difference_is_in_it() {
        for (one, other) in [
            ("starts_with: a", "ends_with: a"),
            ("contains: a", "not_contains: a"),
            ("max_words: 3", "max_words: 4"),
            ("max_words: 3", "max_chars: 3"),
            ("judge: polite", "judge: polite."),
            ("judge: polite", "{judge: polite, threshold: 0.7}"),
            ("json: true", "{json: true, at: $.a}"),
            ("json: object", "json: array"),
            ("json_schema: {minimum: 1}", "json_schema: {minimum: 2}"),
            ("all_of: [{max_words: 3}]", "any_of: [{max_words: 3}]"),
            ("all_of: [{max_words: 3}]", "all_of: [{max_words: 4}]"),
            ("command: [a, b]", "command: ['a b']"),
        ] {
            assert_ne!(spec(one).canonical(), spec(other).canonical(), "{one}");
        }
        insta::assert_snapshot!(spec("contains_any: [a]").canonical(), @r#"{"check":"contains_any","negated":false,"name":"contains_any","weight":1.0,"warn":false,"threshold":null,"at":null,"argument":{"values":["a"],"ignore_case":false,"word":false}}"#);
    }

    #[test]
    fn a_judge_is_found_in_a_part() {
        assert!(spec("any_of: [{json: true}, {none_of: [{judge: rude}]}]").asks_judge());
        assert!(!spec("any_of: [{json: true}]").asks_judge());
    }
}
