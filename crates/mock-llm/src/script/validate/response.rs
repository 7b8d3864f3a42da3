//! What rules, faults and the default have in common, from the file shape to the domain shape.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::answer;
use crate::script::delay::{Delay, LONGEST, parse_duration};
use crate::script::problem::Place;
use crate::script::{Response, Tokens, UsageReport};
use crate::spec::answer::AnswerSpec;
use crate::spec::{DelaySpec, UsageSpec};

/// What rules, faults and the default have in common.
pub(super) struct Parts<'a> {
    pub(super) answer: &'a AnswerSpec,
    pub(super) delay: Option<&'a DelaySpec>,
    pub(super) served_model: Option<&'a str>,
    pub(super) usage: Option<&'a UsageSpec>,
    pub(super) headers: &'a BTreeMap<String, String>,
}

pub(super) fn response(
    parts: &Parts<'_>,
    script_delay: Option<Delay>,
    place: &mut Place<'_>,
) -> Option<Response> {
    let answer = answer(parts.answer, &mut place.key("answer"));
    let own_delay = parts.delay.map(|spec| delay(spec, &mut place.key("delay")));
    if parts.served_model == Some("") {
        place.key("served_model").report("a model cannot have an empty name", "write the model that replies");
    }
    let usage = usage(parts.usage, &mut place.key("usage"));
    check_headers(parts.headers, &mut place.key("headers"));
    Some(Response {
        answer: answer?,
        delay: all_or_nothing(own_delay)?.or(script_delay),
        served_model: parts.served_model.map(str::to_owned),
        usage,
        headers: parts.headers.clone().into_iter().collect(),
    })
}

fn usage(spec: Option<&UsageSpec>, place: &mut Place<'_>) -> UsageReport {
    let tokens = match spec {
        None => return UsageReport::Estimated,
        Some(UsageSpec::Absent {}) => return UsageReport::Absent,
        Some(UsageSpec::Tokens(tokens)) => tokens,
    };
    let mut place = place.key("tokens");
    if tokens.cached_input > tokens.input {
        let help = format!("`input` includes the cached tokens: write at most {}", tokens.input);
        place.key("cached_input").report("more tokens are cached than were sent", help);
    }
    if tokens.reasoning > tokens.output {
        let help = format!("`output` includes the reasoning: write at most {}", tokens.output);
        place.key("reasoning").report("more tokens were reasoned than came out", help);
    }
    UsageReport::Fixed(Tokens {
        input: tokens.input,
        cached_input: tokens.cached_input,
        output: tokens.output,
        reasoning: tokens.reasoning,
    })
}

pub(super) fn delay(spec: &DelaySpec, place: &mut Place<'_>) -> Option<Delay> {
    match spec {
        DelaySpec::Fixed(text) => duration(text, &mut place.key("fixed")).map(Delay::Fixed),
        DelaySpec::Uniform(ends) => {
            let mut place = place.key("uniform");
            let from = duration(&ends.from, &mut place.key("from"));
            let to = duration(&ends.to, &mut place.key("to"));
            let (from, to) = (from?, to?);
            if to < from {
                place.key("to").report("`to` is below `from`", format!("write at least {}", ends.from));
                return None;
            }
            Some(Delay::Uniform { from, to })
        }
        DelaySpec::Lognormal(quantiles) => {
            let mut place = place.key("lognormal");
            let median = duration(&quantiles.median, &mut place.key("median"));
            let p95 = duration(&quantiles.p95, &mut place.key("p95"));
            let max = quantiles.max.as_ref().map(|text| duration(text, &mut place.key("max")));
            let (median, p95, max) = (median?, p95?, all_or_nothing(max)?.unwrap_or(LONGEST));
            if median.is_zero() {
                place
                    .key("median")
                    .report("the median of a log-normal distribution is above 0", "write 1ms or more");
                return None;
            }
            if p95 < median {
                let help = format!("write at least {}", quantiles.median);
                place.key("p95").report("`p95` is below the median", help);
                return None;
            }
            Some(Delay::lognormal(median, p95, max))
        }
    }
}

const DURATION_HELP: &str = "write an integer with ms, s, m or h, at most 1h, such as 250ms";

/// `None` if there was something and it was wrong.
#[expect(clippy::option_option, reason = "absent, wrong and right are three different things here")]
pub(super) fn all_or_nothing<T>(checked: Option<Option<T>>) -> Option<Option<T>> {
    match checked {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

pub(super) fn duration(text: &str, place: &mut Place<'_>) -> Option<Duration> {
    let duration = parse_duration(text);
    if duration.is_none() {
        place.report(format!("`{text}` is not a duration"), DURATION_HELP);
    }
    duration
}

/// Headers that the fronts write themselves; a second one would break the framing.
const RESERVED_HEADERS: [&str; 4] = ["connection", "content-length", "content-type", "transfer-encoding"];

fn check_headers(headers: &BTreeMap<String, String>, place: &mut Place<'_>) {
    for (name, value) in headers {
        let mut place = place.key(name);
        check_header_name(name, &mut place);
        if RESERVED_HEADERS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            place.report("the server writes this header itself", "leave it out");
        }
        check_header_value(value, &mut place);
    }
}

pub(super) fn check_header_value(value: &str, place: &mut Place<'_>) {
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        place
            .report("a header value is one line of visible ASCII", "remove line breaks and other characters");
    }
}

pub(super) fn check_header_name(name: &str, place: &mut Place<'_>) {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        place.report(
            format!("`{name}` is not a header name"),
            "write letters, digits and hyphens, such as x-request-id",
        );
    }
}
