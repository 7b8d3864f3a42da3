//! HTTP requests and responses as plain values, so that encoding and decoding stay pure. Opens no socket, holds no secret.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};

use crate::classify;
use crate::config::{EnvironmentName, HeaderValue, ModelRow, Target};
use crate::error::ModelError;
use crate::excerpt;
use crate::json;
use crate::provider::{Provider, anthropic, gemini, openai_chat, openai_responses};
use crate::reply::Reply;
use crate::request::ChatRequest;

/// One POST request, ready but for its secrets: it may be printed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HttpRequest {
    /// Where it goes.
    pub url: Url,
    /// Its headers, names in lower case; `content-type` and what HTTP itself needs are added when it is sent.
    pub headers: IndexMap<String, HeaderContent>,
    /// Its JSON body.
    pub body: Value,
}

/// The content of a header, in which a secret stands by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderContent {
    /// Sent as it is.
    Literal(String),
    /// `prefix` followed by the secret.
    Secret {
        /// Such as `Bearer `, with its space; may be empty.
        prefix: &'static str,
        /// The secret's name in [`crate::Secrets`].
        name: EnvironmentName,
    },
}

impl fmt::Display for HeaderContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => formatter.write_str(text),
            Self::Secret { prefix, name } => write!(formatter, "{prefix}${name}"),
        }
    }
}

/// A whole answer of a server.
#[derive(Debug, Clone, Default)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed and complete.
    pub body: Vec<u8>,
    /// From sending the request to the last byte of the body.
    pub latency: Duration,
}

impl HttpResponse {
    /// A header as text; `None` where it is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        const NAMES: [&str; 3] = ["x-request-id", "request-id", "apim-request-id"];
        NAMES.iter().find_map(|name| self.header(name)).map(str::to_owned)
    }
}

/// A question that the row's wire format cannot express.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub(crate) String);

/// The HTTP request that asks `request` of the model of `row`. The row's own `params` and `extra` are *not* added: the
/// request carries the effective ones.
pub fn encode(row: &ModelRow, request: &ChatRequest) -> Result<HttpRequest, EncodeError> {
    check(row.provider, request)?;
    match row.provider {
        Provider::OpenAiChat => openai_chat::encode(row, request),
        Provider::OpenAiResponses => openai_responses::encode(row, request),
        Provider::Anthropic => anthropic::encode(row, request),
        Provider::Gemini => gemini::encode(row, request),
        Provider::Command => Err(EncodeError("a command is not asked over HTTP".to_owned())),
    }
}

/// What every provider refuses, found before anything is sent.
pub(crate) fn check(provider: Provider, request: &ChatRequest) -> Result<(), EncodeError> {
    if request.messages.is_empty() {
        return Err(EncodeError("the request has no message".to_owned()));
    }
    let problems: Vec<_> =
        provider.param_problems(&request.params).into_iter().map(|problem| problem.message).collect();
    if problems.is_empty() { Ok(()) } else { Err(EncodeError(problems.join("; "))) }
}

/// The reply in an HTTP answer of this provider, or the class of its failure. `now` is the time at which the answer
/// arrived: servers give dates to wait for.
pub fn decode(provider: Provider, response: &HttpResponse, now: Timestamp) -> Result<Reply, ModelError> {
    if !(200..300).contains(&response.status) {
        return classify::failure(response, now);
    }
    let body = parse(&response.body)?;
    if let Some(error) = classify::error_in(&body) {
        return classify::failure_with(&error, response, now);
    }
    let mut reply = match provider {
        Provider::OpenAiChat => openai_chat::decode(&body, response, now),
        Provider::OpenAiResponses => openai_responses::decode(&body, response, now),
        Provider::Anthropic => anthropic::decode(&body),
        Provider::Gemini => gemini::decode(&body),
        Provider::Command => return Err(malformed("a command does not answer over HTTP", &response.body)),
    }?;
    reply.latency = response.latency;
    reply.request_id = response.request_id().or(reply.request_id);
    if reply.usage.provider_cost.is_none() {
        reply.usage.provider_cost = response.header("x-litellm-response-cost").and_then(read_cost);
    }
    Ok(reply)
}

fn read_cost(text: &str) -> Option<f64> {
    text.parse().ok().filter(|cost: &f64| cost.is_finite() && *cost >= 0.0)
}

/// A body as JSON, or what is there instead.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ModelError> {
    json::read(body).map_err(|error| {
        let what = if body.iter().all(u8::is_ascii_whitespace) {
            "the body is empty"
        } else if std::str::from_utf8(body).is_err() {
            "the body is not UTF-8"
        } else if excerpt::looks_like_html(body) {
            "the body is an HTML page, most likely of a proxy"
        } else if body.starts_with(b"data:") || body.starts_with(b"event:") {
            "the body is a stream, which nobody asked for"
        } else if error.is_eof() {
            "the JSON is cut off"
        } else {
            "the body is not JSON"
        };
        malformed(what, body)
    })
}

/// An unreadable answer, with an excerpt of it.
pub(crate) fn malformed(what: &str, body: &[u8]) -> ModelError {
    let excerpt = excerpt::of_bytes(body);
    let detail = if excerpt.is_empty() { what.to_owned() } else { format!("{what}: {excerpt}") };
    ModelError::Malformed { detail }
}

/// The same for a body that is JSON of another shape.
pub(crate) fn unexpected(what: &str, body: &Value) -> ModelError {
    malformed(what, body.to_string().as_bytes())
}

impl HttpRequest {
    /// Puts a request together: path under the base URL, the provider's headers, the key in `key_header`, the row's own
    /// headers over all of them, and `extra` over the body.
    pub(crate) fn assemble(
        row: &ModelRow,
        request: &ChatRequest,
        path: &[&str],
        (key_header, key_prefix): (&str, &'static str),
        fixed_headers: &[(&str, &str)],
        body: Map<String, Value>,
    ) -> Result<Self, EncodeError> {
        let Target::Http(base_url) = &row.target else {
            return Err(EncodeError("this row names a command, not a server".to_owned()));
        };
        let mut headers: IndexMap<String, HeaderContent> = fixed_headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), HeaderContent::Literal((*value).to_owned())))
            .collect();
        if let Some(name) = &row.api_key_env {
            headers.insert(
                key_header.to_owned(),
                HeaderContent::Secret { prefix: key_prefix, name: name.clone() },
            );
        }
        for (name, value) in &row.headers {
            let content = match value {
                HeaderValue::Literal(text) => HeaderContent::Literal(text.clone()),
                HeaderValue::FromEnvironment(name) => {
                    HeaderContent::Secret { prefix: "", name: name.clone() }
                }
            };
            headers.insert(name.clone(), content);
        }
        let mut body = Value::Object(body);
        merge(&mut body, &Value::Object(request.extra.clone()));
        Ok(Self { url: under(base_url, path)?, headers, body })
    }
}

/// `base_url` with further path segments, each percent-encoded; its query stays.
fn under(base_url: &Url, segments: &[&str]) -> Result<Url, EncodeError> {
    let mut url = base_url.clone();
    let mut path =
        url.path_segments_mut().map_err(|()| EncodeError("the base URL has no path".to_owned()))?;
    path.pop_if_empty().extend(segments);
    drop(path);
    Ok(url)
}

/// Lays `over` on `base`: objects are merged key by key, everything else is replaced.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Adds `key` to a body where a value was written.
pub(crate) fn put<T: Into<Value>>(body: &mut Map<String, Value>, key: &str, value: Option<T>) {
    if let Some(value) = value {
        body.insert(key.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn extra_is_merged_into_objects_and_replaces_all_else() {
        let mut body = json!({"generationConfig": {"temperature": 1, "stop": ["a"]}, "model": "m"});
        merge(&mut body, &json!({"generationConfig": {"stop": [], "candidateCount": 1}, "new": {"a": 1}}));
        assert_eq!(
            body,
            json!({"generationConfig": {"temperature": 1, "stop": [], "candidateCount": 1}, "model": "m", "new": {"a": 1}})
        );
    }

    #[test]
    fn a_path_goes_under_the_base_and_before_its_query() {
        let url = |base: &str, path: &[&str]| under(&Url::parse(base).unwrap(), path).unwrap().to_string();
        assert_eq!(url("http://a/v1/", &["chat", "completions"]), "http://a/v1/chat/completions");
        assert_eq!(url("http://a", &["v1"]), "http://a/v1");
        assert_eq!(url("http://a/d?api-version=1", &["x y?"]), "http://a/d/x%20y%3F?api-version=1");
    }

    #[test]
    fn an_unreadable_body_is_named_for_what_it_is() {
        for (body, what) in [
            (&b" \n"[..], "the body is empty"),
            (b"{\"a\": \xff}", "the body is not UTF-8"),
            (
                b"<!doctype html><title>502 Bad Gateway</title>",
                "HTML page, most likely of a proxy: 502 Bad Gateway",
            ),
            (b"data: {}\n\n", "a stream"),
            (b"{\"choices\": [", "the JSON is cut off"),
            (b"oops", "the body is not JSON: oops"),
        ] {
            let error = parse(body).unwrap_err();
            assert!(matches!(error, ModelError::Malformed { .. }));
            assert!(error.detail().contains(what), "{error}");
        }
    }

    #[test]
    fn what_libraries_of_other_languages_write_is_read() {
        assert_eq!(parse(b"\xef\xbb\xbf{\"a\": 1}").unwrap(), json!({"a": 1}));
        assert_eq!(parse(br#"{"a": "cut off \ud83d"}"#).unwrap(), json!({"a": "cut off \u{fffd}"}));
    }

    #[test]
    fn very_deep_json_is_refused_and_does_not_overflow_the_stack() {
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
    }
}
