//! What judges say in a run, by what they are asked. One question has one answer, so that equal replies are judged alike whoever
//! comes first, which is how the answers are recorded, and so that nobody pays for it twice.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::cache::CacheKey;
use crate::event::ReplySource;
use crate::run::{Asked, Unanswered};

/// An answer, and whether it is found again elsewhere, so that it need not stay here.
pub(super) type Kept = (Asked, bool);

/// A question that was asked, and when it was answered.
type Cell = Arc<OnceCell<(Asked, Timestamp)>>;

/// The answers that are under way, and those that are found nowhere else.
#[derive(Debug, Default)]
pub(super) struct Judged(Mutex<HashMap<CacheKey, Cell>>);

impl Judged {
    /// The answer to a question: through `ask` for the first who comes, from them for the others. Where the first fails, the next one
    /// asks in its place, so that one error is one trial's.
    pub(super) async fn ask<F>(
        &self,
        key: CacheKey,
        ask: F,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Asked, Unanswered>
    where
        F: Future<Output = Result<Kept, Unanswered>>,
    {
        let cell = Arc::clone(self.lock().entry(key).or_default());
        let mut is_first = false;
        let first = &mut is_first;
        let answer = cell.get_or_try_init(|| async move {
            *first = true;
            let (asked, is_kept) = ask.await?;
            if is_kept {
                self.lock().remove(&key);
            }
            Ok::<_, Unanswered>((asked, now()))
        });
        let (asked, at) = answer.await?.clone();
        let source = match asked.source {
            ReplySource::Live if !is_first => ReplySource::Cached { at },
            source => source,
        };
        Ok(Asked { source, ..asked })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Cell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
