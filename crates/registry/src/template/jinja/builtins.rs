//! The filters, tests and functions of the language: MiniJinja's, where what they are given is looked at before.
//!
//! An undefined value is refused by all of them but `default`, `is defined` and `is undefined`, however deep it stands in what they are
//! given; and what makes text makes the text of [`super::whole::text`].

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters, functions, tests};

use super::source::Check;
use super::text_filters;
use super::whole::{text, whole};

/// What a filter does with what it is given.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// Takes undefined values as well.
    Anything,
    /// Looks at everything.
    Whole,
    /// Passes the items of its first argument on, and looks at the others.
    Items,
    /// Passes its items to the filter that is named, which may be `default`, or looks for an attribute of theirs.
    Filter,
    /// Asks whether its items are true, or passes them to the test that is named at this place. Where it is the third, the second names
    /// an attribute.
    Truth(usize),
    /// Makes text of so many arguments.
    Text(usize),
    /// Looks at an attribute of every item, which `attribute=` names, or the argument at this place.
    Attribute(usize),
}

/// The place of an attribute that only `attribute=` names.
const BY_NAME: usize = usize::MAX;

/// Makes the environment know the filters, tests and functions of the language, and no other ones.
pub(super) fn teach(environment: &mut Environment<'static>) {
    for (names, reads, filter) in all_filters() {
        for name in names.split(' ') {
            let filter = filter.clone();
            environment.add_filter(
                name,
                move |state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                    let mut given = given.into_values();
                    look(state, reads, &mut given)?;
                    filter.call(state, &given)
                },
            );
        }
    }
    for (names, test) in all_tests() {
        for name in names.split(' ') {
            let test = test.clone();
            environment.add_test(
                name,
                move |state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                    let given = given.into_values();
                    if !matches!(name, "defined" | "undefined") {
                        given.iter().try_for_each(|value| whole(state, value))?;
                    }
                    test.call(state, &given)
                },
            );
        }
    }
    for (name, function) in all_functions() {
        environment.add_function(
            name,
            move |state: &mut State<'_, '_>, given: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                let given = given.into_values();
                given.iter().try_for_each(|value| whole(state, value))?;
                function.call(state, &given)
            },
        );
    }
    environment.add_filter(Check::Whole.filter(), text_filters::checked);
    environment.add_filter(Check::Text.filter(), text_filters::string);
    environment.add_filter(Check::Items.filter(), text_filters::items);
}

/// By name, the second ones being other names of the same.
fn all_filters() -> Vec<(&'static str, Reads, Value)> {
    use Reads::{Anything, Attribute, Filter, Items, Text, Truth, Whole};
    vec![
        ("abs", Whole, Value::from_function(filters::abs)),
        ("attr", Whole, Value::from_function(filters::attr)),
        ("batch", Whole, Value::from_function(filters::batch)),
        ("bool", Whole, Value::from_function(filters::bool)),
        ("capitalize", Text(1), Value::from_function(filters::capitalize)),
        ("chain", Whole, Value::from_function(filters::chain)),
        ("default d", Anything, Value::from_function(filters::default)),
        ("dictsort", Whole, Value::from_function(filters::dictsort)),
        ("escape e", Text(1), Value::from_function(filters::escape)),
        ("first", Whole, Value::from_function(filters::first)),
        ("float", Whole, Value::from_function(filters::float)),
        ("format", Whole, Value::from_function(text_filters::format)),
        ("groupby", Attribute(1), Value::from_function(filters::groupby)),
        ("indent", Text(1), Value::from_function(text_filters::indent)),
        ("int", Whole, Value::from_function(filters::int)),
        ("items", Whole, Value::from_function(filters::items)),
        ("join", Attribute(2), Value::from_function(text_filters::join)),
        ("last", Whole, Value::from_function(filters::last)),
        ("length count", Whole, Value::from_function(filters::length)),
        ("lines", Text(1), Value::from_function(filters::lines)),
        ("list", Items, Value::from_function(filters::list)),
        ("lower", Text(1), Value::from_function(filters::lower)),
        ("map", Filter, Value::from_function(filters::map)),
        ("max", Attribute(BY_NAME), Value::from_function(filters::max)),
        ("min", Attribute(BY_NAME), Value::from_function(filters::min)),
        ("pprint", Whole, Value::from_function(text_filters::pprint)),
        ("reject", Truth(1), Value::from_function(filters::reject)),
        ("rejectattr", Truth(2), Value::from_function(filters::rejectattr)),
        ("replace", Text(3), Value::from_function(text_filters::replace)),
        ("reverse", Whole, Value::from_function(filters::reverse)),
        ("round", Whole, Value::from_function(filters::round)),
        ("safe", Text(1), Value::from_function(filters::safe)),
        ("select", Truth(1), Value::from_function(filters::select)),
        ("selectattr", Truth(2), Value::from_function(filters::selectattr)),
        ("slice", Whole, Value::from_function(filters::slice)),
        ("sort", Attribute(BY_NAME), Value::from_function(filters::sort)),
        ("split", Text(1), Value::from_function(filters::split)),
        ("string", Whole, Value::from_function(text_filters::string)),
        ("sum", Attribute(1), Value::from_function(filters::sum)),
        ("title", Text(1), Value::from_function(filters::title)),
        ("tojson", Whole, Value::from_function(text_filters::tojson)),
        ("trim", Text(1), Value::from_function(filters::trim)),
        ("unique", Attribute(BY_NAME), Value::from_function(filters::unique)),
        ("upper", Text(1), Value::from_function(filters::upper)),
        ("urlencode", Whole, Value::from_function(text_filters::urlencode)),
        ("zip", Whole, Value::from_function(filters::zip)),
    ]
}

fn all_tests() -> Vec<(&'static str, Value)> {
    vec![
        ("boolean", Value::from_function(tests::is_boolean)),
        ("defined", Value::from_function(tests::is_defined)),
        ("divisibleby", Value::from_function(is_divisibleby)),
        ("endingwith", Value::from_function(tests::is_endingwith)),
        ("eq equalto ==", Value::from_function(tests::is_eq)),
        ("even", Value::from_function(tests::is_even)),
        ("false", Value::from_function(tests::is_false)),
        ("filter", Value::from_function(tests::is_filter)),
        ("float", Value::from_function(tests::is_float)),
        ("ge >=", Value::from_function(tests::is_ge)),
        ("gt greaterthan >", Value::from_function(tests::is_gt)),
        ("in", Value::from_function(tests::is_in)),
        ("integer int", Value::from_function(tests::is_integer)),
        ("iterable", Value::from_function(tests::is_iterable)),
        ("le <=", Value::from_function(tests::is_le)),
        ("lower", Value::from_function(tests::is_lower)),
        ("lt lessthan <", Value::from_function(tests::is_lt)),
        ("mapping", Value::from_function(tests::is_mapping)),
        ("ne !=", Value::from_function(tests::is_ne)),
        ("none", Value::from_function(tests::is_none)),
        ("number", Value::from_function(tests::is_number)),
        ("odd", Value::from_function(tests::is_odd)),
        ("safe escaped", Value::from_function(tests::is_safe)),
        ("sameas", Value::from_function(tests::is_sameas)),
        ("sequence", Value::from_function(tests::is_sequence)),
        ("startingwith", Value::from_function(tests::is_startingwith)),
        ("string", Value::from_function(tests::is_string)),
        ("test", Value::from_function(tests::is_test)),
        ("true", Value::from_function(tests::is_true)),
        ("undefined", Value::from_function(tests::is_undefined)),
        ("upper", Value::from_function(tests::is_upper)),
    ]
}

fn all_functions() -> [(&'static str, Value); 3] {
    [
        ("dict", Value::from_function(functions::dict)),
        ("namespace", Value::from_function(functions::namespace)),
        ("range", Value::from_function(functions::range)),
    ]
}

/// Looks at what a filter is given, and makes text of what it takes as text.
fn look(state: &mut State<'_, '_>, reads: Reads, given: &mut [Value]) -> Result<(), Error> {
    let positional = given.iter().position(Value::is_kwargs).unwrap_or(given.len());
    let unread = match reads {
        Reads::Anything => return Ok(()),
        Reads::Filter
            if given.get(1).and_then(Value::as_str).is_some_and(|name| matches!(name, "default" | "d")) =>
        {
            return Ok(());
        }
        Reads::Items | Reads::Filter => 1,
        Reads::Truth(test) if positional > test => 1,
        Reads::Whole | Reads::Truth(_) | Reads::Text(_) | Reads::Attribute(_) => 0,
    };
    given.iter().skip(unread).try_for_each(|value| whole(state, value))?;
    match reads {
        Reads::Text(count) => {
            for value in given[..positional].iter_mut().take(count) {
                if value.as_str().is_none() {
                    *value = Value::from(text(state, value)?.into_owned());
                }
            }
            Ok(())
        }
        Reads::Truth(2) if positional == 2 => has_attribute(state, &given[0], given[1].as_str()),
        Reads::Attribute(place) => {
            let named = given.get(positional);
            let by_name = |name: &str| {
                named.and_then(|named| named.get_attr(name).ok()).filter(|value| !value.is_undefined())
            };
            let attribute = by_name("attribute").or_else(|| given[..positional].get(place).cloned());
            match attribute {
                Some(attribute) if by_name("default").is_none() => {
                    has_attribute(state, &given[0], attribute.as_str())
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Refuses items that lack an attribute: MiniJinja passes over them. What is no attribute or has no items is for the filter to refuse.
fn has_attribute(state: &mut State<'_, '_>, items: &Value, attribute: Option<&str>) -> Result<(), Error> {
    let (Some(attribute), Ok(items)) = (attribute, items.try_iter()) else { return Ok(()) };
    for item in items {
        state.consume_fuel(1)?;
        for path in attribute.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            if text_filters::attribute(&item, path)?.is_undefined() {
                return Err(Error::new(ErrorKind::UndefinedError, "an item does not have the attribute"));
            }
        }
    }
    Ok(())
}

/// MiniJinja's answers for zero, where `%` fails.
fn is_divisibleby(value: &Value, by: &Value) -> Result<bool, Error> {
    if by.is_number() && !by.is_true() {
        return Err(Error::new(ErrorKind::InvalidOperation, "nothing is divisible by 0"));
    }
    Ok(tests::is_divisibleby(value, by))
}

/// The names of all filters, tests and functions; those that are words.
#[cfg(test)]
pub(super) fn names() -> [Vec<&'static str>; 3] {
    let words = |names: &'static str| names.split(' ').filter(|name| name.starts_with(char::is_alphabetic));
    [
        all_filters().into_iter().flat_map(|(names, ..)| words(names)).collect(),
        all_tests().into_iter().flat_map(|(names, _)| words(names)).collect(),
        all_functions().into_iter().map(|(name, _)| name).collect(),
    ]
}
