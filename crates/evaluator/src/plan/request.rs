//! From a version and a case to what is asked.

use promptassay_llm::{ChatRequest, Message, Role, ToolDefinition};
use promptassay_registry::content::{self, Rendered, Tool, VersionContent};
use promptassay_registry::template::{RenderError, Values};

use serde_json::Value;

use super::Variant;
use crate::suite::Case;

/// The request of a case to a variant: the rendered messages, the effective parameters, and nothing that nobody wrote.
pub(super) fn of(variant: &Variant, case: &Case) -> Result<ChatRequest, RenderError> {
    let messages = asked(&variant.content, &case.inputs, &case.messages)?;
    Ok(ChatRequest {
        params: variant.params.clone(),
        response_format: variant.response_format.clone(),
        tools: variant.tools.clone(),
        extra: variant.model.extra.clone(),
        ..ChatRequest::new(messages)
    })
}

/// The messages of a version with these values and what was said before.
///
/// The conversation of a case goes right before the last message of the user in the prompt, so that the instructions and the
/// examples of the prompt come first and its question comes last; where the prompt has no message of the user, it comes last.
///
/// # Errors
///
/// What the templates of the version say of the values.
pub fn asked(
    content: &VersionContent,
    inputs: &Values,
    conversation: &[Message],
) -> Result<Vec<Message>, RenderError> {
    let mut messages = messages(content, inputs)?;
    let question = messages.iter().rposition(|message| message.role == Role::User);
    let before = question.unwrap_or(messages.len());
    messages.splice(before..before, conversation.iter().cloned());
    Ok(messages)
}

/// The messages of a version with these values.
pub(crate) fn messages(content: &VersionContent, inputs: &Values) -> Result<Vec<Message>, RenderError> {
    Ok(match content.render(inputs)? {
        Rendered::Text(text) => vec![Message::user(text)],
        Rendered::Chat(messages) => {
            messages.into_iter().map(|message| Message::new(role(message.role), message.content)).collect()
        }
    })
}

/// The tools that a version offers.
pub(crate) fn tools(content: &VersionContent) -> Vec<ToolDefinition> {
    let VersionContent::Chat(chat) = content else { return Vec::new() };
    let definition = |tool: &Tool| ToolDefinition {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: Value::Object(tool.parameters.clone()),
    };
    chat.tools().iter().map(definition).collect()
}

fn role(role: content::Role) -> Role {
    match role {
        content::Role::System => Role::System,
        content::Role::User => Role::User,
        content::Role::Assistant => Role::Assistant,
        content::Role::Tool => Role::Tool,
    }
}
