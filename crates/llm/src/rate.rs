//! What servers say about waiting: how long, whether at all, and how much of a rate is left. Pure reading of headers;
//! what to do about it is the caller's policy.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::{Deserialize, Serialize};

use crate::wire::HttpResponse;

/// What is left of the provider's rates at the time of an answer. Everything is `None` that the server did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateHint {
    /// Requests.
    pub requests: RateWindow,
    /// Tokens; Anthropic's most restrictive count.
    pub tokens: RateWindow,
}

/// One rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateWindow {
    /// How many per window, at least 1. The window is a minute at every provider that is known to send this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How many are left now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// How long until all of them are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_after: Option<Duration>,
}

impl RateHint {
    /// Reads `x-ratelimit-*` (OpenAI and those like it) or `anthropic-ratelimit-*` headers. `now` is when the answer
    /// arrived.
    pub fn read(response: &HttpResponse, now: Timestamp) -> Self {
        // Most servers send none, and one name after the other takes a while to look up.
        if !response.headers.keys().any(|name| name.as_str().contains("ratelimit")) {
            return Self::default();
        }
        let openai =
            |what: &str| RateWindow::read(response, now, |part| format!("x-ratelimit-{part}-{what}"));
        let anthropic =
            |what: &str| RateWindow::read(response, now, |part| format!("anthropic-ratelimit-{what}-{part}"));
        Self {
            requests: openai("requests").or(anthropic("requests")),
            tokens: openai("tokens").or(anthropic("tokens")).or(anthropic("input-tokens")),
        }
    }
}

impl RateWindow {
    fn read(response: &HttpResponse, now: Timestamp, name: impl Fn(&str) -> String) -> Self {
        let number = |part| response.header(&name(part)).and_then(|text| text.parse::<u64>().ok());
        let limit = number("limit");
        if limit == Some(0) {
            // Azure writes 0 or -1 where it does not know.
            return Self::default();
        }
        let reset_after = response.header(&name("reset")).and_then(|text| {
            let until = || text.parse::<Timestamp>().ok().map(|at| between(now, at));
            clock_duration(text).or_else(until)
        });
        Self { limit, remaining: number("remaining"), reset_after }
    }

    fn or(self, other: Self) -> Self {
        if self == Self::default() { other } else { self }
    }
}

/// How long the headers ask to wait: `retry-after-ms`, then `retry-after` as seconds or as a date. Not capped; what is
/// negative or not a number is ignored.
pub(crate) fn retry_after(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    let seconds = |text: &str, scale: f64| {
        text.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number / scale).ok())
    };
    let in_milliseconds = || response.header("retry-after-ms").and_then(|text| seconds(text, 1000.0));
    let in_seconds = || response.header("retry-after").and_then(|text| seconds(text, 1.0));
    let at_a_date = || {
        let date = DateTimeParser::new().parse_timestamp(response.header("retry-after")?).ok()?;
        Some(between(now, date))
    };
    in_milliseconds().or_else(in_seconds).or_else(at_a_date)
}

/// What `x-should-retry` says, where it is sent.
pub(crate) fn should_retry(response: &HttpResponse) -> Option<bool> {
    match response.header("x-should-retry")? {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Reads durations as Go prints them and protobuf's JSON does: `1s`, `6m0s`, `120ms`, `1h2m3.5s`, `37s`.
pub(crate) fn clock_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// From `now` to `then`, 0 where that has passed.
fn between(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderName};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn response(headers: &[(&str, &str)]) -> HttpResponse {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        HttpResponse { headers, ..HttpResponse::default() }
    }

    #[test]
    fn milliseconds_come_before_seconds_before_dates() {
        let wait = |headers: &[(&str, &str)]| retry_after(&response(headers), now());
        assert_eq!(
            wait(&[("retry-after-ms", "250"), ("retry-after", "9")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            wait(&[("retry-after-ms", "soon"), ("retry-after", "1.5")]),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(wait(&[("retry-after", "Mon, 23 Nov 2026 12:00:07 GMT")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after", "Mon, 23 Nov 2026 11:00:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "NaN")]), None);
        assert_eq!(wait(&[("retry-after", "1e300")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn durations_of_go_and_protobuf_are_read() {
        for (text, milliseconds) in [
            ("1s", 1000),
            ("6m0s", 360_000),
            ("120ms", 120),
            ("1h2m3.5s", 3_723_500),
            ("37s", 37_000),
            ("0s", 0),
        ] {
            assert_eq!(clock_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "7", "s", "1.2.3s", "-1s", "1d", "1 s"] {
            assert_eq!(clock_duration(text), None, "{text}");
        }
    }

    #[test]
    fn rates_of_openai_and_anthropic_are_read() {
        let hint = RateHint::read(
            &response(&[
                ("x-ratelimit-limit-requests", "500"),
                ("x-ratelimit-remaining-requests", "499"),
                ("x-ratelimit-reset-requests", "120ms"),
                ("x-ratelimit-limit-tokens", "0"),
                ("x-ratelimit-remaining-tokens", "-1"),
            ]),
            now(),
        );
        assert_eq!(
            hint.requests,
            RateWindow {
                limit: Some(500),
                remaining: Some(499),
                reset_after: Some(Duration::from_millis(120))
            }
        );
        assert_eq!(hint.tokens, RateWindow::default());
        let hint = RateHint::read(
            &response(&[
                ("anthropic-ratelimit-requests-remaining", "3"),
                ("anthropic-ratelimit-input-tokens-limit", "80000"),
                ("anthropic-ratelimit-input-tokens-reset", "2026-11-23T12:00:10Z"),
            ]),
            now(),
        );
        assert_eq!(hint.requests.remaining, Some(3));
        assert_eq!(
            hint.tokens,
            RateWindow { limit: Some(80_000), remaining: None, reset_after: Some(Duration::from_secs(10)) }
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_duration_or_not(text in "\\PC{0,12}") {
            let _ = clock_duration(&text);
            let _ = retry_after(&response(&[("x-x", "1")]), now());
        }

        #[test]
        fn any_header_is_survived(text in "[ -~]{0,40}") {
            let response = response(&[("retry-after", &text), ("x-ratelimit-reset-requests", &text), ("x-ratelimit-limit-requests", &text)]);
            let _ = retry_after(&response, now());
            let _ = RateHint::read(&response, now());
        }
    }
}
