//! What stands between two braces: a variable, or something that is refused with a reason and a way out.

use crate::excerpt::excerpt;
use crate::template::code;
use crate::template::identifier;

/// Why something between braces is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: help.into() }
    }
}

/// The variable that a field names; `content` is the text between its braces.
pub(super) fn name(content: &str) -> Result<&str, Refusal> {
    let end = content.find(['!', ':', '.', '[']).unwrap_or(content.len());
    let (name, rest) = content.split_at(end);
    if content.trim().is_empty() || name.is_empty() {
        return Err(Refusal::new(
            code::BLANK_FIELD,
            "a field without a name",
            format!("name the variable, as in `{{query}}`; {}", doubled(content)),
        ));
    }
    if looks_literal(content) {
        return Err(not_a_field(content));
    }
    if name.chars().all(char::is_numeric) {
        return Err(Refusal::new(
            code::POSITIONAL_FIELD,
            format!("`{}` is a position, and values are passed by name", excerpt(name)),
            format!("name the variable, as in `{{query}}`; {}", doubled(content)),
        ));
    }
    if let Err(invalid) = identifier::check(name) {
        // `{user name: 1}` is more likely literal text than a misspelt field.
        let suggestion = invalid.suggestion.filter(|_| rest.is_empty());
        let help = match suggestion {
            Some(suggestion) => format!("write `{{{suggestion}}}`; {}", doubled(content)),
            None => doubled(content),
        };
        let message = format!("`{}` is not a variable name: {}", excerpt(name), invalid.reason);
        return Err(Refusal::new(code::INVALID_NAME, message, help));
    }
    match rest {
        "" | ":" | "!s" | "!s:" => Ok(name),
        _ => Err(unsupported(name, rest, content)),
    }
}

/// What follows the name and is not supported.
fn unsupported(name: &str, rest: &str, content: &str) -> Refusal {
    let plain = format!("write `{{{name}}}` and pass the value as it should appear");
    if rest.starts_with('.') {
        return Refusal::new(
            code::UNSUPPORTED_ACCESS,
            format!("attribute access on `{name}` is not supported"),
            plain,
        );
    }
    if rest.starts_with('[') {
        return Refusal::new(
            code::UNSUPPORTED_ACCESS,
            format!("index access on `{name}` is not supported"),
            plain,
        );
    }
    let (conversion, specification) = match rest.strip_prefix('!') {
        Some(rest) => rest.split_once(':').map_or((Some(rest), ""), |(before, after)| (Some(before), after)),
        None => (None, &rest[1..]),
    };
    if let Some(conversion) = conversion.filter(|conversion| *conversion != "s") {
        return Refusal::new(
            code::UNSUPPORTED_CONVERSION,
            format!("the conversion `!{}` of `{name}` is not supported", excerpt(conversion)),
            plain,
        );
    }
    let help = if specification.starts_with(' ') { doubled(content) } else { plain };
    let message =
        format!("the format specification `:{}` of `{name}` is not supported", excerpt(specification));
    Refusal::new(code::UNSUPPORTED_SPECIFICATION, message, help)
}

/// Whether the braces were probably meant as text: JSON, code, a set.
fn looks_literal(content: &str) -> bool {
    let trimmed = content.trim_start();
    trimmed.starts_with(['"', '\'', '{', '[', '/', '#', '<', '`', '\\'])
        || content.contains(['\n', '\r', ';'])
}

fn not_a_field(content: &str) -> Refusal {
    let message = format!("`{}` is not a variable name", excerpt(content.trim()));
    Refusal::new(code::INVALID_NAME, message, doubled(content))
}

/// A brace whose partner is missing; `after` is the text behind it.
pub(super) fn never_closed(after: &str) -> Refusal {
    let help = if looks_literal(after.get(..after.len().min(80)).unwrap_or_default()) {
        "literal braces, as in JSON, are doubled: write `{{`"
    } else {
        "close the field with `}`, or write `{{` for a literal brace"
    };
    Refusal::new(code::MALFORMED_TEMPLATE, "this `{` is never closed", help)
}

/// A closing brace without an open one.
pub(super) fn closes_nothing() -> Refusal {
    Refusal::new(code::MALFORMED_TEMPLATE, "this `}` closes no field", "write `}}` for a literal brace")
}

fn doubled(content: &str) -> String {
    if excerpt(content) == content && !content.contains(['{', '}']) {
        format!("if the braces are text, as in JSON, double them: `{{{{{content}}}}}`")
    } else {
        "if the braces are text, as in JSON, double each of them: `{{` and `}}`".to_owned()
    }
}
