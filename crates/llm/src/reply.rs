//! What came back: the same shape for every provider. A filtered or refused answer is a reply, not an error.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::EnvironmentName;
use crate::message::ToolCall;

/// One answer of a model. It is stored in journals and caches, so its JSON form is stable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The answer's text, without any reasoning; empty where the model only called tools, refused or was cut off.
    pub text: String,
    /// The refusal, where the provider marks one as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The tools that the model wants called, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// What the provider counted.
    #[serde(default)]
    pub usage: Usage,
    /// The model that the provider says it used; may be more exact than the one asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_model: Option<String>,
    /// The provider's id of the request, for its support desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// From sending the request to having read the whole answer; milliseconds in JSON, in steps of a microsecond.
    #[serde(rename = "latency_ms", with = "milliseconds")]
    pub latency: Duration,
    /// The variables of the environment whose values were cut out of it: `[redacted]` stands in their place, 0 where one was part of a
    /// number. Empty where the reply is what the model said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<EnvironmentName>,
}

impl Reply {
    /// A finished answer of which nothing is known but its text: for tests, and for models that say nothing else.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            served_model: None,
            request_id: None,
            latency: Duration::ZERO,
            redacted: Vec::new(),
        }
    }
}

/// Why an answer ended. In JSON a plain string: `stop`, `length`, `filter`, `tool`, or the provider's own word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FinishReason {
    /// The model had finished, or met a stop text.
    Stop,
    /// The token limit cut the answer off.
    Length,
    /// A content filter withheld the answer or part of it, or the provider reports a refusal as its reason to stop.
    Filter,
    /// The model waits for the results of tools.
    Tool,
    /// Anything else, in the provider's words; none of the names of the others, which it would be read as.
    Other(String),
}

impl FinishReason {
    /// The name used in JSON.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Filter => "filter",
            Self::Tool => "tool",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for FinishReason {
    fn from(word: String) -> Self {
        match word.as_str() {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "filter" => Self::Filter,
            "tool" => Self::Tool,
            _ => Self::Other(word),
        }
    }
}

impl From<FinishReason> for String {
    fn from(reason: FinishReason) -> Self {
        reason.as_str().to_owned()
    }
}

/// Tokens and cost as the provider counted them, in one meaning for all providers (that of OpenTelemetry's conventions
/// for generative AI). What a provider does not say is `None`, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the request, those read from and written to a cache included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// The part of `input` that was read from the provider's prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<u64>,
    /// Generated tokens, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// The part of `output` that was reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// What the provider itself says that the call cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_cost: Option<f64>,
}

impl Usage {
    /// Input and output tokens together; `None` unless both are known.
    pub fn total(&self) -> Option<u64> {
        self.input?.checked_add(self.output?)
    }
}

/// A duration as a number of milliseconds with three decimals.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// 2^53: whole numbers up to here are exact in a float. It is 285 years.
    const LARGEST_MICROS: f64 = 9_007_199_254_740_992.0;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_micros() as f64 / 1000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let milliseconds = f64::deserialize(deserializer)?;
        let micros = (milliseconds * 1000.0).round();
        if !(0.0..=LARGEST_MICROS).contains(&micros) {
            return Err(D::Error::custom("a latency is a number of milliseconds, 0 or more"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and in range: checked above"
        )]
        Ok(Duration::from_micros(micros as u64))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::provider::Provider;
    use crate::wire::{HttpResponse, decode};

    fn reply(micros: u64) -> Reply {
        Reply {
            text: "hi".into(),
            refusal: None,
            tool_calls: vec![],
            finish_reason: FinishReason::Stop,
            usage: Usage { input: Some(3), ..Usage::default() },
            served_model: None,
            request_id: None,
            latency: Duration::from_micros(micros),
            redacted: vec![],
        }
    }

    #[test]
    fn missing_usage_is_missing() {
        assert_eq!(
            serde_json::to_value(reply(1_234_567)).unwrap(),
            json!({"text": "hi", "finish_reason": "stop", "usage": {"input": 3}, "latency_ms": 1234.567})
        );
        assert_eq!(Usage { input: Some(3), ..Usage::default() }.total(), None);
        assert_eq!(Usage { input: Some(3), output: Some(4), ..Usage::default() }.total(), Some(7));
    }

    #[test]
    fn a_negative_latency_is_refused() {
        let mut value = serde_json::to_value(reply(1)).unwrap();
        value["latency_ms"] = json!(-1);
        assert!(serde_json::from_value::<Reply>(value).is_err());
    }

    #[test]
    fn a_word_of_a_provider_that_is_ours_means_what_ours_means() {
        assert_eq!(FinishReason::from("stop".to_owned()), FinishReason::Stop);
        let bodies = [
            (
                Provider::OpenAiChat,
                json!({"choices": [{"message": {"content": "a"}, "finish_reason": "tool"}]}),
            ),
            (Provider::Gemini, json!({"candidates": [{"content": {"parts": []}, "finishReason": "tool"}]})),
            (Provider::Anthropic, json!({"content": [], "stop_reason": "tool"})),
            (Provider::OpenAiResponses, json!({"output": [], "status": "tool"})),
        ];
        for (provider, body) in bodies {
            let response =
                HttpResponse { status: 200, body: body.to_string().into(), ..HttpResponse::default() };
            let reply = decode(provider, &response, Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(reply.finish_reason, FinishReason::Tool, "{provider:?}");
        }
    }

    proptest! {
        #[test]
        fn a_reply_survives_json(micros in 0u64..100_000_000_000, word in "[a-z_]{1,12}") {
            let before = Reply { finish_reason: FinishReason::from(word), ..reply(micros) };
            let text = serde_json::to_string(&before).unwrap();
            prop_assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), before);
        }
    }
}
