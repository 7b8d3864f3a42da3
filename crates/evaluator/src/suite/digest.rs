//! The normal forms of cases and suites, of which digests are taken.

use std::fmt::Write as _;
use std::iter;
use std::sync::Arc;

use promptassay_llm::{Message, ModelRow};
use promptassay_registry::digest::{Digest, canonical_json};
use promptassay_registry::template::Values;
use serde_json::{Map, Value, json};

use super::Case;
use crate::validator::Validator;

/// A validator, and its normal form as text: made once, however many cases share it.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) validator: Arc<Validator>,
    pub(super) canonical: Arc<str>,
    pub(super) asks_judge: bool,
}

/// What a model row does to an answer; its name and its limits do nothing.
pub(crate) fn canonical_model(row: &ModelRow) -> Value {
    json!({
        "provider": row.provider.as_str(),
        "endpoint": row.endpoint(),
        "model": row.model,
        "params": row.params,
        "extra": row.extra,
    })
}

/// See [`Case::digest`]. The text is put together from canonical parts in the order of their keys, so that a case of a large
/// dataset costs no copy of the validators that it shares.
pub(super) fn of_case(
    inputs: &Values,
    messages: &[Message],
    reference: Option<&str>,
    validators: &[Checked],
    judge: Option<&ModelRow>,
) -> Digest {
    Digest::of(canonical_case(inputs, messages, reference, validators, judge))
}

fn canonical_case(
    inputs: &Values,
    messages: &[Message],
    reference: Option<&str>,
    validators: &[Checked],
    judge: Option<&ModelRow>,
) -> String {
    let mut text = format!("{{\"inputs\":{}", canonical_values(inputs));
    let judge = judge.filter(|_| validators.iter().any(|checked| checked.asks_judge));
    // Writing to a `String` cannot fail.
    if let Some(judge) = judge {
        let _ = write!(text, ",\"judge\":{}", canonical_json(&canonical_model(judge)));
    }
    let _ = write!(text, ",\"messages\":{}", canonical_json(&json!(messages)));
    if let Some(reference) = reference {
        let _ = write!(text, ",\"reference\":{}", canonical_json(&Value::from(reference)));
    }
    text.push_str(",\"validators\":[");
    for (index, checked) in validators.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&checked.canonical);
    }
    text.push_str("]}");
    text
}

pub(super) fn canonical_values(values: &Values) -> String {
    let mut members: Vec<_> = values.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    let mut text = String::from("{");
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let _ = write!(text, "{}:{}", Value::from(name.as_str()), canonical_json(value));
    }
    text.push('}');
    text
}

/// What the digest of a suite is taken of, beside its cases.
pub(super) struct SuiteParts<'a> {
    pub(super) cases: &'a [Case],
    pub(super) models: &'a [String],
    pub(super) judge: Option<&'a ModelRow>,
    pub(super) repeat: u32,
    pub(super) params: Value,
}

/// See [`super::Suite::digest`]. Case by case, because all of them together as JSON would take more memory than the suite itself.
pub(super) fn of_suite(parts: SuiteParts<'_>) -> Digest {
    let SuiteParts { cases, models, judge, repeat, params } = parts;
    let mut cases: Vec<&Case> = cases.iter().collect();
    cases.sort_unstable_by_key(|case| &case.name);
    let mut others = Map::new();
    if let Some(judge) = judge {
        others.insert("judge".into(), canonical_model(judge));
    }
    others.insert("models".into(), sorted(models));
    others.insert("params".into(), params);
    others.insert("repeat".into(), repeat.into());
    let others = canonical_json(&Value::Object(others));
    let commas = iter::once("").chain(iter::repeat(","));
    let cases = cases.into_iter().zip(commas).map(|(case, comma)| {
        let case = canonical_json(&case_of_suite(case));
        format!("{comma}{case}")
    });
    // `cases` comes first in the order of the keys; the other members follow it.
    let begin = iter::once("{\"cases\":[".to_owned());
    let end = iter::once(format!("],{}", &others[1..]));
    Digest::of_pieces(begin.chain(cases).chain(end))
}

fn case_of_suite(case: &Case) -> Value {
    let mut value = Map::new();
    value.insert("name".into(), case.name.as_str().into());
    value.insert("digest".into(), case.digest.to_string().into());
    if let Some(cluster) = &case.cluster {
        value.insert("cluster".into(), cluster.as_str().into());
    }
    if let Some(models) = &case.models {
        value.insert("models".into(), sorted(models));
    }
    value.insert("must_pass".into(), case.must_pass.into());
    // The reason is for people; that the case is not asked is what counts.
    value.insert("skip".into(), case.skip.is_some().into());
    value.insert("tags".into(), case.tags.iter().map(String::as_str).collect());
    Value::Object(value)
}

fn sorted(names: &[String]) -> Value {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::validator::tests::build;

    proptest! {
        #[test]
        fn the_parts_make_canonical_json(
            inputs in proptest::collection::vec((".{0,6}", ".{0,9}"), 0..5),
            said in proptest::collection::vec(".{0,9}", 0..3),
            reference in proptest::option::of(".{0,9}"),
            validators in 0_usize..3,
        ) {
            let inputs: Values = inputs.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
            let messages: Vec<Message> = said.into_iter().map(Message::user).collect();
            let checked = Checked {
                validator: Arc::new(build("contains: hi").unwrap()),
                canonical: canonical_json(&json!({"check": "contains", "a": [1.0, "é"]})).into(),
                asks_judge: false,
            };
            let text = canonical_case(&inputs, &messages, reference.as_deref(), &vec![checked; validators], None);
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(canonical_json(&value), text);
        }
    }
}
