//! Records events off the caller's path: a bounded queue, one thread, whole batches.
//!
//! What was flushed is in the store. A process that is killed loses at most what waits in the queue and the batch that was being
//! written; recording it again changes nothing, because events have ids.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::store::{Store, StoreError, Written};

/// What happens to an event when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The caller waits for room: nothing is lost, and a slow store slows the caller.
    #[default]
    Wait,
    /// The event is left out and counted: the caller never waits, and the analysis lacks units.
    Drop,
}

/// How events are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecorderSettings {
    /// The most events that wait, at least 1.
    pub queue: usize,
    /// The most events of a batch, at least 1.
    pub batch: usize,
    /// The longest that an event waits for others before it is written.
    pub window: Duration,
    /// What happens when the queue is full.
    pub when_full: WhenFull,
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self { queue: 10_000, batch: 1000, window: Duration::from_millis(200), when_full: WhenFull::Wait }
    }
}

/// What became of the events so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recorded {
    /// What the store added.
    pub written: Written,
    /// Events that were left out because the queue was full.
    pub dropped: u64,
}

/// Why events are not in the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// The store refused a batch, and takes no more.
    #[error("{reason}; {lost} events are not in the store")]
    Store {
        /// What it said.
        reason: String,
        /// How many events had been accepted and were not written.
        lost: u64,
    },
    /// The thread that writes is gone.
    #[error("the recorder has ended")]
    Ended,
}

enum Message {
    Event(Event),
    /// Write everything that came before, then answer.
    Flush(SyncSender<()>),
}

#[derive(Debug, Default)]
struct Shared {
    dropped: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    written: Written,
    failure: Option<String>,
    lost: u64,
}

/// Writes events to a store from a thread of its own. Share it by reference; dropping it writes what waits.
#[derive(Debug)]
pub struct Recorder {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    when_full: WhenFull,
}

impl Recorder {
    /// Starts the thread. The store is opened by it, because some stores may not be moved between threads that drive tasks.
    pub fn start(store: Box<dyn Store>, settings: RecorderSettings) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(settings.queue.max(1));
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("promptassay-recorder".to_owned())
            .spawn(move || write_until_closed(store, &receiver, settings, &of_thread))?;
        Ok(Self { sender: Some(sender), thread: Some(thread), shared, when_full: settings.when_full })
    }

    /// Hands an event over. It is in the store after the batch window, or after [`Recorder::flush`].
    pub fn record(&self, event: Event) -> Result<(), RecordError> {
        let sender = self.sender.as_ref().ok_or(RecordError::Ended)?;
        if let Some(error) = self.failure() {
            return Err(error);
        }
        match self.when_full {
            WhenFull::Wait => sender.send(Message::Event(event)).map_err(|_| RecordError::Ended),
            WhenFull::Drop => match sender.try_send(Message::Event(event)) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(_)) => {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                Err(TrySendError::Disconnected(_)) => Err(RecordError::Ended),
            },
        }
    }

    /// Waits until everything that was recorded before is in the store.
    pub fn flush(&self) -> Result<Recorded, RecordError> {
        let sender = self.sender.as_ref().ok_or(RecordError::Ended)?;
        let (done, wait) = sync_channel(1);
        sender.send(Message::Flush(done)).map_err(|_| RecordError::Ended)?;
        wait.recv().map_err(|_| RecordError::Ended)?;
        self.outcome()
    }

    /// Writes what waits and ends the thread.
    pub fn shutdown(mut self) -> Result<Recorded, RecordError> {
        self.end();
        self.outcome()
    }

    fn end(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.failure.get_or_insert_with(|| "the thread that writes has panicked".to_owned());
        }
    }

    fn failure(&self) -> Option<RecordError> {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = state.failure.clone()?;
        Some(RecordError::Store { reason, lost: state.lost })
    }

    fn outcome(&self) -> Result<Recorded, RecordError> {
        if let Some(error) = self.failure() {
            return Err(error);
        }
        let written = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).written.clone();
        Ok(Recorded { written, dropped: self.shared.dropped.load(Ordering::Relaxed) })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_until_closed(
    mut store: Box<dyn Store>,
    receiver: &Receiver<Message>,
    settings: RecorderSettings,
    shared: &Shared,
) {
    let mut batch = Vec::with_capacity(settings.batch);
    loop {
        let Ok(first) = receiver.recv() else { break };
        let deadline = Instant::now() + settings.window;
        let mut next = Some(first);
        let mut flushed = Vec::new();
        let mut closed = false;
        loop {
            match next.take() {
                Some(Message::Event(event)) => batch.push(event),
                Some(Message::Flush(done)) => flushed.push(done),
                None => {}
            }
            if batch.len() >= settings.batch || !flushed.is_empty() {
                break;
            }
            match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => next = Some(message),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    closed = true;
                    break;
                }
            }
        }
        write(store.as_mut(), &mut batch, shared);
        for done in flushed {
            // Whoever waited may have given up.
            let _ = done.send(());
        }
        if closed {
            break;
        }
    }
}

fn write(store: &mut dyn Store, batch: &mut Vec<Event>, shared: &Shared) {
    if batch.is_empty() {
        return;
    }
    let failed = shared.state.lock().unwrap_or_else(PoisonError::into_inner).failure.is_some();
    let result: Result<Written, Option<StoreError>> =
        if failed { Err(None) } else { store.write(batch).map_err(Some) };
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(written) => state.written.add(written),
        Err(error) => {
            state.lost += batch.len() as u64;
            if let Some(error) = error {
                state.failure = Some(error.to_string());
            }
        }
    }
    batch.clear();
}
