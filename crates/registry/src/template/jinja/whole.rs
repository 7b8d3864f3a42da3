//! What is looked at before a value is used: all of it, since MiniJinja is strict only about what is undefined itself, and not about
//! what a list holds. And the text that is made of a value, which is the same wherever it is made.

use std::borrow::Cow;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;

/// Deeper values overflow the stack of whoever writes or compares them, and a namespace can hold itself.
const MAX_DEPTH: usize = 256;

/// So many parts of a value are looked at for one unit of fuel.
const PARTS_PER_FUEL: u64 = 16;

/// Refuses a value that is undefined or holds what is, by the name of what is undefined where that is known.
///
/// The absent `else` of an inline `if` is no undefined variable, and passes.
pub(super) fn whole(state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return state.format(value.clone()).map(drop);
    }
    walk(state, value, |_| Ok(()))
}

/// A value as it stands in a prompt: a string as it is, everything else as compact JSON text.
pub(super) fn text<'v>(state: &mut State<'_, '_>, value: &'v Value) -> Result<Cow<'v, str>, Error> {
    match value.as_str() {
        Some(text) => Ok(Cow::Borrowed(text)),
        None if value.is_undefined() => state.format(value.clone()).map(Cow::Owned),
        None => json(state, value, None).map(Cow::Owned),
    }
}

/// A value as JSON text: compact, or with so many spaces for each level.
pub(super) fn json(state: &mut State<'_, '_>, value: &Value, indent: Option<usize>) -> Result<String, Error> {
    check_json(value)?;
    walk(state, value, check_json)?;
    let no_text = |_| Error::new(ErrorKind::BadSerialization, "the value has no JSON text");
    let Some(indent) = indent else { return serde_json::to_string(value).map_err(no_text) };
    let indent = " ".repeat(indent);
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter)).map_err(no_text)?;
    String::from_utf8(text).map_err(|_| Error::new(ErrorKind::BadSerialization, "the value has no JSON text"))
}

/// Refuses what JSON text would show as `null` and is not.
fn check_json(value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined => {
            Err(Error::new(ErrorKind::UndefinedError, "an `if` without `else` has no value to write"))
        }
        ValueKind::Number if f64::try_from(value.clone()).is_ok_and(|number| !number.is_finite()) => {
            Err(Error::new(ErrorKind::InvalidOperation, "the result is not a finite number"))
        }
        _ => Ok(()),
    }
}

/// Looks at every part of a value, and refuses those that are undefined and those that `check` refuses.
fn walk(
    state: &mut State<'_, '_>,
    value: &Value,
    check: fn(&Value) -> Result<(), Error>,
) -> Result<(), Error> {
    if !is_container(value) {
        return Ok(());
    }
    let mut pending = vec![(value.clone(), 1)];
    let mut seen: u64 = 0;
    while let Some((container, depth)) = pending.pop() {
        if depth > MAX_DEPTH {
            return Err(Error::new(ErrorKind::InvalidOperation, "the value is nested too deep"));
        }
        let is_map = container.kind() == ValueKind::Map;
        let first = pending.len();
        for item in container.try_iter()? {
            seen += 1;
            if seen.is_multiple_of(PARTS_PER_FUEL) {
                state.consume_fuel(1)?;
            }
            let value = if is_map { Some(container.get_item(&item)?) } else { None };
            for part in std::iter::once(item).chain(value) {
                if part.is_undefined() {
                    state.format(part.clone())?;
                }
                check(&part)?;
                if is_container(&part) {
                    pending.push((part, depth + 1));
                }
            }
        }
        pending[first..].reverse();
    }
    Ok(())
}

fn is_container(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable)
}
