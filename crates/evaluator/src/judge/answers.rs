//! What judges answered in a run, found again by what they were asked: in the run's journal, so that memory does not grow with the
//! texts.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use promptassay_registry::digest::Digest;

use crate::event::{Event, JudgeAnswered};
use crate::journal::{Quoting, ReadError, Span};
use crate::run::Asked;

/// The answers of judges by the digest of what was asked and the number of the sample: about 60 bytes for each.
#[derive(Debug)]
pub struct JudgeAnswers {
    places: HashMap<(Digest, u32), Span>,
    journal: Mutex<Quoting>,
}

impl JudgeAnswers {
    /// No answers yet, of the journal at `path`.
    pub fn new(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { places: HashMap::new(), journal: Mutex::new(Quoting::open(path)?) })
    }

    /// Takes an event into account that stands at `span` of the journal.
    pub fn apply(&mut self, event: &Event, span: Span) {
        if let Event::JudgeAnswered(answered) = event {
            self.places.insert((answered.request_sha256, answered.sample), span);
        }
    }

    /// What was answered to a question; `None` where it was not asked, or its line cannot be read any more.
    pub fn find(&self, request: &Digest, sample: u32) -> Option<Asked> {
        let span = *self.places.get(&(*request, sample))?;
        let event = self.journal.lock().unwrap_or_else(PoisonError::into_inner).read(span).ok()?;
        match event {
            Event::JudgeAnswered(answered) => {
                let JudgeAnswered { reply, source, .. } = *answered;
                Some(Asked { reply, source })
            }
            _ => None,
        }
    }
}
