//! One tolerant reader for every shape of error body: gateways answer in each other's shapes, so the provider of a row
//! does not tell which one comes.

use std::time::Duration;

use serde_json::Value;

use crate::excerpt;
use crate::rate;

/// Stands among the words where a daily quota is used up.
pub(super) const DAILY_QUOTA: &str = "daily_quota";
/// Stands among the words where a moderation stage withheld the prompt.
pub(super) const MODERATION: &str = "moderation";

/// What an error body says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ErrorBody {
    /// The message for people, as an excerpt; empty where there is none.
    pub(super) message: String,
    /// Types, codes and reasons in lower case, the most exact first.
    words: Vec<String>,
    /// The HTTP status that the body itself names.
    pub(super) status: Option<u16>,
    /// How long the body asks to wait.
    pub(super) retry_delay: Option<Duration>,
}

impl ErrorBody {
    /// Reads `{error: {…}}`, `{error: "…"}`, `[{error: …}]`, `{type: "error", error: …}`, the flat `{message, code}` and
    /// `{detail: …}`. `None` for anything else.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let body = if body.is_array() { body.get(0)? } else { body };
        let error = match body.get("error") {
            Some(Value::String(message)) => return Some(Self::from_message(excerpt::of_text(message))),
            Some(error @ Value::Object(_)) => error,
            _ if body.get("message").is_some() || body.get("code").is_some() => body,
            _ => return body.get("detail").map(|detail| Self::from_message(text_of(detail))),
        };
        let details = error.get("details").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let metadata = error.get("metadata");
        let mut words: Vec<String> = ["/innererror/code", "/code", "/type", "/status"]
            .iter()
            .filter_map(|pointer| error.pointer(pointer)?.as_str())
            .chain(details.iter().filter_map(|detail| detail.get("reason")?.as_str()))
            .map(str::to_lowercase)
            .collect();
        if details.iter().any(names_a_daily_quota) {
            words.push(DAILY_QUOTA.to_owned());
        }
        if metadata.is_some_and(|metadata| metadata.get("flagged_input").is_some()) {
            words.push(MODERATION.to_owned());
        }
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let status = ["code", "status"].iter().find_map(|key| error.get(key).and_then(number));
        Some(Self {
            message: error.get("message").map(text_of).unwrap_or_default(),
            words,
            status: status
                .and_then(|status| u16::try_from(status).ok())
                .filter(|status| (300..600).contains(status)),
            retry_delay: details
                .iter()
                .find_map(|detail| rate::clock_duration(detail.get("retryDelay")?.as_str()?)),
        })
    }

    /// An error of which there is only a text.
    pub(crate) fn from_message(message: String) -> Self {
        Self { message, words: Vec::new(), status: None, retry_delay: None }
    }

    /// Whether a type, code or reason is exactly this word.
    pub(super) fn says(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// One line for people: the message, the status of the answer, and the most exact word or the body's own status.
    pub(super) fn detail(&self, answered_with: u16) -> String {
        let message = if self.message.is_empty() { "no explanation" } else { &self.message };
        let word = self.words.first().map(|word| excerpt::of_text(word));
        let code = word.or_else(|| self.status.map(|status| status.to_string()));
        match code.filter(|code| *code != answered_with.to_string()) {
            Some(code) => format!("{message} (HTTP {answered_with}, {code})"),
            None => format!("{message} (HTTP {answered_with})"),
        }
    }
}

fn names_a_daily_quota(detail: &Value) -> bool {
    detail.get("violations").and_then(Value::as_array).is_some_and(|violations| {
        violations
            .iter()
            .filter_map(|violation| violation.get("quotaId")?.as_str())
            .any(|id| id.contains("PerDay"))
    })
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => excerpt::of_text(text),
        other => excerpt::of_text(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_gives_its_message() {
        for body in [
            json!({"error": {"message": "why", "type": "a", "code": "b"}}),
            json!({"error": "why"}),
            json!([{"error": {"message": "why"}}]),
            json!({"type": "error", "error": {"type": "a", "message": "why"}}),
            json!({"object": "error", "message": "why", "code": 400}),
            json!({"message": "why"}),
            json!({"detail": "why"}),
        ] {
            assert_eq!(ErrorBody::read(&body).unwrap().message, "why", "{body}");
        }
        assert_eq!(ErrorBody::read(&json!({"choices": []})), None);
        assert_eq!(ErrorBody::read(&json!([])), None);
        assert_eq!(ErrorBody::read(&json!("text")), None);
    }

    #[test]
    fn a_status_is_taken_from_number_or_text() {
        let status = |code: Value| ErrorBody::read(&json!({"error": {"code": code}})).unwrap().status;
        assert_eq!(status(json!(429)), Some(429));
        assert_eq!(status(json!("503")), Some(503));
        assert_eq!(status(json!(200)), None);
        assert_eq!(status(json!(-1)), None);
        assert_eq!(status(json!("rate_limit_exceeded")), None);
    }
}
