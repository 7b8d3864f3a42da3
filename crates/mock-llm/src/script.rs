//! The domain shape of a script: what cannot be wrong any more.
//!
//! A [`Script`] only says what is to happen; it holds no state and decides nothing by itself.

pub(crate) mod delay;
pub(crate) mod problem;
pub(crate) mod template;
pub(crate) mod text_match;
mod validate;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::spec::ScriptSpec;
use delay::Delay;
use problem::{InvalidScript, ScriptFromJsonError};
use template::Template;
use text_match::TextMatch;

/// A valid script.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) seed: u64,
    pub(crate) draw_per: DrawPer,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Option<Response>,
    /// Whether anything hangs on how often the same request came.
    pub(crate) counts_arrivals: bool,
}

impl Script {
    /// Checks a script and reports every problem at once.
    pub fn from_spec(spec: &ScriptSpec) -> Result<Self, InvalidScript> {
        validate::validate(spec)
    }

    /// Reads a script from a JSON value of the same shape as a script file.
    pub fn from_json(value: Value) -> Result<Self, ScriptFromJsonError> {
        let spec: ScriptSpec = serde_json::from_value(value).map_err(ScriptFromJsonError::Shape)?;
        Ok(Self::from_spec(&spec)?)
    }

    /// Every response that the script can give, with the place where it stands.
    pub(crate) fn responses(&self) -> impl Iterator<Item = (String, &Response)> {
        let faults =
            self.faults.iter().enumerate().map(|(index, fault)| (fault_name(index), &fault.response));
        let rules = self.rules.iter().map(|rule| (rule.name.clone(), &rule.response));
        let default = self.default.iter().map(|response| ("default".to_owned(), response));
        faults.chain(rules).chain(default)
    }
}

pub(crate) fn fault_name(index: usize) -> String {
    format!("faults[{index}]")
}

pub(crate) fn unnamed_rule(index: usize) -> String {
    format!("rules[{index}]")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrawPer {
    Call,
    Request,
}

#[derive(Debug, Clone)]
pub(crate) struct RateLimit {
    pub(crate) requests_per_second: f64,
    pub(crate) burst: f64,
    pub(crate) response: Response,
}

#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Upper end of this fault's part of [0, 1): a draw below it, and not below the fault before, takes it.
    pub(crate) upper: f64,
    pub(crate) response: Response,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) conditions: Conditions,
    pub(crate) response: Response,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) model: Option<TextMatch>,
    pub(crate) last_user_message: Option<TextMatch>,
    pub(crate) any_message: Option<TextMatch>,
    pub(crate) headers: Vec<HeaderMatch>,
    pub(crate) chance: Option<f64>,
    pub(crate) call: Option<CallNumbers>,
}

#[derive(Debug, Clone)]
pub(crate) struct HeaderMatch {
    pub(crate) name: String,
    pub(crate) value: TextMatch,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct CallNumbers {
    pub(crate) per: CountPer,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) every: u64,
}

impl CallNumbers {
    pub(crate) fn contains(self, number: u64) -> bool {
        number >= self.from && number <= self.to && (number - self.from).is_multiple_of(self.every)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountPer {
    Rule,
    Request,
    Server,
}

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) answer: Answer,
    pub(crate) delay: Option<Delay>,
    pub(crate) served_model: Option<String>,
    pub(crate) usage: UsageReport,
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum UsageReport {
    Estimated,
    Absent,
    Fixed(Tokens),
}

/// `cached_input` is part of `input`, `reasoning` is part of `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) cached_input: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

impl Tokens {
    pub(crate) fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Text(String),
    Template(Template),
    ToolCalls(Vec<ToolCall>),
    Refusal(String),
    Filtered(FilterStage),
    LengthLimit(String),
    Error(ErrorAnswer),
    ErrorWithOkStatus(ErrorAnswer),
    Reset,
    CutBody { text: String, keep: f64 },
    Garbage { bytes: usize },
    ProxyHtml { status: u16 },
    HugeBody { bytes: usize },
}

impl Answer {
    /// The key of an answer that only a server with its hands on the socket can give.
    pub(crate) fn needs_raw_server(&self) -> Option<&'static str> {
        match self {
            Self::Reset => Some("reset"),
            Self::CutBody { .. } => Some("cut_body"),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterStage {
    Answer,
    Prompt,
}

#[derive(Debug, Clone)]
pub(crate) struct ErrorAnswer {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Option<String>,
    pub(crate) hints: Hints,
}

/// What went wrong, before a wire format gives it a status and a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    BadRequest,
    ContentFiltered,
    Unauthorized,
    QuotaExhausted { payment_required: bool },
    NotFound,
    MethodNotAllowed,
    RateLimited,
    ServerError,
    Unavailable,
    Overloaded,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Hints {
    pub(crate) retry_after: Option<Duration>,
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) requests: Window,
    pub(crate) tokens: Window,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: Option<u64>,
    pub(crate) reset: Option<String>,
}

#[cfg(test)]
mod tests;
