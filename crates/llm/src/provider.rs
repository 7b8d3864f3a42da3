//! The closed set of wire formats and what is fixed about each: names, default addresses, which parameters exist.

pub(crate) mod anthropic;
pub(crate) mod command;
pub(crate) mod gemini;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::RowProblem;
use crate::request::{Params, ReasoningEffort};

/// The `max_tokens` that Anthropic is sent when nobody wrote `max_output_tokens`: the API requires one. This is the
/// only parameter that is ever sent without having been written.
pub const ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS: u64 = 4096;

/// A wire format. `base_url` and `headers` make each of them serve every compatible server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// OpenAI Chat Completions, and every server that speaks it (`docs/models.md` lists them).
    #[serde(rename = "openai")]
    OpenAiChat,
    /// OpenAI Responses.
    #[serde(rename = "openai_responses")]
    OpenAiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// A program of the user: JSON on stdin, JSON on stdout. Only where commands are allowed.
    Command,
}

impl Provider {
    /// Every wire format.
    pub const ALL: [Self; 5] =
        [Self::OpenAiChat, Self::OpenAiResponses, Self::Anthropic, Self::Gemini, Self::Command];

    /// The name that is written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai",
            Self::OpenAiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Command => "command",
        }
    }

    /// Where requests go when a row has no `base_url`.
    pub fn default_base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Gemini => Some("https://generativelanguage.googleapis.com/v1beta"),
            Self::Command => None,
        }
    }

    /// The environment variable with the key when a row has neither `api_key_env` nor `base_url`. A row with its own
    /// `base_url` gets no key by default: a key must not travel to a server that its owner did not name it for.
    pub fn default_api_key_env(self) -> Option<&'static str> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => Some("OPENAI_API_KEY"),
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Gemini => Some("GEMINI_API_KEY"),
            Self::Command => None,
        }
    }

    /// The `max_output_tokens` that is sent although nobody wrote it: [`ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS`], or none.
    pub fn default_max_output_tokens(self) -> Option<u64> {
        (self == Self::Anthropic).then_some(ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS)
    }

    /// Every parameter that is out of range or that this provider does not have, with a path relative to the `params`
    /// map. Such a parameter is an error, not silently left out: the reply would not be what was asked for.
    pub fn param_problems(self, params: &Params) -> Vec<RowProblem> {
        let mut problems = params.problems();
        let written = [
            ("top_k", params.top_k.is_some()),
            ("seed", params.seed.is_some()),
            ("stop", params.stop.is_some()),
            ("frequency_penalty", params.frequency_penalty.is_some()),
            ("presence_penalty", params.presence_penalty.is_some()),
        ];
        let missing: &[&str] = match self {
            Self::OpenAiChat | Self::Gemini | Self::Command => &[],
            Self::OpenAiResponses => &["top_k", "seed", "stop", "frequency_penalty", "presence_penalty"],
            Self::Anthropic => &["seed", "frequency_penalty", "presence_penalty"],
        };
        for (key, _) in written.iter().filter(|(key, written)| *written && missing.contains(key)) {
            problems.push(RowProblem::at(
                [*key],
                format!("provider `{self}` has no parameter `{key}`"),
                "remove the line, or set it only for models that have it",
            ));
        }
        if let Some(effort) = params.reasoning_effort {
            let allowed = self.reasoning_efforts();
            if !allowed.contains(&effort) {
                let names: Vec<_> = allowed.iter().map(|effort| effort.as_str()).collect();
                problems.push(RowProblem::at(
                    ["reasoning_effort"],
                    format!("provider `{self}` has no reasoning effort `{}`", effort.as_str()),
                    format!("write one of: {}", names.join(", ")),
                ));
            }
        }
        problems
    }

    /// The efforts that the wire format can express; a single model may know fewer.
    fn reasoning_efforts(self) -> &'static [ReasoningEffort] {
        use ReasoningEffort::{High, Low, Max, Medium, Minimal, None, Xhigh};
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::Command => {
                &[None, Minimal, Low, Medium, High, Xhigh, Max]
            }
            Self::Anthropic => &[None, Low, Medium, High, Xhigh, Max],
            Self::Gemini => &[Minimal, Low, Medium, High],
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_the_list_and_the_name_in_json_is_the_name_in_text() {
        let schema = schemars::schema_for!(Provider).to_value();
        let names: Vec<&str> =
            schema["oneOf"].as_array().unwrap().iter().map(|one| one["const"].as_str().unwrap()).collect();
        assert_eq!(names, Provider::ALL.map(Provider::as_str));
    }

    #[test]
    fn a_parameter_that_a_provider_lacks_is_an_error() {
        let params = Params {
            seed: Some(1),
            top_k: Some(3),
            reasoning_effort: Some(ReasoningEffort::Minimal),
            ..Params::default()
        };
        let keys = |provider: Provider| -> Vec<String> {
            provider.param_problems(&params).into_iter().flat_map(|problem| problem.path).collect()
        };
        assert_eq!(keys(Provider::OpenAiChat), [""; 0]);
        assert_eq!(keys(Provider::OpenAiResponses), ["top_k", "seed"]);
        assert_eq!(keys(Provider::Anthropic), ["seed", "reasoning_effort"]);
        assert_eq!(keys(Provider::Gemini), [""; 0]);
    }
}
