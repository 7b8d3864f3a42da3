//! One row of the `models:` section: the file shape ([`ModelRowSpec`]) and the valid value ([`ModelRow`]).
//! Knows no YAML and reads no environment: it names the variables, the caller brings their values.

mod command;
mod extra;
mod header;
mod price;
mod replaced;
mod secrets;
mod spec;

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use crate::config::command::secrets_in_command;
pub use crate::config::header::{HeaderValue, HeaderValueSpec};
pub use crate::config::price::{Price, PriceSpec};
pub use crate::config::replaced::VersionPart;
use crate::config::secrets::is_key;
pub use crate::config::spec::{LimitsSpec, ModelRowSpec};
use crate::provider::Provider;
use crate::reply::Usage;
use crate::request::Params;

/// How long one attempt may take when a row has no `timeout`: from sending the request to the last byte of the answer.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(2);

/// A valid row of the `models:` section; made by [`ModelRowSpec::validate`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelRow {
    /// The row's key in the `models:` section.
    pub name: String,
    /// The wire format.
    pub provider: Provider,
    /// The provider's name of the model; for `command` the row's `model`, or its name.
    pub model: String,
    /// Where the question goes.
    pub target: Target,
    /// The environment variable that holds the key; `None` sends no key.
    pub api_key_env: Option<EnvironmentName>,
    /// Further request headers, names in lower case.
    pub headers: IndexMap<String, HeaderValue>,
    /// The row's own parameters: the lowest layer of the effective ones.
    pub params: Params,
    /// The row's own raw additions to the request body.
    pub extra: Map<String, Value>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// What the user allows us to use.
    pub limits: Limits,
    /// What tokens cost, where the user said so.
    pub price: Option<Price>,
}

impl ModelRow {
    /// Every parameter that is out of range or that the other side does not have, with a path relative to the `params` map.
    pub fn param_problems(&self, params: &Params) -> Vec<RowProblem> {
        param_problems(self.provider, Some(&self.target), params)
    }

    /// What identifies the other side in digests and messages: the base URL, or the command line as a JSON list.
    pub fn endpoint(&self) -> String {
        match &self.target {
            Target::Http(url) => url.as_str().trim_end_matches('/').to_owned(),
            Target::Command(words) => Value::from(words.clone()).to_string(),
        }
    }

    /// The environment variables whose values a call of this row needs, each once.
    pub fn environment_names(&self) -> Vec<&EnvironmentName> {
        let mut names: Vec<_> = self.api_key_env.iter().collect();
        for value in self.headers.values() {
            if let HeaderValue::FromEnvironment(name) = value
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// The headers as they are written: values, and the names of the variables that hold secrets.
    pub fn written_headers(&self) -> Map<String, Value> {
        let value = |value: &HeaderValue| match value {
            HeaderValue::Literal(text) => Value::from(text.as_str()),
            HeaderValue::FromEnvironment(name) => json!({"env": name.as_str()}),
        };
        self.headers.iter().map(|(name, written)| (name.clone(), value(written))).collect()
    }

    /// What a call cost in US dollars: the provider's own figure, else price times tokens. `None` where the row has no
    /// price or the provider counted nothing: unknown is not free.
    pub fn cost(&self, usage: &Usage) -> Option<f64> {
        usage.provider_cost.or_else(|| self.price.as_ref()?.cost(usage))
    }
}

/// Where a question goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The base URL of a server: http or https, without credentials and without a secret in its path or its query.
    Http(Url),
    /// A program and its arguments; never empty, never given to a shell.
    Command(Vec<String>),
}

/// OpenAI itself; others speak its format and have parameters of their own.
const OPENAI: &str = "api.openai.com";

/// What the wire format cannot express, and what this one server is known to refuse although the format of its kind has it.
fn param_problems(provider: Provider, target: Option<&Target>, params: &Params) -> Vec<RowProblem> {
    let mut problems = provider.param_problems(params);
    let is_openai = matches!(target, Some(Target::Http(url)) if url.host_str() == Some(OPENAI));
    if is_openai && provider == Provider::OpenAiChat && params.top_k.is_some() {
        let help = "remove the line, or set it only for models that have it";
        problems.push(RowProblem::at(["top_k"], "OpenAI has no parameter `top_k`", help));
    }
    problems
}

/// What the user allows us to use of a model; `None` means "find out".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way at once, at least 1.
    pub max_concurrency: Option<u32>,
    /// Requests started in a minute, at least 1.
    pub requests_per_minute: Option<u64>,
    /// Input and output tokens in a minute, at least 1.
    pub tokens_per_minute: Option<u64>,
}

/// The name of an environment variable: a letter or `_`, then letters, digits, `_`; all ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

/// A text that names no environment variable. The text is not shown: somebody may have written the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an environment variable")]
pub struct NotAnEnvironmentName;

impl EnvironmentName {
    /// The name that somebody wrote in a file; none where it is rather the secret itself, of which many would do as a name.
    pub(crate) fn written(name: String) -> Result<Self, NotAnEnvironmentName> {
        if is_key(&name) { Err(NotAnEnvironmentName) } else { Self::try_from(name) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EnvironmentName {
    type Error = NotAnEnvironmentName;

    fn try_from(name: String) -> Result<Self, NotAnEnvironmentName> {
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            Ok(Self(name))
        } else {
            Err(NotAnEnvironmentName)
        }
    }
}

impl From<EnvironmentName> for String {
    fn from(name: EnvironmentName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One thing wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The keys that lead from the row to the place, such as `["price", "input"]`; empty for the row itself.
    pub path: Vec<String>,
    /// What is wrong, without any value that may be a secret.
    pub message: String,
    /// What would be accepted.
    pub help: Option<String>,
}

impl RowProblem {
    /// A problem at a place, with help.
    pub(crate) fn at<'a>(
        path: impl IntoIterator<Item = &'a str>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into_iter().map(str::to_owned).collect(),
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// The same problem seen from one level further out.
    pub(crate) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_name_is_not_a_key() {
        assert!(EnvironmentName::try_from("OPENAI_API_KEY".to_owned()).is_ok());
        for wrong in ["", "sk-abc", "1A", "A B", "É"] {
            assert!(EnvironmentName::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_would_do_as_a_name_is_none() {
        for key in [
            "ghp_hidden1hidden1hidden1hidden1hidden1",
            "sk_live_hiddenhiddenhidden",
            "hf_hiddenhiddenhiddenhidden",
            "gsk_hiddenhiddenhidden1",
            "AKIAABCDEFGHIJKLMNOP",
            "AIzaHidden1hidden",
            "f3a1c0ffee00aa11bb22cc33dd44ee55",
            "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3",
        ] {
            assert!(EnvironmentName::written(key.to_owned()).is_err(), "{key}");
        }
        for name in [
            "OPENAI_API_KEY",
            "hf_token",
            "HF_TOKEN",
            "openaikey2",
            "GITHUB_PAT",
            "xai_api_key",
            "THE_KEY_OF_THE_GATEWAY_OF_THE_TEAM_2",
            "THEKEYOFTHEGATEWAYOFTHETEAMNUMBER2",
        ] {
            assert!(EnvironmentName::written(name.to_owned()).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_cost_is_unknown_without_price_or_tokens() {
        let mut spec = ModelRowSpec::new(Provider::OpenAiChat, "gpt-6-luna");
        let usage = Usage { input: Some(1000), output: Some(1000), ..Usage::default() };
        let row = spec.clone().validate("default").unwrap();
        assert_eq!(row.cost(&usage), None);
        assert_eq!(row.cost(&Usage { provider_cost: Some(0.5), ..usage }), Some(0.5));
        spec.price = Some(PriceSpec { input: 1.0, output: 2.0, cached_input: None });
        let row = spec.validate("default").unwrap();
        assert_eq!(row.cost(&usage), Some(0.003));
        assert_eq!(row.cost(&Usage::default()), None);
    }
}
