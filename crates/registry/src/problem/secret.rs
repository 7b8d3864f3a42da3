//! Keys that stand where they must not: a line is shown to whoever reads a log, so what looks like a key is starred out.

mod vocabulary;

use std::borrow::Cow;

use vocabulary::{beginning_of_a_key, names_a_secret};

/// A shorter word is no key.
const SHORTEST: usize = 16;
/// A longer value is none.
const LONGEST_VALUE: usize = 1024;
/// A longer name is none.
const LONGEST_NAME: usize = 64;

/// The line with stars in place of keys and of credentials in addresses, as many as there were characters: places stay right.
pub(super) fn without_secrets(line: &str) -> Cow<'_, str> {
    let mut hidden: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    let (mut second, mut before) = (0..0, 0..0);
    while let Some((start, end)) = next_word(line, from) {
        // `name=value` is one word.
        let value = line[start..end].find('=').map_or(start, |sign| start + sign + 1);
        let word = &line[value..end];
        let beginning = Some(word).filter(|word| word.len() >= SHORTEST).and_then(beginning_of_a_key);
        if let Some(beginning) = beginning {
            hidden.push((value + beginning, end));
        } else if value > start && is_name(&line[start..value - 1]) {
            hidden.push((value, end_of_value(line, end)));
        } else if follows_bearer(&line[..start])
            || follows_an_option(&line[before.clone()], &line[from..start], word)
            || (&line[from..start] == ":"
                && follows_a_user(&line[second.clone()], &line[second.end..before.start], word))
            || (follows_a_name(&line[..start]) && !word.eq_ignore_ascii_case("bearer"))
        {
            hidden.push((start, end_of_value(line, end)));
        }
        from = end;
        second = before;
        before = start..end;
    }
    hidden.extend(credentials(line));
    if hidden.is_empty() { Cow::Borrowed(line) } else { Cow::Owned(starred(line, &hidden)) }
}

/// Whether a name may be a key that stands where the name belongs: it begins like one, or has a part that nobody could say.
pub(crate) fn may_be_a_key(name: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    name.split(|letter| !is_word(letter)).any(|word| beginning_of_a_key(word).is_some())
        || name.split(|letter: char| !letter.is_alphanumeric()).any(|part| part.len() >= SHORTEST)
}

/// The line with stars in place of its bytes `hidden`.
pub(super) fn starred(line: &str, hidden: &[(usize, usize)]) -> String {
    let mut hidden = hidden.to_vec();
    hidden.sort_unstable();
    let mut shown = String::with_capacity(line.len());
    let mut from = 0;
    for (start, end) in hidden {
        // Two reasons may hide the same bytes.
        let (start, end) = (start.max(from), end.max(from));
        shown.push_str(&line[from..start]);
        shown.extend(line[start..end].chars().map(|_| '*'));
        from = end;
    }
    shown + &line[from..]
}

fn is_of_a_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '+' | '/' | '=')
}

fn next_word(line: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + line[from..].find(is_of_a_word)?;
    let end =
        line[start..].find(|character| !is_of_a_word(character)).map_or(line.len(), |length| start + length);
    Some((start, end))
}

// A line may hold a whole reply: of what stands before a word only the end is looked at.

fn follows_bearer(before: &str) -> bool {
    before.ends_with(' ') && without_end(before.trim_end(), "bearer").is_some()
}

/// Where a value ends of which a part ends here: what no word has may be a part of it too.
fn end_of_value(line: &str, part: usize) -> usize {
    let is_end = |character: char| character.is_whitespace() || "\"',]}&".contains(character);
    let of_it = line[part..].char_indices().take_while(|(at, next)| *at < LONGEST_VALUE && !is_end(*next));
    of_it.last().map_or(part, |(at, next)| part + at + next.len_utf8())
}

/// Whether a word is the password behind an option, a user and a colon, as in `[curl, -u, me:…]`; numbers are those of a group.
fn follows_a_user(option: &str, between: &str, word: &str) -> bool {
    let is_option = ["-u", "--user", "--proxy-user"].contains(&option);
    is_option && is_between_words(between) && !word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_between_words(text: &str) -> bool {
    text.trim_matches([' ', ',', '"', '\'']).is_empty()
}

/// Whether a word is the value of the option before it, as in `[app, --api-key, …]`.
fn follows_an_option(option: &str, between: &str, word: &str) -> bool {
    let is_option = option.starts_with('-') && !word.starts_with('-') && !option.contains('=');
    is_option && is_between_words(between) && is_name(option)
}

fn follows_a_name(before: &str) -> bool {
    let before = before.trim_end_matches(['"', '\'', ' ']);
    let Some(key) = before.strip_suffix(':') else { return false };
    let key = key.trim_end_matches(['"', '\'']);
    let start = key
        .char_indices()
        .rev()
        .take(LONGEST_NAME + 1)
        .take_while(|(_, letter)| is_of_a_name(*letter))
        .last();
    start.is_some_and(|(start, _)| is_name(&key[start..]))
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && names_a_secret(text)
}

/// The text without this ASCII end, whatever the case of its letters.
fn without_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(rest)
}

/// What stands between `://` and `@` in addresses.
fn credentials(line: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    line.match_indices("://").filter_map(|(at, separator)| {
        let start = at + separator.len();
        let is_outside =
            |character: char| character.is_whitespace() || matches!(character, '/' | '"' | '\'' | '?' | '#');
        let host = line[start..].find(is_outside).map_or(line.len(), |length| start + length);
        line[start..host].rfind('@').map(|length| (start, start + length))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_starred_out() {
        let lines = [
            "api_key: sk-proj-abcdefghij1234",
            "{api_key: abc, \"password\": 'x', max_tokens: 400, api_key_env: ABC}",
            "  X-A: \"ghp_abcdefghijklmnopqrst\" # é",
            "authorization: Bearer abc.def",
            "base_url: \"https://me:hunter2@host/v1\"",
            "store: postgres://user:p@ss@host/db",
            "extra: {openai_key: abc, client_secret: abc, max_tokens: 400, cache_key: abc}",
            "xai-grok-4-fast-reasoning hf_internal_testing_tiny AKIAABCDEFGHIJKLMNOP",
            "env: API_KEY=abc --url=https://host/?api_key=abc&page=2 a=sk-abcdefghij1234567",
            "command: [app, --api-key, abc, \"--password\", \"abc\", --client-secret --x, --max-tokens, 4]",
            "[curl, -u, \"me:a!c\", --user, 1000:1000, --password, 'a!c', x]; {password: a!c, b: c}",
            "task-description: a sketch, sk-learn, https://host/a@b",
        ];
        insta::assert_snapshot!(lines.map(without_secrets).join("\n"), @"
        api_key: sk-*******************
        {api_key: ***, \"password\": '*', max_tokens: 400, api_key_env: ABC}
          X-A: \"ghp_********************\" # é
        authorization: Bearer *******
        base_url: \"https://**********@host/v1\"
        store: postgres://*********@host/db
        extra: {openai_key: ***, client_secret: ***, max_tokens: 400, cache_key: abc}
        xai-grok-4-fast-reasoning hf_internal_testing_tiny AKIA****************
        env: API_KEY=*** --url=https://host/?api_key=***&page=2 a=sk-*****************
        command: [app, --api-key, ***, \"--password\", \"***\", --client-secret --x, --max-tokens, 4]
        [curl, -u, \"me:***\", --user, 1000:1000, --password, '***', x]; {password: ***, b: c}
        task-description: a sketch, sk-learn, https://host/a@b
        ");
    }

    /// With work that grows as the square of the length this would not end.
    #[test]
    fn a_line_may_be_a_whole_reply() {
        let line = r#"{"password": "x1", "a": 1, "url": "x://a@b"} "#.repeat(100_000);
        let shown = without_secrets(&line);
        assert_eq!(shown.len(), line.len());
        assert_eq!(shown.matches('*').count(), 300_000);
    }

    proptest! {
        #[test]
        fn columns_stay_where_they_are(line in "(\\PC|sk-[a-z]{16}|Bearer |://|@|é| ){0,12}") {
            prop_assert_eq!(without_secrets(&line).chars().count(), line.chars().count());
        }
    }
}
