//! Request headers in files: plain values, or the name of an environment variable for everything secret.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use reqwest::header;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::extra::json_holds_a_secret;
use crate::config::secrets::{header_looks_like_a_secret, header_names_a_secret};
use crate::config::{EnvironmentName, RowProblem};

/// A header's value as a file writes it: a text, or `{env: NAME}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValueSpec {
    /// A value that everybody may read.
    Literal(String),
    /// The value of an environment variable.
    FromEnvironment(String),
}

/// A header's valid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// A value that everybody may read: visible ASCII.
    Literal(String),
    /// The secret of that name in [`crate::Secrets`], sent as it is.
    FromEnvironment(EnvironmentName),
}

/// Headers that the client itself is responsible for.
const RESERVED: [header::HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::ACCEPT_ENCODING,
];

/// Turns the headers of a file into valid ones, names in lower case; every problem is added to `problems`.
pub(crate) fn validate(
    specs: IndexMap<String, HeaderValueSpec>,
    problems: &mut Vec<RowProblem>,
) -> IndexMap<String, HeaderValue> {
    let mut headers = IndexMap::new();
    for (name, spec) in specs {
        let is_variable = matches!(spec, HeaderValueSpec::FromEnvironment(_));
        match validate_one(&name, spec) {
            Ok((lower, value)) => {
                if headers.insert(lower, value).is_some() {
                    let message = format!("header `{name}` stands twice, in different letter case");
                    problems.push(RowProblem::at(["headers", &name], message, "keep one of them"));
                }
            }
            Err((message, help)) => {
                let path = ["headers", &name].into_iter().chain(is_variable.then_some("env"));
                problems.push(RowProblem::at(path, message, help));
            }
        }
    }
    headers
}

fn validate_one(name: &str, spec: HeaderValueSpec) -> Result<(String, HeaderValue), (String, String)> {
    let parsed = header::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| ("not the name of a header".to_owned(), "write letters, digits and `-`".to_owned()))?;
    if RESERVED.contains(&parsed) {
        return Err((format!("header `{parsed}` is set by the client"), "remove the line".to_owned()));
    }
    let lower = parsed.as_str().to_owned();
    match spec {
        HeaderValueSpec::FromEnvironment(variable) => match EnvironmentName::written(variable) {
            Ok(variable) => Ok((lower, HeaderValue::FromEnvironment(variable))),
            Err(problem) => Err((
                format!("the value of `env` is {problem}"),
                "write the variable's name, such as `{env: MY_TOKEN}`; never the secret itself".to_owned(),
            )),
        },
        HeaderValueSpec::Literal(value)
            if header_names_a_secret(&lower)
                || header_looks_like_a_secret(&value)
                || json_holds_a_secret(&value) =>
        {
            Err((
                format!("header `{lower}` looks like a secret, and files are read by many"),
                format!(
                    "put it into an environment variable and write `{lower}: {{env: NAME}}`, or use `api_key_env`"
                ),
            ))
        }
        HeaderValueSpec::Literal(value) if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => Err((
            format!("the value of header `{lower}` has a character that a header cannot carry"),
            "use visible ASCII characters".to_owned(),
        )),
        HeaderValueSpec::Literal(value) => Ok((lower, HeaderValue::Literal(value))),
    }
}

impl<'de> Deserialize<'de> for HeaderValueSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand: an untagged enum would lose the place of an error.
        struct HeaderVisitor;

        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = HeaderValueSpec;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or `{env: NAME}`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<HeaderValueSpec, E> {
                Ok(HeaderValueSpec::Literal(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderValueSpec, A::Error> {
                let mut variable = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "env" {
                        return Err(A::Error::unknown_field(&key, &["env"]));
                    }
                    if variable.replace(map.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field("env"));
                    }
                }
                variable.map(HeaderValueSpec::FromEnvironment).ok_or_else(|| A::Error::missing_field("env"))
            }
        }

        deserializer.deserialize_any(HeaderVisitor)
    }
}

impl JsonSchema for HeaderValueSpec {
    fn schema_name() -> Cow<'static, str> {
        "HeaderValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text, or `{env: NAME}` for the value of an environment variable.",
            "oneOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}},
                    "required": ["env"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(value: serde_json::Value) -> (IndexMap<String, HeaderValue>, Vec<RowProblem>) {
        let mut problems = Vec::new();
        let headers = validate(serde_json::from_value(value).unwrap(), &mut problems);
        (headers, problems)
    }

    #[test]
    fn plain_values_and_names_of_variables_are_taken() {
        let (headers, problems) = checked(
            json!({"HTTP-Referer": "https://example.com", "api-key": {"env": "AZURE_OPENAI_API_KEY"}}),
        );
        assert_eq!(problems, []);
        assert_eq!(headers["http-referer"], HeaderValue::Literal("https://example.com".into()));
        assert!(
            matches!(&headers["api-key"], HeaderValue::FromEnvironment(name) if name.as_str() == "AZURE_OPENAI_API_KEY")
        );
    }

    #[test]
    fn what_looks_like_a_secret_is_refused_and_not_repeated() {
        let (headers, problems) = checked(json!({
            "Authorization": "Bearer abc-hidden",
            "x-api-key": "abc-hidden",
            "x-team": "sk-abc-hidden",
            "x-auth-token": {"env": "sk-abc-hidden"},
            "x-hub-token": {"env": "ghp_abc-hidden".replace('-', "_")},
            "x-up": "Bearer abc-hidden, scope=x",
            "x-from": "https://me:abc-hidden@example.com",
            "x-functions-key": "abc-hidden",
            "x-vercel-protection-bypass": "abc-hidden",
            "x-pwd": "abc-hidden",
            "x-gateway": "Token abc-hidden1",
            "x-elastic": "ApiKey abc-hidden",
            "x-portkey-config": "{\"provider\": \"openai\", \"api_key\": \"abc-hidden\"}",
        }));
        assert!(headers.is_empty());
        assert_eq!(problems.len(), 13);
        assert!(!format!("{problems:?}").contains("hidden"));
    }

    #[test]
    fn what_providers_document_is_taken() {
        let (headers, problems) = checked(json!({
            "anthropic-beta": "context-1m-2025-08-07",
            "OpenAI-Organization": "org-abc123",
            "X-Title": "Token counter",
            "x-upstream": "asia-southeast1-aiplatform.googleapis.com",
            "Helicone-Cache-Enabled": "true",
            "x-portkey-config": "pc-desk-1",
            "x-portkey-provider": "@openai",
            "Accept-Language": "sk-SK,sk;q=0.9",
            "x-ms-model-mesh-model-name": "xai-grok-4-fast-reasoning",
        }));
        assert_eq!(problems, []);
        assert_eq!(headers.len(), 9);
    }

    #[test]
    fn headers_of_the_client_and_impossible_ones_are_refused() {
        let (headers, problems) =
            checked(json!({"Content-Type": "x", "a b": "x", "x-name": "é", "X-A": "1", "x-a": "2"}));
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-a"]);
        assert_eq!(problems.len(), 4);
    }

    #[test]
    fn other_shapes_are_errors() {
        for (value, message) in [
            (json!(1), "a text or `{env: NAME}`"),
            (json!({"environment": "A"}), "unknown field `environment`"),
            (json!({}), "missing field `env`"),
        ] {
            let error = serde_json::from_value::<HeaderValueSpec>(value).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}
