//! A line of a file of recorded replies, as it is written.

use std::time::Duration;

use promptassay_llm::{EnvironmentName, FinishReason, Reply, ToolCall, Usage};
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;
use serde::{Deserialize, Serialize};

use super::{Author, ReplyKey};

/// The first line of a file may say what it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) schema: u64,
    #[serde(rename = "source")]
    _source: Option<Author>,
    #[serde(rename = "note")]
    _note: Option<String>,
}

/// A row. Without what would change with every recording: times, ids, latencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object")]
pub(super) struct RowSpec {
    case: String,
    #[serde(serialize_with = "without_v")]
    version: Version,
    model: String,
    repeat: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request_sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    finish_reason: FinishReason,
    #[serde(default, skip_serializing_if = "is_unknown")]
    usage: Usage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redacted: Vec<EnvironmentName>,
    pub(super) source: Author,
}

impl RowSpec {
    /// The row of a reply that a model gave to this request.
    pub(super) fn recorded(key: ReplyKey, request: Digest, reply: &Reply) -> Self {
        Self {
            case: key.case,
            version: key.version,
            model: key.model,
            repeat: key.repeat,
            request_sha256: Some(request),
            // An empty text is written where nothing else is: a row in which it was forgotten must not look the same.
            text: Some(reply.text.clone())
                .filter(|text| !text.is_empty() || (reply.refusal.is_none() && reply.tool_calls.is_empty())),
            refusal: reply.refusal.clone(),
            tool_calls: reply.tool_calls.clone(),
            finish_reason: reply.finish_reason.clone(),
            usage: reply.usage,
            redacted: reply.redacted.clone(),
            source: Author::Recorded,
        }
    }

    pub(super) fn key(&self) -> ReplyKey {
        ReplyKey {
            case: self.case.clone(),
            version: self.version.clone(),
            model: self.model.clone(),
            repeat: self.repeat,
        }
    }

    /// What makes a row of the right shape no reply, and what to do.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.text.is_none() && self.refusal.is_none() && self.tool_calls.is_empty() {
            return Some((
                "there is no reply in this row",
                "write its `text`, `refusal` or `tool_calls`; an empty reply is `\"text\":\"\"`",
            ));
        }
        (self.repeat == 0).then_some(("repeats are counted from 1", "write `\"repeat\":1` for the first"))
    }

    pub(super) fn into_reply(self) -> Reply {
        Reply {
            text: self.text.unwrap_or_default(),
            refusal: self.refusal,
            tool_calls: self.tool_calls,
            finish_reason: self.finish_reason,
            usage: self.usage,
            served_model: None,
            request_id: None,
            latency: Duration::ZERO,
            redacted: self.redacted,
        }
    }
}

pub(super) fn without_v<S: serde::Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&version.number())
}

pub(super) fn is_unknown(usage: &Usage) -> bool {
    *usage == Usage::default()
}
