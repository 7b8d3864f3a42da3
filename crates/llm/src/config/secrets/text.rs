//! Secrets within texts: what stands behind a scheme, and what is given to a name.

use super::{LONG, is_basic, is_word_behind_bearer, names_a_secret};

/// In a text a word behind a name or `Bearer` is a secret from this length on: "base64" is none.
const WITHIN_A_TEXT: usize = 8;
/// A longer name is none.
const LONGEST_NAME: usize = 64;

/// Whether something is written in the place of a secret: `<token>`, `{token}`, `$TOKEN`, `YOUR_TOKEN`, `...`.
pub(in crate::config) fn is_placeholder(text: &str) -> bool {
    let text = text.trim_start_matches(['"', '\'', '`', '\\']);
    let lower = text.to_ascii_lowercase();
    let is_variable = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    text.starts_with(['<', '{', '$', '[', '…'])
        || is_variable
        || ["your", "xxxx", "...", "***"].iter().any(|sign| lower.contains(sign))
}

/// Whether a text has `Bearer` and a token, or `Basic` and a user with a password, anywhere.
pub(super) fn has_credentials(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let behind = |scheme: &'static str| {
        lower.match_indices(scheme).filter_map(|(at, _)| {
            let rest = text[at + scheme.len()..].strip_prefix([' ', '\t', '+'])?.trim_start();
            let is_word = !lower[..at].ends_with(|letter: char| letter.is_alphanumeric());
            is_word.then_some((at, rest))
        })
    };
    let is_token = |(at, rest): (usize, &str)| {
        let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let is_sent =
            lower[..at].trim_end_matches([':', '=', ' ', '"', '\'', '\\']).ends_with("authorization");
        let is_one = is_sent && !word.is_empty() && !is_word_behind_bearer(word);
        !is_placeholder(rest) && (is_one || is_random(word) || word.len() >= LONG)
    };
    let is_login =
        |(_, rest): (usize, &str)| rest.find(is_end).unwrap_or(rest.len()) >= WITHIN_A_TEXT && is_basic(rest);
    behind("bearer").any(is_token) || behind("basic").any(is_login)
}

/// Whether a text gives a secret to a name: `api_key=…`, `"password": "…"`.
pub(super) fn assigns_a_secret(text: &str) -> bool {
    text.match_indices(['=', ':']).any(|(at, sign)| {
        let (before, rest) = (&text[..at], &text[at + 1..]);
        let is_another =
            rest.starts_with(['=', '/', '>', ':']) || before.ends_with(['=', '!', '<', '>', ':']);
        let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\']);
        let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name = &before[before.trim_end_matches(is_of_a_name).len()..];
        let value = rest.trim_start_matches([' ', '\t', '"', '\'', '\\']);
        let end = value.find(is_end).unwrap_or(value.len());
        let is_code =
            value[end..].starts_with(['(', '[']) || (sign == "=" && value[..end].contains("environ"));
        let is_path = value.starts_with(['/', '.', '~']) || value[..end].contains("://");
        !is_another
            && name.len() <= LONGEST_NAME
            && names_a_secret(name)
            && is_random(&value[..end])
            && !is_placeholder(value)
            && !is_code
            && !is_path
    })
}

fn is_end(letter: char) -> bool {
    letter.is_whitespace() || "\"'`\\,;&()[]{}<>|".contains(letter)
}

/// Whether a word has what words of languages have not.
fn is_random(word: &str) -> bool {
    word.len() >= WITHIN_A_TEXT && word.contains(|letter: char| letter.is_ascii_digit())
}
