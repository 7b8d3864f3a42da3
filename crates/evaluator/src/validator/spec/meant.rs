//! Texts that are not what whoever wrote them meant, so that a check looks for what no reply has and a `not_` form can never fail.

use promptassay_registry::yaml::{Located, Span, control_character, unmeant_character};

use super::Builder;

/// Gives whether a pattern was refused because it holds a control character that nobody means. Where one is meant, `\x08` says so without
/// holding it. Of another one there is a warning: hardly any reply has it, but that of a program may.
pub(in crate::validator) fn refuse_control_character(
    pattern: &str,
    span: Span,
    builder: &mut Builder<'_>,
) -> bool {
    const CODE: &str = "suite::control_character";
    if let Some(found) = unmeant_character(pattern) {
        builder.refuse(CODE, format!("the pattern holds {found}, which no reply has"), span, found.help());
        return true;
    }
    if let Some(found) = control_character(pattern) {
        let message = format!("the pattern holds {found}, which hardly any reply has");
        builder.warn(CODE, message, span, &found.help_in_pattern());
    }
    false
}

/// Warns of a text to look for that holds what nobody means, or that names a file.
pub(super) fn warn_of_unlikely_text(text: &Located<String>, builder: &mut Builder<'_>) {
    if let Some(found) = unmeant_character(text) {
        let message = format!("the text holds {found}, which no reply has");
        builder.warn("suite::control_character", message, text.span, &found.help());
    }
    if names_a_file(text) {
        let message = format!("the reply is compared with `{text}` itself: texts are not read from files");
        let help = "write the text here; where a reply is to name this file, the warning may stay";
        builder.warn("suite::names_a_file", message, text.span, help);
    }
}

/// Refuses a rubric that is the name of a file.
pub(in crate::validator) fn refuse_file(rubric: &Located<String>, builder: &mut Builder<'_>) {
    if names_a_file(rubric) {
        let message = format!("the rubric is `{}` itself: rubrics are not read from files", rubric.trim());
        let help = "write the rubric here; one that several cases share stands once under `properties:`, or behind an anchor of YAML (`&tone`, `*tone`)";
        builder.refuse("suite::names_a_file", message, rubric.span, help);
    }
}

/// Whether a text is nothing but the address of a file, as other tools write where they read one.
fn names_a_file(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("file://") && !text.contains(char::is_whitespace)
}
