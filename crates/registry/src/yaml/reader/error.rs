//! What can be said of a node that does not fit, in words for people.

use std::fmt;

use serde::de::{Expected, Unexpected};

use super::super::located::Span;
use crate::problem::did_you_mean;

/// The code of a key that nobody knows.
pub(in crate::yaml) const UNKNOWN_KEY: &str = "yaml::unknown_key";

/// A message and help.
type Said = (Box<str>, Option<Box<str>>);

/// Why a node does not fit, and which node to leave out so that reading can go on.
#[derive(Debug)]
pub(in crate::yaml) struct ReadError {
    pub(in crate::yaml) code: &'static str,
    pub(in crate::yaml) message: Box<str>,
    pub(in crate::yaml) help: Option<Box<str>>,
    /// The message and the help where what stands there is not repeated; the same ones where there are none.
    pub(in crate::yaml) discreet: Option<Box<Said>>,
    pub(in crate::yaml) span: Option<Span>,
    pub(in crate::yaml) leave_out: Option<usize>,
    /// Set where a required key is missing: a key that was left out before is not reported a second time.
    pub(in crate::yaml) missing_key: Option<&'static str>,
    pub(in crate::yaml) silent: bool,
    /// The part to leave out is the next larger one.
    whole: bool,
}

impl ReadError {
    pub(super) fn new(code: &'static str, message: String, help: Option<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.map(Into::into),
            discreet: None,
            span: None,
            leave_out: None,
            missing_key: None,
            silent: false,
            whole: false,
        }
    }

    /// The same error, with what is said of it where what stands there is not repeated.
    pub(super) fn or_discreetly(mut self, message: impl Into<Box<str>>, help: Option<&str>) -> Self {
        self.discreet = Some(Box::new((message.into(), help.map(Into::into))));
        self
    }

    /// The same error shown elsewhere.
    pub(super) fn with_span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    pub(super) fn or_at(mut self, span: Span, leave_out: usize) -> Self {
        self.span.get_or_insert(span);
        if self.whole {
            self.whole = false;
        } else {
            self.leave_out.get_or_insert(leave_out);
        }
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// What separates a message from its help in a custom error of a type that reads itself.
const HELP: &str = "\nhelp: ";
/// Begins a custom error after which the enclosing value makes no sense without the part that did not fit.
const WHOLE: &str = "\nwhole: ";

/// An error with help, for types that read themselves by hand.
pub fn error_with_help<E: serde::de::Error>(message: impl fmt::Display, help: impl fmt::Display) -> E {
    E::custom(format_args!("{message}{HELP}{help}"))
}

/// An error with help about one key that makes the whole map unusable: the error stands at the key, the map is left out.
pub fn error_of_whole<E: serde::de::Error>(message: impl fmt::Display, help: impl fmt::Display) -> E {
    E::custom(format_args!("{WHOLE}{message}{HELP}{help}"))
}

impl serde::de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let (message, whole) = match message.strip_prefix(WHOLE) {
            Some(message) => (message, true),
            None => (message.as_str(), false),
        };
        let (message, help) = match message.split_once(HELP) {
            Some((message, help)) => (message, Some(help.to_owned())),
            None => (message, None),
        };
        let mut error = Self::new("yaml::invalid_value", message.to_owned(), help);
        error.whole = whole;
        error
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain_words(expected);
        let help = match unexpected {
            Unexpected::Str(text) if expected == "`true` or `false`" && is_old_boolean(text) => {
                Some(format!("write `true` or `false`: `{text}` is text in YAML 1.2"))
            }
            _ => None,
        };
        let discreet = format!("expected {expected}, found {}", kind(unexpected));
        Self::new("yaml::wrong_type", format!("expected {expected}, found {}", describe(unexpected)), help)
            .or_discreetly(discreet, None)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain_words(expected);
        let discreet = format!("expected {expected}, found {}", kind(unexpected));
        let message = format!("expected {expected}, found {}", describe(unexpected));
        Self::new("yaml::invalid_value", message, None).or_discreetly(discreet, None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = did_you_mean(variant, expected.iter().copied(), "values");
        let discreet = did_you_mean("", expected.iter().copied(), "values");
        Self::new("yaml::unknown_value", format!("unknown value `{variant}`"), Some(help))
            .or_discreetly("unknown value", Some(&discreet))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = did_you_mean(field, expected.iter().copied(), "keys");
        let discreet = did_you_mean("", expected.iter().copied(), "keys");
        Self::new(UNKNOWN_KEY, format!("unknown key `{field}`"), Some(help))
            .or_discreetly("unknown key", Some(&discreet))
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new("yaml::missing_key", format!("the key `{field}` is missing"), None);
        error.missing_key = Some(field);
        error
    }
}

/// What a type asks for, without the names of a programming language.
fn plain_words(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "a boolean" => "`true` or `false`",
        "a string" => "text",
        "a sequence" => "a list",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "unit" => "nothing",
        other if other.starts_with("struct ") => "a map",
        other if other.starts_with("enum ") => "one of the known values",
        other if other.starts_with("a nonzero u") => "a whole number, 1 or more",
        other => other,
    }
    .to_owned()
}

fn is_old_boolean(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
}

/// The same as [`describe`], without the value.
fn kind(unexpected: Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map | Unexpected::StructVariant => "a map",
        _ => "something else",
    }
}

fn describe(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(value) if value.chars().count() > 40 => {
            format!("the text \"{}…\"", value.chars().take(40).collect::<String>())
        }
        Unexpected::Str(value) => format!("the text \"{value}\""),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "a map".to_owned(),
        other => other.to_string(),
    }
}
