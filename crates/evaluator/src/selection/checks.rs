//! Which checks of a case are not what they were, and how they differ: cases look the same to whoever reads their questions only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use promptassay_registry::problem::Place;
use serde_json::Value;

use crate::suite::Case;

/// So many checks are described; the others are counted.
const DESCRIBED: usize = 5;
/// A value of so many characters is shown.
const SHOWN: usize = 40;

/// The checks of a case, each in its normal form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Checks(Vec<Arc<str>>);

impl Checks {
    pub(super) fn of(case: &Case) -> Self {
        Self(case.validators.iter().filter_map(|validator| validator.canonical().cloned()).collect())
    }

    /// The names of the checks that are others now, each with how; those that one side only has among them.
    pub(super) fn differences(&self, now: &Self) -> Vec<(String, String)> {
        let only = |of: &Self, other: &Self| -> BTreeMap<String, Value> {
            let different = of.0.iter().filter(|check| !other.0.contains(check));
            let values = different.filter_map(|check| serde_json::from_str::<Value>(check).ok());
            values.map(|value| (name(&value), value)).collect()
        };
        let (then, now) = (only(self, now), only(now, self));
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let how = |name: &String| match (then.get(name), now.get(name)) {
            (Some(then), Some(now)) => changed(then, now),
            (Some(_), None) => "is gone".to_owned(),
            (None, _) => "is new".to_owned(),
        };
        names.into_iter().map(|name| (name.clone(), how(name))).collect()
    }
}

/// Where the first of these checks is written, by its name, in a case that has it.
pub(super) fn place_of(case: &Case, names: &[(String, String)]) -> Option<Place> {
    let validators = case.validators.iter();
    let mut named = validators.filter(|validator| names.iter().any(|(name, _)| name == validator.name()));
    named.find_map(|validator| validator.place()).cloned()
}

/// Checks with how they differ, for a sentence; none that is said twice.
pub(super) fn described(differences: &BTreeSet<(String, String)>) -> String {
    let shown: Vec<String> =
        differences.iter().take(DESCRIBED).map(|(name, how)| format!("`{name}` ({how})")).collect();
    match differences.len().saturating_sub(DESCRIBED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn name(check: &Value) -> String {
    let name = check.get("property").or_else(|| check.get("name"));
    name.and_then(Value::as_str).unwrap_or("a check").to_owned()
}

/// What differs, a few words for each part.
fn changed(then: &Value, now: &Value) -> String {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    parts(then, String::new(), &mut before);
    parts(now, String::new(), &mut after);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let words = differing.map(|key| {
        let shown = |side: &BTreeMap<String, &Value>| match side.get(key) {
            None | Some(Value::Null) => Some("none".to_owned()),
            Some(Value::String(text)) => Some(format!("`{text}`")),
            Some(Value::Array(_) | Value::Object(_)) => None,
            Some(other) => Some(other.to_string()),
        };
        let short = |text: &String| text.chars().count() <= SHOWN;
        match (shown(&before).filter(short), shown(&after).filter(short)) {
            (Some(then), Some(now)) => format!("{key} {then} there and {now} here"),
            _ => key.clone(),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The parts of a check by the names that people write for them.
fn parts<'v>(check: &'v Value, name: String, found: &mut BTreeMap<String, &'v Value>) {
    match check.as_object() {
        Some(members) if !members.is_empty() => {
            for (key, value) in members {
                let inner = match key.as_str() {
                    "validator" | "argument" => name.clone(),
                    key => key.to_owned(),
                };
                parts(value, inner, found);
            }
        }
        _ => {
            let name = if name.is_empty() { "value".to_owned() } else { name };
            found.insert(name, check);
        }
    }
}
