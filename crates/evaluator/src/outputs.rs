//! The whole results of trials: what reports quote. In memory for small runs and tests; in the journal for all others, so that
//! memory does not grow with the texts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::event::{Event, JudgeAnswered, TrialResult};
use crate::journal::{JournalReader, Quoting, ReadError, Span};
use crate::plan::{Plan, TrialId};

/// Where the results of a run's trials are.
#[derive(Debug)]
pub struct Outputs {
    store: Store,
}

#[derive(Debug)]
enum Store {
    Memory(BTreeMap<TrialId, TrialResult>),
    Journal(Indexed),
}

/// The places of results in a journal: 24 bytes for each trial of the plan, whatever the replies' length.
#[derive(Debug)]
struct Indexed {
    path: PathBuf,
    /// Sorted by trial; a trial without a result has [`NOWHERE`].
    places: Vec<(TrialId, Span)>,
    journal: Mutex<Journal>,
}

#[derive(Debug)]
struct Journal {
    quoting: Quoting,
    /// The first error. Reports are pure and cannot fail; whoever made the outputs asks for it afterwards.
    error: Option<io::Error>,
}

/// No line is empty, so this span is never a result's.
const NOWHERE: Span = Span { offset: 0, length: 0 };

impl Outputs {
    /// Results that are kept in memory.
    pub fn in_memory() -> Self {
        Self { store: Store::Memory(BTreeMap::new()) }
    }

    /// Results that stay in this journal, and are read when they are wanted.
    pub fn in_journal(path: &Path, plan: &Plan) -> Result<Self, ReadError> {
        let quoting = Quoting::open(path)?;
        let mut places: Vec<_> = plan.trials().iter().map(|trial| (trial.id, NOWHERE)).collect();
        places.sort_unstable_by_key(|(trial, _)| *trial);
        let journal = Mutex::new(Journal { quoting, error: None });
        Ok(Self { store: Store::Journal(Indexed { path: path.to_owned(), places, journal }) })
    }

    /// Takes an event into account that stands at `span` of the journal. Without a journal the span is of no interest.
    pub fn apply(&mut self, event: &Event, span: Option<Span>) {
        let Event::TrialFinished(result) = event else { return };
        match (&mut self.store, span) {
            (Store::Memory(results), _) => {
                results.insert(result.trial, (**result).clone());
            }
            (Store::Journal(indexed), Some(span)) => indexed.place(result.trial, span),
            // An event that is not in the journal cannot be quoted from it.
            (Store::Journal(_), None) => {}
        }
    }

    /// The result of a trial; `None` where it has none.
    pub fn get(&self, trial: TrialId) -> Option<TrialResult> {
        match &self.store {
            Store::Memory(results) => results.get(&trial).cloned(),
            Store::Journal(indexed) => indexed.read(trial),
        }
    }

    /// What judges answered, in the order in which it was told; nothing of results in memory.
    pub fn judge_answers(&self) -> Result<Vec<JudgeAnswered>, ReadError> {
        let Store::Journal(indexed) = &self.store else { return Ok(Vec::new()) };
        let (mut reader, mut answers) = (JournalReader::open(&indexed.path)?, Vec::new());
        while let Some(entry) = reader.next_entry()? {
            if let Event::JudgeAnswered(answered) = entry.event {
                answers.push(*answered);
            }
        }
        Ok(answers)
    }

    /// The first error of reading results. After it reports lack results, and are not to be trusted.
    pub fn take_error(&self) -> Option<ReadError> {
        let Store::Journal(indexed) = &self.store else { return None };
        let source = indexed.lock().error.take()?;
        Some(ReadError::Io { path: indexed.path.clone(), source })
    }
}

impl Indexed {
    fn find(&self, trial: TrialId) -> Option<usize> {
        self.places.binary_search_by_key(&trial, |(trial, _)| *trial).ok()
    }

    fn place(&mut self, trial: TrialId, span: Span) {
        if let Some(index) = self.find(trial) {
            self.places[index].1 = span;
        }
    }

    fn read(&self, trial: TrialId) -> Option<TrialResult> {
        let (_, span) = self.places[self.find(trial)?];
        if span == NOWHERE {
            return None;
        }
        let mut journal = self.lock();
        match journal.quoting.read(span) {
            Ok(Event::TrialFinished(result)) if result.trial == trial => Some(*result),
            Ok(_) => {
                journal.error.get_or_insert_with(|| io::Error::other("it was changed while it was read"));
                None
            }
            Err(error) => {
                journal.error.get_or_insert(error);
                None
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
