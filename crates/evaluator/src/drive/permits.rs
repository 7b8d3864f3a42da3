//! The asynchronous shell of the scheduler: waits for the right to ask, on tokio's clock.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promptassay_llm::{Answer, Limits, ModelError};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::circuit::Opened;
use super::schedule::{Admission, Ahead, Permit, Scheduler};

type Waiter = oneshot::Sender<Admission>;

/// Hands out permits. Somebody must drive [`Permits::pump`] while others wait.
#[derive(Debug)]
pub(super) struct Permits {
    scheduler: Mutex<Scheduler<Waiter>>,
    changed: Notify,
    stopped: watch::Sender<bool>,
    epoch: Instant,
}

/// Why no permit comes.
#[derive(Debug)]
pub(super) enum NoPermit {
    /// The row's circuit is open.
    Refused(Opened),
    /// Nothing is started any more.
    Stopped,
}

impl Permits {
    pub(super) fn new(lanes: impl IntoIterator<Item = Limits>, ceiling: usize) -> Self {
        Self {
            scheduler: Mutex::new(Scheduler::new(lanes, ceiling)),
            changed: Notify::new(),
            stopped: watch::Sender::new(false),
            epoch: Instant::now(),
        }
    }

    /// Lets those start that may, whenever something has changed or time has come. Never ends by itself.
    pub(super) async fn pump(&self) -> Infallible {
        loop {
            let wakes_at = self.admit();
            let time_has_come = async {
                match wakes_at {
                    Some(at) => sleep_until(self.epoch + at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = time_has_come => {}
            }
        }
    }

    /// The right to make an attempt, once there is room.
    pub(super) async fn acquire(&self, lane: usize, ahead: Ahead) -> Result<PermitGuard<'_>, NoPermit> {
        let (sender, receiver) = oneshot::channel();
        if *self.stopped.borrow() {
            return Err(NoPermit::Stopped);
        }
        self.lock().enqueue(lane, sender, ahead);
        self.changed.notify_one();
        let mut waiting = WaitingGuard { permits: self, receiver };
        match (&mut waiting.receiver).await {
            Ok(Admission::Start(permit)) => Ok(PermitGuard { permits: self, permit: Some(permit) }),
            Ok(Admission::Refused(opened)) => Err(NoPermit::Refused(opened)),
            Err(_) => Err(NoPermit::Stopped),
        }
    }

    /// Waits; says whether to go on after that.
    pub(super) async fn pause(&self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = self.stopped() => false,
        }
    }

    /// Whoever waits is sent away, and nothing is started any more. What is under way goes on.
    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
        self.lock().clear();
    }

    pub(super) fn widest(&self) -> usize {
        self.lock().widest()
    }

    async fn stopped(&self) {
        let mut receiver = self.stopped.subscribe();
        if receiver.wait_for(|stopped| *stopped).await.is_err() {
            pending::<()>().await;
        }
    }

    fn admit(&self) -> Option<Duration> {
        let now = self.now();
        let mut scheduler = self.lock();
        while let Some((who, admission)) = scheduler.next(now) {
            if let Err(Admission::Start(permit)) = who.send(admission) {
                // Whoever waited has gone.
                scheduler.abandon(&permit);
            }
        }
        scheduler.wakes_at(now)
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Scheduler<Waiter>> {
        // Nothing that holds the lock panics half-way through a change.
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives back a permit that arrives after its waiter has gone.
struct WaitingGuard<'a> {
    permits: &'a Permits,
    receiver: oneshot::Receiver<Admission>,
}

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Admission::Start(permit)) = self.receiver.try_recv() {
            drop(PermitGuard { permits: self.permits, permit: Some(permit) });
        }
    }
}

/// A permit that is given back whatever happens.
#[derive(Debug)]
pub(super) struct PermitGuard<'a> {
    permits: &'a Permits,
    permit: Option<Permit>,
}

impl PermitGuard<'_> {
    /// The attempt has ended. Says why where it opened the row's circuit.
    pub(super) fn finish(mut self, result: &Result<Answer, ModelError>) -> Option<Opened> {
        let permit = self.permit.take()?;
        let opened = self.permits.lock().finish(&permit, result, self.permits.now());
        self.permits.changed.notify_one();
        opened
    }
}

impl Drop for PermitGuard<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.permits.lock().abandon(&permit);
            self.permits.changed.notify_one();
        }
    }
}
