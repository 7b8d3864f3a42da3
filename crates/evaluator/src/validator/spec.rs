//! The file shape of a validator, `{check: argument, name?, weight?, warn?}`, and how it becomes one that cannot be wrong.
//!
//! Read by hand: exactly one key is a check, and a place survives for everything that can be wrong.

mod canonical;

use std::borrow::Cow;
use std::fmt;

use promptassay_registry::problem::{Problem, closest, did_you_mean};
use promptassay_registry::yaml::{Document, Located, Span, error_of_whole, error_with_help};
use regex::RegexBuilder;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::json;

use super::affix::{Affix, End};
use super::contains::{Contains, Quantity};
use super::equals::Equals;
use super::needle::Needle;
use super::regular_expression::RegularExpression;
use super::size::{Bound, Size, Unit};
use super::{Check, Validator};

/// A row of the table of checks.
#[derive(Debug)]
pub struct CheckDescription {
    /// The key in a file.
    pub name: &'static str,
    /// What it asks for, in a sentence for documentation and editors.
    pub about: &'static str,
    /// Whether there is a `not_` form.
    pub has_negation: bool,
    kind: Kind,
}

/// Which check, and so which argument.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Affix(End),
    Contains,
    ContainsList(Quantity),
    Equals,
    Regex,
    Size(Unit, Bound),
}

const fn text(name: &'static str, kind: Kind, about: &'static str) -> CheckDescription {
    CheckDescription { name, about, has_negation: true, kind }
}

const fn size(name: &'static str, unit: Unit, bound: Bound, about: &'static str) -> CheckDescription {
    CheckDescription { name, about, has_negation: false, kind: Kind::Size(unit, bound) }
}

/// All checks, in the order of the documentation.
pub const CHECKS: &[CheckDescription] = &[
    text("equals", Kind::Equals, "The reply is exactly this text; nothing is trimmed."),
    text("contains", Kind::Contains, "The reply contains this text."),
    text(
        "contains_any",
        Kind::ContainsList(Quantity::Any),
        "The reply contains at least one of these texts.",
    ),
    text("contains_all", Kind::ContainsList(Quantity::All), "The reply contains every one of these texts."),
    text("starts_with", Kind::Affix(End::Start), "The reply begins with this text; nothing is trimmed."),
    text("ends_with", Kind::Affix(End::End), "The reply ends with this text; nothing is trimmed."),
    text("regex", Kind::Regex, "The pattern matches somewhere in the reply; linear time, no look-around."),
    size("max_words", Unit::Words, Bound::Max, "At most so many words, separated by white space."),
    size("min_words", Unit::Words, Bound::Min, "At least so many words, separated by white space."),
    size("max_chars", Unit::Characters, Bound::Max, "At most so many characters (Unicode scalar values)."),
    size("min_chars", Unit::Characters, Bound::Min, "At least so many characters (Unicode scalar values)."),
    size("max_lines", Unit::Lines, Bound::Max, "At most so many lines; a final line feed starts no new one."),
];

/// The keys that may stand beside the check.
const COMMON_KEYS: [&str; 3] = ["name", "weight", "warn"];

/// The file shape of a validator.
#[derive(Debug, Clone)]
pub struct ValidatorSpec {
    name: Option<String>,
    weight: Option<Located<f64>>,
    warn: bool,
    check: &'static CheckDescription,
    negated: bool,
    check_span: Span,
    argument: Argument,
}

#[derive(Debug, Clone)]
enum Argument {
    Text(TextArgument),
    List(ListArgument),
    Limit(LimitArgument),
}

impl ValidatorSpec {
    /// The bytes of the check's key.
    pub fn span(&self) -> Span {
        self.check_span
    }

    /// Builds the validator, or adds what is wrong with it to `problems`.
    pub fn build(&self, document: &Document, problems: &mut Vec<Problem>) -> Option<Validator> {
        let before = problems.len();
        let weight = self.weight.map_or(1.0, |weight| weight.value);
        if let Some(located) = self.weight.filter(|weight| !(weight.value.is_finite() && weight.value >= 0.0))
        {
            problems.push(
                Problem::error(
                    "suite::invalid_weight",
                    format!("the weight {} is not usable", located.value),
                )
                .at(document.place(located.span))
                .help("write a number, 0 or more"),
            );
        }
        let check = self.build_check(document, problems);
        let default_name = || format!("{}{}", if self.negated { "not_" } else { "" }, self.check.name);
        let validator = Validator {
            name: self.name.clone().unwrap_or_else(default_name),
            weight,
            warn: self.warn,
            negated: self.negated,
            property: None,
            check: check?,
        };
        (problems.len() == before).then_some(validator)
    }

    fn build_check(&self, document: &Document, problems: &mut Vec<Problem>) -> Option<Check> {
        match (&self.argument, self.check.kind) {
            (Argument::Text(text), Kind::Affix(end)) => {
                Some(Check::Affix(Affix { end, needle: text.needle(document, problems)? }))
            }
            (Argument::Text(text), Kind::Contains) => Some(Check::Contains(Contains {
                quantity: Quantity::All,
                needles: vec![text.needle(document, problems)?],
            })),
            (Argument::List(list), Kind::ContainsList(quantity)) => {
                let needles = list.needles(self.check_span, document, problems)?;
                Some(Check::Contains(Contains { quantity, needles }))
            }
            (Argument::Text(text), Kind::Equals) => {
                if text.word {
                    problems.push(
                        Problem::error("suite::invalid_option", "`word` has no meaning for `equals`")
                            .at(document.place(self.check_span))
                            .help("`equals` compares the whole reply; leave `word` out"),
                    );
                }
                Some(Check::Equals(Equals { needle: text.any_needle(document, problems)? }))
            }
            (Argument::Text(text), Kind::Regex) => {
                text.regex(document, problems).map(|regex| Check::Regex(RegularExpression { regex }))
            }
            (Argument::Limit(limit), Kind::Size(unit, bound)) => {
                Some(Check::Size(Size { unit, bound, limit: limit.0 }))
            }
            // `read_argument` makes the argument from the same kind.
            _ => None,
        }
    }

    fn read_argument<'de, A: MapAccess<'de>>(map: &mut A, kind: Kind) -> Result<Argument, A::Error> {
        Ok(match kind {
            Kind::Affix(_) | Kind::Contains | Kind::Equals | Kind::Regex => Argument::Text(map.next_value()?),
            Kind::ContainsList(_) => Argument::List(map.next_value()?),
            Kind::Size(..) => Argument::Limit(map.next_value()?),
        })
    }
}

/// A key of a validator.
enum Key {
    Name,
    Weight,
    Warn,
    Check { check: &'static CheckDescription, negated: bool },
}

fn all_keys() -> impl Iterator<Item = Cow<'static, str>> {
    let checks = CHECKS.iter().flat_map(|check| {
        let negation = check.has_negation.then(|| Cow::Owned(format!("not_{}", check.name)));
        std::iter::once(Cow::Borrowed(check.name)).chain(negation)
    });
    checks.chain(COMMON_KEYS.into_iter().map(Cow::Borrowed))
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let check = |name: &str| CHECKS.iter().find(|check| check.name == name);
        match key.as_str() {
            "name" => Ok(Self::Name),
            "weight" => Ok(Self::Weight),
            "warn" => Ok(Self::Warn),
            name => {
                if let Some(check) = check(name) {
                    return Ok(Self::Check { check, negated: false });
                }
                if let Some(check) =
                    name.strip_prefix("not_").and_then(check).filter(|check| check.has_negation)
                {
                    return Ok(Self::Check { check, negated: true });
                }
                let known: Vec<_> = all_keys().collect();
                let known = || known.iter().map(AsRef::as_ref);
                if closest(name, known()).is_some_and(|close| COMMON_KEYS.contains(&close)) {
                    return Err(error_with_help(
                        format!("unknown key `{name}`"),
                        did_you_mean(name, known(), "keys"),
                    ));
                }
                let help = match closest(name, known()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => did_you_mean(name, CHECKS.iter().map(|check| check.name), "checks"),
                };
                Err(error_of_whole(format!("unknown check `{name}`"), help))
            }
        }
    }
}

impl<'de> Deserialize<'de> for ValidatorSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SpecVisitor)
    }
}

struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = ValidatorSpec;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a validator: a map with one check, such as `max_words: 150`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ValidatorSpec, A::Error> {
        let (mut name, mut weight, mut warn) = (None, None, false);
        let mut found: Option<(&'static CheckDescription, bool, Span, Argument)> = None;
        while let Some(key) = map.next_key::<Located<Key>>()? {
            match key.value {
                Key::Name => name = Some(map.next_value()?),
                Key::Weight => weight = Some(map.next_value()?),
                Key::Warn => warn = map.next_value()?,
                Key::Check { check, negated } => {
                    if let Some((first, ..)) = found {
                        return Err(error_with_help(
                            format!(
                                "a validator holds one check, this one has `{}` and `{}`",
                                first.name, check.name
                            ),
                            "write the second as a validator of its own",
                        ));
                    }
                    found =
                        Some((check, negated, key.span, ValidatorSpec::read_argument(&mut map, check.kind)?));
                }
            }
        }
        let (check, negated, check_span, argument) = found.ok_or_else(|| {
            let checks: Vec<_> = CHECKS.iter().map(|check| format!("`{}`", check.name)).collect();
            error_with_help::<A::Error>(
                "this validator has no check",
                format!("add one of {}", checks.join(", ")),
            )
        })?;
        Ok(ValidatorSpec { name, weight, warn, check, negated, check_span, argument })
    }
}

/// `text` or `{value: text, ignore_case, word}`.
#[derive(Debug, Clone)]
struct TextArgument {
    value: Located<String>,
    ignore_case: bool,
    word: bool,
}

impl TextArgument {
    fn needle(&self, document: &Document, problems: &mut Vec<Problem>) -> Option<Needle> {
        if self.value.is_empty() {
            problems.push(empty_text(document, self.value.span));
            return None;
        }
        self.any_needle(document, problems)
    }

    fn any_needle(&self, document: &Document, problems: &mut Vec<Problem>) -> Option<Needle> {
        needle(&self.value, self.word, self.ignore_case, document, problems)
    }

    fn regex(&self, document: &Document, problems: &mut Vec<Problem>) -> Option<regex::Regex> {
        let pattern =
            if self.word { format!(r"\b(?:{})\b", self.value.value) } else { self.value.value.clone() };
        match RegexBuilder::new(&pattern).case_insensitive(self.ignore_case).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let (message, help) = describe_pattern_error(&self.value.value, &error);
                problems.push(
                    Problem::error("suite::invalid_pattern", message)
                        .at(document.place(self.value.span))
                        .maybe_help(help),
                );
                None
            }
        }
    }
}

fn describe_pattern_error(pattern: &str, error: &regex::Error) -> (String, Option<String>) {
    if let regex::Error::CompiledTooBig(limit) = error {
        let message = format!("the pattern needs more than {} MiB once compiled", limit >> 20);
        return (message, Some("make its repetitions smaller".to_owned()));
    }
    // The library's text is several lines with a caret; its last line says what is wrong.
    let text = error.to_string();
    let what = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    let help = if pattern.contains("(?=")
        || pattern.contains("(?!")
        || pattern.contains("(?<=")
        || pattern.contains("(?<!")
    {
        Some(
            "look-around cannot run in linear time; split it into two validators, one of them with `not_`"
                .to_owned(),
        )
    } else if what.contains("backreferences") {
        Some("back-references cannot run in linear time; write the alternatives out".to_owned())
    } else {
        None
    };
    (format!("the pattern is not valid: {what}"), help)
}

fn empty_text(document: &Document, span: Span) -> Problem {
    Problem::error("suite::empty_text", "empty text is in every reply")
        .at(document.place(span))
        .help("write the text to look for")
}

fn needle(
    value: &Located<String>,
    word: bool,
    ignore_case: bool,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<Needle> {
    let result = Needle::new(value.value.clone(), word, ignore_case);
    if result.is_err() {
        problems.push(
            Problem::error(
                "suite::text_too_long",
                "this text is too long to be looked for without regard to case",
            )
            .at(document.place(value.span))
            .help("leave `ignore_case` out, or look for a shorter part"),
        );
    }
    result.ok()
}

impl<'de> Deserialize<'de> for TextArgument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Located { value, span } = Located::<TextOrOptions>::deserialize(deserializer)?;
        Ok(match value {
            TextOrOptions::Text(value) => {
                Self { value: Located { value, span }, ignore_case: false, word: false }
            }
            TextOrOptions::Options(argument) => argument,
        })
    }
}

enum TextOrOptions {
    Text(String),
    Options(TextArgument),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TextOptions {
    value: Located<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    word: bool,
}

impl<'de> Deserialize<'de> for TextOrOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = TextOrOptions;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, or a map with `value`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TextOrOptions, E> {
                Ok(TextOrOptions::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOrOptions, A::Error> {
                let options = TextOptions::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(TextOrOptions::Options(TextArgument {
                    value: options.value,
                    ignore_case: options.ignore_case,
                    word: options.word,
                }))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// `[text, …]` or `{values: [text, …], ignore_case, word}`.
#[derive(Debug, Clone)]
struct ListArgument {
    values: Vec<Located<String>>,
    ignore_case: bool,
    word: bool,
}

impl ListArgument {
    fn needles(&self, span: Span, document: &Document, problems: &mut Vec<Problem>) -> Option<Vec<Needle>> {
        if self.values.is_empty() {
            problems.push(
                Problem::error("suite::empty_list", "the list is empty")
                    .at(document.place(span))
                    .help("write at least one text"),
            );
            return None;
        }
        for value in self.values.iter().filter(|value| value.is_empty()) {
            problems.push(empty_text(document, value.span));
        }
        self.values
            .iter()
            .map(|value| needle(value, self.word, self.ignore_case, document, problems))
            .collect()
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ListOptions {
    values: Vec<Located<String>>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    word: bool,
}

impl<'de> Deserialize<'de> for ListArgument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = ListArgument;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of texts, or a map with `values`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<ListArgument, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(ListArgument { values, ignore_case: false, word: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListArgument, A::Error> {
                let options = ListOptions::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(ListArgument {
                    values: options.values,
                    ignore_case: options.ignore_case,
                    word: options.word,
                })
            }
        }
        deserializer.deserialize_any(ListVisitor)
    }
}

/// `number` or `{value: number}`.
#[derive(Debug, Clone, Copy)]
struct LimitArgument(usize);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitOptions {
    value: usize,
}

impl<'de> Deserialize<'de> for LimitArgument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitVisitor;
        impl<'de> Visitor<'de> for LimitVisitor {
            type Value = LimitArgument;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number, 0 or more")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<LimitArgument, E> {
                Ok(LimitArgument(usize::try_from(value).unwrap_or(usize::MAX)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LimitArgument, A::Error> {
                let options = LimitOptions::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(LimitArgument(options.value))
            }
        }
        deserializer.deserialize_any(LimitVisitor)
    }
}

impl JsonSchema for ValidatorSpec {
    fn schema_name() -> Cow<'static, str> {
        "Validator".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for check in CHECKS {
            let argument = check.kind.schema();
            let with_about = |about: String| {
                let mut argument = argument.clone();
                argument["description"] = about.into();
                argument
            };
            properties.insert(check.name.to_owned(), with_about(check.about.to_owned()));
            if check.has_negation {
                properties.insert(format!("not_{}", check.name), with_about(format!("Not: {}", check.about)));
            }
        }
        properties
            .insert("name".into(), json!({"type": "string", "description": "The name that reports use."}));
        properties.insert(
            "weight".into(),
            json!({"type": "number", "minimum": 0, "default": 1, "description": "Its share in the score."}),
        );
        properties.insert(
            "warn".into(),
            json!({"type": "boolean", "default": false, "description": "Reported only; takes no part in pass or score."}),
        );
        let schema = json!({
            "type": "object",
            "description": "One check, beside optional `name`, `weight` and `warn`.",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": properties,
        });
        Schema::try_from(schema).unwrap_or_default()
    }
}

impl Kind {
    fn schema(self) -> serde_json::Value {
        let options = |main: &str, schema: serde_json::Value| {
            let mut properties = serde_json::Map::new();
            properties.insert(main.to_owned(), schema);
            properties.insert("ignore_case".into(), json!({"type": "boolean", "default": false}));
            if !matches!(self, Self::Equals) {
                properties.insert("word".into(), json!({"type": "boolean", "default": false}));
            }
            json!({"type": "object", "required": [main], "additionalProperties": false, "properties": properties})
        };
        match self {
            Self::Affix(_) | Self::Contains | Self::Equals | Self::Regex => {
                json!({"anyOf": [{"type": "string"}, options("value", json!({"type": "string"}))]})
            }
            Self::ContainsList(_) => {
                let list = json!({"type": "array", "minItems": 1, "items": {"type": "string"}});
                json!({"anyOf": [list, options("values", list.clone())]})
            }
            Self::Size(..) => {
                let limit = json!({"type": "integer", "minimum": 0});
                json!({"anyOf": [limit, {
                    "type": "object", "required": ["value"], "additionalProperties": false, "properties": {"value": limit},
                }]})
            }
        }
    }
}
