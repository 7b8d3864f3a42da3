//! `at`: a singular query of RFC 9535, which names at most one value: `$.answer.items[0]['unit price']`. Wildcards, slices, filters,
//! descendants and blank space are left out.

use std::fmt;

use serde_json::Value;

/// A path to one value inside a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

/// From a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    /// Counted from the end where negative.
    Index(i64),
}

/// Why a text is no such path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonPathError {
    #[error("a path begins with `$`")]
    NoRoot,
    #[error("`{0}` names more than one value")]
    NotSingular(&'static str),
    #[error("`{0}` cannot be read as a step of a path")]
    NotAStep(String),
}

impl JsonPath {
    pub(super) fn parse(text: &str) -> Result<Self, JsonPathError> {
        let mut rest = text.strip_prefix('$').ok_or(JsonPathError::NoRoot)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest)?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// The value at this path.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(value, |value, step| step.of(value))
    }
}

impl Step {
    /// The part of a value that it leads to.
    pub(super) fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match (self, value) {
            (Self::Name(name), Value::Object(map)) => map.get(name),
            (Self::Index(index), Value::Array(items)) => {
                let from_end = || usize::try_from(index.unsigned_abs()).ok();
                match usize::try_from(*index) {
                    Ok(index) => items.get(index),
                    Err(_) => items.len().checked_sub(from_end()?).and_then(|index| items.get(index)),
                }
            }
            _ => None,
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn step(text: &str) -> Result<(Step, &str), JsonPathError> {
    let wrong = || JsonPathError::NotAStep(text.chars().take(20).collect());
    for (start, shown) in [("..", ".."), (".*", ".*"), ("[*", "[*]"), ("[?", "[?…]")] {
        if text.starts_with(start) {
            return Err(JsonPathError::NotSingular(shown));
        }
    }
    if let Some(name) = text.strip_prefix('.') {
        let is_first =
            |character: char| character.is_ascii_alphabetic() || character == '_' || !character.is_ascii();
        let end = name
            .find(|character: char| !is_first(character) && !character.is_ascii_digit())
            .unwrap_or(name.len());
        if !name.starts_with(is_first) {
            return Err(wrong());
        }
        return Ok((Step::Name(name[..end].to_owned()), &name[end..]));
    }
    let inner = text.strip_prefix('[').ok_or_else(wrong)?;
    if inner.starts_with(['\'', '"']) {
        let (name, after) = quoted(inner).ok_or_else(wrong)?;
        let after = after.strip_prefix(']').ok_or_else(wrong)?;
        return Ok((Step::Name(name), after));
    }
    let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
    if index.contains([':', ',']) {
        return Err(JsonPathError::NotSingular(if index.contains(':') { "[…:…]" } else { "[…,…]" }));
    }
    let number: i64 = index.parse().map_err(|_| wrong())?;
    // `+1`, `01` and `-0` are numbers to a computer and no indices in the standard.
    if number.to_string() != index {
        return Err(wrong());
    }
    Ok((Step::Index(number), after))
}

/// A quoted name and what follows it. Escapes are those of JSON, and the quote itself.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next()?;
    let mut json = String::from("\"");
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next()?.1 {
                '\'' if quote == '\'' => json.push('\''),
                '"' if quote == '\'' => return None,
                other => json.extend(['\\', other]),
            },
            '"' if quote == '\'' => json.push_str("\\\""),
            _ if character == quote => {
                json.push('"');
                let name = serde_json::from_str(&json).ok()?;
                return Some((name, &text[at + quote.len_utf8()..]));
            }
            other => json.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn find(path: &str) -> Option<Value> {
        let value = json!({
            "a": {"b": [10, {"c d": "deep"}, 30]}, "": 1, "é": 2, "it's": 3, "x]": 4, "\"": 5, "tab\t": 6, "a1_": 7,
        });
        JsonPath::parse(path).unwrap().find(&value).cloned()
    }

    #[test]
    fn a_path_names_one_value() {
        assert_eq!(find("$.a.b[0]"), Some(json!(10)));
        assert_eq!(find("$.a.b[-1]"), Some(json!(30)));
        assert_eq!(find("$.a['b'][1][\"c d\"]"), Some(json!("deep")));
        assert_eq!(find("$['']"), Some(json!(1)));
        assert_eq!(find("$.é"), Some(json!(2)));
        assert_eq!(find(r"$['it\'s']"), Some(json!(3)));
        assert_eq!(find("$[\"it's\"]"), Some(json!(3)));
        assert_eq!(find("$['x]']"), Some(json!(4)));
        assert_eq!(find("$['\"']"), Some(json!(5)));
        assert_eq!(find(r"$['tab\t']"), Some(json!(6)));
        assert_eq!(find(r"$['\u00e9']"), Some(json!(2)));
        assert_eq!(find("$.a1_"), Some(json!(7)));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in ["$.b", "$.a.b[3]", "$.a.b[-4]", "$.a[0]", "$.a.b.c", "$.a.b[0].c"] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let errors: Vec<_> = [
            "a",
            "",
            "$a",
            "$.",
            "$..a",
            "$.*",
            "$[*]",
            "$[0:2]",
            "$[0,1]",
            "$[?@.a]",
            "$[01]",
            "$[-0]",
            "$[+1]",
            "$[",
            "$['a",
            "$['a'",
            "$[]",
            "$.1a",
            "$ .a",
            "$['\\\"']",
            "$[99999999999999999999]",
        ]
        .iter()
        .map(|text| format!("{text}: {}\n", JsonPath::parse(text).unwrap_err()))
        .collect();
        insta::assert_snapshot!(errors.concat());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\$?(\\.|\\[|\\]|'|\"|\\\\|\\PC){0,12}") {
            if let Ok(path) = JsonPath::parse(&text) {
                path.find(&json!({"a": [1, {"b": 2}]}));
            }
        }

        #[test]
        fn every_name_can_be_written(name in "\\PC{0,8}") {
            let path = JsonPath::parse(&format!("$[{}]", serde_json::to_string(&name).unwrap())).unwrap();
            let value = json!({name.clone(): 1});
            prop_assert_eq!(path.find(&value), Some(&json!(1)));
        }
    }
}
