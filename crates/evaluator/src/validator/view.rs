//! What a check looks at: the whole reply, or the part of its JSON that `at` names.

use std::borrow::Cow;

use serde_json::Value;

use super::Subject;
use super::json_path::JsonPath;
use crate::outcome::Reason;

/// The reply, or a part of it.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject<'a>,
    text: Cow<'a, str>,
    part: Option<&'a Value>,
}

impl<'a> View<'a> {
    pub(super) fn whole(subject: &'a Subject<'a>) -> Self {
        Self { subject, text: Cow::Borrowed(subject.text()), part: None }
    }

    /// The reply's text; of a part the text that it is, or its JSON on one line.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The reply read as JSON, or the part itself; else why the reply is not JSON.
    pub(super) fn json(&self) -> Result<&'a Value, &'a str> {
        self.part.map_or_else(|| self.subject.json(), Ok)
    }

    pub(super) fn is_part(&self) -> bool {
        self.part.is_some()
    }

    /// The part at a path, seen from here; else why there is none.
    pub(super) fn at(&self, path: &JsonPath) -> Result<Self, Reason> {
        let value = self.json().map_err(|why| not_json(why, self.text()))?;
        let part = path.find(value).ok_or_else(|| {
            Reason::new(format!("the reply has nothing at {path}")).got(json_excerpt(value))
        })?;
        let text = match part {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        Ok(Self { subject: self.subject, text, part: Some(part) })
    }
}

pub(super) fn not_json(why: &str, text: &str) -> Reason {
    Reason::new(format!("the reply is not JSON: {why}")).got(super::excerpt::excerpt(text))
}

pub(super) fn json_excerpt(value: &Value) -> String {
    super::excerpt::excerpt(&value.to_string())
}
