//! The file shape of a model row and its validation: every problem at once, each with its place. Reads no file.

use std::borrow::Cow;

use indexmap::IndexMap;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::command::secrets_in_command;
use crate::config::extra;
use crate::config::header::{self, HeaderValueSpec};
use crate::config::replaced::refuse_prompts;
use crate::config::secrets::{begins_like_a_secret, path_holds_a_secret, query_holds_a_secret};
use crate::config::{
    DEFAULT_TIMEOUT, EnvironmentName, Limits, ModelRow, PriceSpec, RowProblem, Target, param_problems,
};
use crate::duration;
use crate::provider::Provider;
use crate::request::Params;

/// One row of the `models:` section, as written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ModelRow")]
pub struct ModelRowSpec {
    /// The wire format.
    pub provider: Provider,
    /// The provider's name of the model. Required, except for `command`.
    #[serde(default)]
    pub model: Option<String>,
    /// Where a compatible server listens; the provider's own address when absent.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The environment variable with the key. By default the provider's usual one (`OPENAI_API_KEY`,
    /// `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`), but none where `base_url` is written.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Further request headers. A secret is written as `{env: NAME}`.
    #[serde(default)]
    pub headers: IndexMap<String, HeaderValueSpec>,
    /// Parameters for every question to this row, unless a version or a suite says otherwise.
    #[serde(default)]
    pub params: Params,
    /// Keys added to the request body as they are.
    #[serde(default)]
    pub extra: Map<String, Value>,
    /// How long one attempt may take, such as `30s`; 120s when absent.
    #[serde(default, deserialize_with = "duration::written")]
    pub timeout: Option<String>,
    /// What may be used of the model.
    #[serde(default)]
    pub limits: LimitsSpec,
    /// What tokens cost, in US dollars per million.
    #[serde(default)]
    pub price: Option<PriceSpec>,
    /// For provider `command`: the program and its arguments.
    #[serde(default)]
    pub command: Option<Vec<String>>,
}

/// What may be used of a model, as written. Without `max_concurrency` the number of requests at once adapts itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct LimitsSpec {
    /// Requests under way at once: where the adaptive limit starts, and what it never exceeds.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Requests started in a minute.
    #[serde(default)]
    pub requests_per_minute: Option<u64>,
    /// Input and output tokens in a minute.
    #[serde(default)]
    pub tokens_per_minute: Option<u64>,
}

impl ModelRowSpec {
    /// A row with nothing but provider and model.
    pub fn new(provider: Provider, model: impl Into<String>) -> Self {
        Self {
            provider,
            model: Some(model.into()),
            base_url: None,
            api_key_env: None,
            headers: IndexMap::new(),
            params: Params::default(),
            extra: Map::new(),
            timeout: None,
            limits: LimitsSpec::default(),
            price: None,
            command: None,
        }
    }

    /// The valid row, or every problem of this one. `row_name` is its key in the `models:` section.
    pub fn validate(self, row_name: &str) -> Result<ModelRow, Vec<RowProblem>> {
        let mut problems = Vec::new();
        let model = self.validate_model(row_name, &mut problems);
        let target = self.validate_target(&mut problems);
        let api_key_env = self.validate_api_key_env(&mut problems);
        self.refuse_http_keys_of_a_command(&mut problems);
        let headers = header::validate(self.headers, &mut problems);
        problems.extend(
            param_problems(self.provider, target.as_ref(), &self.params)
                .into_iter()
                .map(|problem| problem.under("params")),
        );
        extra::refuse_secrets(&self.extra, &mut problems);
        refuse_prompts(self.provider, &self.extra, &mut problems);
        if self.extra.contains_key("stream") {
            let help = "remove the line: answers are read whole";
            problems.push(RowProblem::at(["extra", "stream"], "streams are not read", help));
        }
        let timeout = match self.timeout.as_deref().map(duration::parse) {
            None => DEFAULT_TIMEOUT,
            Some(Some(timeout)) if !timeout.is_zero() => timeout,
            Some(_) => {
                let help = "write a whole number with ms, s, m, h or d, such as `30s`";
                problems.push(RowProblem::at(["timeout"], "`timeout` is not a duration above 0", help));
                DEFAULT_TIMEOUT
            }
        };
        let limits = validate_limits(self.limits, &mut problems);
        let price = self.price.and_then(|price| match price.validate() {
            Ok(price) => Some(price),
            Err(bad) => {
                problems.extend(bad.into_iter().map(|problem| problem.under("price")));
                None
            }
        });
        match target {
            Some(target) if problems.is_empty() => Ok(ModelRow {
                name: row_name.to_owned(),
                provider: self.provider,
                model,
                target,
                api_key_env,
                headers,
                params: self.params,
                extra: self.extra,
                timeout,
                limits,
                price,
            }),
            _ => Err(problems),
        }
    }

    fn validate_model(&self, row_name: &str, problems: &mut Vec<RowProblem>) -> String {
        match &self.model {
            Some(model) if model.trim().is_empty() || model.chars().any(char::is_control) => {
                problems.push(RowProblem::at(
                    ["model"],
                    "`model` is not a name",
                    "write the provider's name of the model",
                ));
                String::new()
            }
            Some(model) if begins_like_a_secret(model) => {
                problems.push(RowProblem::at(
                    ["model"],
                    "`model` looks like a secret, and is kept and shown",
                    "write the provider's name of the model; the key is read from the environment: `api_key_env: NAME`",
                ));
                String::new()
            }
            Some(model) => model.clone(),
            None if self.provider == Provider::Command => row_name.to_owned(),
            None => {
                problems.push(RowProblem::at(
                    [],
                    "`model` is missing",
                    "add `model:` with the provider's name of the model",
                ));
                String::new()
            }
        }
    }

    /// `None` has left a problem behind.
    fn validate_target(&self, problems: &mut Vec<RowProblem>) -> Option<Target> {
        let Some(default_base_url) = self.provider.default_base_url() else {
            for word in self.command.iter().flat_map(|words| secrets_in_command(words)) {
                let message = "`command` holds a secret, and is kept and shown";
                let help = "take it out: the program inherits the environment, and reads it there; for a program that takes it as a word \
                     write `[sh, -c, 'app --api-key \"$NAME\"']`";
                problems.push(RowProblem::at(["command", &word.to_string()], message, help));
            }
            return match &self.command {
                Some(words) if words.first().is_some_and(|program| !program.is_empty()) => {
                    Some(Target::Command(words.clone()))
                }
                _ => {
                    let help = "add `command: [program, argument]`";
                    problems.push(RowProblem::at([], "provider `command` needs a program", help));
                    None
                }
            };
        };
        if self.command.is_some() {
            let message = format!("provider `{}` runs no command", self.provider);
            problems.push(RowProblem::at(
                ["command"],
                message,
                "remove the line, or write `provider: command`",
            ));
        }
        match check_base_url(self.base_url.as_deref().unwrap_or(default_base_url)) {
            Ok(url) => Some(Target::Http(url)),
            Err((message, help)) => {
                problems.push(RowProblem::at(["base_url"], message, help));
                None
            }
        }
    }

    fn validate_api_key_env(&self, problems: &mut Vec<RowProblem>) -> Option<EnvironmentName> {
        let name = match (&self.api_key_env, &self.base_url) {
            (Some(name), _) => name.as_str(),
            (None, Some(_)) => return None,
            (None, None) => self.provider.default_api_key_env()?,
        };
        EnvironmentName::written(name.to_owned())
            .inspect_err(|problem| {
                problems.push(RowProblem::at(
                    ["api_key_env"],
                    format!("the value is {problem}"),
                    "write the variable's name, such as OPENAI_API_KEY; never the key itself",
                ));
            })
            .ok()
    }

    fn refuse_http_keys_of_a_command(&self, problems: &mut Vec<RowProblem>) {
        if self.provider != Provider::Command {
            return;
        }
        for (key, written) in [
            ("base_url", self.base_url.is_some()),
            ("api_key_env", self.api_key_env.is_some()),
            ("headers", !self.headers.is_empty()),
        ] {
            if written {
                let message = format!("provider `command` has no `{key}`");
                problems.push(RowProblem::at(
                    [key],
                    message,
                    "remove the line: the program inherits the environment",
                ));
            }
        }
    }
}

fn validate_limits(spec: LimitsSpec, problems: &mut Vec<RowProblem>) -> Limits {
    for (key, value) in [
        ("max_concurrency", spec.max_concurrency.map(u64::from)),
        ("requests_per_minute", spec.requests_per_minute),
        ("tokens_per_minute", spec.tokens_per_minute),
    ] {
        if value == Some(0) {
            let help = "write 1 or more, or leave the line out";
            problems.push(RowProblem::at(
                ["limits", key],
                format!("`{key}` is 0: no question could ever be asked"),
                help,
            ));
        }
    }
    Limits {
        max_concurrency: spec.max_concurrency,
        requests_per_minute: spec.requests_per_minute,
        tokens_per_minute: spec.tokens_per_minute,
    }
}

/// The message never repeats the URL: it may hold a secret.
fn check_base_url(text: &str) -> Result<Url, (&'static str, &'static str)> {
    let url = Url::parse(text)
        .map_err(|_| ("`base_url` is not a URL", "write it in full, such as http://127.0.0.1:8080/v1"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err((
            "`base_url` is not an http or https URL",
            "write it in full, such as http://127.0.0.1:8080/v1",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("`base_url` holds credentials", "use `api_key_env`, or a header with `{env: NAME}`"));
    }
    let is_code = |(name, _): (Cow<'_, str>, _)| name.eq_ignore_ascii_case("code");
    if query_holds_a_secret(&url) || url.query_pairs().any(is_code) {
        return Err((
            "`base_url` holds a secret in its query",
            "use `api_key_env`, or a header with `{env: NAME}`",
        ));
    }
    if path_holds_a_secret(&url) {
        return Err((
            "`base_url` holds a secret in its path",
            "use `api_key_env`, or a header with `{env: NAME}`",
        ));
    }
    if url.fragment().is_some() {
        return Err(("`base_url` has a fragment (`#`)", "remove everything from the `#` on"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn spec(value: Value) -> ModelRowSpec {
        serde_json::from_value(value).unwrap()
    }

    fn problem_paths(value: Value) -> Vec<String> {
        spec(value).validate("row").unwrap_err().into_iter().map(|problem| problem.path.join(".")).collect()
    }

    #[test]
    fn a_short_row_gets_the_documented_defaults() {
        let row = spec(json!({"provider": "openai", "model": "gpt-6-luna"})).validate("default").unwrap();
        assert_eq!(row.endpoint(), "https://api.openai.com/v1");
        assert_eq!(row.api_key_env.as_ref().map(EnvironmentName::as_str), Some("OPENAI_API_KEY"));
        assert_eq!(row.timeout, DEFAULT_TIMEOUT);
        assert_eq!(row.limits, Limits::default());
        assert_eq!(row.price, None);
    }

    #[test]
    fn a_default_key_does_not_travel_to_another_server() {
        let row =
            spec(json!({"provider": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:8080/v1/"}));
        let row = row.validate("local").unwrap();
        assert_eq!(row.environment_names(), Vec::<&EnvironmentName>::new());
        assert_eq!(row.endpoint(), "http://127.0.0.1:8080/v1");
    }

    #[test]
    fn a_full_row_is_taken_as_written() {
        let row = spec(json!({
            "provider": "openai", "model": "luna", "base_url": "https://example.openai.azure.com/openai/v1",
            "headers": {"api-key": {"env": "AZURE_OPENAI_API_KEY"}}, "params": {"temperature": 0},
            "extra": {"store": false}, "timeout": "30s",
            "limits": {"max_concurrency": 8, "requests_per_minute": 500, "tokens_per_minute": 200_000},
            "price": {"input": 1.25, "output": 10, "cached_input": 0.125},
        }));
        let row = row.validate("azure").unwrap();
        assert_eq!(row.timeout, Duration::from_secs(30));
        assert_eq!(
            row.environment_names().iter().map(|name| name.as_str()).collect::<Vec<_>>(),
            ["AZURE_OPENAI_API_KEY"]
        );
        assert_eq!(row.limits.requests_per_minute, Some(500));
    }

    #[test]
    fn a_command_row_needs_no_model() {
        let row =
            spec(json!({"provider": "command", "command": ["python3", "app.py"]})).validate("app").unwrap();
        assert_eq!(row.model, "app");
        assert_eq!(row.endpoint(), r#"["python3","app.py"]"#);
    }

    #[test]
    fn every_problem_is_reported_at_its_place() {
        let paths = problem_paths(json!({
            "provider": "anthropic", "base_url": "ftp://example.com", "api_key_env": "sk-hidden",
            "headers": {"Authorization": "Bearer hidden"}, "params": {"seed": 1, "top_p": 2}, "extra": {"stream": true},
            "timeout": "30", "limits": {"max_concurrency": 0}, "price": {"input": -1, "output": 1},
            "command": ["x"],
        }));
        assert_eq!(
            paths,
            [
                "",
                "command",
                "base_url",
                "api_key_env",
                "headers.Authorization",
                "params.top_p",
                "params.seed",
                "extra.stream",
                "timeout",
                "limits.max_concurrency",
                "price.input"
            ]
        );
        let paths =
            problem_paths(json!({"provider": "command", "base_url": "http://a", "headers": {"x": "y"}}));
        assert_eq!(paths, ["", "base_url", "headers"]);
    }

    #[test]
    fn a_secret_in_a_url_is_refused_and_not_repeated() {
        for url in [
            "https://user:hidden@example.com/v1",
            "https://example.com/v1?KEY=hidden",
            "https://example.com/sk-hidden-hidden-hidden/v1",
            "https://example.com/v1#hidden",
        ] {
            let problems = spec(json!({"provider": "openai", "model": "m", "base_url": url}))
                .validate("row")
                .unwrap_err();
            assert_eq!(problems.len(), 1);
            assert!(!format!("{problems:?}").contains("hidden"));
        }
        let azure = "https://example.openai.azure.com/openai/deployments/d?api-version=2026-01-01";
        assert!(spec(json!({"provider": "openai", "model": "m", "base_url": azure})).validate("row").is_ok());
    }

    #[test]
    fn a_secret_among_the_words_of_a_program_is_refused_and_not_repeated() {
        let words = ["sh", "app.sh", "--api-key", "sk-proj-hidden1hidden1", "--url=https://u:hidden@h/x"];
        let row = json!({"provider": "command", "command": words});
        let problems = spec(row).validate("row").unwrap_err();
        assert!(!format!("{problems:?}").contains("hidden"));
        let paths: Vec<String> = problems.into_iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, ["command.3", "command.4"]);
    }

    #[test]
    fn names_of_models_are_no_secrets() {
        let row = |model: &str| spec(json!({"provider": "openai", "model": model})).validate("row");
        for model in [
            "xai-grok-4-fast-reasoning",
            "asia-northeast-gpt-deployment",
            "hf_internal_testing_tiny",
            "gsk_team_deployment_of_2026",
            "anthropic/claude-sonnet-5",
        ] {
            assert!(row(model).is_ok(), "{model}");
        }
        for key in ["sk-proj-hidden", "hf_hiddenhiddenhiddenhidden", "AKIAABCDEFGHIJKLMNOP", "Bearer hidden1"]
        {
            assert!(row(key).is_err(), "{key}");
        }
    }

    #[test]
    fn unknown_keys_and_providers_are_refused() {
        let error =
            serde_json::from_value::<ModelRowSpec>(json!({"provider": "openai", "modle": "m"})).unwrap_err();
        assert!(error.to_string().contains("unknown field `modle`"), "{error}");
        let error =
            serde_json::from_value::<ModelRowSpec>(json!({"provider": "opnai", "model": "m"})).unwrap_err();
        assert!(error.to_string().contains("openai_responses"), "{error}");
    }

    #[test]
    fn the_schema_knows_every_key_and_no_others() {
        let schema = schemars::schema_for!(ModelRowSpec).to_value();
        assert_eq!(schema["additionalProperties"], json!(false));
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "provider",
                "model",
                "base_url",
                "api_key_env",
                "headers",
                "params",
                "extra",
                "timeout",
                "limits",
                "price",
                "command"
            ]
        );
    }
    #[test]
    fn openai_itself_has_no_top_k() {
        let problems = |row: Value| {
            let spec: ModelRowSpec = serde_json::from_value(row).unwrap();
            let problems = spec.validate("r").err().unwrap_or_default();
            problems.into_iter().map(|problem| problem.path.join(".")).collect::<Vec<_>>()
        };
        let row = |base_url: Value| json!({"provider": "openai", "model": "m", "base_url": base_url, "params": {"top_k": 3}});
        assert_eq!(problems(row(Value::Null)), ["params.top_k"]);
        assert_eq!(problems(row(json!("https://api.openai.com/v1"))), ["params.top_k"]);
        assert_eq!(problems(row(json!("http://127.0.0.1:8080/v1"))), [""; 0]);
    }
}
