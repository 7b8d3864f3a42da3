//! Short, one-line, secret-free excerpts of what servers and programs say, for error messages.

use crate::redaction::REDACTED;

/// The longest excerpt, in characters.
const LONGEST: usize = 200;
/// What is looked at at all: enough for any message, and a huge body costs nothing.
const LOOKED_AT: usize = 16 * 1024;

/// Beginnings of keys as providers hand them out.
const KEY_STARTS: [&str; 12] =
    ["sk-", "sk_", "rk-", "pk-", "aiza", "ya29.", "ghp_", "github_pat_", "gsk_", "xai-", "hf_", "eyj"];
/// Words after which a secret follows.
const ANNOUNCERS: [&str; 12] = [
    "bearer",
    "basic",
    "authorization",
    "api_key",
    "api-key",
    "apikey",
    "x-api-key",
    "x-goog-api-key",
    "key",
    "token",
    "access_token",
    "password",
];

/// An excerpt of text.
pub(crate) fn of_text(text: &str) -> String {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let mut words = Vec::new();
    let mut secret_follows = false;
    for word in text.split(|character: char| {
        character.is_whitespace() || character.is_control() || is_invisible(character)
    }) {
        if word.is_empty() {
            continue;
        }
        let (redacted, announces) = redact_word(word, secret_follows);
        secret_follows = announces;
        words.push(redacted);
    }
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// An excerpt of a body; of an HTML page its title, or its text; of anything that is not text its size.
pub(crate) fn of_bytes(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    let unreadable = text.chars().filter(|character| *character == char::REPLACEMENT_CHARACTER).count();
    if unreadable * 10 > text.chars().count() {
        return format!("{} bytes that are not text", body.len());
    }
    if looks_like_html(body) { of_text(&html_text(&text)) } else { of_text(&text) }
}

/// Whether a body starts like an HTML page.
pub(crate) fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start[..start.len().min(15)].to_ascii_lowercase();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<title", b"<h1"]
        .iter()
        .any(|tag| start.starts_with(tag))
}

/// The word without secrets, and whether it announces one in the next word.
fn redact_word(word: &str, secret_follows: bool) -> (String, bool) {
    let mut out = String::with_capacity(word.len());
    let mut after_announcer = secret_follows;
    for piece in word.split_inclusive(|character: char| !is_key_character(character)) {
        let token = piece.trim_end_matches(|character: char| !is_key_character(character));
        let lower = token.to_ascii_lowercase();
        let has_digit = token.bytes().any(|byte| byte.is_ascii_digit() || byte == b'*');
        let looks_like_key = token.len() >= 8 && KEY_STARTS.iter().any(|start| lower.starts_with(start));
        if looks_like_key || (after_announcer && token.len() >= 8 && has_digit) {
            out.push_str(REDACTED);
        } else {
            out.push_str(token);
        }
        out.push_str(&piece[token.len()..]);
        if !token.is_empty() {
            after_announcer = ANNOUNCERS.contains(&lower.as_str());
        }
    }
    (out, after_announcer)
}

/// Characters that change how a terminal shows what follows, or that nobody sees.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn is_key_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '*' | '+' | '/')
}

/// The title of a page, or its text without tags.
fn html_text(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    if let Some(start) = lower.find("<title>")
        && let Some(length) = lower[start..].find("</title>")
    {
        return page[start + "<title>".len()..start + length].to_owned();
    }
    let mut text = String::new();
    let mut inside_tag = false;
    for character in page.chars() {
        match character {
            '<' => inside_tag = true,
            '>' => {
                inside_tag = false;
                text.push(' ');
            }
            _ if !inside_tag => text.push(character),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_cut_out_and_names_are_not() {
        for (text, clean) in [
            ("Incorrect API key provided: sk-proj-abcDEF123456.", "Incorrect API key provided: [redacted]"),
            ("Incorrect API key provided: sk-ab***wxyz. See", "Incorrect API key provided: [redacted] See"),
            ("invalid key=AIzaSyA-1234567890 here", "invalid key=[redacted] here"),
            ("Authorization: Bearer abcdef123456", "Authorization: Bearer [redacted]"),
            (r#"{"api_key":"abcdef123456"}"#, r#"{"api_key":"[redacted]"}"#),
            ("model claude-sonnet-5-20260929 not found", "model claude-sonnet-5-20260929 not found"),
            ("limit 30000 tokens per minute", "limit 30000 tokens per minute"),
        ] {
            assert_eq!(of_text(text), clean);
        }
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(of_text(" a\r\n\tb\u{1b}[31m "), "a b [31m");
        assert_eq!(of_text("a\u{202e}b"), "a b");
        assert_eq!(of_bytes(&[0xff; 300]), "300 bytes that are not text");
        assert_eq!(of_text(&"ä".repeat(100_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_page_is_told_by_its_title() {
        assert_eq!(of_bytes(b"<html><head><TITLE>502 Bad\nGateway</TITLE></head>"), "502 Bad Gateway");
        assert_eq!(of_bytes(b"<html><body><h1>Sorry</h1><p>down</p>"), "Sorry down");
    }

    proptest! {
        #[test]
        fn any_bytes_give_one_short_line(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let excerpt = of_bytes(&body);
            prop_assert!(excerpt.chars().count() <= LONGEST + 1);
            prop_assert!(!excerpt.contains('\n'));
        }
    }
}
