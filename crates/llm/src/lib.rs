//! One question to one chat model: wire formats, token usage, classified errors.
//!
//! The crate turns a [`ChatRequest`] into the HTTP request of one provider, sends it once, and turns what comes
//! back into a [`Reply`] or a [`ModelError`]. It must not know prompts, suites, retry policy, a terminal, a YAML
//! library or the environment: time and secrets come in as arguments, and one call is exactly one attempt.
//!
//! [`Client`] asks over the network; what it sends and how it reads the answer are pure functions:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use promptassay_llm::{ChatRequest, HttpResponse, Message, ModelRowSpec, Provider, decode, encode};
//!
//! let row = ModelRowSpec::new(Provider::Anthropic, "claude-sonnet-5").validate("default").unwrap();
//! let request = encode(&row, &ChatRequest::new(vec![Message::user("hello")]))?;
//! assert_eq!(request.body["messages"][0]["role"], "user");
//!
//! let body = br#"{"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}"#;
//! let response = HttpResponse { status: 200, body: body.to_vec(), ..HttpResponse::default() };
//! let reply = decode(Provider::Anthropic, &response, jiff::Timestamp::UNIX_EPOCH)?;
//! assert_eq!(reply.text, "Hi");
//! # Ok(())
//! # }
//! ```

mod canonical;
mod classify;
mod client;
mod config;
mod duration;
mod error;
mod excerpt;
mod json;
mod message;
pub mod program_output;
mod provider;
mod rate;
mod redaction;
mod reply;
mod request;
mod secret;
mod wire;

pub use client::{Answer, CertificateError, Client, ClientError, ClientOptions, DEFAULT_MAX_BODY_BYTES};
pub use config::DEFAULT_TIMEOUT;
pub use config::{
    EnvironmentName, HeaderValue, HeaderValueSpec, Limits, LimitsSpec, ModelRow, ModelRowSpec,
    NotAnEnvironmentName, Price, PriceSpec, RowProblem, Target, VersionPart, secrets_in_command,
};
pub use duration::parse as parse_duration;
pub use error::{ModelError, ModelErrorKind};
pub use message::{Message, Role, ToolCall, ToolDefinition};
pub use provider::{ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS, Provider};
pub use rate::{RateHint, RateWindow};
pub use reply::{FinishReason, Reply, Usage};
pub use request::{ChatRequest, Params, ReasoningEffort, ResponseFormat};
pub use secret::{ApiKey, ApiKeyProblem, Secrets};
pub use wire::{EncodeError, HeaderContent, HttpRequest, HttpResponse, decode, encode};
