//! Who may run the program of a check, and when. A program takes a core: more of them at once than there are cores end no sooner, and
//! each takes the longer.

use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use promptassay_llm::Secrets;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// The programs that run in this process, whichever run or test they belong to.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(at_once()));

/// How many programs of checks run at the same time: as many as this machine has cores.
pub(crate) fn at_once() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// What the programs of one run's checks may do.
#[derive(Debug)]
pub struct Programs<'a> {
    secrets: &'a Secrets,
    turns: &'a Semaphore,
    stopped: watch::Sender<bool>,
    left_out: AtomicBool,
}

impl<'a> Programs<'a> {
    /// Programs take turns with all others of this process; `secrets` are cut out of what they say.
    pub fn new(secrets: &'a Secrets) -> Self {
        Self { secrets, turns: &TURNS, stopped: watch::Sender::new(false), left_out: AtomicBool::new(false) }
    }

    /// The same programs for the checks of one trial, which remember by themselves whether one was left out.
    pub(crate) fn of_trial(&self) -> Self {
        let Self { secrets, turns, stopped, left_out: _ } = self;
        Self { secrets, turns, stopped: stopped.clone(), left_out: AtomicBool::new(false) }
    }

    #[cfg(test)]
    pub(crate) fn in_turns_of(self, turns: &'a Semaphore) -> Self {
        Self { turns, ..self }
    }

    /// No program is started any more; those that run are waited for.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// What is cut out of whatever a program says.
    pub(crate) fn secrets(&self) -> &Secrets {
        self.secrets
    }

    /// Waits until a program may run, which it may until what comes back is dropped. `None` where the run was stopped before.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let mut stopped = self.stopped.subscribe();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => {
                self.left_out.store(true, Ordering::Relaxed);
                None
            }
            turn = self.turns.acquire() => turn.ok(),
        }
    }

    /// Whether a program was not run because the run was stopped before.
    pub(crate) fn has_left_out(&self) -> bool {
        self.left_out.load(Ordering::Relaxed)
    }
}
