//! Secrets in what is added to the body of a request as it stands, and so stands in files, journals and reports.

use serde_json::{Map, Value};

use super::RowProblem;
use super::secrets::{header_names_a_secret, is_bare, looks_like_a_secret, names_a_secret};

/// How a server that reads its own environment is told where: the name of a secret, and none itself.
const REFERENCE: &str = "os.environ/";

/// What bare names mean that are no secret: how one proves who one is.
const SCHEMES: [&str; 5] = ["none", "basic", "bearer", "oauth", "oauth2"];

/// What the names of a map are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Keys of the body.
    Keys,
    /// Names of headers that a gateway sends on.
    Headers,
    /// Words that somebody chose to find a request again: a `key` may be one.
    Labels,
    /// Keys of a JSON Schema, fields that it speaks of, and what it gives as an example.
    Schema,
}

impl Names {
    /// What they are in a map that stands under `key` of a map of these.
    fn below(self, key: &str, map: &Map<String, Value>) -> Self {
        let key = key.to_ascii_lowercase();
        if self == Self::Schema {
            Self::Schema
        } else if key.ends_with("headers") {
            Self::Headers
        } else if is_schema(map) {
            Self::Schema
        } else if self == Self::Labels || key.ends_with("metadata") || ["labels", "tags"].contains(&&*key) {
            Self::Labels
        } else {
            Self::Keys
        }
    }

    /// Whether a text, or also a number, under this key is a secret.
    fn name_a_secret(self, key: &str) -> (bool, bool) {
        let named = names_a_secret(key);
        let is_count = key.to_ascii_lowercase().ends_with("tokens");
        match self {
            Self::Keys => (named || is_bare(key), named && !is_count),
            Self::Headers => (header_names_a_secret(key), named),
            Self::Labels => (named, named && !is_count),
            Self::Schema => (false, false),
        }
    }
}

/// Whether a map is a JSON Schema: whether it says what something is, or which fields it has.
fn is_schema(map: &Map<String, Value>) -> bool {
    let is_type = |word: &Value| {
        let word = word.as_str().unwrap_or_default().to_ascii_lowercase();
        ["array", "boolean", "integer", "null", "number", "object", "string"].contains(&&*word)
    };
    let is_one = |schema: &Value| schema.is_object() || schema.is_boolean();
    let fields = |key: &str| map.get(key).and_then(Value::as_object);
    map.get("type")
        .is_some_and(|kind| is_type(kind) || kind.as_array().is_some_and(|all| all.iter().any(is_type)))
        || fields("properties").is_some_and(|fields| fields.values().all(is_one))
        || fields("dependentRequired").is_some_and(|fields| fields.values().all(Value::is_array))
}

/// Adds a problem for each value that is a secret by its key or looks like one, at any depth. None is repeated.
pub(super) fn refuse_secrets(extra: &Map<String, Value>, problems: &mut Vec<RowProblem>) {
    let mut found = Vec::new();
    collect(extra, Names::Keys, &mut vec!["extra"], &mut found);
    // Those of a list have the place of the list.
    found.dedup();
    problems.append(&mut found);
}

fn collect<'a>(
    map: &'a Map<String, Value>,
    names: Names,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<RowProblem>,
) {
    // In a list of pairs the names are values: `{key: region, value: eu}`.
    let named = |by: &str| map.get(by).filter(|_| map.contains_key("value")).and_then(Value::as_str);
    let pair = named("key").or_else(|| named("name"));
    for (key, value) in map {
        path.push(key);
        let is_secret = match (key.as_str(), pair) {
            ("key" | "name", Some(_)) => (false, false),
            ("value", Some(name)) => names.name_a_secret(name),
            _ => names.name_a_secret(key),
        };
        look(value, is_secret, names, path, problems);
        path.pop();
    }
}

/// Looks at a value below a key that is that of a secret, for text and for numbers.
fn look<'a>(
    value: &'a Value,
    is_secret @ (text_is_one, number_is_one): (bool, bool),
    names: Names,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<RowProblem>,
) {
    let key = path.last().copied().unwrap_or_default();
    match value {
        Value::Object(inner) if text_is_one && is_of_the_environment(inner) => {
            let message = format!("`{key}` would be sent as it stands, without the variable's value");
            problems.push(RowProblem::at(path.iter().copied(), message, HELP));
        }
        Value::Object(inner) => collect(inner, names.below(key, inner), path, problems),
        Value::Array(items) => {
            for item in items {
                look(item, is_secret, names, path, problems);
            }
        }
        Value::String(text) if (text_is_one && !is_harmless(key, text)) || looks_like_a_secret(text) => {
            problems.push(problem(path));
        }
        Value::Number(_) if number_is_one => problems.push(problem(path)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a text under the name of a secret is none: nothing, where the secret is, how one is shown, or a special token such as `</s>`.
fn is_harmless(key: &str, text: &str) -> bool {
    let is_scheme = || SCHEMES.iter().any(|scheme| text.eq_ignore_ascii_case(scheme));
    let is_special = || text.starts_with('<') && text.ends_with('>');
    text.is_empty() || text.starts_with(REFERENCE) || (is_bare(key) && (is_scheme() || is_special()))
}

/// Whether a map is what takes a value from the environment elsewhere in a row.
fn is_of_the_environment(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.get("env").is_some_and(Value::is_string)
}

const HELP: &str = "take it out: a key goes into a header, by `api_key_env: NAME` or `headers: {authorization: {env: NAME}}`; \
     nothing in `extra` is read from the environment";

fn problem(path: &[&str]) -> RowProblem {
    let key = path.last().copied().unwrap_or_default();
    let message = format!("`{key}` looks like a secret, and what stands in `extra` is kept and shown");
    RowProblem::at(path.iter().copied(), message, HELP)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(extra: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        refuse_secrets(extra.as_object().unwrap(), &mut problems);
        assert!(!format!("{problems:?}").contains("hidden"), "{problems:?}");
        problems.into_iter().map(|problem| problem.path.join(".")).collect()
    }

    #[test]
    fn a_secret_is_refused_wherever_it_stands() {
        for (extra, place) in [
            (json!({"api_key": "hidden"}), "api_key"),
            (json!({"api_key": 123_456}), "api_key"),
            (json!({"auth": "hidden"}), "auth"),
            (json!({"private_key": ["hidden", "hidden"]}), "private_key"),
            (json!({"user": "sk-hidden"}), "user"),
            (json!({"rows": [["sk-hidden"]]}), "rows"),
            (json!({"notes": ["Bearer hidden"]}), "notes"),
            (json!({"notes": "use https://u:hidden@h/x"}), "notes"),
            (json!({"litellm": {"accessToken": "hidden"}}), "litellm.accessToken"),
            (json!({"litellm": {"token": "hidden"}}), "litellm.token"),
            (json!({"litellm_params": {"key": "hidden"}}), "litellm_params.key"),
            (json!({"fallbacks": [{"password": "hidden"}, "a"]}), "fallbacks.password"),
            (
                json!({"fallbacks": [{"auth": {"type": "basic", "password": "hidden"}}]}),
                "fallbacks.auth.password",
            ),
            (json!({"clientsecret": "hidden"}), "clientsecret"),
            (json!({"extra_headers": {"token": "hidden"}}), "extra_headers.token"),
            (json!({"extra_headers": {"x-auth": "hidden"}}), "extra_headers.x-auth"),
            (json!({"extra_headers": {"x-token": "hidden"}}), "extra_headers.x-token"),
            (json!({"extra_headers": {"cookie": "hidden"}}), "extra_headers.cookie"),
            (json!({"extra_headers": {"x-my-secret-of-old": "hidden"}}), "extra_headers.x-my-secret-of-old"),
            (json!({"extraHeaders": [{"name": "x-auth", "value": "a"}]}), "extraHeaders.value"),
            (json!({"metadata": {"api_key": "hidden"}}), "metadata.api_key"),
            (json!({"metadata": {"a": "sk-hidden"}}), "metadata.a"),
            (json!({"metadata": {"headers": {"token": "hidden"}}}), "metadata.headers.token"),
            (json!({"api_base": "https://u:hidden@h"}), "api_base"),
            (json!({"url": "https://h/?API_KEY=hidden"}), "url"),
            // As documented by those who take them.
            (
                json!({"mcp_servers": [{"type": "url", "authorization_token": "hidden"}]}),
                "mcp_servers.authorization_token",
            ),
            (
                json!({"tools": [{"type": "mcp", "headers": {"Authorization": "hidden"}}]}),
                "tools.headers.Authorization",
            ),
            (json!({"tools": [{"type": "mcp", "authorization": "hidden"}]}), "tools.authorization"),
            (
                json!({"data_sources": [{"type": "azure_search", "parameters": {"authentication": {"type": "api_key", "key": "hidden"}}}]}),
                "data_sources.parameters.authentication.key",
            ),
            // No schemas, and nothing else that would excuse a name.
            (json!({"litellm": {"properties": {"password": "hidden"}}}), "litellm.properties.password"),
            (json!({"type": "object", "api_key": "hidden"}), "api_key"),
            (json!({"extra_headers": {"type": "object", "token": "hidden"}}), "extra_headers.token"),
            (
                json!({"tools": [{"parameters": {"type": "object", "description": "ghp_hidden"}}]}),
                "tools.parameters.description",
            ),
            (json!({"pairs": [{"key": "api_key", "value": "hidden"}]}), "pairs.value"),
            (json!({"api_key": {"env": "NAME"}}), "api_key"),
        ] {
            assert_eq!(refused(&extra), [format!("extra.{place}")], "{extra}");
        }
    }

    #[test]
    fn what_only_sounds_like_one_is_sent() {
        for extra in [
            json!({"prompt_cache_key": "desk", "safety_identifier": "u1", "user": "u1", "max_tokens": 5}),
            json!({"max_completion_tokens": 400, "session_tokens": 5, "logit_bias": {"50256": -100}}),
            json!({"tokenizer": "cl100k", "eos_token": "</s>", "litellm": {"token": "</s>"}, "token": 3}),
            json!({"token_type": "bearer", "auth": "none", "upstream": {"auth": "bearer"}, "secret": "", "key": {"a": 1}}),
            json!({"plan": "Basic plan", "system": "Basic customers get short answers", "stop": ["Bearer of news"]}),
            json!({"metadata": {"key": "team-a", "auth": "me", "token": "t"}, "litellm_metadata": {"key": "a"}}),
            json!({"labels": {"key": "a"}, "docs": "https://example.com/a?page=2", "language": "sk-SK"}),
            json!({"tools": [{"type": "file_search", "filters": {"type": "eq", "key": "region", "value": "eu"}}]}),
            json!({"api_key": "os.environ/AZURE_KEY", "extra_headers": {"x-team": "a", "authorization": "os.environ/NAME"}}),
            json!({"properties": {"token": {"type": "string"}}, "required": ["password"]}),
            json!({"const": {"token": {"type": "string"}}}),
            json!({"tools": [{"function": {"name": "token", "parameters": {"dependentRequired": {"password": ["user"]}}}}]}),
            json!({"tools": [{"function": {"parameters": {
                "type": "object", "required": ["password"], "description": "Basic id, or a Bearer token",
                "properties": {"password": {"type": "string", "default": "a"}, "token": {"const": "t"}, "api_key": true},
                "dependencies": {"token": ["password"]}, "examples": [{"api_key": "a", "key": "b"}],
            }}}]}),
            json!({"tools": [{"input_schema": {"properties": {"key": {"type": ["string", "null"], "enum": ["a"]}}}}]}),
            json!({"tools": [{"functionDeclarations": [{"parameters": {"type": "OBJECT", "example": {"token": "a"}}}]}]}),
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "key", "schema": {
                "type": "object", "properties": {"secret": {"type": "string"}}, "default": {"secret": "a"},
            }}}}),
        ] {
            assert_eq!(refused(&extra), [""; 0], "{extra}");
        }
    }
}
