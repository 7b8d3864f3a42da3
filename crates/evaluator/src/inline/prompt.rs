//! What is asked, and with which values.

use std::borrow::Cow;

use promptassay_llm::ChatRequest;
use promptassay_registry::content::VersionContent;
use promptassay_registry::memory;
use promptassay_registry::memory::RenderFailure;
use promptassay_registry::template::{Template, TemplateFormat, Values};
use promptassay_registry::tree;
use promptassay_registry::variables::Variables;
use serde_json::Value;

use super::{Case, Invalid};
use crate::plan::{messages, tools};

/// What is asked: a version, with the variables of its prompt, or bare content, whose variables are those that it uses.
///
/// Nobody needs to name it: `&version` and `&content` are taken where one is wanted.
#[derive(Debug, Clone)]
pub struct Prompt<'a> {
    content: &'a VersionContent,
    variables: Cow<'a, Variables>,
}

impl<'a> From<&'a tree::PromptVersion> for Prompt<'a> {
    fn from(version: &'a tree::PromptVersion) -> Self {
        Self { content: &version.content, variables: Cow::Borrowed(version.interface.variables()) }
    }
}

impl<'a> From<&'a memory::PromptVersion> for Prompt<'a> {
    fn from(version: &'a memory::PromptVersion) -> Self {
        Self { content: &version.content, variables: Cow::Borrowed(version.interface.variables()) }
    }
}

impl<'a> From<&'a VersionContent> for Prompt<'a> {
    fn from(content: &'a VersionContent) -> Self {
        let format = content.templates().next().map_or(TemplateFormat::Format, Template::format);
        Self { content, variables: Cow::Owned(Variables::inferred(format, content.variables())) }
    }
}

/// A case with all that asking it takes.
pub(super) struct Question<'a> {
    pub(super) case: &'a Case,
    /// Those of the case, and the defaults.
    pub(super) inputs: Cow<'a, Values>,
    pub(super) request: ChatRequest,
}

impl Prompt<'_> {
    /// What every case is asked with, without its messages.
    pub(super) fn blank(&self) -> Result<ChatRequest, Invalid> {
        let mut request = ChatRequest { tools: tools(self.content), ..ChatRequest::default() };
        if let VersionContent::Chat(chat) = self.content {
            let unknown = |source: serde_json::Error| Invalid::Unknown(source.to_string());
            request.params = serde_json::from_value(Value::Object(chat.params().clone())).map_err(unknown)?;
            let format = chat.response_format().cloned();
            request.response_format = format.map(serde_json::from_value).transpose().map_err(unknown)?;
        }
        Ok(request)
    }

    /// What a case is asked: as `render` of the version fills it, but for a value that no variable takes, which a test must not lose.
    pub(super) fn question<'a>(&self, blank: &ChatRequest, case: &'a Case) -> Result<Question<'a>, Invalid> {
        if case.validators.is_empty() {
            return Err(Invalid::NoCheck(case.name.clone()));
        }
        let not_rendered = |source| Invalid::NotRendered { case: case.name.clone(), source };
        let resolved = self.variables.resolve(&case.inputs);
        let resolved = resolved.map_err(|problems| not_rendered(RenderFailure::Values(problems)))?;
        if !resolved.unknown.is_empty() {
            return Err(Invalid::UnknownInputs { case: case.name.clone(), unknown: resolved.unknown });
        }
        let messages = messages(self.content, &resolved.values);
        let messages = messages.map_err(|error| not_rendered(RenderFailure::Template(error)))?;
        Ok(Question { case, inputs: resolved.values, request: ChatRequest { messages, ..blank.clone() } })
    }
}
