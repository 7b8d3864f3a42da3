//! Registering a version: everything is checked before anything changes.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Prompt, PromptVersion};
use crate::content::{UsageFinding, VersionContent, check_usage};
use crate::digest::Digest;
use crate::name::PromptName;
use crate::template::{Template, TemplateFormat};
use crate::variables::{Interface, Variables};
use crate::version::Version;

/// A version to register.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    pub(super) name: PromptName,
    version: Version,
    content: VersionContent,
    created_at: Timestamp,
    created_by: String,
    description: String,
    metadata: Map<String, Value>,
    variables: Option<Variables>,
}

impl Registration {
    /// A version of a prompt, with its author and the present time. Its variables are those of its templates, of any type.
    pub fn new(
        name: PromptName,
        version: Version,
        content: VersionContent,
        created_by: impl Into<String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            name,
            version,
            content,
            created_at,
            created_by: created_by.into(),
            description: String::new(),
            metadata: Map::new(),
            variables: None,
        }
    }

    /// What it is for.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Anything else worth keeping.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = metadata;
        self
    }

    /// Declared variables, with types and limits, instead of those found in the templates.
    pub fn variables(mut self, variables: Variables) -> Self {
        self.variables = Some(variables);
        self
    }

    /// Whether it can be registered beside the versions of `known`, and as what.
    pub(super) fn check(self, known: Option<&Prompt>) -> Result<(PromptName, Registered), RegisterError> {
        let unused = self.check_variables()?;
        let format = self.content.templates().next().map_or(TemplateFormat::Format, Template::format);
        let variables =
            self.variables.unwrap_or_else(|| Variables::inferred(format, self.content.variables()));
        let interface = Interface::new(format, variables);
        let digest = digest_of(&self.content);
        if let Some(taken) = known.and_then(|prompt| prompt.versions.get(&self.version)) {
            if taken.digest != digest {
                return Err(RegisterError::ContentTaken {
                    prompt: self.name,
                    version: self.version,
                    registered: taken.digest,
                    offered: digest,
                });
            }
            if taken.interface.digest() != interface.digest() {
                return Err(RegisterError::InterfaceTaken { prompt: self.name, version: self.version });
            }
            let registered =
                Registered { version: Arc::clone(taken), is_new: false, same_content_as: None, unused };
            return Ok((self.name, registered));
        }
        let same_content_as = known.and_then(|prompt| {
            let same = prompt.versions.values().find(|other| other.digest == digest)?;
            Some(same.version.clone())
        });
        let version = PromptVersion {
            version: self.version,
            content: self.content,
            interface,
            digest,
            created_at: self.created_at,
            created_by: self.created_by,
            description: self.description,
            metadata: self.metadata,
        };
        Ok((self.name, Registered { version: Arc::new(version), is_new: true, same_content_as, unused }))
    }

    /// The declared variables that the content does not use.
    fn check_variables(&self) -> Result<Vec<String>, RegisterError> {
        let Some(declared) = &self.variables else { return Ok(Vec::new()) };
        let mut undeclared = Vec::new();
        let mut unused = Vec::new();
        for finding in check_usage(declared, [(&self.version, &self.content)]) {
            match finding {
                UsageFinding::Undeclared { variable, suggestion, .. } => {
                    undeclared.push((variable, suggestion));
                }
                UsageFinding::Unused { variable, .. } => unused.push(variable),
                // It takes a second version.
                UsageFinding::WrittenAsText { .. } => {}
            }
        }
        if undeclared.is_empty() {
            Ok(unused)
        } else {
            Err(RegisterError::Undeclared { variables: undeclared })
        }
    }
}

/// What registering did.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// The version as it stands in the registry.
    pub version: Arc<PromptVersion>,
    /// Whether it was added; `false` where it was there already, with author, time, description and metadata of its first
    /// registration.
    pub is_new: bool,
    /// The oldest version of the prompt with the same content, if there was one: probably an oversight.
    pub same_content_as: Option<Version>,
    /// Declared variables that the content does not use.
    pub unused: Vec<String>,
}

/// The version could not be registered. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The number belongs to another text for ever.
    #[error("prompt `{prompt}` has a version {version} with other content: {} is registered, {} was offered", registered.short(), offered.short())]
    ContentTaken {
        /// The prompt.
        prompt: PromptName,
        /// The number.
        version: Version,
        /// The digest under this number.
        registered: Digest,
        /// The digest that was offered.
        offered: Digest,
    },
    /// The number belongs to the same text with other variables or another template language.
    #[error("prompt `{prompt}` has a version {version} with the same content and other variables")]
    InterfaceTaken {
        /// The prompt.
        prompt: PromptName,
        /// The number.
        version: Version,
    },
    /// The templates use variables that are not declared.
    #[error("the content uses variables that are not declared: {}", listed(variables))]
    Undeclared {
        /// The variables, each with a declared one that may have been meant.
        variables: Vec<(String, Option<String>)>,
    },
}

impl RegisterError {
    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::ContentTaken { .. } | Self::InterfaceTaken { .. } => {
                "a registered version never changes: register under the next number".to_owned()
            }
            Self::Undeclared { variables } => {
                let meant = variables.iter().find_map(|(name, suggestion)| {
                    Some(format!("did you mean `{}` instead of `{name}`?", suggestion.as_ref()?))
                });
                meant.unwrap_or_else(|| "declare them".to_owned())
            }
        }
    }
}

fn listed(variables: &[(String, Option<String>)]) -> String {
    variables.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn digest_of(content: &VersionContent) -> Digest {
    let chat = match content {
        VersionContent::Text(template) => return Digest::of(template.source()),
        VersionContent::Chat(chat) => chat,
    };
    let messages: Vec<Value> = chat
        .messages()
        .iter()
        .map(|message| json!({"role": message.role, "content": message.template.source()}))
        .collect();
    let mut written = json!({
        "messages": messages, "params": chat.params(), "response_format": chat.response_format()
    });
    if !chat.tools().is_empty() {
        written["tools"] = json!(chat.tools());
    }
    Digest::of_json(&written)
}
