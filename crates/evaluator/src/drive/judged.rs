//! What judges say in a run, by what they are asked. One question has one answer, so that equal replies are judged alike whoever
//! comes first, which is how the answers are recorded, and so that nobody pays for it twice.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::cache::CacheKey;
use crate::event::ReplySource;
use crate::run::{Asked, Unanswered};

/// An answer, and whether it is found again elsewhere, so that it need not stay here.
pub(super) type Kept = (Asked, bool);

/// So often a question is asked in vain, each time with all attempts, until whoever waits for it gives up: they ask one after the
/// other, and where it cannot be answered at all, a run would take hours to find that out.
const IN_VAIN: usize = 3;

/// A question.
#[derive(Debug, Default)]
struct Cell {
    /// What was answered.
    answer: OnceCell<Asked>,
    errors: Mutex<Vec<Unanswered>>,
}

impl Cell {
    /// Why it is not asked again.
    fn given_up(&self) -> Option<Unanswered> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.get(IN_VAIN - 1).cloned()
    }

    fn asked_in_vain(&self, error: Unanswered) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
    }
}

/// The answers that are under way, and those that are found nowhere else.
#[derive(Debug, Default)]
pub(super) struct Judged {
    questions: Mutex<HashMap<CacheKey, Arc<Cell>>>,
    /// What a model was asked in this run: what the cache has of it was not saved by the cache.
    asked: Mutex<HashSet<CacheKey>>,
}

impl Judged {
    /// The answer to a question: through `ask` for the first who comes, from them for the others. Where the first fails, the next one
    /// asks in its place, so that one error is one trial's. What cannot be answered fails for all who wait; whoever comes later asks
    /// again.
    pub(super) async fn ask<F>(&self, key: CacheKey, ask: F) -> Result<Asked, Unanswered>
    where
        F: Future<Output = Result<Kept, Unanswered>>,
    {
        let cell = Arc::clone(self.lock().entry(key).or_default());
        let mut is_first = false;
        let first = &mut is_first;
        let question = &cell;
        let answer = question.answer.get_or_try_init(|| async move {
            if let Some(error) = question.given_up() {
                return Err(error);
            }
            *first = true;
            let answer = ask.await;
            match &answer {
                Ok((Asked { source: ReplySource::Live, .. }, _)) => self.remember(key),
                Ok(_) => {}
                Err(error) => question.asked_in_vain(error.clone()),
            }
            if answer.as_ref().map_or_else(|_| question.given_up().is_some(), |(_, is_kept)| *is_kept) {
                self.lock().remove(&key);
            }
            answer.map(|(asked, _)| asked)
        });
        let asked = answer.await?.clone();
        let source = match asked.source {
            ReplySource::Live if !is_first => ReplySource::Shared,
            ReplySource::Cached { .. } if self.was_asked(&key) => ReplySource::Shared,
            source => source,
        };
        Ok(Asked { source, ..asked })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Arc<Cell>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: CacheKey) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    fn was_asked(&self, key: &CacheKey) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }
}
