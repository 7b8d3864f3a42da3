//! Cuts secrets out of what servers and programs say, before anything reads it. Linear in what is read: a search for each spelling
//! of each secret, and a slower one only where something is escaped.

mod json;

use std::fmt;
use std::ops::Range;

use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr3_iter};
use reqwest::header::HeaderValue;

use json::{Json, Part};

/// What stands in the place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// In what one of these many characters is said, whatever it looks like, no check looks: errors, headers, what programs write aside.
const SHORTEST: usize = 6;
/// In an answer a value this long is a secret whatever it looks like.
const VERY_LONG: usize = 16;
/// A value this long is one unless it is a word or words, such as `anything` or `lm-studio`: small letters, and what joins them.
const LONG: usize = 8;
/// A value this long is one where it has letters and digits. Servers without keys are given words like `ollama`, and an answer may
/// well hold such a word.
const SHORT: usize = 6;
/// The words before a credential in a header: who repeats the credential may leave them out.
const SCHEMES: [&str; 5] = ["bearer", "basic", "token", "apikey", "key"];
/// A quotation mark of a text within JSON within JSON within JSON has seven.
const MOST_BACKSLASHES: usize = 8;

/// One spelling of a secret that is looked for.
#[derive(Clone)]
pub(crate) struct Needle {
    finder: Finder<'static>,
    /// Whether it has characters that JSON or a form never spells as themselves.
    is_always_escaped: bool,
}

impl fmt::Debug for Needle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Needle(hidden)")
    }
}

/// What may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// What is judged: a word in it is a word, though a server without keys was given it as one.
    Answer,
    /// What is not: errors, headers, and what programs write aside.
    Aside,
}

impl Needle {
    /// The spellings of a secret that are looked for; none where its value is too short to be told from a word or a number.
    pub(crate) fn of(value: &str, said: Said) -> Vec<Self> {
        let secret = credential(value, said);
        if !is_long_enough(secret, said) {
            return Vec::new();
        }
        let secret = secret.as_bytes();
        let mut spellings = vec![secret.to_vec()];
        for bytes_before in 0..3 {
            let standard = base64_within(secret, bytes_before);
            let for_urls = standard.iter().map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            });
            spellings.push(for_urls.collect());
            spellings.push(standard);
        }
        spellings.sort_unstable();
        spellings.dedup();
        spellings.iter().map(|spelling| Self::new(spelling)).collect()
    }

    fn new(spelling: &[u8]) -> Self {
        let is_always_escaped = spelling.iter().any(|byte| matches!(byte, b'"' | b'\\' | b' '));
        Self { finder: Finder::new(spelling).into_owned(), is_always_escaped }
    }

    fn find(&self, text: &[u8], is_escaped: bool, found: &mut Vec<Range<usize>>) {
        let needle = self.finder.needle();
        found.extend(self.finder.find_iter(text).map(|start| start..start + needle.len()));
        if is_escaped || self.is_always_escaped {
            // A needle is never empty.
            found.extend(memchr3_iter(needle[0], b'%', b'\\', text).filter_map(|start| {
                let length = spelled(&text[start..], needle)?;
                Some(start..start + length)
            }));
        }
    }
}

/// The text without what these needles find; `None` where they find nothing.
pub(crate) fn cut_out(text: &[u8], needles: &[Needle]) -> Option<Vec<u8>> {
    let found = find_all(text, needles);
    if found.is_empty() {
        return None;
    }
    let mut clean = Vec::with_capacity(text.len());
    let mut kept_to = 0;
    let mut json = Json::of(text, needles, &found);
    for (index, range) in found.iter().enumerate() {
        // A long number may hold a secret often, and is looked through once.
        if range.end <= kept_to {
            continue;
        }
        let (Range { start, end }, instead) = match json.part(&found[index..], kept_to) {
            Part::Text => (range.clone(), REDACTED.as_bytes().to_vec()),
            Part::Number(number) => (number, b"0".to_vec()),
            Part::Json(string, clean) => (string, clean),
        };
        if start >= kept_to {
            clean.extend_from_slice(&text[kept_to..start]);
            // What a backslash escapes is not torn from it: the JSON stays JSON.
            if ends_within_an_escape(&clean) {
                clean.pop();
            }
            clean.extend(instead);
        }
        kept_to = kept_to.max(end);
    }
    clean.extend_from_slice(&text[kept_to..]);
    Some(clean)
}

/// Where these needles are, by where that begins.
fn find_all(text: &[u8], needles: &[Needle]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let is_escaped = !needles.is_empty() && escapes_ascii(text);
    for needle in needles {
        needle.find(text, is_escaped, &mut found);
    }
    found.sort_unstable_by_key(|range| range.start);
    found
}

/// The value of a header without what these needles find: as it is, or nothing of it.
pub(crate) fn cut_out_of_header(value: &mut HeaderValue, needles: &[Needle]) {
    if !find_all(value.as_bytes(), needles).is_empty() {
        *value = HeaderValue::from_static(REDACTED);
    }
}

/// The value of a header without the scheme before it, where what is left is looked for there.
fn credential(value: &str, said: Said) -> &str {
    let Some((scheme, rest)) = value.split_once(' ') else { return value };
    let rest = rest.trim();
    let is_scheme = SCHEMES.iter().any(|known| scheme.trim_end_matches(':').eq_ignore_ascii_case(known));
    if is_scheme && is_long_enough(rest, said) { rest } else { value }
}

fn is_long_enough(secret: &str, said: Said) -> bool {
    if said == Said::Aside {
        return secret.len() >= SHORTEST;
    }
    let has = |kind: fn(&u8) -> bool| secret.bytes().any(|byte| kind(&byte));
    let is_words = secret.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_.".contains(&byte));
    secret.len() >= VERY_LONG
        || secret.len() >= LONG && !is_words
        || secret.len() >= SHORT && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// What is the same in the Base64 of every text that holds the secret behind a multiple of three and `bytes_before` bytes: padding
/// and whatever stands around the secret, such as `Bearer `, are no part of it.
fn base64_within(secret: &[u8], bytes_before: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let first_bit = bytes_before * 8;
    let bits = (bytes_before + secret.len()) * 8;
    let bit = |at: usize| usize::from(secret[at / 8 - bytes_before] >> (7 - at % 8) & 1);
    (first_bit.div_ceil(6)..bits / 6)
        .map(|character| (0..6).fold(0, |value, next| value << 1 | bit(character * 6 + next)))
        .map(|value| ALPHABET[value])
        .collect()
}

/// Whether characters that a secret may have are spelled in another way than as themselves: `\/`, `\u` with their number, or
/// percent-encoded.
fn escapes_ascii(text: &[u8]) -> bool {
    let escaped = memchr_iter(b'\\', text).any(|index| match &text[index + 1..] {
        [b'/', ..] => true,
        [b'u', b'0', b'0', digit, ..] => matches!(digit, b'2'..=b'7'),
        _ => false,
    });
    escaped || memchr_iter(b'%', text).any(|index| matches!(text.get(index + 1), Some(b'2'..=b'7')))
}

fn ends_within_an_escape(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The length of the needle at the beginning of a text, where each of its bytes may be escaped as in JSON, also in JSON that is a
/// string of JSON, or as in a URL.
fn spelled(text: &[u8], needle: &[u8]) -> Option<usize> {
    let mut at = 0;
    for byte in needle {
        at += spelled_byte(&text[at..], *byte)?;
    }
    Some(at)
}

fn spelled_byte(text: &[u8], byte: u8) -> Option<usize> {
    match text {
        [b'%', high, low, ..] if from_hex(*high, *low) == Some(byte) => Some(3),
        [b'\\', ..] => {
            let slashes = text.iter().take(MOST_BACKSLASHES).take_while(|byte| **byte == b'\\').count();
            match &text[slashes..] {
                // A backslash is escaped by one, and so may be what comes after it.
                _ if byte == b'\\' && slashes > 1 => Some(2),
                [b'u', b'0', b'0', high, low, ..] if from_hex(*high, *low) == Some(byte) => Some(slashes + 5),
                [next, ..] if *next == byte => Some(slashes + 1),
                _ => (byte == b'\\').then_some(1),
            }
        }
        [b'+', ..] if byte == b' ' => Some(1),
        [first, ..] if *first == byte => Some(1),
        _ => None,
    }
}

fn from_hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests;
