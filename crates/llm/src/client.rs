//! The shell around the pure wire formats: one call is one attempt, within the row's timeout. Never retries, follows no
//! redirect, logs nothing, and checks certificates always.

mod body;
mod program;
mod tls;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

pub use crate::client::tls::CertificateError;
use crate::config::{ModelRow, Target};
use crate::error::ModelError;
use crate::provider::command;
use crate::rate::RateHint;
use crate::redaction::Said;
use crate::reply::Reply;
use crate::request::ChatRequest;
use crate::secret::Secrets;
use crate::wire::{self, HeaderContent, HttpResponse};

/// The largest body that is read when nobody says otherwise: 16 MiB.
pub const DEFAULT_MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

const USER_AGENT: &str = concat!("promptassay/", env!("CARGO_PKG_VERSION"));

/// What all calls of one client share.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Certificates of further authorities, in PEM, such as a company's own; added to the system's and the bundled ones.
    pub certificate_authorities_pem: Vec<u8>,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured.
    pub proxy_from_environment: bool,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// The largest answer that is read, in bytes after decompression; what is longer is malformed.
    pub max_body_bytes: usize,
    /// Whether rows of provider `command` may run their programs.
    pub allow_commands: bool,
    /// Where programs run; the working directory of this process when absent.
    pub command_directory: Option<PathBuf>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            certificate_authorities_pem: Vec::new(),
            proxy_from_environment: true,
            connect_timeout: Duration::from_secs(10),
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            allow_commands: false,
            command_directory: None,
        }
    }
}

/// Asks models. Make one per process and share it: it pools connections, and reads the system's certificates
/// once, when the first server shows its own.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    options: ClientOptions,
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The certificates cannot be used.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// The HTTP library refuses the options.
    #[error("no HTTP client: {detail}")]
    Http {
        /// What it says.
        detail: String,
    },
}

/// A reply, and what the server said about its rates with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The reply.
    pub reply: Reply,
    /// What is left of the rates.
    pub rate_hint: RateHint,
}

impl Client {
    /// A client with these options.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::configuration(&options.certificate_authorities_pem)?)
            // One connection per request under way: over HTTP/2 a server's stream limit would queue requests where
            // their waiting counts as the model's latency, and one reset would fail them all.
            .http1_only()
            .user_agent(USER_AGENT)
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if !options.proxy_from_environment {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| ClientError::Http { detail: body::chain_text(&error.without_url()) })?;
        Ok(Self { http, options })
    }

    /// Asks once. `request` carries the effective params; `now` is the time of the call, needed where a server names a
    /// date to wait for.
    pub async fn ask(
        &self,
        row: &ModelRow,
        secrets: &Secrets,
        request: &ChatRequest,
        now: Timestamp,
    ) -> Result<Answer, ModelError> {
        let attempt = async {
            match &row.target {
                Target::Http(_) => self.ask_server(row, secrets, request, now).await,
                Target::Command(words) => self.ask_program(words, row, secrets, request).await,
            }
        };
        match tokio::time::timeout(row.timeout, attempt).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(ModelError::Timeout { detail: format!("no complete answer within {:?}", row.timeout) })
            }
        }
    }

    async fn ask_server(
        &self,
        row: &ModelRow,
        secrets: &Secrets,
        request: &ChatRequest,
        now: Timestamp,
    ) -> Result<Answer, ModelError> {
        let started = Instant::now();
        let encoded = wire::encode(row, request)
            .map_err(|error| ModelError::BadRequest { detail: error.to_string() })?;
        let headers = resolve(&encoded.headers, secrets)?;
        let origin = encoded.url.origin().ascii_serialization();
        let response = self
            .http
            .post(encoded.url)
            .headers(headers)
            .body(encoded.body.to_string())
            .send()
            .await
            .map_err(|error| body::transport_error(error, &origin))?;
        let status = response.status().as_u16();
        let mut headers = response.headers().clone();
        let body = body::read(response, self.options.max_body_bytes, &origin).await?;
        let elapsed = started.elapsed();
        secrets.cut_out_of_headers(&mut headers);
        let is_answer = (200..300).contains(&status);
        let said = if is_answer { Said::Answer } else { Said::Aside };
        let (bytes, whole) = secrets.cut_out_of(said, body.bytes);
        // Of an error the beginning is enough.
        if body.is_cut && is_answer {
            let limit = self.options.max_body_bytes;
            let said = secrets.cut_out(bytes);
            return Err(wire::malformed(&format!("the body is longer than {limit} bytes"), &said));
        }
        let mut response =
            HttpResponse { status, headers, body: bytes, latency: whole_microseconds(elapsed) };
        let arrived = now.saturating_add(elapsed).unwrap_or(now);
        let mut decoded = wire::decode(row.provider, &response, arrived);
        if decoded.is_err() && is_answer {
            // It is no answer, and the error quotes it.
            response.body = secrets.cut_out(response.body);
            // What is no answer becomes none by what was cut out of it.
            decoded = wire::decode(row.provider, &response, arrived).and(decoded);
        }
        let mut reply = decoded?;
        if let Some(whole) = whole {
            let read = |body| wire::decode(row.provider, &HttpResponse { body, ..response.clone() }, arrived);
            reply.redacted = secrets.changing(said, &whole, |body| read(body).ok());
        }
        Ok(Answer { reply, rate_hint: RateHint::read(&response, arrived) })
    }

    async fn ask_program(
        &self,
        words: &[String],
        row: &ModelRow,
        secrets: &Secrets,
        request: &ChatRequest,
    ) -> Result<Answer, ModelError> {
        if !self.options.allow_commands {
            let detail = "running programs is not allowed here".to_owned();
            return Err(ModelError::BadRequest { detail });
        }
        let question = command::encode(row, request)
            .map_err(|error| ModelError::BadRequest { detail: error.to_string() })?;
        let started = Instant::now();
        let mut finished = program::run(
            words,
            self.options.command_directory.as_deref(),
            question.to_string().as_bytes(),
            self.options.max_body_bytes,
        )
        .await?;
        let (stdout, whole) = secrets.cut_out_of(Said::Answer, finished.stdout);
        finished.stdout = stdout;
        finished.stderr = secrets.cut_out(finished.stderr);
        let mut decoded = command::decode(&finished);
        if decoded.is_err() {
            // It is no answer, and the error quotes it.
            finished.stdout = secrets.cut_out(finished.stdout);
            decoded = command::decode(&finished).and(decoded);
        }
        let mut reply = decoded?;
        if let Some(whole) = whole {
            let read = |stdout| command::decode(&command::Finished { stdout, ..finished.clone() });
            reply.redacted = secrets.changing(Said::Answer, &whole, |stdout| read(stdout).ok());
        }
        reply.latency = whole_microseconds(started.elapsed());
        Ok(Answer { reply, rate_hint: RateHint::default() })
    }
}

/// The headers with their secrets in place; those are marked so that no library prints them.
fn resolve(contents: &IndexMap<String, HeaderContent>, secrets: &Secrets) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::with_capacity(contents.len() + 2);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    for (name, content) in contents {
        let value = match content {
            HeaderContent::Literal(text) => HeaderValue::from_str(text),
            HeaderContent::Secret { prefix, name } => {
                let key = secrets.get(name).ok_or_else(|| ModelError::Auth {
                    detail: format!("no key: the environment variable {name} is not set"),
                })?;
                HeaderValue::from_str(&format!("{prefix}{}", key.expose())).map(|mut value| {
                    value.set_sensitive(true);
                    value
                })
            }
        };
        let unusable = || ModelError::BadRequest { detail: format!("the header `{name}` cannot be sent") };
        let name: HeaderName = name.parse().map_err(|_| unusable())?;
        headers.insert(name, value.map_err(|_| unusable())?);
    }
    Ok(headers)
}

/// Journals keep microseconds: a reply that comes back from one equals the reply that went in.
fn whole_microseconds(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
