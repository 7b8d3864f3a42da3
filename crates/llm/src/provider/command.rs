//! A program as the model: the application under test answers itself. JSON in, JSON out; runs nothing itself.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::config::ModelRow;
use crate::error::{ModelError, ModelErrorKind};
use crate::excerpt;
use crate::json;
use crate::message::ToolCall;
use crate::provider::Provider;
use crate::reply::{FinishReason, Reply, Usage};
use crate::request::ChatRequest;
use crate::wire::{self, EncodeError};

/// What a program left behind when it ended.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    pub(crate) program: String,
    pub(crate) success: bool,
    /// How it ended, in the system's words.
    pub(crate) status: String,
    pub(crate) stdout: Vec<u8>,
    /// The end of it.
    pub(crate) stderr: Vec<u8>,
}

/// The JSON object that a program must write to stdout.
#[derive(Default)]
struct ProgramAnswer {
    text: Option<String>,
    refusal: Option<String>,
    tool_calls: Vec<ToolCall>,
    finish_reason: Option<FinishReason>,
    usage: Usage,
    model: Option<String>,
    request_id: Option<String>,
    error: Option<ProgramError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `kind`, `message` and `retry_after_ms`")]
struct ProgramError {
    kind: ModelErrorKind,
    #[serde(default)]
    message: String,
    retry_after_ms: Option<u64>,
}

impl ProgramAnswer {
    /// On failure what the program wrote instead, completing a sentence about it.
    fn read(stdout: &[u8]) -> Result<Self, String> {
        if stdout.trim_ascii().is_empty() {
            return Err("wrote nothing to stdout".to_owned());
        }
        let written: Value =
            json::read(stdout).map_err(|error| format!("wrote no JSON to stdout ({error})"))?;
        let Value::Object(keys) = written else {
            return Err("wrote JSON that is no object".to_owned());
        };
        let mut answer = Self::default();
        for (key, value) in keys {
            match key.as_str() {
                "text" => answer.text = typed(&key, value)?,
                "refusal" => answer.refusal = typed(&key, value)?,
                "tool_calls" => answer.tool_calls = typed(&key, value)?,
                "finish_reason" => answer.finish_reason = typed(&key, value)?,
                "usage" => answer.usage = typed(&key, value)?,
                "model" => answer.model = typed(&key, value)?,
                "request_id" => answer.request_id = typed(&key, value)?,
                "error" => answer.error = typed(&key, value)?,
                _ => return Err(format!("wrote a key that no answer has, `{}`", excerpt::of_text(&key))),
            }
        }
        if answer.error.is_none()
            && answer.text.is_none()
            && answer.refusal.is_none()
            && answer.tool_calls.is_empty()
        {
            return Err("wrote none of `text`, `refusal`, `tool_calls` and `error`".to_owned());
        }
        Ok(answer)
    }
}

fn typed<T: DeserializeOwned>(key: &str, value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| {
        let what = error.to_string().replace("expected u64", "expected a whole number");
        format!("wrote its `{key}` so that it cannot be read ({what})")
    })
}

/// The JSON object that the program reads from stdin: `model` and the request's own fields.
pub(crate) fn encode(row: &ModelRow, request: &ChatRequest) -> Result<Value, EncodeError> {
    wire::check(Provider::Command, request)?;
    let mut question = Map::new();
    question.insert("model".to_owned(), row.model.clone().into());
    for (key, value) in [
        ("messages", json!(request.messages)),
        ("tools", json!(request.tools)),
        ("response_format", json!(request.response_format)),
        ("params", json!(request.params)),
        ("extra", json!(request.extra)),
    ] {
        question.insert(key.to_owned(), value);
    }
    Ok(Value::Object(question))
}

pub(crate) fn decode(finished: &Finished) -> Result<Reply, ModelError> {
    let answer = ProgramAnswer::read(&finished.stdout);
    if !finished.success && !answer.as_ref().is_ok_and(|answer| answer.error.is_some()) {
        let stderr = String::from_utf8_lossy(&finished.stderr);
        let last_line =
            stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing on stderr");
        let detail =
            format!("`{}` failed ({}): {}", finished.program, finished.status, excerpt::of_text(last_line));
        return Err(ModelError::Server { retry_after: None, retryable: true, detail });
    }
    let answer = answer
        .map_err(|wrote| wire::malformed(&format!("`{}` {wrote}", finished.program), &finished.stdout))?;
    if let Some(error) = answer.error {
        return Err(classified(&error));
    }
    let by_content = if answer.tool_calls.is_empty() { FinishReason::Stop } else { FinishReason::Tool };
    Ok(Reply {
        text: answer.text.unwrap_or_default(),
        refusal: answer.refusal,
        tool_calls: answer.tool_calls,
        finish_reason: answer.finish_reason.unwrap_or(by_content),
        usage: answer.usage,
        served_model: answer.model,
        request_id: answer.request_id,
        latency: Duration::ZERO,
        redacted: Vec::new(),
    })
}

fn classified(error: &ProgramError) -> ModelError {
    let retry_after = error.retry_after_ms.map(Duration::from_millis);
    let detail = excerpt::of_text(&error.message);
    match error.kind {
        ModelErrorKind::RateLimited => ModelError::RateLimited { retry_after, detail },
        ModelErrorKind::Overloaded => ModelError::Overloaded { retry_after, detail },
        ModelErrorKind::Timeout => ModelError::Timeout { detail },
        ModelErrorKind::Unreachable => ModelError::Unreachable { detail },
        ModelErrorKind::Transport => ModelError::Transport { detail },
        ModelErrorKind::Server => ModelError::Server { retry_after, retryable: true, detail },
        ModelErrorKind::QuotaExhausted => ModelError::QuotaExhausted { detail },
        ModelErrorKind::Auth => ModelError::Auth { detail },
        ModelErrorKind::NotFound => ModelError::NotFound { detail },
        ModelErrorKind::BadRequest => ModelError::BadRequest { detail },
        ModelErrorKind::Malformed => ModelError::Malformed { detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(success: bool, stdout: &str, stderr: &str) -> Finished {
        Finished {
            program: "app".into(),
            success,
            status: if success { "exit status: 0" } else { "exit status: 1" }.into(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn a_text_alone_is_an_answer() {
        let reply =
            decode(&finished(true, r#"{"text": "hi", "usage": {"input": 3, "output": 1}}"#, "")).unwrap();
        assert_eq!(
            (reply.text.as_str(), &reply.finish_reason, reply.usage.total()),
            ("hi", &FinishReason::Stop, Some(4))
        );
    }

    #[test]
    fn a_byte_order_mark_before_the_answer_is_passed_over() {
        assert_eq!(decode(&finished(true, "\u{feff}{\"text\": \"hi\"}\n", "")).unwrap().text, "hi");
    }

    #[test]
    fn a_tool_call_is_an_answer() {
        let stdout = r#"{"tool_calls": [{"name": "find", "arguments": {"q": 1}}]}"#;
        assert_eq!(decode(&finished(true, stdout, "")).unwrap().finish_reason, FinishReason::Tool);
    }

    #[test]
    fn a_program_may_classify_its_own_error() {
        let stdout = r#"{"error": {"kind": "rate_limited", "message": "later", "retry_after_ms": 1500}}"#;
        for success in [true, false] {
            let error = decode(&finished(success, stdout, "")).unwrap_err();
            assert_eq!(error.to_string(), "rate limited: later");
            assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
        }
    }

    #[test]
    fn a_crash_shows_the_last_line_of_stderr() {
        let error = decode(&finished(false, "", "Traceback:\n  File x\nKeyError: 'query'\n\n")).unwrap_err();
        insta::assert_snapshot!(error, @"the server failed: `app` failed (exit status: 1): KeyError: 'query'");
        assert!(error.is_retryable());
    }

    #[test]
    fn anything_else_on_stdout_is_malformed() {
        let seen: Vec<String> = [
            "",
            "hello",
            "[1]",
            "{}",
            r#"{"txt": "hi"}"#,
            r#"{"text": 3}"#,
            r#"{"error": "just text"}"#,
            r#"{"text": "hi", "usage": {"input": "3"}}"#,
        ]
        .map(|stdout| {
            let error = decode(&finished(true, stdout, "")).unwrap_err();
            assert_eq!(error.kind(), ModelErrorKind::Malformed, "{stdout}");
            error.to_string()
        })
        .to_vec();
        insta::assert_snapshot!(seen.join("\n"), @r#"
        the answer cannot be read: `app` wrote nothing to stdout
        the answer cannot be read: `app` wrote no JSON to stdout (expected value at line 1 column 1): hello
        the answer cannot be read: `app` wrote JSON that is no object: [1]
        the answer cannot be read: `app` wrote none of `text`, `refusal`, `tool_calls` and `error`: {}
        the answer cannot be read: `app` wrote a key that no answer has, `txt`: {"txt": "hi"}
        the answer cannot be read: `app` wrote its `text` so that it cannot be read (invalid type: integer `3`, expected a string): {"text": 3}
        the answer cannot be read: `app` wrote its `error` so that it cannot be read (invalid type: string "just text", expected an object with `kind`, `message` and `retry_after_ms`): {"error": "just text"}
        the answer cannot be read: `app` wrote its `usage` so that it cannot be read (invalid type: string "3", expected a whole number): {"text": "hi", "usage": {"input": "3"}}
        "#);
    }
}
