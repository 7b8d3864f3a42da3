//! Prompts and versions as they are shown: the JSON that several commands share, and words for people.

use std::path::Path;

use jiff::Timestamp;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::event::Grounds;
use promptassay_lifecycle::evidence::EvidenceSummary;
use promptassay_lifecycle::stage::Stage;
use promptassay_lifecycle::state::State;
use promptassay_registry::content::{Role, Tool, VersionContent};
use promptassay_registry::digest::Digest;
use promptassay_registry::tree::{Prompt, PromptVersion};
use promptassay_registry::variables::{Variable, VariableType};
use promptassay_registry::version::Version;
use promptassay_registry::version_file::Form;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::lifecycle::grounds_of;

/// Where a version comes from.
#[derive(Debug, Serialize)]
pub(crate) struct VersionRow<'a> {
    pub(crate) version: &'a Version,
    /// Whether it is the one that is served.
    pub(crate) active: bool,
    pub(crate) registered: bool,
    /// Its stage, where a ledger knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<Stage>,
    /// The evidence of its last move to canary or production, as the ledger keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<&'a EvidenceSummary>,
    /// What allowed that move, in words.
    #[serde(skip)]
    pub(crate) grounds: Option<String>,
    pub(crate) form: Form,
    pub(crate) file: &'a Path,
    pub(crate) sha256: Digest,
    /// Of the template format and the variables, when it was registered.
    pub(crate) interface: Option<Digest>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) created_by: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    pub(crate) metadata: Map<String, Value>,
}

/// What a version says, before its variables have values.
#[derive(Debug, Serialize)]
pub(crate) struct Content<'a> {
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) params: Map<String, Value>,
    pub(crate) response_format: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) tools: &'a [Tool],
}

/// A message before its variables have values.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: Role,
    pub(crate) content: &'a str,
}

impl<'a> VersionRow<'a> {
    /// The row of `version`; `stages` are those of a ledger that can be trusted.
    pub(crate) fn of(prompt: &Prompt, version: &'a PromptVersion, stages: Option<&'a State>) -> Self {
        let known = stages.and_then(|stages| stages.versions().get(&version.version));
        let grounds = known.and_then(|known| known.grounds.as_ref());
        let row = version.registered.as_ref();
        let metadata = row.map(|row| row.metadata.clone()).unwrap_or_default();
        Self {
            version: &version.version,
            active: prompt.active_version().is_ok_and(|active| active.version == version.version),
            registered: version.is_registered(),
            stage: known.map(|known| known.stage),
            evidence: match grounds {
                Some(Grounds::Evidence(summary)) => Some(summary),
                _ => None,
            },
            grounds: grounds.and_then(grounds_of),
            form: version.form(),
            file: &version.path,
            sha256: version.digest,
            interface: row.map(|row| row.interface),
            created_at: row.map(|row| row.created_at),
            created_by: row.map(|row| row.created_by.as_str()),
            description: row.and_then(|row| row.description.as_deref()),
            metadata: metadata.into_iter().map(|(key, value)| (key, Value::from(value))).collect(),
        }
    }

    /// `registered, active` and the like; where a ledger knows the version, its stage stands for `active`.
    pub(crate) fn state(&self) -> String {
        let registered = if self.registered { "registered" } else { "unregistered" };
        match (self.stage, self.active) {
            // What is active is what is in production, or `check` says so.
            (Some(Stage::Production), true) => format!("{registered}, {}", Stage::Production),
            (Some(stage), false) => format!("{registered}, {stage}"),
            (Some(stage), true) => format!("{registered}, active, {stage}"),
            (None, true) => format!("{registered}, active"),
            (None, false) => registered.to_owned(),
        }
    }

    /// `ticket=SUP-12, area=tone`; empty where there is none.
    pub(crate) fn metadata_line(&self) -> String {
        let pairs =
            self.metadata.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
        visible(&pairs.collect::<Vec<_>>().join(", "))
    }
}

impl<'a> Content<'a> {
    pub(crate) fn of(content: &'a VersionContent) -> Self {
        match content {
            VersionContent::Text(template) => Self {
                messages: vec![Message { role: Role::User, content: template.source() }],
                params: Map::new(),
                response_format: None,
                tools: &[],
            },
            VersionContent::Chat(chat) => Self {
                messages: chat
                    .messages()
                    .iter()
                    .map(|message| Message { role: message.role, content: message.template.source() })
                    .collect(),
                params: chat.params().clone(),
                response_format: chat.response_format(),
                tools: chat.tools(),
            },
        }
    }
}

/// The role as it stands in files.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// A variable as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct VariableRow<'a> {
    name: &'a str,
    r#type: Option<VariableType>,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#enum: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl<'a> VariableRow<'a> {
    pub(crate) fn of(name: &'a str, variable: &'a Variable) -> Self {
        Self {
            name,
            r#type: variable.kind(),
            required: variable.is_required(),
            default: variable.default(),
            r#enum: variable.allowed(),
            max_length: variable.max_length(),
            pattern: variable.pattern(),
            description: variable.description(),
        }
    }
}

/// What a variable takes, in a line: `string, at most 80 characters, default "Basic"`.
pub(crate) fn variable_line(variable: &Variable) -> String {
    let mut parts = vec![variable.kind().map_or("any value", VariableType::name).to_owned()];
    if let Some(allowed) = variable.allowed() {
        parts.push(format!("one of {}", allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")));
    }
    if let Some(most) = variable.max_length() {
        parts.push(format!("at most {most} characters"));
    }
    if let Some(pattern) = variable.pattern() {
        parts.push(format!("matching {pattern}"));
    }
    match variable.default() {
        Some(default) => parts.push(format!("default {default}")),
        None if !variable.is_required() => parts.push("optional".to_owned()),
        None => {}
    }
    let line = parts.join(", ");
    visible(&match variable.description() {
        Some(description) => format!("{line}: {description}"),
        None => line,
    })
}
