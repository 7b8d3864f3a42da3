//! What a change edits in registry.yaml that no reply depends on: the rules of moves, and where experiments and canaries are recorded.

use std::collections::{BTreeMap, BTreeSet};

use promptassay_experiments::store::Location;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::registry_file;
use promptassay_registry::tree::Tree;
use promptassay_registry::yaml::Document;
use serde_json::Value;

use super::Then;

/// The sections that are told of.
const LIFECYCLE: &str = "lifecycle";
const STORE: &str = "store";

impl Then<'_> {
    /// A warning where the change edits the rules of moves or where experiments and canaries are recorded: no question is another, so nothing is
    /// judged, and whoever reviews has to know.
    pub(super) fn other_rules(&self, tree: &Tree) -> Option<Problem> {
        let now = written(tree.registry().document.as_ref());
        let [there, began] =
            [&self.registry, self.began()].map(|registry| written(registry.document.as_ref()));
        let keys: BTreeSet<&String> = now.keys().chain(there.keys()).collect();
        let edited: Vec<&String> = keys
            .into_iter()
            .filter(|key| now.get(*key) != there.get(*key) && now.get(*key) != began.get(*key))
            .collect();
        if edited.is_empty() {
            return None;
        }
        let told: Vec<String> = edited
            .iter()
            .map(|key| format!("`{key}` ({})", difference(there.get(*key), now.get(*key))))
            .collect();
        let message =
            format!("this change edits what is asked of moves, or where it is recorded: {}", told.join(", "));
        let help = format!(
            "no reply depends on it, so nothing is judged: whoever reviews the change should read it beside {}",
            self.reference
        );
        let first = edited.iter().find(|key| now.contains_key(**key));
        let mut place = match (&tree.registry().document, first) {
            (Some(document), Some(key)) => document.place_at(&key.split('.').collect::<Vec<_>>()),
            _ => Place::whole_file(tree.root().join(registry_file::FILE_NAME)),
        };
        // All of the file may be one line.
        if now.values().any(is_hidden) {
            place.line_text.clear();
        }
        Some(Problem::warning("changes::lifecycle_rules", message).at(place).help(help))
    }
}

/// What a registry document says of these sections, by the path of each key.
fn written(document: Option<&Document>) -> BTreeMap<String, Value> {
    let read = |key: &str| {
        document.and_then(|document| document.read_at::<Value>(&[key])).and_then(|reading| reading.value)
    };
    let rules = read(LIFECYCLE).and_then(|rules| rules.as_object().cloned()).unwrap_or_default();
    let rules = rules.into_iter().map(|(key, value)| (format!("{LIFECYCLE}.{key}"), value));
    rules.chain(read(STORE).map(|store| (STORE.to_owned(), store))).collect()
}

/// What stands on either side, without what may be a password.
fn difference(there: Option<&Value>, here: Option<&Value>) -> String {
    let [there, here] = [there, here].map(|value| value.map_or_else(|| "not set".to_owned(), shown));
    if there == here {
        return format!("{there}, and what is not shown of it is another here");
    }
    format!("{there} there and {here} here")
}

/// Whether a value holds a password, or cannot be read so well that it is known to hold none.
fn is_hidden(value: &Value) -> bool {
    match value {
        Value::String(text) => match Location::parse(text) {
            Ok(Location::Sqlite(_)) => false,
            Ok(Location::Postgres(server)) => server.get_password().is_some(),
            Err(_) => true,
        },
        Value::Array(items) => items.iter().any(is_hidden),
        // No key of these sections has a map for its value.
        Value::Object(_) => true,
        _ => false,
    }
}

/// A value as people are shown it: a server without its password.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => match Location::parse(text) {
            Ok(Location::Sqlite(_)) => value.to_string(),
            Ok(server) => format!("\"{server}\""),
            Err(_) => "a value that is not shown".to_owned(),
        },
        Value::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Object(_) => "a value that is not shown".to_owned(),
        other => other.to_string(),
    }
}
