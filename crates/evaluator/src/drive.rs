//! Drives models: asks the cache first, keeps to the limits, tries errors again, gives up on a model that cannot be asked.
//!
//! The policies are pure and have a file each: `retry`, `jitter`, `concurrency`, `bucket`, `rates`, `circuit`, `schedule`. What
//! waits is in `permits`, on tokio's clock; what asks is a [`Transport`]. Nothing here judges an answer.

mod bucket;
mod circuit;
mod concurrency;
mod jitter;
mod judged;
mod keys;
mod pace;
mod permits;
mod rates;
mod retry;
mod schedule;
mod transport;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use promptassay_llm::{Answer, ChatRequest, Limits, ModelError, ModelRow, Provider};
use tokio::time::{Instant, timeout_at};

use crate::cache::{Cache, CacheKey, Entry};
use crate::event::{AskError, AskErrorKind, AttemptFailed, CircuitOpened, Event, ReplySource, RunEnd};
use crate::journal::ReadError;
use crate::judge::JudgeCall;
use crate::plan::{Plan, Trial, TrialId};
use crate::programs;
use crate::rescore::Stored;
use crate::run::{Asked, Tell, Unanswered, Work};
use crate::spending::{Allowance, Bill, Budget, Spent};

pub use circuit::Opened;
pub use keys::{KeyProblem, known_secrets, secrets};
pub use retry::RetryPolicy;
pub use transport::{Live, Transport};

use judged::{Judged, Kept};
use permits::{NoPermit, Permits};
use schedule::Ahead;

/// How models are driven.
#[derive(Debug, Clone)]
pub struct Options {
    /// When errors are tried again.
    pub retry: RetryPolicy,
    /// Requests under way at once over all models; at least 1.
    pub max_concurrency: usize,
    /// Where replies are kept; `None` asks every question anew and keeps nothing.
    pub cache: Option<Cache>,
    /// The seed of the jitter of waits.
    pub seed: u64,
    /// What the run may spend.
    pub budget: Budget,
    /// What it spent before, where it is continued.
    pub spent: Spent,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            max_concurrency: 500,
            cache: None,
            seed: 0,
            budget: Budget::default(),
            spent: Spent::default(),
        }
    }
}

/// The models of a run.
#[derive(Debug)]
pub struct Models<T> {
    transport: T,
    lanes: HashMap<String, usize>,
    permits: Permits,
    retry: RetryPolicy,
    seed: u64,
    allowance: Allowance,
    cache: Option<Arc<Cache>>,
    cache_problem: Mutex<Option<String>>,
    judged: Judged,
}

/// What is asked of whom.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The trial that it belongs to.
    pub trial: TrialId,
    /// Which repeat of the case, from 1: what keeps repeats apart in the cache. Of a judge: which sample.
    pub repeat: u32,
    /// The model row; one of those that the driver was made for.
    pub row: &'a ModelRow,
    /// The request.
    pub request: &'a ChatRequest,
}

impl<T: Transport> Models<T> {
    /// A driver of these rows, each once by its name: those that are asked and those that judge.
    pub fn new<'a>(transport: T, rows: impl IntoIterator<Item = &'a ModelRow>, options: Options) -> Self {
        let (mut lanes, mut limits) = (HashMap::new(), Vec::new());
        for row in rows {
            lanes.entry(row.name.clone()).or_insert_with(|| {
                limits.push(limits_of(row));
                limits.len() - 1
            });
        }
        let allowance = Allowance::new(options.budget, &options.spent, &lanes);
        Self {
            transport,
            lanes,
            permits: Permits::new(limits, options.max_concurrency),
            retry: options.retry,
            seed: options.seed,
            allowance,
            cache: options.cache.map(Arc::new),
            cache_problem: Mutex::new(None),
            judged: Judged::default(),
        }
    }

    /// Asks the trials of `work`. When `stop` resolves or the budget allows no more, nothing is started any more, and what is under way is finished.
    pub async fn run(
        &self,
        plan: &Plan,
        work: &Work,
        stop: impl Future<Output = RunEnd>,
        observe: impl FnMut(&Event),
    ) -> RunEnd {
        // Boxed, for what asks takes kilobytes, and whatever holds it is moved several times before it is first polled.
        let ask = |trial: Trial, request: ChatRequest, tell: Tell| {
            Box::pin(async move {
                let (trial, repeat, row) = (trial.id, trial.repeat, &plan.variant(&trial).model);
                self.ask(&Question { trial, repeat, row, request: &request }, &tell).await
            })
        };
        let ask_judge = |trial, call, tell| Box::pin(self.ask_judge(trial, call, tell));
        let stop = self.stopped_by(stop);
        let run = crate::run::run(plan, work, ask, ask_judge, self.window(), stop, observe);
        self.with_permits(run).await
    }

    /// How many questions are under way, judges' included.
    pub fn under_way(&self) -> usize {
        self.permits.in_flight()
    }

    /// Judges the answers of another run; only judges are asked. It stops as [`Models::run`] does.
    pub async fn judge(
        &self,
        stored: &Stored<'_>,
        stop: impl Future<Output = RunEnd>,
        observe: impl FnMut(&Event),
    ) -> Result<RunEnd, ReadError> {
        let ask_judge = |trial, call, tell| Box::pin(self.ask_judge(trial, call, tell));
        let run = stored.judge(ask_judge, self.window(), self.stopped_by(stop), observe);
        self.with_permits(run).await
    }

    async fn ask_judge(&self, trial: Trial, call: JudgeCall, tell: Tell) -> Result<Asked, Unanswered> {
        // Samples ask the same and are answered apart.
        let question =
            Question { trial: trial.id, repeat: call.sample, row: &call.model, request: &call.request };
        let key = CacheKey::of(question.row, question.request, question.repeat);
        let ask = self.ask_and_keep(&question, &tell);
        self.judged.ask(key, ask).await
    }

    /// Twice as many as can be under way at once: those that wait before they try again make no others wait. Nor do those at which
    /// programs look.
    fn window(&self) -> usize {
        2 * self.permits.widest() + programs::at_once()
    }

    async fn stopped_by(&self, stop: impl Future<Output = RunEnd>) -> RunEnd {
        let why = tokio::select! {
            why = stop => why,
            why = self.allowance.exhausted() => why,
        };
        self.permits.stop();
        why
    }

    /// Drives `work`, in which [`Models::ask`] is called.
    async fn with_permits<F: Future>(&self, work: F) -> F::Output {
        tokio::select! {
            biased;
            output = work => output,
            never = self.permits.pump() => match never {},
        }
    }

    /// The reply to a question, from the cache or from the model; every failed attempt is told.
    pub(crate) async fn ask(&self, question: &Question<'_>, tell: &Tell) -> Result<Asked, Unanswered> {
        self.ask_and_keep(question, tell).await.map(|(asked, _)| asked)
    }

    /// The same, and whether the cache has the reply for whoever asks next in this run.
    async fn ask_and_keep(&self, question: &Question<'_>, tell: &Tell) -> Result<Kept, Unanswered> {
        let cache = self.cache_of(question.row);
        let key = cache.map(|_| CacheKey::of(question.row, question.request, question.repeat));
        if let Some(Entry { reply, at, .. }) = self.find(cache, key).await {
            let is_kept = cache.is_some_and(|cache| cache.lasts());
            return Ok((Asked { reply, source: ReplySource::Cached { at } }, is_kept));
        }
        let reply = self.ask_until_answered(question, tell).await?.reply;
        let is_kept = match Entry::of(question.row, &reply, self.transport.now()) {
            Some(entry) => self.store(cache, key, entry).await,
            None => false,
        };
        Ok((Asked { reply, source: ReplySource::Live }, is_kept))
    }

    /// Why replies could not be kept, where one could not: a run does not fail for that.
    pub fn cache_problem(&self) -> Option<String> {
        self.cache_problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask_until_answered(&self, question: &Question<'_>, tell: &Tell) -> Result<Answer, Unanswered> {
        let lane = *self.lanes.get(&question.row.name).ok_or_else(|| {
            let message = format!("model {} is not among those of this run", question.row.name);
            AskError { kind: AskErrorKind::ModelOutOfReach, message }
        })?;
        let mut began = None;
        let mut attempt = 1;
        loop {
            let ahead = Ahead {
                first: attempt == 1,
                input_tokens: input_tokens(question.request),
                max_output_tokens: question.request.params.max_output_tokens,
            };
            let Some(hold) = self.allowance.hold(lane).await else { return Err(Unanswered::Withdrawn) };
            let permit = self
                .permits
                .acquire(lane, ahead)
                .await
                .map_err(|no_permit| not_asked(question, no_permit))?;
            if !self.allowance.take() {
                return Err(Unanswered::Withdrawn);
            }
            let began = *began.get_or_insert_with(Instant::now);
            let deadline = began + self.retry.deadline;
            let result = match timeout_at(deadline, self.transport.ask(question.row, question.request)).await
            {
                Ok(result) => result,
                Err(_) => Err(ModelError::Timeout {
                    detail: format!(
                        "no answer within {:?}, {attempt} attempts included",
                        self.retry.deadline
                    ),
                }),
            };
            if let Some(opened) = permit.finish(&result) {
                let Opened { kind, message } = opened;
                tell.tell(Event::CircuitOpened(CircuitOpened {
                    model: question.row.name.clone(),
                    kind,
                    message,
                }));
            }
            let error = match result {
                Ok(answer) => {
                    self.allowance.pay(&hold, Bill::of(question.row, &answer.reply.usage));
                    return Ok(answer);
                }
                Err(error) => error,
            };
            drop(hold);
            let draw = jitter::fraction(self.seed, question.trial, attempt);
            let wait = self.retry.wait_after(attempt, &error, began.elapsed(), draw);
            tell.tell(Event::AttemptFailed(AttemptFailed {
                trial: question.trial,
                attempt,
                kind: error.kind(),
                message: error.to_string(),
                wait_ms: wait.map(whole_milliseconds),
            }));
            let Some(wait) = wait else { return Err(given_up(&error, attempt).into()) };
            if !self.permits.pause(wait).await {
                return Err(Unanswered::Withdrawn);
            }
            attempt += 1;
        }
    }

    /// Where answers of a row are kept, where they are.
    fn cache_of(&self, row: &ModelRow) -> Option<&Arc<Cache>> {
        self.cache.as_ref().filter(|_| may_be_kept(row))
    }

    async fn find(&self, cache: Option<&Arc<Cache>>, key: Option<CacheKey>) -> Option<Entry> {
        let (cache, key, now) = (Arc::clone(cache?), key?, self.transport.now());
        tokio::task::spawn_blocking(move || cache.find(key, now)).await.ok().flatten()
    }

    /// Stores a reply where there is a cache; whether it is found there for the rest of the run.
    async fn store(&self, cache: Option<&Arc<Cache>>, key: Option<CacheKey>, entry: Entry) -> bool {
        let (Some(cache), Some(key)) = (cache.cloned(), key) else { return false };
        let lasts = cache.lasts();
        match tokio::task::spawn_blocking(move || cache.store(key, &entry)).await {
            Ok(Ok(())) => lasts,
            Ok(Err(error)) => {
                let mut problem = self.cache_problem.lock().unwrap_or_else(PoisonError::into_inner);
                problem.get_or_insert_with(|| error.to_string());
                false
            }
            Err(_) => false,
        }
    }
}

/// No program says that it is too much for this machine: without a limit of its own there are never more of them than a row begins with.
fn limits_of(row: &ModelRow) -> Limits {
    match row.provider {
        Provider::Command => {
            let max_concurrency = row.limits.max_concurrency.or(Some(concurrency::START));
            Limits { max_concurrency, ..row.limits }
        }
        _ => row.limits,
    }
}

/// What a program answers depends on its own files, of which the question knows nothing: yesterday's reply says nothing of today's
/// program.
fn may_be_kept(row: &ModelRow) -> bool {
    row.provider != Provider::Command
}

/// Roughly: four characters make a token. It is corrected by what the provider counts.
fn input_tokens(request: &ChatRequest) -> f64 {
    let characters: usize = request.messages.iter().map(|message| message.content.len()).sum();
    characters as f64 / 4.0
}

fn whole_milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn not_asked(question: &Question<'_>, no_permit: NoPermit) -> Unanswered {
    match no_permit {
        NoPermit::Stopped => Unanswered::Withdrawn,
        NoPermit::Refused(Opened { message, .. }) => {
            Unanswered::Error(AskError::out_of_reach(&question.row.name, &message))
        }
    }
}

fn given_up(error: &ModelError, attempts: u32) -> AskError {
    let message = if attempts == 1 { error.to_string() } else { format!("{error} ({attempts} attempts)") };
    AskError { kind: AskErrorKind::Model(error.kind()), message }
}

#[cfg(test)]
mod tests;
