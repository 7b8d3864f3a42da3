//! What is said in a conversation: messages, tools, tool calls. Knows no provider's spelling of them.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The application's instructions.
    System,
    /// The person, or the program in a person's place.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; empty for an assistant message that only calls tools.
    pub content: String,
    /// The tools that an assistant message calls; empty for every other role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`]: the [`ToolCall::id`] that this message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of any role without tool calls.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
    }

    /// The application's instructions.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// What the model said earlier.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// The result of the tool call `tool_call_id`.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<String>) -> Self {
        Self { tool_call_id: Some(tool_call_id.into()), ..Self::new(Role::Tool, content) }
    }
}

/// The deepest nesting of a call's arguments that stays JSON. What reads JSON goes 128 deep and no deeper, and the files that keep
/// replies put levels of their own around them.
const DEEPEST_ARGUMENTS: usize = 64;

fn is_deep(value: &Value) -> bool {
    fn exceeds(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(items) => levels == 0 || items.iter().any(|item| exceeds(item, levels - 1)),
            Value::Object(entries) => levels == 0 || entries.values().any(|entry| exceeds(entry, levels - 1)),
            _ => false,
        }
    }
    exceeds(value, DEEPEST_ARGUMENTS)
}

fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer).map(|value| ToolCall::arguments_from_json(&value))
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolDefinition {
    /// The name that the model uses to call it.
    pub name: String,
    /// What it does, for the model to read.
    #[serde(default)]
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
}

/// A call of a tool that the model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The provider's id of this call; empty where the provider gives none.
    #[serde(default)]
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON. Where the model wrote text that is not JSON, or is nested more than 64 deep, that text as a JSON string.
    #[serde(deserialize_with = "bounded")]
    pub arguments: Value,
}

impl ToolCall {
    /// Reads arguments that arrive as text. Text that is not JSON is kept verbatim as a string, and so is a JSON
    /// string literal, so that [`ToolCall::arguments_text`] gives back what came in. Empty text means "no arguments".
    pub(crate) fn arguments_from_text(text: &str) -> Value {
        if text.trim().is_empty() {
            return Value::Object(Map::new());
        }
        match serde_json::from_str(text) {
            Ok(Value::String(_)) | Err(_) => Value::String(text.to_owned()),
            Ok(value) if is_deep(&value) => Value::String(text.to_owned()),
            Ok(value) => value,
        }
    }

    /// The same for arguments that arrive as JSON.
    pub(crate) fn arguments_from_json(value: &Value) -> Value {
        if is_deep(value) { Value::String(value.to_string()) } else { value.clone() }
    }

    /// The arguments as the text that a model would have written.
    pub fn arguments_text(&self) -> String {
        match &self.arguments {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_that_are_not_json_keep_their_text() {
        assert_eq!(ToolCall::arguments_from_text(r#"{"city":"Rome"}"#), json!({"city": "Rome"}));
        assert_eq!(ToolCall::arguments_from_text(r#"{"city":"Ro"#), json!(r#"{"city":"Ro"#));
        assert_eq!(ToolCall::arguments_from_text(""), json!({}));
    }

    #[test]
    fn what_is_nested_too_deep_for_the_files_that_keep_it_stays_text() {
        for (levels, is_text) in [(64, false), (65, true), (127, true)] {
            let text = "[".repeat(levels) + &"]".repeat(levels);
            let from_text = ToolCall::arguments_from_text(&text);
            assert_eq!(from_text.is_string(), is_text, "{levels}");
            assert_eq!(ToolCall::arguments_from_json(&serde_json::from_str(&text).unwrap()), from_text);
            let call = ToolCall { id: String::new(), name: "f".into(), arguments: from_text };
            assert_eq!(call.arguments_text(), text);
        }
    }

    proptest! {
        #[test]
        fn text_that_is_not_json_comes_back_unchanged(text in "[a-z\"{ ]*[a-z{\"]") {
            let call = ToolCall { id: String::new(), name: "f".into(), arguments: ToolCall::arguments_from_text(&text) };
            if serde_json::from_str::<Value>(&text).is_err() || text.starts_with('"') {
                prop_assert_eq!(call.arguments_text(), text);
            }
        }
    }

    #[test]
    fn a_plain_message_has_only_role_and_content() {
        let message = Message::user("hi");
        assert_eq!(serde_json::to_value(&message).unwrap(), json!({"role": "user", "content": "hi"}));
        assert_eq!(
            serde_json::from_value::<Message>(json!({"role": "user", "content": "hi"})).unwrap(),
            message
        );
    }
}
