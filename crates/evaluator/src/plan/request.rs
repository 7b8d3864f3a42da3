//! From a version and a case to what is asked.

use promptassay_llm::{ChatRequest, Message, Role};
use promptassay_registry::content::{self, Rendered};
use promptassay_registry::template::RenderError;

use super::Variant;
use crate::suite::Case;

/// The request of a case to a variant: the rendered messages, the effective parameters, and nothing that nobody wrote.
pub(super) fn of(variant: &Variant, case: &Case) -> Result<ChatRequest, RenderError> {
    let messages = match variant.content.render(&case.inputs)? {
        Rendered::Text(text) => vec![Message::user(text)],
        Rendered::Chat(messages) => {
            messages.into_iter().map(|message| Message::new(role(message.role), message.content)).collect()
        }
    };
    Ok(ChatRequest {
        params: variant.params.clone(),
        response_format: variant.response_format.clone(),
        extra: variant.model.extra.clone(),
        ..ChatRequest::new(messages)
    })
}

fn role(role: content::Role) -> Role {
    match role {
        content::Role::System => Role::System,
        content::Role::User => Role::User,
        content::Role::Assistant => Role::Assistant,
        content::Role::Tool => Role::Tool,
    }
}
