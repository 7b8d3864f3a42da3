//! What is added to the body of a request as it stands, and so stands in files, journals and reports.

use serde_json::{Map, Value};

use super::RowProblem;
use super::header::begins_like_a_secret;

/// Keys that hold a secret wherever they stand, in lower case and without `_` and `-`.
const SECRET_KEYS: [&str; 18] = [
    "key",
    "xapikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "subscriptionkey",
    "token",
    "accesstoken",
    "authtoken",
    "bearertoken",
    "auth",
    "authorization",
    "secret",
    "clientsecret",
    "password",
    "passwd",
    "credential",
    "credentials",
];

/// Adds a problem for each text that is a secret by its key or looks like one, at any depth. None is repeated.
pub(super) fn refuse_secrets(extra: &Map<String, Value>, problems: &mut Vec<RowProblem>) {
    collect(extra, &mut vec!["extra"], problems);
}

fn collect<'a>(map: &'a Map<String, Value>, path: &mut Vec<&'a str>, problems: &mut Vec<RowProblem>) {
    for (key, value) in map {
        path.push(key);
        match value {
            Value::String(text)
                if !text.is_empty() && (names_a_secret(key) || begins_like_a_secret(text)) =>
            {
                problems.push(problem(path));
            }
            Value::Object(inner) => collect(inner, path, problems),
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(inner) => collect(inner, path, problems),
                        Value::String(text) if begins_like_a_secret(text) => problems.push(problem(path)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        path.pop();
    }
}

fn problem(path: &[&str]) -> RowProblem {
    let key = path.last().copied().unwrap_or_default();
    let message = format!("`{key}` looks like a secret, and what stands in `extra` is kept and shown");
    let help = "take it out: a key goes into a header, by `api_key_env: NAME` or `headers: {authorization: {env: NAME}}`";
    RowProblem::at(path.iter().copied(), message, help)
}

fn names_a_secret(key: &str) -> bool {
    let plain: String = key.chars().filter(|letter| !matches!(letter, '_' | '-')).collect();
    let plain = plain.to_lowercase();
    SECRET_KEYS.contains(&plain.as_str()) || plain.ends_with("apikey")
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
    fn what_only_sounds_like_one_is_sent() {
        let none: [&str; 0] = [];
        assert_eq!(
            refused(json!({
                "prompt_cache_key": "desk", "max_completion_tokens": 400, "tokenizer": "cl100k", "eos_token": "</s>",
                "token": 3, "secret": "", "tools": [{"parameters": {"properties": {"password": {"type": "string"}}}}],
                "safety_identifier": "u1", "key": {"a": 1},
            })),
            none
        );
    }
}
