//! Answers from the file shape to the domain shape.

use super::response::{check_header_value, duration};
use crate::script::problem::Place;
use crate::script::template::{KNOWN_NAMES, Template};
use crate::script::{Answer, ErrorAnswer, ErrorKind, FilterStage, Hints, ToolCall, Window};
use crate::spec::answer::{
    AnswerSpec, CutBodySpec, ErrorSpec, FilterStageSpec, GarbageSpec, HugeBodySpec, ProxyHtmlSpec,
    QuotaExhaustedSpec, RateLimitedSpec, ToolCallSpec, WindowSpec,
};

/// The longest body that a script may ask for: it is built in memory.
const LONGEST_BODY: u64 = 1 << 30;

const DEFAULT_GARBAGE_BYTES: u64 = 256;

const DEFAULT_CUT_TEXT: &str =
    "This answer never arrives in one piece, because its body is cut in the middle.";

pub(super) fn answer(spec: &AnswerSpec, place: &mut Place<'_>) -> Option<Answer> {
    match spec {
        AnswerSpec::Text(text) => Some(Answer::Text(text.clone())),
        AnswerSpec::Template(text) => template(text, &mut place.key("template")),
        AnswerSpec::Json(value) => Some(Answer::Text(value.to_string())),
        AnswerSpec::ToolCalls(calls) => tool_calls(calls, &mut place.key("tool_calls")),
        AnswerSpec::Refusal(text) => Some(Answer::Refusal(text.clone())),
        AnswerSpec::Filtered(filtered) => Some(Answer::Filtered(match filtered.stage {
            FilterStageSpec::Answer => FilterStage::Answer,
            FilterStageSpec::Prompt => FilterStage::Prompt,
        })),
        AnswerSpec::LengthLimit(text) => Some(Answer::LengthLimit(text.clone())),
        AnswerSpec::RateLimited(spec) => rate_limited(spec, &mut place.key("rate_limited")),
        AnswerSpec::QuotaExhausted(spec) => quota_exhausted(spec, &mut place.key("quota_exhausted")),
        AnswerSpec::Unauthorized(spec) => {
            error(ErrorKind::Unauthorized, spec, &mut place.key("unauthorized"))
        }
        AnswerSpec::NotFound(spec) => error(ErrorKind::NotFound, spec, &mut place.key("not_found")),
        AnswerSpec::BadRequest(spec) => error(ErrorKind::BadRequest, spec, &mut place.key("bad_request")),
        AnswerSpec::ServerError(spec) => error(ErrorKind::ServerError, spec, &mut place.key("server_error")),
        AnswerSpec::Unavailable(spec) => error(ErrorKind::Unavailable, spec, &mut place.key("unavailable")),
        AnswerSpec::Overloaded(spec) => error(ErrorKind::Overloaded, spec, &mut place.key("overloaded")),
        AnswerSpec::ErrorWithOkStatus(spec) => {
            let answer = error_answer(ErrorKind::ServerError, spec, &mut place.key("error_with_ok_status"));
            answer.map(Answer::ErrorWithOkStatus)
        }
        AnswerSpec::Reset {} => Some(Answer::Reset),
        AnswerSpec::CutBody(spec) => cut_body(spec, &mut place.key("cut_body")),
        AnswerSpec::Garbage(spec) => garbage(*spec, &mut place.key("garbage")),
        AnswerSpec::ProxyHtml(spec) => proxy_html(*spec, &mut place.key("proxy_html")),
        AnswerSpec::HugeBody(spec) => huge_body(*spec, &mut place.key("huge_body")),
    }
}

pub(super) fn rate_limited(spec: &RateLimitedSpec, place: &mut Place<'_>) -> Option<Answer> {
    let retry_after = spec.retry_after.as_ref().map(|text| duration(text, &mut place.key("retry_after")));
    let requests = window(spec.requests.as_ref(), &mut place.key("requests"));
    let tokens = window(spec.tokens.as_ref(), &mut place.key("tokens"));
    let retry_after = match retry_after {
        None => None,
        Some(duration) => Some(duration?),
    };
    let hints = Hints { retry_after, retry_after_ms: spec.retry_after_ms, requests, tokens };
    Some(Answer::Error(ErrorAnswer { kind: ErrorKind::RateLimited, message: spec.message.clone(), hints }))
}

fn window(spec: Option<&WindowSpec>, place: &mut Place<'_>) -> Window {
    let Some(spec) = spec else { return Window::default() };
    if let Some(reset) = &spec.reset {
        check_header_value(reset, &mut place.key("reset"));
    }
    Window { limit: spec.limit, remaining: spec.remaining, reset: spec.reset.clone() }
}

fn template(text: &str, place: &mut Place<'_>) -> Option<Answer> {
    match Template::parse(text) {
        Ok(template) => Some(Answer::Template(template)),
        Err(error) => {
            place.report(error.to_string(), format!("a template knows {KNOWN_NAMES}"));
            None
        }
    }
}

fn tool_calls(specs: &[ToolCallSpec], place: &mut Place<'_>) -> Option<Answer> {
    if specs.is_empty() {
        place.report("the list of tool calls is empty", "write at least one, or answer with `text`");
        return None;
    }
    for (index, spec) in specs.iter().enumerate() {
        if spec.name.is_empty() {
            place
                .index(index)
                .key("name")
                .report("a tool needs a name", "write the name of the tool to call");
        }
    }
    let call = |spec: &ToolCallSpec| ToolCall { name: spec.name.clone(), arguments: spec.arguments.clone() };
    Some(Answer::ToolCalls(specs.iter().map(call).collect()))
}

fn quota_exhausted(spec: &QuotaExhaustedSpec, place: &mut Place<'_>) -> Option<Answer> {
    let payment_required = match spec.status {
        None | Some(429) => false,
        Some(402) => true,
        Some(other) => {
            let message = format!("no provider reports an exhausted quota with {other}");
            place.key("status").report(message, "write 429 or 402");
            return None;
        }
    };
    let kind = ErrorKind::QuotaExhausted { payment_required };
    Some(Answer::Error(ErrorAnswer { kind, message: spec.message.clone(), hints: Hints::default() }))
}

fn error(kind: ErrorKind, spec: &ErrorSpec, place: &mut Place<'_>) -> Option<Answer> {
    error_answer(kind, spec, place).map(Answer::Error)
}

fn error_answer(kind: ErrorKind, spec: &ErrorSpec, place: &mut Place<'_>) -> Option<ErrorAnswer> {
    let retry_after = match &spec.retry_after {
        None => None,
        Some(text) => Some(duration(text, &mut place.key("retry_after"))?),
    };
    let hints = Hints { retry_after, ..Hints::default() };
    Some(ErrorAnswer { kind, message: spec.message.clone(), hints })
}

fn cut_body(spec: &CutBodySpec, place: &mut Place<'_>) -> Option<Answer> {
    let keep = spec.keep.unwrap_or(0.5);
    if !(0.0..1.0).contains(&keep) {
        let help = "write the share of the body that is sent, at least 0 and below 1";
        place.key("keep").report(format!("a cut body cannot keep {keep} of itself"), help);
        return None;
    }
    let text = spec.text.clone().unwrap_or_else(|| DEFAULT_CUT_TEXT.to_owned());
    Some(Answer::CutBody { text, keep })
}

fn garbage(spec: GarbageSpec, place: &mut Place<'_>) -> Option<Answer> {
    let bytes = body_length(spec.bytes.unwrap_or(DEFAULT_GARBAGE_BYTES), &mut place.key("bytes"))?;
    Some(Answer::Garbage { bytes })
}

fn huge_body(spec: HugeBodySpec, place: &mut Place<'_>) -> Option<Answer> {
    Some(Answer::HugeBody { bytes: body_length(spec.bytes, &mut place.key("bytes"))? })
}

fn body_length(bytes: u64, place: &mut Place<'_>) -> Option<usize> {
    if !(1..=LONGEST_BODY).contains(&bytes) {
        place.report(format!("a body cannot have {bytes} bytes"), format!("write 1 to {LONGEST_BODY}"));
        return None;
    }
    usize::try_from(bytes).ok()
}

fn proxy_html(spec: ProxyHtmlSpec, place: &mut Place<'_>) -> Option<Answer> {
    let status = spec.status.unwrap_or(502);
    if !(200..=599).contains(&status) || [204, 205, 304].contains(&status) {
        let help = "write 200 to 599, without 204, 205 and 304";
        place.key("status").report(format!("a page cannot come with status {status}"), help);
        return None;
    }
    Some(Answer::ProxyHtml { status })
}
