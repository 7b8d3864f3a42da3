//! From a decision to bytes: the answer in the wire format of the request.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::{Delivery, HttpReply, Origin, Reply};
use crate::chance::{Draws, Purpose};
use crate::memory::Decision;
use crate::request::Reading;
use crate::script::{Answer, ErrorAnswer, ErrorKind, FilterStage, Hints, Tokens, UsageReport, Window};
use crate::wire::{self, Completion, Failure, ModelCall, Outcome, WireFormat, estimate_tokens, seconds};

const JSON: &str = "application/json";

/// 2026-11-01T00:00:00Z: when every mock starts, as far as `created` fields are concerned.
const START: u64 = 1_793_491_200;

pub(crate) fn render(reading: &Reading, decision: Option<&Decision<'_>>, now: Duration) -> Reply {
    match (reading, decision) {
        (Reading::Call { format, call }, Some(decision)) => {
            let identifier = identifier(decision.draws);
            Rendering {
                format: *format,
                call,
                decision,
                identifier: &identifier,
                created: START + now.as_secs(),
            }
            .reply()
        }
        (reading, _) => refusal(reading),
    }
}

fn refusal(reading: &Reading) -> Reply {
    let (format, kind, message) = match reading {
        Reading::Refused { format, kind, message } => (*format, *kind, message.as_str()),
        Reading::Call { format, .. } => (Some(*format), ErrorKind::BadRequest, "the call was not decided"),
    };
    let identifier = identifier(Draws::new(0, 0));
    let failure =
        Failure { kind, message: Some(message), model: "", retry_after: None, identifier: &identifier };
    let (status, body) = wire::error(format, &failure);
    let reply = HttpReply { status, content_type: JSON, headers: Vec::new(), body: to_bytes(&body) };
    Reply { delay: Duration::ZERO, answered_by: Origin::Refused, delivery: Delivery::Whole(reply) }
}

fn identifier(draws: Draws) -> String {
    let (first, second) = (draws.bits(Purpose::Identifier, 0), draws.bits(Purpose::Identifier, 1));
    format!("{first:016x}{:08x}", second >> 32)
}

fn to_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// One answer on its way into a wire format.
struct Rendering<'a> {
    format: WireFormat,
    call: &'a ModelCall,
    decision: &'a Decision<'a>,
    identifier: &'a str,
    created: u64,
}

impl Rendering<'_> {
    fn reply(&self) -> Reply {
        let Some(response) = self.decision.response else {
            let message = "no rule of the mock's script matches this call: add a rule or a `default`";
            let http = self.error(ErrorKind::BadRequest, Some(message), &Hints::default());
            return Reply {
                delay: Duration::ZERO,
                answered_by: self.decision.origin,
                delivery: Delivery::Whole(http),
            };
        };
        let draws = self.decision.draws;
        let delay = response.delay.map_or(Duration::ZERO, |delay| {
            delay.sample(draws.uniform(Purpose::DelayFirst), draws.uniform(Purpose::DelaySecond))
        });
        let mut delivery = self.delivery(&response.answer);
        if let Delivery::Whole(reply) | Delivery::Cut { reply, .. } = &mut delivery {
            let extra =
                response.headers.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.clone()));
            reply.headers.extend(extra);
        }
        Reply { delay, answered_by: self.decision.origin, delivery }
    }

    fn delivery(&self, answer: &Answer) -> Delivery {
        Delivery::Whole(match answer {
            Answer::Text(text) => self.completion(Outcome::Text(text)),
            Answer::Template(template) => {
                let model = &self.call.model;
                let text = template.render(self.call.last_user_message(), model, self.decision.number);
                self.completion(Outcome::Text(&text))
            }
            Answer::ToolCalls(calls) => self.completion(Outcome::ToolCalls(calls)),
            Answer::Refusal(text) => self.completion(Outcome::Refusal(text)),
            Answer::LengthLimit(text) => self.completion(Outcome::LengthLimit(text)),
            Answer::Filtered(stage) => self.filtered(*stage),
            Answer::HugeBody { bytes } => self.completion(Outcome::Text(&"a".repeat(*bytes))),
            Answer::Error(ErrorAnswer { kind, message, hints }) => {
                self.error(*kind, message.as_deref(), hints)
            }
            Answer::ErrorWithOkStatus(error) => self.error_with_ok_status(error),
            Answer::Garbage { bytes } => self.garbage(*bytes),
            Answer::ProxyHtml { status } => proxy_html(*status),
            Answer::Reset => return Delivery::Reset,
            Answer::CutBody { text, keep } => {
                let reply = self.completion(Outcome::Text(text));
                let sent_bytes = share_of(reply.body.len(), *keep);
                return Delivery::Cut { reply, sent_bytes };
            }
        })
    }

    fn completion(&self, outcome: Outcome<'_>) -> HttpReply {
        let response = self.decision.response;
        let model =
            response.and_then(|response| response.served_model.as_deref()).unwrap_or(&self.call.model);
        let usage = match response.map_or(UsageReport::Estimated, |response| response.usage) {
            UsageReport::Absent => None,
            UsageReport::Fixed(tokens) => Some(tokens),
            UsageReport::Estimated => Some(Tokens {
                input: self.call.estimated_input_tokens(),
                cached_input: 0,
                output: estimated_output_tokens(outcome),
                reasoning: 0,
            }),
        };
        let completion =
            Completion { model, outcome, usage, identifier: self.identifier, created: self.created };
        self.json(200, &wire::completion(self.format, &completion))
    }

    fn filtered(&self, stage: FilterStage) -> HttpReply {
        let is_openai = matches!(self.format, WireFormat::OpenAiChat | WireFormat::OpenAiResponses);
        match stage {
            FilterStage::Answer => self.completion(Outcome::Filtered),
            FilterStage::Prompt if is_openai => {
                self.error(ErrorKind::ContentFiltered, None, &Hints::default())
            }
            FilterStage::Prompt => self.completion(Outcome::PromptFiltered),
        }
    }

    fn error(&self, kind: ErrorKind, message: Option<&str>, hints: &Hints) -> HttpReply {
        let failure = self.failure(kind, message, hints);
        let (status, body) = wire::error(Some(self.format), &failure);
        let mut reply = self.json(status, &body);
        reply.headers.extend(hint_headers(self.format, hints));
        reply
    }

    fn error_with_ok_status(&self, error: &ErrorAnswer) -> HttpReply {
        let failure = self.failure(error.kind, error.message.as_deref(), &error.hints);
        let mut reply = self.json(200, &wire::error_with_ok_status(self.format, &failure, self.created));
        reply.headers.extend(hint_headers(self.format, &error.hints));
        reply
    }

    fn failure<'b>(&'b self, kind: ErrorKind, message: Option<&'b str>, hints: &Hints) -> Failure<'b> {
        let (model, identifier) = (self.call.model.as_str(), self.identifier);
        Failure { kind, message, model, retry_after: hints.retry_after, identifier }
    }

    fn garbage(&self, bytes: usize) -> HttpReply {
        let words =
            (0..bytes.div_ceil(8) as u64).map(|index| self.decision.draws.bits(Purpose::Garbage, index));
        let mut body: Vec<u8> = words.flat_map(u64::to_le_bytes).take(bytes).collect();
        if let Some(first) = body.first_mut() {
            // No UTF-8 text has this byte.
            *first = 0xff;
        }
        HttpReply { status: 200, content_type: JSON, headers: Vec::new(), body }
    }

    fn json(&self, status: u16, body: &Value) -> HttpReply {
        let request_id = format!("req_{}", self.identifier);
        let headers = match self.format {
            WireFormat::OpenAiChat | WireFormat::OpenAiResponses => vec![("x-request-id".into(), request_id)],
            WireFormat::AnthropicMessages => vec![("request-id".into(), request_id)],
            WireFormat::GeminiGenerateContent => Vec::new(),
        };
        HttpReply { status, content_type: JSON, headers, body: to_bytes(body) }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 <= share < 1: at most `length`"
)]
fn share_of(length: usize, share: f64) -> usize {
    (length as f64 * share) as usize
}

fn estimated_output_tokens(outcome: Outcome<'_>) -> u64 {
    match outcome {
        Outcome::Text(text) | Outcome::Refusal(text) | Outcome::LengthLimit(text) => estimate_tokens(text),
        Outcome::Filtered | Outcome::PromptFiltered => 0,
        Outcome::ToolCalls(calls) => {
            let tokens = calls.iter().map(|call| {
                let arguments = Value::Object(call.arguments.clone()).to_string();
                estimate_tokens(&call.name) + estimate_tokens(&arguments)
            });
            tokens.sum()
        }
    }
}

/// Hints as headers, where the format has them; Gemini's wait stands in the body.
fn hint_headers(format: WireFormat, hints: &Hints) -> Vec<(Cow<'static, str>, String)> {
    let mut headers: Vec<(Cow<'static, str>, String)> = Vec::new();
    if let Some(wait) = hints.retry_after
        && format != WireFormat::GeminiGenerateContent
    {
        headers.push(("retry-after".into(), seconds(wait)));
    }
    if let Some(milliseconds) = hints.retry_after_ms {
        headers.push(("retry-after-ms".into(), milliseconds.to_string()));
    }
    for (noun, window) in [("requests", &hints.requests), ("tokens", &hints.tokens)] {
        let Window { limit, remaining, reset } = window;
        let values = [
            ("limit", limit.map(|limit| limit.to_string())),
            ("remaining", remaining.map(|remaining| remaining.to_string())),
            ("reset", reset.clone()),
        ];
        for (field, value) in values {
            let name = match format {
                WireFormat::OpenAiChat | WireFormat::OpenAiResponses => format!("x-ratelimit-{field}-{noun}"),
                WireFormat::AnthropicMessages => format!("anthropic-ratelimit-{noun}-{field}"),
                WireFormat::GeminiGenerateContent => continue,
            };
            headers.extend(value.map(|value| (name.into(), value)));
        }
    }
    headers
}

fn proxy_html(status: u16) -> HttpReply {
    let body = format!(
        "<html>\r\n<head><title>{status} Proxy Error</title></head>\r\n<body>\r\n<center><h1>{status} Proxy \
         Error</h1></center>\r\n<hr><center>mock-proxy</center>\r\n</body>\r\n</html>\r\n"
    );
    HttpReply { status, content_type: "text/html", headers: Vec::new(), body: body.into_bytes() }
}
