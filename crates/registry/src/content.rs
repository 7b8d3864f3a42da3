//! What a version says: one text, or chat messages with roles.
//!
//! Roles are data beside the templates. Nothing here looks for a role in rendered text, so no value can forge a message.

mod usage;

use indexmap::IndexSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::template::{RenderError, Template, Values, missing_variables};

pub use usage::{UsageFinding, as_field, check_usage, in_other_braces};

/// The parsed content of a version.
#[derive(Debug, Clone, PartialEq)]
pub enum VersionContent {
    /// One text, sent as one user message.
    Text(Template),
    /// Messages with roles.
    Chat(Chat),
}

/// Messages with roles, and what else goes along with the request. There is at least one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    messages: Vec<MessageTemplate>,
    params: Map<String, Value>,
    response_format: Option<Value>,
    tools: Vec<Tool>,
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// The name that the model calls it by.
    pub name: String,
    /// What it does, for the model to read; no template.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Map<String, Value>,
}

/// One message before its variables have values.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageTemplate {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub template: Template,
}

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The instructions.
    System,
    /// The person who asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

/// A chat without messages asks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chat needs at least one message")]
pub struct NoMessages;

impl Chat {
    /// A chat. `params` and `response_format` are kept as they are; their meaning belongs to whoever talks to the model.
    pub fn new(
        messages: Vec<MessageTemplate>,
        params: Map<String, Value>,
        response_format: Option<Value>,
    ) -> Result<Self, NoMessages> {
        if messages.is_empty() {
            return Err(NoMessages);
        }
        Ok(Self { messages, params, response_format, tools: Vec::new() })
    }

    /// The same chat, and these tools that the model may call.
    #[must_use]
    pub fn with_tools(self, tools: Vec<Tool>) -> Self {
        Self { tools, ..self }
    }

    /// The messages, at least one.
    pub fn messages(&self) -> &[MessageTemplate] {
        &self.messages
    }

    /// The parameters of the model that the version asks for, as written.
    pub fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// The form of the answer that the version asks for, as written.
    pub fn response_format(&self) -> Option<&Value> {
        self.response_format.as_ref()
    }

    /// The tools that the model may call, in the order of the file.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }
}

impl VersionContent {
    /// The templates, in the order of the messages.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let (text, messages) = match self {
            Self::Text(template) => (Some(template), &[][..]),
            Self::Chat(chat) => (None, chat.messages()),
        };
        text.into_iter().chain(messages.iter().map(|message| &message.template))
    }

    /// The names of the variables of all messages, each once, in order of first appearance.
    pub fn variables(&self) -> Vec<&str> {
        let names: IndexSet<&str> = self.templates().flat_map(Template::variables).collect();
        names.into_iter().collect()
    }

    /// Inserts the values into every message; on failure, the missing variables of all messages.
    pub fn render(&self, values: &Values) -> Result<Rendered, RenderError> {
        let chat = match self {
            Self::Text(template) => return template.render(values).map(Rendered::Text),
            Self::Chat(chat) => chat,
        };
        let mut rendered = Vec::with_capacity(chat.messages.len());
        let mut missing = IndexSet::new();
        for MessageTemplate { role, template } in &chat.messages {
            match template.render(values) {
                Ok(content) => rendered.push(RenderedMessage { role: *role, content }),
                Err(RenderError::Missing(variables)) => {
                    missing.extend(variables.into_iter().map(|variable| variable.name));
                }
                Err(error) => return Err(error),
            }
        }
        if missing.is_empty() {
            return Ok(Rendered::Chat(rendered));
        }
        // Looked up again over all messages: a value that another message takes is not a misspelling.
        let mut variables = missing_variables(&self.variables(), values);
        variables.retain(|variable| missing.contains(&variable.name));
        Err(RenderError::Missing(variables))
    }
}

/// What is sent to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// One text.
    Text(String),
    /// Messages with roles.
    Chat(Vec<RenderedMessage>),
}

/// One message with its values in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenderedMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Rendered {
    /// The messages; a text is one message of the user.
    pub fn into_messages(self) -> Vec<RenderedMessage> {
        match self {
            Self::Text(content) => vec![RenderedMessage { role: Role::User, content }],
            Self::Chat(messages) => messages,
        }
    }
}

#[cfg(test)]
mod tests;
