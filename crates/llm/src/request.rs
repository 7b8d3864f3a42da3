//! What is asked: messages, tools, response format, parameters. Nothing is in a request that nobody wrote.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::canonical;
use crate::config::RowProblem;
use crate::message::{Message, ToolDefinition};
use crate::provider::Provider;

/// One complete question. `params` and `extra` are the *effective* ones: the caller merges suite over version over
/// model row ([`Params::merged_over`]) before it asks, so that a digest of the request covers all that is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDefinition>,
    /// The form that the answer must have; `None` leaves it to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// Normalised parameters, mapped to each provider's spelling.
    #[serde(default)]
    pub params: Params,
    /// Raw additions to the provider's request body: objects are merged key by key into what we wrote ourselves, all
    /// else replaces it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl ChatRequest {
    /// A request that consists of messages only.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }

    /// The canonical text of this request to this model, for digests: one line of JSON with sorted keys and without
    /// secrets. `endpoint` is [`crate::ModelRow::endpoint`]. Equal text means that the same question goes to the same
    /// model; Anthropic's default for `max_output_tokens` is written out, because it is sent.
    pub fn canonical_json(&self, provider: Provider, endpoint: &str, model: &str) -> String {
        let mut params = self.params.clone();
        params.max_output_tokens = params.max_output_tokens.or(provider.default_max_output_tokens());
        canonical::to_text(&json!({
            "provider": provider,
            "endpoint": endpoint,
            "model": model,
            "messages": self.messages,
            "tools": self.tools,
            "response_format": self.response_format,
            "params": params,
            "extra": self.extra,
        }))
    }
}

/// The form that an answer must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFormat {
    /// Any JSON object. Anthropic has no such mode and refuses it: give a schema there.
    JsonObject,
    /// JSON that the provider constrains to a JSON Schema. OpenAI takes only its strict subset: every object with
    /// `additionalProperties: false` and all its properties required.
    JsonSchema {
        /// A short name, as OpenAI requires: letters, digits, `_` and `-`.
        name: String,
        /// The schema.
        schema: Value,
    },
}

/// The closed, normalised set of parameters. A parameter that is `None` is not sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Upper limit of generated tokens, reasoning included; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Sampling temperature, 0 or more. Many reasoning models refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Sample from the k most probable tokens; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
    /// Asks for repeatable sampling, where the provider has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts that end the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Vec<String>>,
    /// How much the model reasons before it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Penalty on tokens by how often they came up, -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Penalty on tokens that came up at all, -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
}

/// How much a model reasons before it answers. Which steps exist depends on the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation: an ordered scale")]
pub enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl ReasoningEffort {
    /// The name that is written in files and sent to providers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

impl Params {
    /// These parameters, and those of `base` where these have none.
    #[must_use]
    pub fn merged_over(&self, base: &Self) -> Self {
        Self {
            max_output_tokens: self.max_output_tokens.or(base.max_output_tokens),
            temperature: self.temperature.or(base.temperature),
            top_p: self.top_p.or(base.top_p),
            top_k: self.top_k.or(base.top_k),
            seed: self.seed.or(base.seed),
            stop: self.stop.clone().or_else(|| base.stop.clone()),
            reasoning_effort: self.reasoning_effort.or(base.reasoning_effort),
            frequency_penalty: self.frequency_penalty.or(base.frequency_penalty),
            presence_penalty: self.presence_penalty.or(base.presence_penalty),
        }
    }

    /// Every value out of its range, with a path relative to the `params` map. `.nan` and `.inf` are out of every range.
    pub fn problems(&self) -> Vec<RowProblem> {
        let mut problems = Vec::new();
        for (key, value) in [("max_output_tokens", self.max_output_tokens), ("top_k", self.top_k)] {
            if value == Some(0) {
                problems.push(RowProblem::at(
                    [key],
                    format!("`{key}` is 0"),
                    "write 1 or more, or leave the line out",
                ));
            }
        }
        for (key, value, low, high) in [
            ("temperature", self.temperature, 0.0, f64::MAX),
            ("top_p", self.top_p, 0.0, 1.0),
            ("frequency_penalty", self.frequency_penalty, -2.0, 2.0),
            ("presence_penalty", self.presence_penalty, -2.0, 2.0),
        ] {
            if value.is_some_and(|value| !(low..=high).contains(&value)) {
                let range =
                    if high < f64::MAX { format!("{low} to {high}") } else { format!("{low} or more") };
                problems.push(RowProblem::at(
                    [key],
                    format!("`{key}` is out of range"),
                    format!("write {range}"),
                ));
            }
        }
        if self.stop.as_ref().is_some_and(|stop| stop.is_empty() || stop.iter().any(String::is_empty)) {
            problems.push(RowProblem::at(
                ["stop"],
                "`stop` has no text to stop at",
                "write one or more texts, or leave the line out",
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_prefers_the_upper_layer_field_by_field() {
        let version = Params { temperature: Some(0.5), seed: Some(1), ..Params::default() };
        let row = Params { temperature: Some(1.0), top_p: Some(0.9), ..Params::default() };
        assert_eq!(
            version.merged_over(&row),
            Params { temperature: Some(0.5), seed: Some(1), top_p: Some(0.9), ..Params::default() }
        );
    }

    #[test]
    fn nothing_is_sent_that_nobody_wrote() {
        assert_eq!(serde_json::to_string(&Params::default()).unwrap(), "{}");
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        let error = serde_json::from_str::<Params>(r#"{"max_tokens": 3}"#).unwrap_err();
        assert!(error.to_string().contains("max_output_tokens"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_all_reported() {
        let params = Params {
            max_output_tokens: Some(0),
            temperature: Some(f64::NAN),
            top_p: Some(1.5),
            presence_penalty: Some(f64::INFINITY),
            stop: Some(vec![]),
            ..Params::default()
        };
        let paths: Vec<_> = params.problems().into_iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, ["max_output_tokens", "temperature", "top_p", "presence_penalty", "stop"]);
    }

    #[test]
    fn the_canonical_text_is_stable_and_sorted() {
        let mut request = ChatRequest::new(vec![Message::system("be brief"), Message::user("hi")]);
        request.params.temperature = Some(0.5);
        request.extra.insert("zeta".into(), json!({"b": 1, "a": [true, null]}));
        request.extra.insert("alpha".into(), json!(1));
        insta::assert_snapshot!(
            request.canonical_json(Provider::OpenAiChat, "https://api.openai.com/v1", "gpt-6-luna"),
            @r#"{"endpoint":"https://api.openai.com/v1","extra":{"alpha":1,"zeta":{"a":[true,null],"b":1}},"messages":[{"content":"be brief","role":"system"},{"content":"hi","role":"user"}],"model":"gpt-6-luna","params":{"temperature":0.5},"provider":"openai","response_format":null,"tools":[]}"#
        );
    }

    #[test]
    fn the_canonical_text_writes_the_default_that_anthropic_is_sent() {
        let request = ChatRequest::new(vec![Message::user("hi")]);
        let mut explicit = request.clone();
        explicit.params.max_output_tokens = Some(crate::ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS);
        let text = |request: &ChatRequest| request.canonical_json(Provider::Anthropic, "e", "m");
        assert_eq!(text(&request), text(&explicit));
    }
}
