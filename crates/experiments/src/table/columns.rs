//! Which columns a table may have. What is not read is named: a misspelt `id` would count outcomes twice without a word.

use std::collections::BTreeMap;
use std::fmt;

use promptassay_registry::problem::one_edit_away;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// The columns of a table, in the order in which they are written.
pub(super) const COLUMNS: [&str; 9] =
    ["unit", "unit_hex", "phase", "variant", "metric", "value", "at", "id", "id_hex"];

/// So many names are kept; whoever has more sees these first.
const MOST: usize = 20;

/// Columns that nothing is read from, and the line that has each of them first.
pub type Unread = BTreeMap<String, u64>;

/// Takes note of a column that is not known; refuses one that is almost one.
pub(super) fn note(name: &str, line: u64, unread: &mut Unread) -> Result<(), String> {
    if COLUMNS.contains(&name) {
        return Ok(());
    }
    // A name of two letters is one edit away from half of all short words.
    let near =
        one_edit_away(name, COLUMNS).filter(|near| near.len() > 2 || name.to_lowercase().starts_with(*near));
    if let Some(near) = near {
        return Err(format!("there is no column `{}`; did you mean `{near}`?", name.escape_debug()));
    }
    if unread.len() < MOST && !unread.contains_key(name) {
        unread.insert(name.to_owned(), line);
    }
    Ok(())
}

/// The same for the keys of an object. A list of nine would be read as well, by their order.
pub(super) fn note_keys(object: &str, line: u64, unread: &mut Unread) -> Result<(), String> {
    if !object.trim_start().starts_with('{') {
        return Err(r#"a row is an object, such as {"unit": "u1", "variant": "control", "at": "2026-11-24T00:00:00Z"}"#.to_owned());
    }
    let mut wrong = Ok(());
    let keys = Keys(&mut |name: &str| {
        if wrong.is_ok() {
            wrong = note(name, line, unread);
        }
    });
    let _ = serde_json::Deserializer::from_str(object).deserialize_map(keys);
    wrong
}

struct Keys<'a>(&'a mut dyn FnMut(&str));

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            (self.0)(&name);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
