//! How many requests and tokens of one model row may be started per minute: what the user allows, and what the server says that
//! is left. Pure.

use std::time::Duration;

use promptassay_llm::{Limits, RateHint, RateWindow};

use super::bucket::Bucket;

/// The bucket of requests holds this many seconds' worth, at least one request: even spacing, because servers look at windows
/// shorter than the minute that a limit is named for.
const REQUEST_BURST_SECONDS: f64 = 0.1;
/// The bucket of tokens holds this many seconds' worth.
const TOKEN_BURST_SECONDS: f64 = 5.0;
/// A server that says that nothing is left, but not how fast it comes back, is believed for at most so long.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// The rates of one model row.
#[derive(Debug)]
pub(crate) struct Rates {
    requests: Rate,
    tokens: Rate,
}

/// One kind of thing that is counted.
#[derive(Debug, Default)]
struct Rate {
    allowed: Option<Bucket>,
    announced: Option<Bucket>,
    held_until: Duration,
    /// What was ever taken: with it a reply's "so many are left" is corrected by what was started since its request.
    taken: f64,
    /// The `taken` of the newest reply that was believed.
    believed: f64,
}

/// What had been taken when a request was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    requests: f64,
    tokens: f64,
}

impl Rates {
    /// The rates that the user allows.
    pub(crate) fn new(limits: &Limits, now: Duration) -> Self {
        let rate = |per_minute: Option<u64>, burst_seconds: f64| Rate {
            allowed: per_minute.map(|per_minute| {
                let per_minute = per_minute as f64;
                Bucket::new(per_minute, (per_minute / 60.0 * burst_seconds).max(1.0), now)
            }),
            ..Rate::default()
        };
        Self {
            requests: rate(limits.requests_per_minute, REQUEST_BURST_SECONDS),
            tokens: rate(limits.tokens_per_minute, TOKEN_BURST_SECONDS),
        }
    }

    /// When a request of so many tokens may be started.
    pub(crate) fn ready_at(&self, tokens: f64, now: Duration) -> Duration {
        self.requests.ready_at(1.0, now).max(self.tokens.ready_at(tokens, now))
    }

    /// A request is started.
    pub(crate) fn start(&mut self, tokens: f64, now: Duration) -> Taken {
        self.requests.take(1.0, now);
        self.tokens.take(tokens, now);
        Taken { requests: self.requests.taken, tokens: self.tokens.taken }
    }

    /// A request had another number of tokens than was thought.
    pub(crate) fn correct(&mut self, thought: f64, actual: f64, now: Duration) {
        self.tokens.take(actual - thought, now);
    }

    /// What the reply to a request says about what is left.
    pub(crate) fn hint(&mut self, hint: &RateHint, at_start: Taken, now: Duration) {
        self.requests.hint(&hint.requests, at_start.requests, now);
        self.tokens.hint(&hint.tokens, at_start.tokens, now);
    }
}

impl Rate {
    fn ready_at(&self, cost: f64, now: Duration) -> Duration {
        [&self.allowed, &self.announced]
            .into_iter()
            .flatten()
            .map(|bucket| bucket.ready_at(cost, now))
            .fold(now.max(self.held_until), Duration::max)
    }

    fn take(&mut self, cost: f64, now: Duration) {
        self.taken += cost;
        for bucket in [&mut self.allowed, &mut self.announced].into_iter().flatten() {
            bucket.take(cost, now);
        }
    }

    fn hint(&mut self, window: &RateWindow, at_start: f64, now: Duration) {
        let Some(remaining) = window.remaining.map(|remaining| remaining as f64) else { return };
        if at_start < self.believed {
            // Replies overtake each other; an older one knows less.
            return;
        }
        self.believed = at_start;
        let reset = window.reset_after.filter(|reset| !reset.is_zero());
        let Some(limit) = window.limit.map(|limit| limit as f64) else {
            if remaining < 1.0 {
                self.held_until = now + reset.unwrap_or(Duration::ZERO).min(LONGEST_HOLD);
            }
            return;
        };
        // What comes back until all is back; a window that is shorter than a minute shows in it.
        let comes_back = reset.map_or(0.0, |reset| (limit - remaining).max(0.0) / reset.as_secs_f64());
        let per_second = (limit / 60.0).max(comes_back);
        let left = remaining - (self.taken - at_start).max(0.0);
        self.announced
            .get_or_insert_with(|| Bucket::new(limit, limit, now))
            .set(per_second, limit, left, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn unlimited() -> Rates {
        Rates::new(&Limits::default(), at(0.0))
    }

    fn left(limit: Option<u64>, remaining: u64, reset: f64) -> RateHint {
        let window = RateWindow { limit, remaining: Some(remaining), reset_after: Some(at(reset)) };
        RateHint { requests: window, ..RateHint::default() }
    }

    /// The seconds from `now` until the next request may start.
    fn wait(rates: &Rates, now: f64) -> f64 {
        rates.ready_at(0.0, at(now)).as_secs_f64() - now
    }

    fn assert_near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-6, "{actual} is not {expected}");
    }

    #[test]
    fn requests_are_spaced_evenly() {
        let mut rates = Rates::new(&Limits { requests_per_minute: Some(60), ..Limits::default() }, at(0.0));
        assert_near(wait(&rates, 0.0), 0.0);
        rates.start(0.0, at(0.0));
        assert_near(wait(&rates, 0.0), 1.0);
        assert_near(wait(&rates, 0.7), 0.3);
    }

    #[test]
    fn tokens_are_counted_as_thought_and_corrected_by_what_they_were() {
        let mut rates = Rates::new(&Limits { tokens_per_minute: Some(6_000), ..Limits::default() }, at(0.0));
        rates.start(500.0, at(0.0));
        assert_near(rates.ready_at(200.0, at(0.0)).as_secs_f64(), 2.0);
        rates.correct(500.0, 800.0, at(0.0));
        assert_near(rates.ready_at(200.0, at(0.0)).as_secs_f64(), 5.0);
    }

    #[test]
    fn what_the_server_says_is_left_is_not_exceeded() {
        let mut rates = unlimited();
        let first = rates.start(0.0, at(0.0));
        rates.start(0.0, at(0.0));
        rates.hint(&left(Some(60), 2, 58.0), first, at(0.5));
        // One of the two that were left is under way already.
        assert_near(wait(&rates, 0.5), 0.0);
        rates.start(0.0, at(0.5));
        assert_near(wait(&rates, 0.5), 1.0);
    }

    #[test]
    fn an_older_reply_does_not_undo_what_a_newer_one_said() {
        let mut rates = unlimited();
        let first = rates.start(0.0, at(0.0));
        let second = rates.start(0.0, at(0.0));
        rates.hint(&left(Some(60), 0, 60.0), second, at(0.1));
        rates.hint(&left(Some(60), 59, 1.0), first, at(0.2));
        assert!(wait(&rates, 0.2) > 0.8);
    }

    #[test]
    fn a_window_shorter_than_a_minute_is_seen_in_its_reset() {
        let mut rates = unlimited();
        let start = rates.start(0.0, at(0.0));
        rates.hint(&left(Some(10), 0, 1.0), start, at(0.0));
        assert_near(wait(&rates, 0.0), 0.1);
    }

    #[test]
    fn a_reset_alone_holds_for_a_minute_at_most() {
        let mut rates = unlimited();
        let start = rates.start(0.0, at(0.0));
        rates.hint(&left(None, 0, 3600.0), start, at(0.0));
        assert_near(wait(&rates, 0.0), 60.0);
        rates.hint(&left(None, 5, 3600.0), start, at(1.0));
        assert_near(wait(&rates, 60.0), 0.0);
    }
}
