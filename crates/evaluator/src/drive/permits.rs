//! The asynchronous shell of the scheduler: waits for the right to ask, on tokio's clock.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promptassay_llm::{Answer, Limits, ModelError};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::circuit::Opened;
use super::schedule::{Admission, Ahead, Permit, Scheduler};

type Waiter = oneshot::Sender<Admission>;

/// How many start before what they begin goes on. A run begins with as many as may be under way: were all of them started first, the
/// first question would be sent when the last connection is asked for.
const STARTS_AT_ONCE: usize = 4;

/// Who was let start.
enum Admitted {
    /// A few; there may be more.
    Some,
    /// Everybody who may.
    All {
        /// When time alone lets somebody else start.
        wakes_at: Option<Duration>,
    },
}

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
            let wakes_at = match self.admit() {
                Admitted::Some => {
                    yield_now().await;
                    continue;
                }
                Admitted::All { wakes_at } => wakes_at,
            };
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

    pub(super) fn in_flight(&self) -> usize {
        self.lock().in_flight()
    }

    async fn stopped(&self) {
        let mut receiver = self.stopped.subscribe();
        if receiver.wait_for(|stopped| *stopped).await.is_err() {
            pending::<()>().await;
        }
    }

    fn admit(&self) -> Admitted {
        let now = self.now();
        let mut scheduler = self.lock();
        for _ in 0..STARTS_AT_ONCE {
            let Some((who, admission)) = scheduler.next(now) else {
                return Admitted::All { wakes_at: scheduler.wakes_at(now) };
            };
            if let Err(Admission::Start(permit)) = who.send(admission) {
                // Whoever waited has gone.
                scheduler.abandon(&permit);
            }
        }
        Admitted::Some
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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures::poll;
    use futures::stream::{FuturesUnordered, StreamExt as _};

    use super::*;

    #[tokio::test]
    async fn what_has_started_goes_on_before_more_is_started() {
        let limits = Limits { max_concurrency: Some(11), ..Limits::default() };
        let permits = Permits::new([limits], 100);
        let ahead = Ahead { first: true, input_tokens: 1.0, max_output_tokens: None };
        let mut waiting: FuturesUnordered<_> = (0..20).map(|_| permits.acquire(0, ahead)).collect();
        assert!(poll!(waiting.next()).is_pending());
        let (mut pump, mut started, mut at_once) = (pin!(permits.pump()), Vec::new(), Vec::new());
        for _ in 0..4 {
            assert!(poll!(pump.as_mut()).is_pending());
            let before = started.len();
            while let Poll::Ready(Some(permit)) = poll!(waiting.next()) {
                started.push(permit.unwrap());
            }
            at_once.push(started.len() - before);
        }
        assert_eq!(at_once, [4, 4, 3, 0]);
    }
}
