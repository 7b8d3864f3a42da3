//! Short, one-line excerpts of replies for reasons.

/// The most characters of a reply that a reason shows.
const LIMIT: usize = 160;

/// The text in one line, cut in the middle of nowhere but with the cut shown.
pub(crate) fn excerpt(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.trim().chars();
    for character in characters.by_ref().take(LIMIT) {
        match character {
            '\n' | '\r' | '\t' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            other => out.push(other),
        }
    }
    if characters.next().is_some() {
        out.push('…');
    }
    if out.is_empty() { "nothing".to_owned() } else { format!("\"{out}\"") }
}

/// JSON in one line, cut where it is longer than a part of a sentence should be.
pub(super) fn short_json(value: &serde_json::Value) -> String {
    const SHORT: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The ends of a text with the white space that [`excerpt`] leaves out, written as in a program.
pub(super) fn with_white_space(text: &str) -> String {
    const END: usize = 40;
    let characters: Vec<char> = text.chars().collect();
    let shown = |characters: &[char]| -> String {
        let visible = |character: &char| match character {
            ' ' => " ".to_owned(),
            '\n' | '\r' | '\t' => character.escape_default().to_string(),
            other if other.is_whitespace() => other.escape_unicode().to_string(),
            other => other.to_string(),
        };
        characters.iter().map(visible).collect()
    };
    if characters.len() <= 2 * END {
        return format!("\"{}\"", shown(&characters));
    }
    format!("\"{}…{}\"", shown(&characters[..END]), shown(&characters[characters.len() - END..]))
}

/// The neighbourhood of a match in one line.
pub(super) fn around(text: &str, start: usize, end: usize) -> String {
    const NEIGHBOURHOOD: usize = 40;
    let before: Vec<char> = text[..start].chars().rev().take(NEIGHBOURHOOD).collect();
    let after: String = text[end..].chars().take(NEIGHBOURHOOD).collect();
    let cut_before = if text[..start].chars().nth(NEIGHBOURHOOD).is_some() { "…" } else { "" };
    let cut_after = if text[end..].chars().nth(NEIGHBOURHOOD).is_some() { "…" } else { "" };
    let before: String = before.into_iter().rev().collect();
    let matched: String = text[start..end].chars().take(LIMIT).collect();
    let line = format!("{cut_before}{before}{matched}{after}{cut_after}");
    format!(
        "\"{}\"",
        line.split(['\n', '\r', '\t']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    )
}

/// A list of texts as a person would write it.
pub(super) fn list(values: &[String]) -> String {
    values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(", ")
}
