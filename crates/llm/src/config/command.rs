//! Secrets among the words of a program that is a model or a check: they are kept with a run and shown, and whoever may list the
//! processes of the machine reads them.

use super::extra::json_holds_a_secret;
use super::secrets::{
    header_looks_like_a_secret, header_names_a_secret, is_bare, is_placeholder, is_word_of_settings,
    looks_like_a_secret, names_a_secret,
};

/// Programs that ask servers. To others `-u` and `-b` are anything: `docker run --user node:node`.
const CLIENTS: [&str; 6] = ["curl", "http", "https", "wget", "wget2", "xh"];
/// Options of theirs behind which stand a user and a password.
const OF_USERS: [&str; 4] = ["-u", "--user", "--proxy-user", "-U"];
/// Options of theirs behind which stands a secret, or what has one.
const OF_SECRETS: [&str; 2] = ["--oauth2-bearer", "--proxy-header"];
/// Options of theirs behind which stand cookies, or a file with some.
const OF_COOKIES: [&str; 2] = ["-b", "--cookie"];
/// Options behind which stands a header.
const OF_HEADERS: [&str; 2] = ["-H", "--header"];
/// How values begin that say where the secret is.
const REFERENCES: [&str; 11] =
    ["/", "./", "../", "~", "@", "env:", "file:", "op://", "os.environ", "process.env", "vault:"];
/// Behind a name that may be another thing (`--token`, `--pass`, `--key`) a key has letters, digits and nothing else, and this length …
const SHORTEST: usize = 8;
/// … or this one and no digit …
const LONG: usize = 16;
/// … or this one, letters and digits and signs between them.
const VERY_LONG: usize = 24;
/// What checks and tools are told to do about secrets.
const WORDS_FOR_SECRETS: [&str; 16] = [
    "absent", "all", "allow", "any", "deny", "fail", "forbid", "hide", "ignore", "keep", "mask", "present",
    "redact", "report", "skip", "warn",
];
/// How files with secrets end.
const FILES: [&str; 12] =
    [".cfg", ".conf", ".crt", ".env", ".ini", ".json", ".key", ".p12", ".pem", ".toml", ".txt", ".yaml"];

/// Which words of a command, from 0, are secrets or hold one: what a program has to know so is passed to it by the environment.
pub fn secrets_in_command<S: AsRef<str>>(words: &[S]) -> Vec<usize> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let asks_servers = asks_servers(&words);
    let is_one = |index: &usize| {
        let before = index.checked_sub(1).map(|before| words[before]);
        let word = words[*index];
        looks_like_a_secret(word)
            || json_holds_a_secret(word)
            || is_given(before.filter(|_| *index > 1), word, asks_servers)
            || is_script_with_one(word)
    };
    (0..words.len()).filter(is_one).collect()
}

fn asks_servers(words: &[&str]) -> bool {
    let name = |word: &&str| word.rsplit('/').next().is_some_and(|name| CLIENTS.contains(&name));
    words.iter().any(name)
}

/// Whether a word is a secret by the option before it, or by its own name.
fn is_given(before: Option<&str>, word: &str, asks_servers: bool) -> bool {
    let named = |name: &str, value: &str| {
        let name = name.trim_start_matches('-');
        let is_name = !name.contains(char::is_whitespace);
        is_name && (names_a_secret(name) || (is_bare(name) && is_like_a_key(value))) && is_literal(value)
    };
    let is_of_client = |option: &str, value: &str| {
        (OF_USERS.contains(&option) && is_login(value))
            || (OF_SECRETS.contains(&option) && is_literal(value))
            || (OF_COOKIES.contains(&option)
                && value.split_once('=').is_some_and(|(_, value)| is_literal(value)))
    };
    let is_value = |option: &str, value: &str| {
        named(option, value)
            || (OF_HEADERS.contains(&option) && is_header(value))
            || (asks_servers && is_of_client(option, value))
    };
    let is_attached = || {
        // As in `-ume:password`.
        word.split_at_checked(2).is_some_and(|(option, value)| asks_servers && is_of_client(option, value))
    };
    before.is_some_and(|before| before.starts_with('-') && !word.starts_with('-') && is_value(before, word))
        || word.split_once('=').is_some_and(|(option, value)| is_value(option, value))
        || is_attached()
}

/// Whether a value is one that nobody takes for a word, behind a name that may be that of anything.
fn is_like_a_key(value: &str) -> bool {
    let value = unquoted(value);
    let has = |is: fn(&u8) -> bool| value.bytes().any(|letter| is(&letter));
    let is_unbroken = value.bytes().all(|letter| letter.is_ascii_alphanumeric());
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    (is_unbroken && ((is_mixed && value.len() >= SHORTEST) || value.len() >= LONG))
        || (is_mixed && value.len() >= VERY_LONG && !value.contains(char::is_whitespace))
}

/// Whether the words of a script are secrets so, such as those of `sh -c '…'`.
fn is_script_with_one(script: &str) -> bool {
    let words: Vec<&str> = script.split_whitespace().map(unquoted).collect();
    let asks_servers = asks_servers(&words);
    let is_option = |word: &str| {
        let name = word.split_once('=').map(|(name, _)| name);
        // Of a language that has variables in small letters, what is given to them is looked at as a text.
        name.is_none_or(|name| name.starts_with('-') || name.bytes().all(|byte| !byte.is_ascii_lowercase()))
    };
    let is_headers = |part: &[&str]| {
        let name = part[1].strip_suffix(':');
        OF_HEADERS.contains(&part[0]) && name.is_some_and(header_names_a_secret) && is_literal(part[2])
    };
    let is_pair = |pair: &[&str]| is_option(pair[1]) && is_given(Some(pair[0]), pair[1], asks_servers);
    words.len() > 1
        && (words.windows(2).any(is_pair)
            || (is_option(words[0]) && is_given(None, words[0], asks_servers))
            || words.windows(3).any(is_headers))
}

fn is_header(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, value)| {
        let value = value.trim();
        (header_names_a_secret(name.trim()) && is_literal(value)) || header_looks_like_a_secret(value)
    })
}

/// Whether it is a user with a password.
fn is_login(text: &str) -> bool {
    text.split_once(':').is_some_and(|(_, password)| is_literal(password))
}

/// Whether a value is the secret itself, and not where it is found.
fn is_literal(value: &str) -> bool {
    let value = unquoted(value);
    let lower = value.to_ascii_lowercase();
    let is_of_windows = value.len() > 1 && value.starts_with('%') && value.ends_with('%');
    !(value.is_empty()
        || is_of_windows
        || is_placeholder(value)
        || is_word_of_settings(value)
        || WORDS_FOR_SECRETS.contains(&&*lower)
        || REFERENCES.iter().any(|start| lower.starts_with(start))
        || FILES.iter().any(|end| lower.ends_with(end)))
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\'', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> Vec<usize> {
        secrets_in_command(words)
    }

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        for (words, at) in [
            (&["sh", "app.sh", "--api-key", "sk-proj-hidden1hidden1hidden1"][..], 3),
            (&["app", "--api-key", "hidden"], 2),
            (&["app", "--api-key=hidden"], 1),
            (&["app", "-apikey=hidden"], 1),
            (&["app", "--password", "hidden"], 2),
            (&["app", "--token", "hidden12"], 2),
            (&["app", "--pass", "hidden12hidden"], 2),
            (&["app", "--token=hiddenhiddenhidden"], 1),
            (&["app", "--token", "0a1b2c3d-hidden-hidden-hidden"], 2),
            (&["app", "--secrets", "hidden"], 2),
            (&["app", "--key", "hiddenhidden1hidden"], 2),
            (&["app", "--url=https://u:hidden@h/x"], 1),
            (&["app", "https://h/x?api_key=hidden"], 1),
            (&["https://u:hidden@h/x", "a"], 0),
            (&["env", "API_KEY=hidden", "app"], 1),
            (&["docker", "run", "-e", "OPENAI_API_KEY=hidden", "image"], 3),
            (&["curl", "-H", "X-Api-Key: hidden", "https://h"], 2),
            (&["curl", "-H", "Authorization: Bearer hidden", "https://h"], 2),
            (&["curl", "--header", "x-functions-key: hidden", "https://h"], 2),
            (&["curl", "-H", "X-Up: Token hidden1", "https://h"], 2),
            (&["wget", "--header=X-Api-Key: hidden", "https://h"], 1),
            (&["wget", "--proxy-user=me:hidden", "https://h"], 1),
            (&["curl", "-u", "me:hidden", "https://h"], 2),
            (&["/usr/bin/curl", "-ume:hidden", "https://h"], 1),
            (&["curl", "--oauth2-bearer", "hidden", "https://h"], 2),
            (&["curl", "-b", "session=hidden", "https://h"], 2),
            (&["app", "--config", "{\"api_key\": \"hidden\"}"], 2),
            (&["sh", "-c", "API_KEY=hidden app"], 2),
            (&["sh", "-c", "app --api-key hidden"], 2),
            (&["sh", "-c", "app --api-key='hidden'"], 2),
            (&["sh", "-c", "curl -H 'X-Api-Key: hidden' https://h"], 2),
            (&["sh", "-c", "curl -u me:hidden https://h"], 2),
            (&["sh", "-c", "curl -H 'Authorization: Bearer hidden' https://h"], 2),
            (&["python3", "-c", "api_key = 'hidden123'"], 2),
            (&["node", "-e", "const o = {apiKey: 'hidden123'}"], 2),
        ] {
            assert_eq!(found(words), [at], "{words:?}");
        }
    }

    #[test]
    fn where_a_secret_is_and_what_only_sounds_like_one_is_taken() {
        for words in [
            &["python3", "app.py", "--json"][..],
            &["app", "--api-key", "$OPENAI_API_KEY"],
            &["app", "--api-key-env", "OPENAI_API_KEY"],
            &["app", "--api-key", "OPENAI_API_KEY"],
            &["app", "--api-key=env:OPENAI_API_KEY"],
            &["app", "--api-key=%OPENAI_API_KEY%"],
            &["app", "--token-file", "/run/secrets/token"],
            &["app", "--token", "/run/secrets/token"],
            &["app", "--credentials", "service.json"],
            &["app", "--client-key", "client.pem"],
            &["app", "--password-stdin"],
            &["app", "--api-key", "--verbose"],
            &["app", "--api-key="],
            &["app", "--auth", "none"],
            &["app", "--key", "region", "--max-tokens", "400", "--tokenizer", "cl100k_base"],
            &["app", "--model", "xai-grok-4-fast-reasoning", "--lang", "sk-SK", "--stop", "sk-"],
            &["docker", "run", "--user", "1000:1000", "-e", "OPENAI_API_KEY", "image"],
            &["sh", "-c", "app --api-key \"$OPENAI_API_KEY\""],
            &["sh", "-c", "API_KEY=$(cat /run/secrets/key) app"],
            &["sh", "-c", "API_KEY=\"$OTHER\" app | grep -v token"],
            &["sh", "-c", "curl -u \"$USER:$PASSWORD\" -H \"Authorization: Bearer $TOKEN\" https://h"],
            &["sh", "-c", "curl -H \"X-Api-Key: ${KEY}\" https://h"],
            &["python3", "-c", "import os; api_key = os.environ['API_KEY_2']; token = get_token_2()"],
            &[
                "python3",
                "x.py",
                "--pass",
                "0.85",
                "--token",
                "cl100k_base",
                "--key",
                "customer_address_line",
            ],
            &["python3", "x.py", "--pass=0.85", "--pass-threshold", "threshold", "-u", "field:value"],
            &["python3", "scan.py", "--secrets", "all", "--check", "no-secret", "--cookie", "absent"],
            &["env", "PWD=work", "app"],
            &["awk", "-v", "token=word", "{print}"],
            &["sh", "-c", "PWD=work; cd work; TOKEN=word KEY=customer_name_of_all python3 check.py"],
            &["docker", "run", "--user", "node:node", "-u", "app:app", "image"],
            &["curl", "-b", "cookies.txt", "-u", "$USER:$PASSWORD", "-o", "out", "https://h"],
            &["jq", "-c", "{text: .token, key: .usage.key}"],
            &["sh", "-c", "cat >/dev/null; echo '{\"text\": \"the api key: ask\"}'"],
        ] {
            assert_eq!(found(words), [0; 0], "{words:?}");
        }
    }
}
