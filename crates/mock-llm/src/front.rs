//! What both fronts share: a script, its memory behind a lock, and the time since the start. The lock is held for
//! decisions only, never while an answer is read, rendered or sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::memory::Memory;
use crate::memory::counters::Counters;
use crate::request::{self, Request};
use crate::respond::{Reply, decide, render};
use crate::script::Script;

#[derive(Debug)]
pub(crate) struct SharedMock {
    script: Script,
    memory: Mutex<Memory>,
    started: Instant,
}

impl SharedMock {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, memory: Mutex::default(), started: Instant::now() }
    }

    /// As [`crate::respond`], with reading and rendering outside the lock.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Reply {
        let now = self.started.elapsed();
        let reading = request::read(request);
        let decision = decide(&self.script, &mut self.memory(), request, &reading, now);
        let reply = render(&reading, decision.as_ref(), now);
        self.memory().record(&reply, reading.model());
        reply
    }

    pub(crate) fn counters(&self) -> Counters {
        self.memory().counters(&self.script)
    }

    /// A panic elsewhere leaves counts that are at worst one short.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
