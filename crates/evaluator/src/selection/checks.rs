//! Which checks of a case are not what they were, and how they differ: cases look the same to whoever reads their questions only.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::validator::Validator;

/// A value of so many characters is shown.
const SHOWN: usize = 40;
/// What every check has beside what it looks for; an argument of one of these names is told as one of the argument.
const OF_EVERY_CHECK: [&str; 7] = ["check", "holds", "negated", "weight", "warn", "threshold", "at"];

/// A check in its normal form, with the names of the rows that judge for it in place of the rows: what is other of a row is no edit of
/// the check.
#[derive(Debug)]
struct Written<'v> {
    name: &'v str,
    parts: BTreeMap<String, Value>,
}

/// More pairs of edited checks of one name than this are told in their order: which is nearest to which takes a look at all of them.
const PAIRS: usize = 64;

/// The checks that one side has and the other has not, of both.
type Lacking = [Vec<*const Validator>; 2];
/// The name of a check, and how it is another.
type Told = (String, String);

/// What is known of two lists of checks. Cases that share their checks are another in the same, and there may be many.
#[derive(Debug, Default)]
pub(super) struct Known(RefCell<HashMap<Lacking, Vec<Told>>>);

impl<'v> Written<'v> {
    fn of(validator: &'v Validator) -> Option<Self> {
        let mut value: Value = serde_json::from_str(validator.canonical()?).ok()?;
        let check = if value.get("validator").is_some() { &mut value["validator"] } else { &mut value };
        check.as_object_mut().and_then(|check| check.remove("judges"));
        let judges: Vec<&str> = validator.judges().into_iter().map(|row| row.name.as_str()).collect();
        let mut parts = BTreeMap::new();
        collect(&value, &mut parts);
        if !judges.is_empty() {
            parts.insert("judge".to_owned(), judges.join(", ").into());
        }
        Some(Self { name: validator.name(), parts })
    }

    /// What it looks for, to tell it from others of its name.
    fn shown(&self) -> String {
        self.parts.get("value").and_then(shown).map(|value| format!("value {value} ")).unwrap_or_default()
    }
}

impl Known {
    /// The checks that are others now, by their names, each with how; those that one side only has among them.
    pub(super) fn differences(
        &self,
        then: &[Arc<Validator>],
        now: &[Arc<Validator>],
    ) -> Vec<(String, String)> {
        let (gone, new) = (only(then, now), only(now, then));
        let key = [&gone, &new].map(|side| side.iter().map(|check| Arc::as_ptr(check)).collect());
        let of_several = |name: &str| {
            let count = |side: &[Arc<Validator>]| side.iter().filter(|check| check.name() == name).count();
            count(then) > 1 || count(now) > 1
        };
        self.0.borrow_mut().entry(key).or_insert_with(|| differences(&gone, &new, of_several)).clone()
    }
}

fn differences(
    gone: &[&Arc<Validator>],
    new: &[&Arc<Validator>],
    of_several: impl Fn(&str) -> bool,
) -> Vec<Told> {
    let (mut gone, mut new) = (written(gone), written(new));
    gone.retain(|check| {
        match new.iter().position(|other| (other.name, &other.parts) == (check.name, &check.parts)) {
            Some(same) => {
                new.remove(same);
                false
            }
            None => true,
        }
    });
    let names: BTreeSet<&str> = gone.iter().chain(&new).map(|check| check.name).collect();
    let mut differences = Vec::new();
    for name in names {
        let is_one = !of_several(name);
        let of_name = |check: &&Written<'_>| check.name == name;
        let (gone, new): (Vec<&Written<'_>>, Vec<&Written<'_>>) =
            (gone.iter().filter(of_name).collect(), new.iter().filter(of_name).collect());
        let mut paired = [vec![false; gone.len()], vec![false; new.len()]];
        let mut tell = |how: String| differences.push((name.to_owned(), how));
        for (one, other) in pairs(&gone, &new) {
            tell(changed(gone[one], new[other]));
            (paired[0][one], paired[1][other]) = (true, true);
        }
        let which = |check: &Written<'_>| if is_one { String::new() } else { check.shown() };
        for (check, _) in gone.iter().zip(&paired[0]).filter(|(_, paired)| !**paired) {
            tell(format!("{}is gone", which(check)));
        }
        for (check, _) in new.iter().zip(&paired[1]).filter(|(_, paired)| !**paired) {
            tell(format!("{}is new", which(check)));
        }
    }
    differences
}

fn written<'v>(validators: &[&'v Arc<Validator>]) -> Vec<Written<'v>> {
    validators.iter().filter_map(|validator| Written::of(validator)).collect()
}

/// Whether the same checks stand in another order.
pub(super) fn are_reordered(then: &[Arc<Validator>], now: &[Arc<Validator>]) -> bool {
    let is_other = then.iter().zip(now).any(|(then, now)| then.canonical() != now.canonical());
    is_other && only(then, now).is_empty() && only(now, then).is_empty()
}

/// The checks of one side that the other has not, each as often as it lacks there.
fn only<'v>(of: &'v [Arc<Validator>], other: &[Arc<Validator>]) -> Vec<&'v Arc<Validator>> {
    let mut left: Vec<_> = other.iter().map(|check| check.canonical()).collect();
    let mut lacking = of.iter().collect::<Vec<_>>();
    lacking.retain(|check| match left.iter().position(|other| *other == check.canonical()) {
        Some(same) => {
            left.swap_remove(same);
            false
        }
        None => true,
    });
    lacking
}

/// What became what: those that are nearest first, for an edit changes little; of many, one after the other.
fn pairs(gone: &[&Written<'_>], new: &[&Written<'_>]) -> Vec<(usize, usize)> {
    let all = || (0..gone.len()).flat_map(|one| (0..new.len()).map(move |other| (one, other)));
    if gone.len() * new.len() > PAIRS {
        return (0..gone.len().min(new.len())).map(|both| (both, both)).collect();
    }
    let far = |&(one, other): &(usize, usize)| differing(&gone[one].parts, &new[other].parts).len();
    let mut by_distance: Vec<(usize, usize)> = all().collect();
    by_distance.sort_by_cached_key(far);
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (one, other) in by_distance {
        if pairs.iter().all(|pair| pair.0 != one && pair.1 != other) {
            pairs.push((one, other));
        }
    }
    pairs
}

fn differing(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// What differs, a few words for each part.
fn changed(then: &Written<'_>, now: &Written<'_>) -> String {
    let (before, after) = (&then.parts, &now.parts);
    let mut keys = differing(before, after);
    if keys.iter().any(|key| key == "check") {
        // Another check: its name says it, and it looks for something of its own.
        keys.retain(|key| OF_EVERY_CHECK.contains(&key.as_str()));
    }
    let words = keys.iter().map(|key| match from_to(before.get(key), after.get(key)) {
        Some(words) => format!("{key} {words}"),
        None => key.clone(),
    });
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "is another".to_owned() } else { words }
}

/// What a value was and what it is, where both can be shown.
pub(super) fn from_to(then: Option<&Value>, now: Option<&Value>) -> Option<String> {
    let none = Value::Null;
    let (then, now) = (shown(then.unwrap_or(&none))?, shown(now.unwrap_or(&none))?);
    Some(format!("{then} there and {now} here"))
}

fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(_) | Value::Object(_) => return None,
        other => other.to_string(),
    };
    (text.chars().count() <= SHOWN).then_some(text)
}

/// The parts of a check by the names that people write for them: of an argument, by their path.
fn collect(check: &Value, found: &mut BTreeMap<String, Value>) {
    for (key, value) in check.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("validator", Value::Object(_)) => collect(value, found),
            ("argument", Value::Object(argument)) => of_argument(argument, "", found),
            ("argument", _) => drop(found.insert("value".to_owned(), value.clone())),
            _ => drop(found.insert(key.clone(), value.clone())),
        }
    }
}

fn of_argument(members: &Map<String, Value>, path: &str, found: &mut BTreeMap<String, Value>) {
    for (key, value) in members {
        let name = match path {
            "" if OF_EVERY_CHECK.contains(&key.as_str()) || key == "name" => format!("argument.{key}"),
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        match value.as_object() {
            Some(inner) if !inner.is_empty() => of_argument(inner, &name, found),
            _ => drop(found.insert(name, value.clone())),
        }
    }
}
