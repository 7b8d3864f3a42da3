//! What a validator looks at: a reply, and what is known about it.

use std::sync::OnceLock;
use std::time::Duration;

use promptassay_llm::{Message, Reply};
use promptassay_registry::template::Values;
use serde_json::Value;

use crate::judge::Given;

/// A reply and what is known about it. What nobody measured is not there, and never 0.
#[derive(Debug)]
pub struct Subject<'a> {
    pub(crate) reply: &'a Reply,
    pub(crate) inputs: &'a Values,
    pub(crate) conversation: &'a [Message],
    pub(crate) reference: Option<&'a str>,
    pub(crate) cost: Option<f64>,
    pub(crate) latency: Option<Duration>,
    json: OnceLock<Result<Value, String>>,
}

impl<'a> Subject<'a> {
    /// A reply to a case with these values, without cost and latency.
    pub fn new(reply: &'a Reply, inputs: &'a Values) -> Self {
        Self {
            reply,
            inputs,
            conversation: &[],
            reference: None,
            cost: None,
            latency: None,
            json: OnceLock::new(),
        }
    }

    /// The same with what was said before the question.
    pub fn conversation(self, conversation: &'a [Message]) -> Self {
        Self { conversation, ..self }
    }

    /// The same with the answer that a person would have given, where the case has one.
    pub fn reference(self, reference: Option<&'a str>) -> Self {
        Self { reference, ..self }
    }

    /// The same with what the reply cost, in US dollars; `None` where that is not known.
    pub fn cost(self, cost: Option<f64>) -> Self {
        Self { cost, ..self }
    }

    /// The same with how long the model took; `None` where no model answered in this run.
    pub fn latency(self, latency: Option<Duration>) -> Self {
        Self { latency, ..self }
    }

    /// What a judge is shown beside the reply.
    pub(crate) fn given(&self) -> Given<'a> {
        Given { inputs: self.inputs, conversation: self.conversation, reference: self.reference }
    }

    /// The text that text validators look at: the reply's text.
    pub fn text(&self) -> &'a str {
        &self.reply.text
    }

    /// The reply's text read as JSON, once for all validators; else why it is none.
    pub(crate) fn json(&self) -> Result<&Value, &str> {
        let read = || match serde_json::from_str(self.text()) {
            Ok(value) => Ok(value),
            Err(_) if self.text().trim().is_empty() => Err("it is empty".to_owned()),
            // The parser's word for `true`, `false` and `null`.
            Err(error) => Err(error.to_string().replace("expected ident", "expected a value")),
        };
        self.json.get_or_init(read).as_ref().map_err(String::as_str)
    }
}
