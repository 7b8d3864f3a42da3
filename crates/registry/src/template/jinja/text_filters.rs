//! Filters that make text, where MiniJinja's would write numbers, booleans, lists and maps in a way of their own.

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Error, ErrorKind, State, filters};

use super::whole::{json, text, whole};

/// MiniJinja takes one unit of fuel for so many bytes.
const BYTES_PER_FUEL: usize = 64;

/// The value, if nothing in it is undefined.
pub(super) fn checked(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    whole(state, &value)?;
    Ok(value)
}

/// The value as text.
pub(super) fn string(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.as_str().is_some() {
        return Ok(value);
    }
    Ok(Value::from(text(state, &value)?.into_owned()))
}

/// What a `for` walks, so that it knows how many items there are: a text as the list of its characters.
pub(super) fn items(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let is_list = match value.kind() {
        ValueKind::String => false,
        ValueKind::Iterable => value.len().is_some(),
        _ => true,
    };
    if is_list { Ok(value) } else { filters::list(state, value) }
}

/// `join(separator, attribute)`.
#[expect(clippy::needless_pass_by_value, reason = "MiniJinja gives named arguments so")]
pub(super) fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    separator: Option<Value>,
    path: Option<&str>,
    named: Kwargs,
) -> Result<Value, Error> {
    let separator = match separator {
        Some(separator) => Some(separator),
        None => named.get::<Option<Value>>("d")?,
    };
    let path = match path {
        Some(path) => Some(path),
        None => named.get::<Option<&str>>("attribute")?,
    };
    named.assert_all_used()?;
    let separator = separator.unwrap_or_else(|| Value::from(""));
    let separator = text(state, &separator)?;
    let items = value.try_iter().map_err(|_| {
        Error::new(ErrorKind::InvalidOperation, format!("cannot join value of type {}", value.kind()))
    })?;
    let mut joined = String::new();
    for (index, item) in items.enumerate() {
        let item = match path {
            Some(path) => attribute(&item, path)?,
            None => item,
        };
        let item = text(state, &item)?;
        afford(state, item.len() + separator.len() + BYTES_PER_FUEL)?;
        if index > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&item);
    }
    Ok(Value::from(joined))
}

/// `tojson(indent)`: the JSON text, of strings as well.
#[expect(clippy::needless_pass_by_value, reason = "MiniJinja gives named arguments so")]
pub(super) fn tojson(
    state: &mut State<'_, '_>,
    value: &Value,
    indent: Option<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => named.get::<Option<Value>>("indent")?,
    };
    named.assert_all_used()?;
    let indent = match indent {
        None => None,
        Some(indent) if indent.kind() == ValueKind::Bool => indent.is_true().then_some(2),
        Some(indent) => Some(usize::from(u8::try_from(indent)?)),
    };
    json(state, value, indent).map(Value::from)
}

/// The JSON text over several lines.
pub(super) fn pprint(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    json(state, value, Some(2)).map(Value::from)
}

/// `replace(from, to, count)`.
pub(super) fn replace(state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = given.into_values();
    let (value, from, to, count, named): (&str, &str, &str, Option<i64>, Kwargs) = from_args(&given)?;
    let count = match count {
        Some(count) => Some(count),
        None => named.get::<Option<i64>>("count")?,
    };
    named.assert_all_used()?;
    let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let places = value.matches(from).take(count).count();
    afford(state, value.len() + places.saturating_mul(to.len()))?;
    Ok(Value::from(value.replacen(from, to, count)))
}

/// `indent(width, first, blank)` as in Jinja2: the width is a number of spaces or a text, and a line break at the end stays.
pub(super) fn indent(state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = given.into_values();
    let (value, width, first, blank, named): (&str, Option<Value>, Option<bool>, Option<bool>, Kwargs) =
        from_args(&given)?;
    let width = match width {
        Some(width) => Some(width),
        None => named.get::<Option<Value>>("width")?,
    };
    let width = width.unwrap_or_else(|| Value::from(4));
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = blank.or(named.get("blank")?).unwrap_or(false);
    named.assert_all_used()?;
    let width = match width.as_str() {
        Some(text) => text.to_owned(),
        None => " ".repeat(usize::from(u16::try_from(width)?)),
    };
    let lines = value.bytes().filter(|byte| *byte == b'\n').count() + 1;
    afford(state, value.len() + lines.saturating_mul(width.len()))?;
    let mut indented = String::new();
    for (index, line) in value.split_inclusive('\n').enumerate() {
        let is_blank = matches!(line, "\n" | "\r\n");
        if (index > 0 || first) && (blank || !is_blank) {
            indented.push_str(&width);
        }
        indented.push_str(line);
    }
    Ok(Value::from(indented))
}

/// `"…%s…" | format(…)`: text for each `%s`. Where other conversions stand beside it, numbers stay numbers.
pub(super) fn format(
    state: &mut State<'_, '_>,
    pattern: &Value,
    given: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    let only_texts = pattern.as_str().is_some_and(takes_only_texts);
    let mut given = given.into_values();
    for value in &mut given {
        if value.is_kwargs() {
            let mut named = Vec::new();
            for name in value.try_iter()? {
                let value = value.get_item(&name)?;
                named.push((name.to_string(), argument(state, value, only_texts)?));
            }
            *value = named.into_iter().collect::<Kwargs>().into();
        } else {
            *value = argument(state, value.clone(), only_texts)?;
        }
    }
    filters::format(state, pattern, Rest(given.into_iter().map(ValueOrKwargs::from).collect()))
}

/// The texts of a map as a query, or the text of anything else, as they stand in an address.
pub(super) fn urlencode(state: &mut State<'_, '_>, value: Value) -> Result<String, Error> {
    if value.kind() != ValueKind::Map {
        return filters::urlencode(&string(state, value)?);
    }
    let mut texts = Vec::new();
    for name in value.try_iter()? {
        let text = string(state, value.get_item(&name)?)?;
        texts.push((name, text));
    }
    filters::urlencode(&Value::from_pairs(texts))
}

fn argument(state: &mut State<'_, '_>, value: Value, as_text: bool) -> Result<Value, Error> {
    if value.is_number() && !as_text { Ok(value) } else { string(state, value) }
}

fn takes_only_texts(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some((_, conversion)) = rest.split_once('%') {
        let Some(length) = conversion.find(['s', '%']) else { return false };
        if !conversion[..length].chars().all(|flag| flag.is_ascii_digit() || "-.".contains(flag)) {
            return false;
        }
        rest = &conversion[length + 1..];
    }
    true
}

/// An attribute by its path, such as `address.city` or `0.name`.
pub(super) fn attribute(item: &Value, path: &str) -> Result<Value, Error> {
    path.split('.').try_fold(item.clone(), |value, name| match name.parse() {
        Ok(index) => value.get_item_by_index(index),
        Err(_) => value.get_attr(name),
    })
}

/// Takes the fuel for what is about to be built.
fn afford(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    state.consume_fuel((bytes / BYTES_PER_FUEL) as u64)
}
