//! What is added to the body of a request as it stands, and so stands in files, journals and reports.

use reqwest::Url;
use serde_json::{Map, Value};

use super::RowProblem;
use super::header::begins_like_a_secret;

/// Words that end the name of a secret, whatever stands before them.
const SECRET_WORDS: [&str; 12] = [
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "secret",
    "secrets",
    "pat",
];

/// What makes a `key` a secret; others are for caches and tables.
const OF_KEYS: [&str; 8] =
    ["access", "account", "api", "master", "private", "secret", "signing", "subscription"];

/// What makes a `token` a secret; others are parts of a text.
const OF_TOKENS: [&str; 15] = [
    "access", "ad", "api", "auth", "bearer", "client", "hf", "id", "jwt", "oauth", "refresh", "sas",
    "security", "service", "session",
];

/// Names that are one of a secret where nothing is around them.
const BARE: [&str; 3] = ["auth", "key", "token"];

/// Adds a problem for each value that is a secret by its key or looks like one, at any depth. None is repeated.
pub(super) fn refuse_secrets(extra: &Map<String, Value>, problems: &mut Vec<RowProblem>) {
    collect(extra, &mut vec!["extra"], problems);
}

fn collect<'a>(map: &'a Map<String, Value>, path: &mut Vec<&'a str>, problems: &mut Vec<RowProblem>) {
    for (key, value) in map {
        path.push(key);
        let is_bare = path.len() == 2 && BARE.contains(&key.to_lowercase().as_str());
        let is_named = names_a_secret(key);
        look(value, (is_named || is_bare, is_named), path, problems);
        path.pop();
    }
}

/// Looks at a value below a key that is that of a secret, for text and for numbers.
fn look<'a>(
    value: &'a Value,
    (text_is_one, number_is_one): (bool, bool),
    path: &mut Vec<&'a str>,
    problems: &mut Vec<RowProblem>,
) {
    match value {
        Value::Object(inner) => collect(inner, path, problems),
        Value::Array(items) => {
            for item in items {
                look(item, (text_is_one, number_is_one), path, problems);
            }
        }
        Value::String(text) => {
            let is_secret =
                !text.is_empty() && (text_is_one || begins_like_a_secret(text) || is_address_with_one(text));
            if is_secret {
                problems.push(problem(path));
            }
        }
        Value::Number(_) if number_is_one => problems.push(problem(path)),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a text is an address that holds a password, or a secret in its query.
fn is_address_with_one(text: &str) -> bool {
    let Some(url) = text.contains("://").then(|| Url::parse(text.trim()).ok()).flatten() else {
        return false;
    };
    url.password().is_some()
        || url.query_pairs().any(|(name, _)| names_a_secret(&name) || BARE.contains(&&*name))
}

fn problem(path: &[&str]) -> RowProblem {
    let key = path.last().copied().unwrap_or_default();
    let message = format!("`{key}` looks like a secret, and what stands in `extra` is kept and shown");
    let help = "take it out: a key goes into a header, by `api_key_env: NAME` or `headers: {authorization: {env: NAME}}`";
    RowProblem::at(path.iter().copied(), message, help)
}

fn names_a_secret(key: &str) -> bool {
    let words = words(key);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ends_so = match words.as_slice() {
        [.., of, "key" | "keys"] => OF_KEYS.contains(of),
        [.., of, "token" | "tokens"] => OF_TOKENS.contains(of),
        [.., "access", "key", "id"] => true,
        [.., last] => SECRET_WORDS.contains(last),
        [] => false,
    };
    // Written in one, as `openaiapikey` and `accesstoken` are.
    let one = words.concat();
    ends_so
        || OF_KEYS.iter().any(|of| *of != "account" && one.ends_with(&format!("{of}key")))
        || ["accesstoken", "authtoken", "bearertoken"].contains(&one.as_str())
}

/// The words of a name in lower case: parted by whatever is no letter and no digit, and by a capital behind a small letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (was_small && letter.is_uppercase()) {
            words.push(String::new());
        }
        was_small = letter.is_lowercase() || letter.is_numeric();
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(extra: Value) -> Vec<String> {
        let Value::Object(extra) = extra else { panic!("a map") };
        let mut problems = Vec::new();
        refuse_secrets(&extra, &mut problems);
        assert!(!format!("{problems:?}").contains("hidden"), "{problems:?}");
        problems.into_iter().map(|problem| problem.path.join(".")).collect()
    }

    #[test]
    fn a_secret_is_refused_wherever_it_stands() {
        assert_eq!(
            refused(json!({
                "api_key": "hidden", "openai-api-key": "hidden", "litellm": {"accessToken": "hidden"},
                "user": "sk-hidden", "fallbacks": [{"password": "hidden"}, "a"], "notes": ["Bearer hidden"],
            })),
            [
                "extra.api_key",
                "extra.openai-api-key",
                "extra.litellm.accessToken",
                "extra.user",
                "extra.fallbacks.password",
                "extra.notes"
            ]
        );
    }

    #[test]
    fn what_gateways_take_in_the_body_is_known() {
        let hidden = |name: &str| refused(json!({ name: "hidden" }));
        for name in [
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
            "azure_ad_token",
            "vertex_credentials",
            "hf_token",
            "refresh_token",
            "api.key",
            "api key",
            "apiKeys",
            "openaiapikey",
            "private_key",
            "github_pat",
        ] {
            assert_eq!(hidden(name), [format!("extra.{name}")]);
        }
        assert_eq!(
            refused(json!({
                "api_key": 123_456, "private_key": ["hidden"], "rows": [["sk-hidden"]], "auth": "hidden",
                "extra_headers": {"cookie": "hidden", "x-my-secret": "hidden"},
                "api_base": "https://u:hidden@h", "url": "https://h/?api_key=hidden",
            })),
            [
                "extra.api_key",
                "extra.private_key",
                "extra.rows",
                "extra.auth",
                "extra.extra_headers.cookie",
                "extra.extra_headers.x-my-secret",
                "extra.api_base",
                "extra.url",
            ]
        );
    }

    #[test]
    fn what_only_sounds_like_one_is_sent() {
        let none: [&str; 0] = [];
        assert_eq!(
            refused(json!({
                "prompt_cache_key": "desk", "max_completion_tokens": 400, "tokenizer": "cl100k", "eos_token": "</s>",
                "token": 3, "secret": "", "tools": [{"parameters": {"properties": {"password": {"type": "string"}}}}],
                "safety_identifier": "u1", "key": {"a": 1}, "system": "Basic customers get short answers",
                "stop": ["Bearer of news"], "metadata": {"key": "team-a", "auth": "none"}, "max_tokens": 3,
                "const": {"token": "t"}, "docs": "https://example.com/a?page=2", "compat": "x",
            })),
            none
        );
    }
}
