//! Errors in OpenAI's shape, shared by its two formats.

use serde_json::{Value, json};

use super::{Failure, seconds, status};
use crate::script::ErrorKind;

pub(super) fn error(failure: &Failure<'_>) -> (u16, Value) {
    let (error_type, code) = type_and_code(failure.kind);
    let message = failure.message.map_or_else(|| default_message(failure), str::to_owned);
    let mut error = json!({"message": message, "type": error_type, "param": null, "code": code});
    if failure.kind == ErrorKind::ContentFiltered {
        error["param"] = json!("prompt");
        error["innererror"] = json!({
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": true, "severity": "medium"}},
        });
    }
    (status(failure.kind), json!({"error": error}))
}

/// `type` and `code` of an error.
pub(super) fn type_and_code(kind: ErrorKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ErrorKind::BadRequest | ErrorKind::MethodNotAllowed => ("invalid_request_error", None),
        ErrorKind::ContentFiltered => ("invalid_request_error", Some("content_filter")),
        ErrorKind::Unauthorized => ("invalid_request_error", Some("invalid_api_key")),
        ErrorKind::QuotaExhausted { payment_required: false } => {
            ("insufficient_quota", Some("insufficient_quota"))
        }
        ErrorKind::QuotaExhausted { payment_required: true } => {
            ("insufficient_quota", Some("credit_balance_exhausted"))
        }
        ErrorKind::NotFound => ("invalid_request_error", Some("model_not_found")),
        ErrorKind::RateLimited => ("requests", Some("rate_limit_exceeded")),
        ErrorKind::ServerError => ("server_error", None),
        ErrorKind::Unavailable | ErrorKind::Overloaded => {
            ("service_unavailable_error", Some("server_is_overloaded"))
        }
    }
}

pub(super) fn default_message(failure: &Failure<'_>) -> String {
    let model = failure.model;
    match failure.kind {
        ErrorKind::BadRequest => "The request is not valid.".to_owned(),
        ErrorKind::ContentFiltered => "The prompt was stopped by the content management policy.".to_owned(),
        ErrorKind::Unauthorized => "Incorrect API key provided.".to_owned(),
        ErrorKind::QuotaExhausted { .. } => {
            "You exceeded your current quota: check your plan and billing.".to_owned()
        }
        ErrorKind::NotFound => format!("The model `{model}` does not exist or you do not have access to it."),
        ErrorKind::MethodNotAllowed => "Not allowed: send a POST request.".to_owned(),
        ErrorKind::RateLimited => match failure.retry_after {
            Some(wait) => format!("Rate limit reached for {model}. Please try again in {}s.", seconds(wait)),
            None => format!("Rate limit reached for {model}."),
        },
        ErrorKind::ServerError => "The server had an error while processing your request.".to_owned(),
        ErrorKind::Unavailable | ErrorKind::Overloaded => {
            "The server is overloaded. Try again later.".to_owned()
        }
    }
}
