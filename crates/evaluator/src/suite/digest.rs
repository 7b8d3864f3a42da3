//! The normal forms of cases and suites, of which digests are taken.

use std::fmt::Write as _;
use std::iter;
use std::sync::Arc;

use promptassay_llm::{Message, ModelRow};
use promptassay_registry::digest::{Digest, canonical_json, canonical_text};
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

/// What a model row does to an answer; its name and its limits do nothing. Headers do, for some servers choose the model by them; a
/// row without any has the form that it always had.
pub(crate) fn canonical_model(row: &ModelRow) -> Value {
    let mut model = json!({
        "provider": row.provider.as_str(),
        "endpoint": row.endpoint(),
        "model": row.model,
        "params": row.params,
        "extra": row.extra,
    });
    if !row.headers.is_empty() {
        model["headers"] = Value::Object(row.written_headers());
    }
    model
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

pub(crate) fn canonical_values(values: &Values) -> String {
    let mut members: Vec<_> = values.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    let mut text = String::from("{");
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let _ = write!(text, "{}:{}", canonical_text(name), canonical_json(value));
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
    let cases = cases.into_iter().zip(commas).map(|(case, comma)| case_of_suite(case, comma));
    // `cases` comes first in the order of the keys; the other members follow it.
    let begin = iter::once("{\"cases\":[".to_owned());
    let end = iter::once(format!("],{}", &others[1..]));
    Digest::of_pieces(begin.chain(cases).chain(end))
}

/// A case as canonical JSON, put together in the order of its keys. The reason why it is skipped is for people; that it is not asked
/// is what counts.
fn case_of_suite(case: &Case, comma: &str) -> String {
    let mut text = format!("{comma}{{");
    // Writing to a `String` cannot fail.
    if let Some(cluster) = &case.cluster {
        let _ = write!(text, "\"cluster\":{},", canonical_text(cluster));
    }
    let _ = write!(text, "\"digest\":\"{}\"", case.digest);
    if let Some(models) = &case.models {
        let _ = write!(text, ",\"models\":{}", canonical_json(&sorted(models)));
    }
    let (must_pass, name, skip) = (case.must_pass, canonical_text(&case.name), case.skip.is_some());
    let _ = write!(text, ",\"must_pass\":{must_pass},\"name\":{name},\"skip\":{skip},\"tags\":[");
    for (index, tag) in case.tags.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{}", canonical_text(tag));
    }
    text.push_str("]}");
    text
}

fn sorted(names: &[String]) -> Value {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use promptassay_registry::problem::Place;
    use proptest::prelude::*;

    use super::*;
    use crate::validator::tests::build;

    #[test]
    fn a_case_of_a_suite_is_canonical_json() {
        let case =
            |name: &str, cluster: Option<&str>, models: Option<&[&str]>, tags: &[&str], skip: bool| Case {
                name: name.to_owned(),
                digest: Digest::of(name),
                place: Place::whole_file("s.yaml"),
                inputs: Values::new(),
                reference: None,
                messages: Vec::new(),
                models: models.map(|models| models.iter().map(|&model| model.to_owned()).collect()),
                validators: Vec::new(),
                tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
                cluster: cluster.map(str::to_owned),
                must_pass: skip,
                skip: skip.then(|| "later".to_owned()),
            };
        for case in [
            case("a", None, None, &[], false),
            case("b \"\\\n é", Some("c\t"), Some(&["z", "a\""]), &["t", "\u{1}", "é"], true),
        ] {
            let mut whole = json!({
                "name": case.name,
                "digest": case.digest,
                "must_pass": case.must_pass,
                "skip": case.skip.is_some(),
                "tags": case.tags,
            });
            if let Some(cluster) = &case.cluster {
                whole["cluster"] = json!(cluster);
                whole["models"] = json!(["a\"", "z"]);
            }
            assert_eq!(case_of_suite(&case, ","), format!(",{}", canonical_json(&whole)));
        }
    }

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
