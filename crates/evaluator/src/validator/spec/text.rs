//! The arguments of text checks: one text, or a list of them.

use promptassay_registry::yaml::Located;
use regex::RegexBuilder;
use schemars::JsonSchema;

use super::everywhere::{is_in_every_text, matches_nothing};
use super::meant::{refuse_control_character, warn_of_unlikely_text};
use super::{Builder, Options};
use crate::validator::needle::Needle;

/// `text` or `{value: text, ignore_case, word}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextOptions {
    value: Located<String>,
    #[serde(default)]
    ignore_case: bool,
    /// Only where no letter, digit or underscore touches it.
    #[serde(default)]
    word: bool,
}

impl Options for TextOptions {
    type Short = String;
    const EXPECTING: &'static str = "text, or a map with `value`";

    fn short(value: Located<String>) -> Self {
        Self { value, ignore_case: false, word: false }
    }
}

impl TextOptions {
    pub(super) fn needle(&self, builder: &mut Builder<'_>) -> Option<Needle> {
        if self.value.is_empty() {
            refuse_empty_text(&self.value, builder);
            return None;
        }
        needle(&self.value, self.word, self.ignore_case, builder)
    }

    pub(super) fn regex(&self, builder: &mut Builder<'_>) -> Option<regex::Regex> {
        if self.value.is_empty() {
            refuse_empty_text(&self.value, builder);
            return None;
        }
        if refuse_control_character(&self.value, self.value.span, builder) {
            return None;
        }
        let pattern =
            if self.word { format!(r"\b(?:{})\b", self.value.value) } else { self.value.value.clone() };
        match RegexBuilder::new(&pattern).case_insensitive(self.ignore_case).build() {
            Ok(_) if matches_nothing(&pattern) => {
                builder.refuse(
                    "suite::empty_text",
                    format!("/{pattern}/ matches nothing at all too, and so is in every reply"),
                    self.value.span,
                    "let it match at least a character, as `a+` does in place of `a*`, or anchor it: `^a*$`",
                );
                None
            }
            Ok(_) if is_in_every_text(&pattern, self.ignore_case) => {
                builder.refuse(
                    "suite::always_holds",
                    format!("/{pattern}/ is in every reply, whatever that says"),
                    self.value.span,
                    r"let it match at least a character, as `^\S` does in place of `^`, or leave the check out",
                );
                None
            }
            Ok(regex) => Some(regex),
            Err(error) => {
                let (message, help) = describe_pattern_error(&self.value.value, &error);
                builder.refuse_maybe_help("suite::invalid_pattern", message, self.value.span, help);
                None
            }
        }
    }
}

/// `text` or `{value: text, ignore_case}`: the whole reply is compared, so there is no `word`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WholeTextOptions {
    value: Located<String>,
    #[serde(default)]
    ignore_case: bool,
}

impl Options for WholeTextOptions {
    type Short = String;
    const EXPECTING: &'static str = "text, or a map with `value`";

    fn short(value: Located<String>) -> Self {
        Self { value, ignore_case: false }
    }
}

impl WholeTextOptions {
    pub(super) fn needle(&self, builder: &mut Builder<'_>) -> Option<Needle> {
        needle(&self.value, false, self.ignore_case, builder)
    }
}

/// `[text, …]` or `{values: [text, …], ignore_case, word}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListOptions {
    values: Vec<Located<String>>,
    #[serde(default)]
    ignore_case: bool,
    /// Only where no letter, digit or underscore touches it.
    #[serde(default)]
    word: bool,
}

impl Options for ListOptions {
    type Short = Vec<Located<String>>;
    const EXPECTING: &'static str = "a list of texts, or a map with `values`";

    fn short(values: Located<Vec<Located<String>>>) -> Self {
        Self { values: values.value, ignore_case: false, word: false }
    }
}

impl ListOptions {
    pub(super) fn needles(&self, builder: &mut Builder<'_>) -> Option<Vec<Needle>> {
        if self.values.is_empty() {
            builder.refuse_empty_list("write at least one text");
            return None;
        }
        for value in self.values.iter().filter(|value| value.is_empty()) {
            refuse_empty_text(value, builder);
        }
        self.values.iter().map(|value| needle(value, self.word, self.ignore_case, builder)).collect()
    }
}

fn refuse_empty_text(text: &Located<String>, builder: &mut Builder<'_>) {
    builder.refuse(
        "suite::empty_text",
        "empty text is in every reply",
        text.span,
        "write the text to look for",
    );
}

fn needle(
    value: &Located<String>,
    word: bool,
    ignore_case: bool,
    builder: &mut Builder<'_>,
) -> Option<Needle> {
    warn_of_unlikely_text(value, builder);
    let result = Needle::new(value.value.clone(), word, ignore_case);
    if result.is_err() {
        builder.refuse(
            "suite::text_too_long",
            "this text is too long to be looked for without regard to case",
            value.span,
            "leave `ignore_case` out, or look for a shorter part",
        );
    }
    result.ok()
}

fn describe_pattern_error(pattern: &str, error: &regex::Error) -> (String, Option<String>) {
    if let regex::Error::CompiledTooBig(limit) = error {
        let message = format!("the pattern needs more than {} MiB once compiled", limit >> 20);
        return (message, Some("make its repetitions smaller".to_owned()));
    }
    // The library's text is several lines with a caret; its last line says what is wrong.
    let text = error.to_string();
    let what = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    let has_look_around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| pattern.contains(start));
    let help = if has_look_around {
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
