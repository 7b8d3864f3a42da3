//! From status, headers *and* body of a failed answer to one class of error. The three often disagree: the body knows
//! best, then `x-should-retry`, then the status.

mod error_body;

use jiff::Timestamp;
use serde_json::Value;

use crate::classify::error_body::ErrorBody;
use crate::error::ModelError;
use crate::excerpt;
use crate::json;
use crate::rate;
use crate::reply::{FinishReason, Reply, Usage};
use crate::wire::HttpResponse;

const REDIRECT: &str = "the server redirects, and keys are not sent on to another address: check `base_url`";

/// What a failed answer means, before the hints on waiting are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Filtered,
    QuotaExhausted,
    Auth,
    NotFound,
    Overloaded,
    RateLimited,
    Server,
    BadRequest,
}

/// What an answer with an error status means: `Ok` where a filter withheld the reply, which is a result.
pub(crate) fn failure(response: &HttpResponse, now: Timestamp) -> Result<Reply, ModelError> {
    let body: Option<Value> = json::read(&response.body).ok();
    let error = body.as_ref().and_then(ErrorBody::read);
    let error = error.unwrap_or_else(|| ErrorBody::from_message(excerpt::of_bytes(&response.body)));
    failure_with(&error, response, now)
}

/// The error that an answer with status 200 carries, if any.
pub(crate) fn error_in(body: &Value) -> Option<ErrorBody> {
    let carrier = body.get(0).unwrap_or(body);
    let is_error = carrier.get("error").is_some_and(|error| !error.is_null() && *error != Value::Bool(false))
        || carrier.get("object").is_some_and(|object| object == "error")
        || carrier.get("type").is_some_and(|kind| kind == "error");
    if is_error { ErrorBody::read(body) } else { None }
}

/// An error that is reported without a word on why.
pub(crate) fn unexplained() -> ErrorBody {
    ErrorBody::from_message(String::new())
}

/// The same for an error body that has been read.
pub(crate) fn failure_with(
    error: &ErrorBody,
    response: &HttpResponse,
    now: Timestamp,
) -> Result<Reply, ModelError> {
    // A status of success says nothing about an error in the body; the body may hold a status of its own.
    let status = if (200..300).contains(&response.status) { error.status } else { Some(response.status) };
    let class = class(error, status);
    let detail = match status {
        Some(status @ 300..=399) if error.message.is_empty() => format!("{REDIRECT} (HTTP {status})"),
        _ => error.detail(response.status),
    };
    if class == Class::Filtered {
        return Ok(filtered(detail, response));
    }
    let retry_after = rate::retry_after(response, now).or(error.retry_delay);
    let retryable = !matches!(status, Some(501 | 505));
    Err(match (class, rate::should_retry(response)) {
        (Class::QuotaExhausted, _) | (Class::RateLimited, Some(false)) => {
            ModelError::QuotaExhausted { detail }
        }
        (Class::RateLimited, _) => ModelError::RateLimited { retry_after, detail },
        (Class::Overloaded, None | Some(true)) => ModelError::Overloaded { retry_after, detail },
        (Class::Overloaded | Class::Server, Some(false)) => {
            ModelError::Server { retry_after, retryable: false, detail }
        }
        (Class::Server, None) => ModelError::Server { retry_after, retryable, detail },
        (_, Some(true)) => ModelError::Server { retry_after, retryable: true, detail },
        (Class::Auth, _) => ModelError::Auth { detail },
        (Class::NotFound, _) => ModelError::NotFound { detail },
        (Class::BadRequest | Class::Filtered, _) => ModelError::BadRequest { detail },
    })
}

fn class(error: &ErrorBody, status: Option<u16>) -> Class {
    // A page of a gateway that is down may hold any words. Taken for a filter's, they would turn an outage into an answer.
    let may_filter = matches!(status, None | Some(400 | 403 | 422 | 451));
    if let Some(class) = class_by_words(error).filter(|class| *class != Class::Filtered || may_filter) {
        return class;
    }
    match status {
        Some(402) => Class::QuotaExhausted,
        Some(401 | 403 | 407) => Class::Auth,
        Some(404 | 410) => Class::NotFound,
        Some(429) => Class::RateLimited,
        Some(503 | 529) => Class::Overloaded,
        Some(408 | 409 | 424 | 425 | 500..=599) => Class::Server,
        Some(300..=499) => Class::BadRequest,
        _ => class_by_general_words(error).unwrap_or(Class::Server),
    }
}

/// Words and sentences that mean the same whatever the status. The order decides where several apply.
fn class_by_words(error: &ErrorBody) -> Option<Class> {
    const WORDS: [(Class, &[&str]); 5] = [
        (
            Class::QuotaExhausted,
            &[
                "insufficient_quota",
                "credit_balance_exhausted",
                "billing_hard_limit_reached",
                "billing_not_active",
                "billing_error",
                "enforced_spend_limit_reached",
                "spend_limit_reached",
                "insufficient_balance",
                "insufficient_credits",
                error_body::DAILY_QUOTA,
            ],
        ),
        (
            Class::Filtered,
            &[
                "content_filter",
                "content_policy_violation",
                "responsibleaipolicyviolation",
                "moderation_blocked",
                error_body::MODERATION,
            ],
        ),
        (
            Class::Auth,
            &[
                "authentication_error",
                "invalid_api_key",
                "api_key_invalid",
                "invalid_authentication",
                "permission_error",
                "permission_denied",
                "unauthenticated",
            ],
        ),
        (Class::NotFound, &["model_not_found", "not_found_error", "not_found", "deploymentnotfound"]),
        (Class::Overloaded, &["overloaded_error", "server_is_overloaded", "engine_overloaded", "overloaded"]),
    ];
    const SENTENCES: [(Class, &[&str]); 3] = [
        (Class::QuotaExhausted, &["credit balance is too low", "spend limit"]),
        (Class::Filtered, &["content filtering policy"]),
        (Class::Auth, &["api key not valid", "incorrect api key"]),
    ];
    let by_word = WORDS.iter().find(|(_, words)| words.iter().any(|word| error.says(word)));
    let message = error.message.to_lowercase();
    let by_sentence = || SENTENCES.iter().find(|(_, parts)| parts.iter().any(|part| message.contains(part)));
    by_word.map(|(class, _)| *class).or_else(|| by_sentence().map(|(class, _)| *class))
}

/// Words that only repeat what a status says: used where there is none.
fn class_by_general_words(error: &ErrorBody) -> Option<Class> {
    const WORDS: [(Class, &[&str]); 3] = [
        (
            Class::RateLimited,
            &[
                "rate_limit_exceeded",
                "rate_limit_error",
                "slow_down",
                "resource_exhausted",
                "too_many_requests",
            ],
        ),
        (Class::Overloaded, &["unavailable"]),
        (
            Class::BadRequest,
            &[
                "invalid_request_error",
                "invalid_argument",
                "failed_precondition",
                "bad_request",
                "invalid_prompt",
            ],
        ),
    ];
    WORDS.iter().find(|(_, words)| words.iter().any(|word| error.says(word))).map(|(class, _)| *class)
}

/// The reply of a prompt or an answer that a filter withheld.
fn filtered(why: String, response: &HttpResponse) -> Reply {
    Reply {
        text: String::new(),
        refusal: Some(why),
        tool_calls: Vec::new(),
        finish_reason: FinishReason::Filter,
        usage: Usage::default(),
        served_model: None,
        request_id: response.request_id(),
        latency: response.latency,
        redacted: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{HeaderMap, HeaderName};
    use serde_json::json;

    use super::*;
    use crate::error::ModelErrorKind::{
        self, Auth, BadRequest, NotFound, Overloaded, QuotaExhausted, RateLimited, Server,
    };
    use crate::provider::Provider;
    use crate::wire::decode;

    fn ask(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Reply, ModelError> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let response = HttpResponse { status, headers, body: body.into(), latency: Duration::ZERO };
        decode(Provider::OpenAiChat, &response, "2026-11-23T12:00:00Z".parse().unwrap())
    }

    /// (what it is, status, body, class, retryable)
    #[test]
    fn every_known_error_has_its_class() {
        let openai = |kind: &str, code: &str| json!({"error": {"message": "m", "type": kind, "param": null, "code": code}});
        let anthropic = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
        let gemini = |code: u16, status: &str, details: Value| json!({"error": {"code": code, "message": "m", "status": status, "details": details}});
        let quota_failure = |id: &str| json!([{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]}]);
        let table: Vec<(u16, Value, ModelErrorKind, bool)> = vec![
            (429, openai("requests", "rate_limit_exceeded"), RateLimited, true),
            (429, openai("tokens", "slow_down"), RateLimited, true),
            (429, openai("insufficient_quota", "insufficient_quota"), QuotaExhausted, false),
            (429, openai("insufficient_quota", "credit_balance_exhausted"), QuotaExhausted, false),
            (401, openai("invalid_request_error", "invalid_api_key"), Auth, false),
            (403, openai("invalid_request_error", "unsupported_country_region_territory"), Auth, false),
            (404, openai("invalid_request_error", "model_not_found"), NotFound, false),
            (400, openai("invalid_request_error", "model_not_found"), NotFound, false),
            (400, openai("invalid_request_error", "unsupported_parameter"), BadRequest, false),
            (422, json!({"detail": [{"loc": ["body"], "msg": "field required"}]}), BadRequest, false),
            (408, openai("timeout", "timeout"), Server, true),
            (409, openai("conflict", "conflict"), Server, true),
            (500, openai("server_error", "server_error"), Server, true),
            (501, openai("server_error", "not_implemented"), Server, false),
            (502, json!(null), Server, true),
            (503, openai("server_error", "server_is_overloaded"), Overloaded, true),
            (504, json!(null), Server, true),
            (529, anthropic("overloaded_error", "Overloaded"), Overloaded, true),
            (500, anthropic("api_error", "Internal server error"), Server, true),
            (
                429,
                anthropic("rate_limit_error", "This request would exceed your rate limit"),
                RateLimited,
                true,
            ),
            (429, anthropic("enforced_spend_limit_reached", "no"), QuotaExhausted, false),
            (402, anthropic("billing_error", "no"), QuotaExhausted, false),
            (
                400,
                anthropic("invalid_request_error", "Your credit balance is too low"),
                QuotaExhausted,
                false,
            ),
            (400, anthropic("invalid_request_error", "max_tokens: required"), BadRequest, false),
            (401, anthropic("authentication_error", "invalid x-api-key"), Auth, false),
            (403, anthropic("permission_error", "no"), Auth, false),
            (404, anthropic("not_found_error", "model: claude"), NotFound, false),
            (413, anthropic("request_too_large", "too large"), BadRequest, false),
            (
                429,
                gemini(429, "RESOURCE_EXHAUSTED", quota_failure("GenerateRequestsPerMinutePerProject")),
                RateLimited,
                true,
            ),
            (
                429,
                gemini(429, "RESOURCE_EXHAUSTED", quota_failure("GenerateRequestsPerDayPerProject")),
                QuotaExhausted,
                false,
            ),
            (400, gemini(400, "INVALID_ARGUMENT", json!([{"reason": "API_KEY_INVALID"}])), Auth, false),
            (400, gemini(400, "INVALID_ARGUMENT", json!([])), BadRequest, false),
            (403, gemini(403, "PERMISSION_DENIED", json!([])), Auth, false),
            (503, gemini(503, "UNAVAILABLE", json!([])), Overloaded, true),
            (404, json!({"error": "model 'qwen3' not found"}), NotFound, false),
            (500, json!({"error": "llama runner process has terminated"}), Server, true),
            (
                404,
                json!({"object": "error", "message": "m", "type": "NotFoundError", "code": 404}),
                NotFound,
                false,
            ),
            (402, json!({"error": {"code": 402, "message": "Insufficient credits"}}), QuotaExhausted, false),
            (302, json!(null), BadRequest, false),
            (200, json!({"error": {"code": 429, "message": "slow"}}), RateLimited, true),
            (200, json!({"error": {"code": 502, "message": "upstream"}}), Server, true),
            (200, json!({"error": {"code": "invalid_request_error", "message": "m"}}), BadRequest, false),
            (200, json!({"error": {"type": "rate_limit_exceeded", "message": "m"}}), RateLimited, true),
            (200, json!({"error": {"status": "UNAVAILABLE", "message": "m"}}), Overloaded, true),
            (200, json!({"error": "unexpected EOF"}), Server, true),
            (200, json!([{"error": {"code": 404, "message": "m", "status": "NOT_FOUND"}}]), NotFound, false),
        ];
        for (status, body, kind, retryable) in table {
            let error = ask(status, &[], &body.to_string()).unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{status} {body}: {error}");
        }
    }

    #[test]
    fn what_a_filter_withheld_is_a_reply() {
        for (status, body) in [
            (
                400,
                json!({"error": {"message": "The prompt was filtered", "code": "content_filter", "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}}}),
            ),
            (
                400,
                json!({"type": "error", "error": {"type": "invalid_request_error",
                "message": "Output blocked by content filtering policy"}}),
            ),
            (
                403,
                json!({"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}),
            ),
        ] {
            let reply = ask(status, &[("x-request-id", "r1")], &body.to_string()).unwrap();
            assert_eq!(reply.finish_reason, FinishReason::Filter, "{body}");
            assert_eq!(
                (reply.text.as_str(), reply.usage, reply.request_id.as_deref()),
                ("", Usage::default(), Some("r1"))
            );
        }
    }

    #[test]
    fn an_outage_that_uses_the_words_of_a_filter_is_no_reply() {
        let page = "<html>blocked by content filtering policy of the gateway</html>";
        let body = json!({"error": {"message": "m", "code": "content_filter"}}).to_string();
        for text in [page, body.as_str()] {
            for (status, kind) in
                [(401, Auth), (429, RateLimited), (500, Server), (502, Server), (503, Overloaded)]
            {
                assert_eq!(ask(status, &[], text).unwrap_err().kind(), kind, "{status} {text}");
            }
        }
    }

    #[test]
    fn the_server_decides_whether_to_try_again() {
        let kind = |status, word| {
            let error = ask(status, &[("x-should-retry", word)], "{}").unwrap_err();
            (error.kind(), error.is_retryable())
        };
        assert_eq!(kind(500, "false"), (Server, false));
        assert_eq!(kind(503, "false"), (Server, false));
        assert_eq!(kind(429, "false"), (QuotaExhausted, false));
        assert_eq!(kind(400, "true"), (Server, true));
        assert_eq!(kind(429, "true"), (RateLimited, true));
        let quota = r#"{"error": {"code": "insufficient_quota"}}"#;
        assert!(!ask(429, &[("x-should-retry", "true")], quota).unwrap_err().is_retryable());
    }

    #[test]
    fn the_wait_comes_from_headers_before_the_body() {
        let body = json!({"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}]}});
        let wait = |headers: &[(&str, &str)]| ask(429, headers, &body.to_string()).unwrap_err().retry_after();
        assert_eq!(wait(&[]), Some(Duration::from_millis(37_500)));
        assert_eq!(wait(&[("retry-after", "2")]), Some(Duration::from_secs(2)));
        let overloaded = ask(529, &[("retry-after-ms", "1500")], "").unwrap_err();
        assert_eq!(overloaded.retry_after(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn messages_say_what_and_where_and_no_key() {
        let text = |status, body: &str| ask(status, &[], body).unwrap_err().to_string();
        insta::assert_snapshot!(
            text(401, r#"{"error": {"message": "Incorrect API key provided: sk-proj-1234567890abcdef.", "type": "invalid_request_error", "code": "invalid_api_key"}}"#),
            @"not authorised: Incorrect API key provided: [redacted] (HTTP 401, invalid_api_key)"
        );
        insta::assert_snapshot!(
            text(502, "<html><head><title>502 Bad Gateway</title></head></html>"),
            @"the server failed: 502 Bad Gateway (HTTP 502)"
        );
        insta::assert_snapshot!(
            text(200, r#"{"error": {"message": "upstream went away", "code": 502}}"#),
            @"the server failed: upstream went away (HTTP 200, 502)"
        );
        insta::assert_snapshot!(text(500, ""), @"the server failed: no explanation (HTTP 500)");
        insta::assert_snapshot!(
            text(302, ""),
            @"the request was refused: the server redirects, and keys are not sent on to another address: check `base_url` (HTTP 302)"
        );
    }
}
