//! The file shape of a script: what a person writes, before anything is checked.
//!
//! Plain externally tagged serde types, without flattening or untagged enums, so that a reader that keeps places
//! can feed them. No rule is enforced here beyond the shape; `script` does that.

pub(crate) mod answer;
mod spelled;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use answer::{AnswerSpec, RateLimitedSpec};

/// The version of the script format that this crate reads.
pub(crate) const SCHEMA_VERSION: u32 = 1;

fn schema_version() -> u32 {
    SCHEMA_VERSION
}

/// A script for the mock model.
///
/// A call is answered by the first of: the hidden `rate_limit`, a drawn fault, the first rule whose conditions all
/// hold, the `default`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptSpec {
    /// Version of this file format: 1.
    #[serde(default = "schema_version")]
    pub schema: u32,
    /// Seed of every random draw; the same seed and the same sequence of calls give the same replies.
    #[serde(default)]
    pub seed: u64,
    /// What a random draw hangs on: the number of the call at this server, or the request itself and how often it
    /// came. `request` makes the draws independent of the order in which concurrent requests arrive.
    #[serde(default)]
    pub draw_per: DrawPerSpec,
    /// A rate limit that no successful reply announces.
    #[serde(default)]
    pub rate_limit: Option<RateLimitSpec>,
    /// Weighted faults in front of the normal answers. What the shares leave over goes on to the rules.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// Delay of every rule and of the default, where they name none of their own. Faults and rate limits answer at
    /// once.
    #[serde(default)]
    pub delay: Option<DelaySpec>,
    /// Rules, tried in order; the first whose conditions all hold answers.
    #[serde(default)]
    pub rules: Vec<RuleSpec>,
    /// Answers what no rule matched. Without it, such a call is refused with 400.
    #[serde(default)]
    pub default: Option<ReplySpec>,
}

impl Default for ScriptSpec {
    fn default() -> Self {
        Self {
            schema: SCHEMA_VERSION,
            seed: 0,
            draw_per: DrawPerSpec::default(),
            rate_limit: None,
            faults: Vec::new(),
            delay: None,
            rules: Vec::new(),
            default: None,
        }
    }
}

/// What a random draw hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrawPerSpec {
    /// The number of the call at this server.
    #[default]
    Call,
    /// The path and body of the request, and how often this same request came.
    Request,
}

/// A token bucket in front of everything: calls above it are answered with 429.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSpec {
    /// Sustained rate, calls per second; above 0.
    pub requests_per_second: f64,
    /// Calls that may come at once after a pause; at least 1.
    #[serde(default = "one")]
    pub burst: u32,
    /// What the 429 says.
    #[serde(default)]
    pub hints: RateLimitedSpec,
}

fn one() -> u32 {
    1
}

/// A fault that takes a share of all calls.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Share of all calls, above 0 and at most 1. All shares together are at most 1.
    pub share: f64,
    /// What these calls are answered with.
    pub answer: AnswerSpec,
    /// How long the answer takes.
    #[serde(default)]
    pub delay: Option<DelaySpec>,
    /// Further reply headers, sent as they are.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Conditions and an answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Name in counters and assertions; `rules[0]` and so on where it is left out.
    #[serde(default)]
    pub name: Option<String>,
    /// Conditions; all of them must hold. Left out: every call matches.
    #[serde(default)]
    pub when: Option<WhenSpec>,
    /// What the call is answered with.
    pub answer: AnswerSpec,
    /// How long the answer takes.
    #[serde(default)]
    pub delay: Option<DelaySpec>,
    /// Model named in the reply; the requested one where it is left out.
    #[serde(default)]
    pub served_model: Option<String>,
    /// Token usage in the reply; estimated where it is left out.
    #[serde(default)]
    pub usage: Option<UsageSpec>,
    /// Further reply headers, sent as they are.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl RuleSpec {
    /// A rule with a name, an answer, and conditions; everything else as by default.
    pub fn new(name: &str, when: WhenSpec, answer: AnswerSpec) -> Self {
        Self {
            name: Some(name.to_owned()),
            when: Some(when),
            answer,
            delay: None,
            served_model: None,
            usage: None,
            headers: BTreeMap::new(),
        }
    }
}

/// An answer without conditions.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplySpec {
    /// What the call is answered with.
    pub answer: AnswerSpec,
    /// How long the answer takes.
    #[serde(default)]
    pub delay: Option<DelaySpec>,
    /// Model named in the reply; the requested one where it is left out.
    #[serde(default)]
    pub served_model: Option<String>,
    /// Token usage in the reply; estimated where it is left out.
    #[serde(default)]
    pub usage: Option<UsageSpec>,
    /// Further reply headers, sent as they are.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl From<AnswerSpec> for ReplySpec {
    fn from(answer: AnswerSpec) -> Self {
        Self { answer, delay: None, served_model: None, usage: None, headers: BTreeMap::new() }
    }
}

/// Conditions of a rule; all that are given must hold.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhenSpec {
    /// The requested model.
    #[serde(default)]
    pub model: Option<TextMatchSpec>,
    /// The text of the last message with the role `user`.
    #[serde(default)]
    pub last_user_message: Option<TextMatchSpec>,
    /// The text of any message, the system message included.
    #[serde(default)]
    pub any_message: Option<TextMatchSpec>,
    /// Request headers; all must hold.
    #[serde(default)]
    pub headers: Vec<HeaderMatchSpec>,
    /// Probability, above 0 and at most 1, drawn from the script's seed.
    #[serde(default)]
    pub chance: Option<f64>,
    /// The number of the call.
    #[serde(default)]
    pub call: Option<CallSpec>,
}

/// How a text is compared; case matters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextMatchSpec {
    /// The whole text is this.
    Equals(String),
    /// The text contains this.
    Contains(String),
    /// The regular expression is found somewhere in the text.
    Regex(String),
}

/// A condition on one request header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatchSpec {
    /// Header name; case does not matter.
    pub name: String,
    /// Condition on its value. A header that the request does not have never matches.
    pub value: TextMatchSpec,
}

/// A condition on the number of the call, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallSpec {
    /// What is counted.
    #[serde(default)]
    pub per: CountPerSpec,
    /// First number that matches; 1 where it is left out.
    #[serde(default)]
    pub from: Option<u64>,
    /// Last number that matches; no end where it is left out.
    #[serde(default)]
    pub to: Option<u64>,
    /// Beginning with `from`, every so many.
    #[serde(default)]
    pub every: Option<u64>,
}

/// What a call number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountPerSpec {
    /// The calls that reached this rule and met its other conditions.
    #[default]
    Rule,
    /// The arrivals of this same request (path and body): 2 is its first retry.
    Request,
    /// All calls of this server, those that faults and the rate limit answered included.
    Server,
}

/// How long an answer takes. Durations are an integer with `ms`, `s`, `m` or `h`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DelaySpec {
    /// Always the same.
    Fixed(#[serde(deserialize_with = "spelled::required")] String),
    /// Evenly between two ends.
    Uniform(UniformSpec),
    /// Log-normal, as the latency of real services is: most near the median, a long tail.
    Lognormal(LognormalSpec),
}

/// The ends of an even distribution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UniformSpec {
    /// Shortest delay.
    #[serde(deserialize_with = "spelled::required")]
    pub from: String,
    /// Longest delay.
    #[serde(deserialize_with = "spelled::required")]
    pub to: String,
}

/// A log-normal distribution by two quantiles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LognormalSpec {
    /// Half of the delays are shorter.
    #[serde(deserialize_with = "spelled::required")]
    pub median: String,
    /// 19 of 20 delays are shorter; above the median.
    #[serde(deserialize_with = "spelled::required")]
    pub p95: String,
    /// No delay is longer; one hour where it is left out.
    #[serde(default, deserialize_with = "spelled::optional")]
    pub max: Option<String>,
}

/// Token usage in a reply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageSpec {
    /// The reply has no usage at all, as some compatible servers do.
    Absent {},
    /// These numbers, in the meaning of the provider's own fields.
    Tokens(TokensSpec),
}

/// Numbers of tokens, in one meaning for all wire formats; each format gets them in its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokensSpec {
    /// Input tokens, the cached ones included.
    pub input: u64,
    /// Input tokens read from a cache.
    #[serde(default)]
    pub cached_input: u64,
    /// Output tokens, the reasoning included.
    pub output: u64,
    /// Output tokens spent on reasoning. Above 0, the formats that show reasoning put such a part first.
    #[serde(default)]
    pub reasoning: u64,
}
