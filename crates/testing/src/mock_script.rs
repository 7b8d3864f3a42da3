//! What a scripted model answers, in words short enough for a test. It is checked when it is needed, and its problems are shown then.

use promptassay_mock_llm::{
    AnswerSpec, InvalidScript, RuleSpec, Script, ScriptFromJsonError, ScriptSpec, TextMatchSpec, WhenSpec,
};
use serde_json::Value;

/// A script: rules, tried in order, and a default reply for every question that no rule knows.
#[derive(Debug, Clone)]
pub struct MockScript {
    spec: ScriptSpec,
}

impl MockScript {
    /// Answers every question with this text, until rules say more.
    pub fn default_reply(text: impl Into<String>) -> Self {
        let default = Some(AnswerSpec::Text(text.into()).into());
        Self { spec: ScriptSpec { default, ..ScriptSpec::default() } }
    }

    /// Has no default: a question that no rule knows is refused, and its test fails.
    pub fn without_default() -> Self {
        Self { spec: ScriptSpec::default() }
    }

    /// Answers with `reply` where some message of the question contains `words`; case matters. The first rule that fits answers.
    pub fn when(mut self, words: impl Into<String>, reply: impl Into<String>) -> Self {
        let words = words.into();
        let when =
            WhenSpec { any_message: Some(TextMatchSpec::Contains(words.clone())), ..WhenSpec::default() };
        self.spec.rules.push(RuleSpec::new(&words, when, AnswerSpec::Text(reply.into())));
        self
    }

    /// Everything that a script file can say, as a JSON value of the same shape.
    pub fn from_json(value: Value) -> Result<Self, ScriptFromJsonError> {
        let spec: ScriptSpec = serde_json::from_value(value).map_err(ScriptFromJsonError::Shape)?;
        Script::from_spec(&spec)?;
        Ok(Self { spec })
    }

    /// The script, if nothing is wrong with it.
    pub fn build(&self) -> Result<Script, InvalidScript> {
        Script::from_spec(&self.spec)
    }
}

impl From<ScriptSpec> for MockScript {
    fn from(spec: ScriptSpec) -> Self {
        Self { spec }
    }
}
