//! Secrets in what is added to the body of a request as it stands, and so stands in files, journals and reports.

use serde_json::{Map, Value};

use super::RowProblem;
use super::secrets::{
    header_looks_like_a_secret, header_names_a_secret, is_bare, is_short, is_word_of_settings,
    looks_like_a_secret, names_a_secret,
};

/// How a server that reads its own environment is told where: the name of a secret, and none itself.
const REFERENCE: &str = "os.environ/";

/// Where whoever asks chooses the names, to find a request again or for a template. A `key` may be one.
const LABELS: [&str; 6] = ["chat_template_kwargs", "documents", "labels", "order_by", "sort", "tags"];

/// Keys of a JSON Schema below which names are those of fields.
const OF_FIELDS: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// The same, where fields have lists of fields.
const OF_LISTS: [&str; 2] = ["dependentRequired", "dependencies"];
/// Keys of a JSON Schema below which data stands as it may look.
const OF_DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "required"];
/// Keys of a JSON Schema below which one stands, or a list of them.
const OF_SCHEMAS: [&str; 15] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// What the names of a map are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Keys of the body.
    Keys,
    /// Names of headers that a gateway sends on.
    Headers,
    /// Words that somebody chose to find a request again: a `key` may be one.
    Labels,
    /// Keys of a JSON Schema: what is none of its own is a key of the body.
    Schema,
    /// Fields that a JSON Schema speaks of.
    Fields,
    /// The same, with the fields that each of them needs.
    FieldLists,
    /// What a JSON Schema gives as an example.
    Data,
}

impl Names {
    /// What they are in a map that stands under `key` of a map of these.
    fn below(self, key: &str, map: &Map<String, Value>) -> Self {
        match self {
            Self::Data => Self::Data,
            Self::Fields | Self::FieldLists => Self::Schema,
            Self::Schema if OF_FIELDS.contains(&key) => Self::Fields,
            Self::Schema if OF_LISTS.contains(&key) => Self::FieldLists,
            Self::Schema if OF_DATA.contains(&key) => Self::Data,
            Self::Schema if OF_SCHEMAS.contains(&key) => Self::Schema,
            Self::Schema | Self::Keys | Self::Headers | Self::Labels => self.below_others(key, map),
        }
    }

    fn below_others(self, key: &str, map: &Map<String, Value>) -> Self {
        let key = key.to_ascii_lowercase();
        if key.ends_with("headers") {
            Self::Headers
        } else if key.ends_with("schema") || is_schema(map) {
            Self::Schema
        } else if self == Self::Labels || key.ends_with("metadata") || LABELS.contains(&&*key) {
            Self::Labels
        } else {
            Self::Keys
        }
    }

    /// Whether this value, or what stands below it, is a secret by its key.
    fn name_a_secret(self, key: &str, value: &Value) -> Named {
        let is_named = names_a_secret(key);
        let is_count = key.to_ascii_lowercase().ends_with("tokens");
        let no_field = !(value.is_object() || value.is_boolean());
        match self {
            Self::Data => Named::NOT,
            Self::Fields if !no_field => Named::NOT,
            Self::FieldLists if !no_field || value.is_array() => Named::NOT,
            Self::Keys | Self::Schema | Self::Fields | Self::FieldLists => Named {
                text: is_named || is_bare(key),
                number: is_named && !is_count,
                map: is_named && !is_count,
            },
            Self::Headers => Named { text: header_names_a_secret(key), number: is_named, map: is_named },
            Self::Labels => {
                Named { text: is_named, number: is_named && !is_count, map: is_named && !is_count }
            }
        }
    }
}

/// What is a secret under a key.
#[derive(Clone, Copy)]
struct Named {
    text: bool,
    number: bool,
    /// Each text of a map, whatever its key.
    map: bool,
}

impl Named {
    const NOT: Self = Self { text: false, number: false, map: false };
}

/// Whether a map is a JSON Schema: whether it says what something is, or which fields it has.
fn is_schema(map: &Map<String, Value>) -> bool {
    let is_type = |word: &Value| {
        let word = word.as_str().unwrap_or_default().to_ascii_lowercase();
        ["array", "boolean", "integer", "null", "number", "object", "string"].contains(&&*word)
    };
    let is_one = |schema: &Value| schema.is_object() || schema.is_boolean();
    let fields = |key: &str| map.get(key).and_then(Value::as_object).filter(|fields| !fields.is_empty());
    let choices = |key: &str| map.get(key).and_then(Value::as_array).filter(|choices| !choices.is_empty());
    map.get("type")
        .is_some_and(|kind| is_type(kind) || kind.as_array().is_some_and(|all| all.iter().any(is_type)))
        || ["properties", "$defs"]
            .into_iter()
            .any(|key| fields(key).is_some_and(|fields| fields.values().all(is_one)))
        || ["anyOf", "oneOf", "allOf"]
            .into_iter()
            .any(|key| choices(key).is_some_and(|choices| choices.iter().all(is_one)))
        || fields("dependentRequired").is_some_and(|fields| fields.values().all(Value::is_array))
}

/// Adds a problem for each value that is a secret by its key or looks like one, at any depth. None is repeated.
pub(super) fn refuse_secrets(extra: &Map<String, Value>, problems: &mut Vec<RowProblem>) {
    let mut found = Vec::new();
    collect(extra, Names::Keys, Named::NOT, &mut vec!["extra"], &mut found);
    // Those of a list have the place of the list.
    found.dedup();
    problems.append(&mut found);
}

/// Whether a text is JSON with a secret in it.
pub(super) fn json_holds_a_secret(text: &str) -> bool {
    is_json_with_one(text, "", Named::NOT, Names::Keys)
}

fn is_json_with_one(text: &str, key: &str, named: Named, names: Names) -> bool {
    let Some(json) = Some(text)
        .filter(|text| text.trim_start().starts_with(['{', '[']))
        .and_then(|text| serde_json::from_str(text).ok())
    else {
        return false;
    };
    let mut found = Vec::new();
    look(&json, named, names, &mut vec![key], &mut found);
    !found.is_empty()
}

fn collect<'a>(
    map: &'a Map<String, Value>,
    names: Names,
    above: Named,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<RowProblem>,
) {
    // In a list of pairs the names are values: `{key: region, value: eu}`.
    let named = |by: &str| map.get(by).filter(|_| map.contains_key("value")).and_then(Value::as_str);
    let pair = ["key", "name", "header"].into_iter().find_map(named);
    for (key, value) in map {
        path.push(key);
        let of_key = match (key.as_str(), pair) {
            ("key" | "name" | "header", Some(_)) => Named::NOT,
            ("value", Some(name)) => names.name_a_secret(name, value),
            // The secret itself, where its name is the key of the map: `token: {value: …}`.
            ("value", None) => above,
            _ => names.name_a_secret(key, value),
        };
        let is_below = above.map && !matches!(names, Names::Schema | Names::Data);
        look(value, Named { text: of_key.text || is_below, ..of_key }, names, path, problems);
        path.pop();
    }
}

/// Looks at a value below a key that is that of a secret, for text and for numbers.
fn look<'a>(
    value: &'a Value,
    named: Named,
    names: Names,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<RowProblem>,
) {
    let key = path.last().copied().unwrap_or_default();
    match value {
        Value::Object(inner) if named.text && is_of_the_environment(inner) => {
            let message = format!("`{key}` would be sent as it stands, without the variable's value");
            problems.push(RowProblem::at(path.iter().copied(), message, HELP));
        }
        Value::Object(inner) => collect(inner, names.below(key, inner), named, path, problems),
        Value::Array(items) => {
            let is_header = is_pair_of_a_header(key, items);
            for item in items {
                look(item, Named { text: named.text || is_header, ..named }, names, path, problems);
            }
        }
        Value::String(text) => {
            let is_one = (named.text && !is_harmless(key, text))
                || looks_like_a_secret(text)
                || is_lines_of_headers(key, text)
                || (names == Names::Headers && header_looks_like_a_secret(text))
                || is_json_with_one(text, key, named, names);
            problems.extend(is_one.then(|| problem(path)));
        }
        Value::Number(_) if named.number => problems.push(problem(path)),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a list below a map of headers is one of them: its name, and its value.
fn is_pair_of_a_header(key: &str, items: &[Value]) -> bool {
    let name = match items {
        [Value::String(name), Value::String(_)] if is_of_headers(key) => name,
        _ => return false,
    };
    header_names_a_secret(name) && !name.contains(':')
}

/// Whether a text in the place of headers has one that is a secret, in a line of its own.
fn is_lines_of_headers(key: &str, text: &str) -> bool {
    let is_one = |(name, value): (&str, &str)| {
        let value = value.trim();
        let is_named =
            header_names_a_secret(name.trim()) && !value.is_empty() && !value.starts_with(REFERENCE);
        is_named || header_looks_like_a_secret(value)
    };
    is_of_headers(key) && text.lines().filter_map(|line| line.split_once(':')).any(is_one)
}

fn is_of_headers(key: &str) -> bool {
    key.to_ascii_lowercase().ends_with("headers")
}

/// Whether a text under the name of a secret is none: nothing, where the secret is, how one is shown, or a special token such as `</s>`.
fn is_harmless(key: &str, text: &str) -> bool {
    let is_special =
        [('<', '>'), ('[', ']')].iter().any(|(start, end)| text.starts_with(*start) && text.ends_with(*end));
    let is_other = !names_a_secret(key) && (is_word_of_settings(text) || (is_bare(key) && is_short(text)));
    text.is_empty() || text.starts_with(REFERENCE) || is_special || is_other
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
            (json!({"pairs": [{"header": "X-Api-Key", "value": "hidden"}]}), "pairs.value"),
            // What stands beside a schema, or is called one.
            (json!({"up": {"type": "object", "api_key": "hidden"}}), "up.api_key"),
            (json!({"up": {"type": "object", "token": "hidden"}}), "up.token"),
            (json!({"up": {"properties": {}, "api_key": "hidden"}}), "up.api_key"),
            (json!({"up": {"properties": {"a": {}}, "auth": {"password": "hidden"}}}), "up.auth.password"),
            (json!({"up": {"properties": {"a": {}, "password": "hidden"}}}), "up.properties.password"),
            (
                json!({"schema": {"type": "object", "properties": {"password": "hidden"}}}),
                "schema.properties.password",
            ),
            (
                json!({"schema": {"type": "object", "properties": {"api_key": ["hidden"]}}}),
                "schema.properties.api_key",
            ),
            // Names of GitLab, Azure, Vercel and others.
            (json!({"pwd": "hidden"}), "pwd"),
            (json!({"pass": "hidden"}), "pass"),
            (json!({"private_token": "hidden"}), "private_token"),
            (json!({"user_token": "hidden"}), "user_token"),
            (json!({"functions_key": "hidden"}), "functions_key"),
            (json!({"license_key": "hidden"}), "license_key"),
            (json!({"extra_headers": {"x-functions-key": "hidden"}}), "extra_headers.x-functions-key"),
            (json!({"extra_headers": {"x-up": "Token hidden1"}}), "extra_headers.x-up"),
            // Maps below a secret's name.
            (json!({"api_key": {"a": "hidden"}}), "api_key.a"),
            (json!({"credentials": {"user": "hidden"}}), "credentials.user"),
            (json!({"token": {"value": "hidden"}}), "token.value"),
            // Texts.
            (json!({"x": "sk_live_hiddenhiddenhiddenhidden"}), "x"),
            (json!({"notes": "send Authorization: Bearer hidden123"}), "notes"),
            (json!({"litellm": "{\"api_key\":\"hidden\"}"}), "litellm"),
            (json!({"litellm": "[{\"a\": \"{\\\"api_key\\\": \\\"hidden\\\"}\"}]"}), "litellm"),
            (json!({"extra_headers": "{\"x-auth\": \"hidden\"}"}), "extra_headers"),
            (json!({"extra_headers": ["Authorization: Bearer hidden"]}), "extra_headers"),
            (json!({"extra_headers": ["X-Api-Key: hidden"]}), "extra_headers"),
            (json!({"extra_headers": [["X-Api-Key", "hidden"]]}), "extra_headers"),
            (json!({"extra_headers": "X-Team: a\nX-Api-Key: hidden"}), "extra_headers"),
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
            json!({"stop": ["sk-"], "user": "eyjafjalla", "fallbacks": ["xai-grok-4-fast-reasoning"]}),
            json!({"documents": [{"title": "token", "key": "a1"}, {"key": "intro", "text": "Hello"}]}),
            json!({"chat_template_kwargs": {"key": "on", "enable_thinking": false}, "key": "on", "token": "a1"}),
            json!({"metadata": {"region": "asia-northeast1-docker.pkg.dev", "pass": "second", "pwd": "/home"}}),
            json!({"user_token": "<|user|>", "assistant_token": "[INST]", "api_key": "<hidden>"}),
            json!({"extra_headers": ["X-Team: support", "Accept-Language: sk-SK"], "authorization": {"type": "bearer"}}),
            json!({"notes": "{\"team\": \"a\", \"max_tokens\": 5}", "preamble": "{not JSON", "list": "[1, 2]"}),
            json!({"system_note": "The user sends Authorization: Bearer <token>. Token ring, key points."}),
            // As documented by those who take them.
            json!({"thinking": {"type": "enabled", "budget_tokens": 2000}, "betas": ["mcp-client-2025-04-04"]}),
            json!({"provider": {"order": ["anthropic"], "sort": "price"}, "transforms": [], "models": ["a/b"]}),
            json!({"mcp_servers": [{"type": "url", "url": "https://mcp.example.com/sse", "name": "docs"}]}),
            json!({"data_sources": [{"type": "azure_search", "parameters": {"index_name": "a", "authentication": {
                "type": "system_assigned_managed_identity",
            }}}]}),
            json!({"service_tier": "flex", "prompt_cache_key": "desk-2026", "prompt_cache_retention": "24h"}),
            json!({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
            json!({"stop_token_ids": [1], "include_stop_str_in_output": true, "guided_choice": ["sk-", "key"]}),
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
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {
                "anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"password": {"type": "string"}}, "examples": [{"password": "a"}],
                "description": "the api_key: a text",
            }}}}),
            json!({"tools": [{"type": "function", "function": {"name": "login", "parameters": {
                "anyOf": [{"required": ["password"], "properties": {"password": {"$ref": "#/$defs/p"}}}],
                "additionalProperties": {"properties": {"token": {"enum": ["a"]}}},
            }}}]}),
        ] {
            assert_eq!(refused(&extra), [""; 0], "{extra}");
        }
    }
}
