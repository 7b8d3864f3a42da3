//! The in-process front on wiremock: keeps every request for assertions. It cannot break a connection, so it refuses
//! scripts that ask for that instead of pretending.

use std::sync::Arc;

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

use crate::front::SharedMock;
use crate::memory::counters::Counters;
use crate::request::Request;
use crate::respond::{Delivery, HttpReply};
use crate::script::Script;

/// A mock model that listens on a free port of the loopback interface until it is dropped.
#[derive(Debug)]
pub struct MockLlm {
    server: MockServer,
    mock: Arc<SharedMock>,
}

/// The script needs answers that only [`crate::RawServer`] can give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the in-process mock always sends whole replies, but the script asks for {}: use RawServer instead",
    places.join(", ")
)]
pub struct NeedsRawServer {
    /// What and where, such as `reset` in a fault; never empty.
    pub places: Vec<String>,
}

/// A request as the mock received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// Method in capitals.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Header names in lower case, and values; text that is not UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl ReceivedRequest {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl MockLlm {
    /// Starts a mock. Refuses a script with `reset` or `cut_body`.
    pub async fn start(script: Script) -> Result<Self, NeedsRawServer> {
        let places: Vec<String> = script
            .responses()
            .filter_map(|(name, response)| {
                response.answer.needs_raw_server().map(|answer| format!("`{answer}` in `{name}`"))
            })
            .collect();
        if !places.is_empty() {
            return Err(NeedsRawServer { places });
        }
        let mock = Arc::new(SharedMock::new(script));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Responder { mock: Arc::clone(&mock) }).mount(&server).await;
        Ok(Self { server, mock })
    }

    /// Where it listens, such as `http://127.0.0.1:49152`; without a path and a final slash.
    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// What it counted so far.
    pub fn counters(&self) -> Counters {
        self.mock.counters()
    }

    /// Every request so far, in order of arrival.
    pub async fn requests(&self) -> Vec<ReceivedRequest> {
        let requests = self.server.received_requests().await.unwrap_or_default();
        requests.iter().map(received).collect()
    }
}

fn path_and_query(request: &wiremock::Request) -> String {
    let path = request.url.path();
    request.url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

fn received(request: &wiremock::Request) -> ReceivedRequest {
    let headers = request.headers.iter();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    ReceivedRequest {
        method: request.method.to_string(),
        path: path_and_query(request),
        headers: headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
        body: request.body.clone(),
    }
}

struct Responder {
    mock: Arc<SharedMock>,
}

impl Respond for Responder {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let headers: Vec<(&str, &[u8])> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let reply = self.mock.answer(&Request {
            method: request.method.as_str(),
            path: request.url.path(),
            headers: &headers,
            body: &request.body,
        });
        let template = match reply.delivery {
            Delivery::Whole(http) => template(http),
            // `start` refuses such scripts; a status that no script gives says so if that ever breaks.
            Delivery::Cut { .. } | Delivery::Reset => ResponseTemplate::new(501),
        };
        template.set_delay(reply.delay)
    }
}

fn template(reply: HttpReply) -> ResponseTemplate {
    let template = ResponseTemplate::new(reply.status).set_body_raw(reply.body, reply.content_type);
    let append = |template: ResponseTemplate, (name, value): (_, String)| {
        let name: std::borrow::Cow<'static, str> = name;
        template.append_header(name.as_ref(), value)
    };
    reply.headers.into_iter().fold(template, append)
}
