//! How many requests of one model row may be under way at once: a limit that finds out what the server takes.
//!
//! A pure state machine on an injected clock. It begins with slow start (every answer raises the limit by one, so it doubles with
//! every round of answers), grows additively later, and shrinks to 0.8 of itself when the server says that it is too much. After
//! that it does not grow for a cool-down; then it returns quickly to just below where it was refused and feels its way past that
//! point slowly, the more slowly the more often it was confirmed.

use std::time::Duration;

/// Where the limit starts when the user names none.
pub(super) const START: u32 = 10;
/// What it never exceeds when the user names none.
const CEILING: f64 = 200.0;
/// What remains of the limit after a refusal.
const DECREASE: f64 = 0.8;
/// So long after a decrease it does not grow.
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(15);
/// So long after a failure that says nothing about load it does not grow.
const PAUSE: Duration = Duration::from_secs(5);
/// Additive growth per round of answers, as a share of the limit, but at least one request.
const GROWTH: f64 = 0.05;
/// Around the point of the last refusal the limit grows slowly: from this share of it …
const BELOW_KNEE: f64 = 0.95;
/// … to this one.
const ABOVE_KNEE: f64 = 1.05;
/// How long that takes at first; it doubles whenever the point is confirmed.
const FIRST_PROBE: Duration = Duration::from_secs(20);
/// How long it takes at most.
const LONGEST_PROBE: Duration = Duration::from_mins(2);

/// The limit of one model row.
#[derive(Debug)]
pub(crate) struct Concurrency {
    limit: f64,
    ceiling: f64,
    slow_start: bool,
    knee: Option<Knee>,
    cool_down_until: Duration,
    paused_until: Duration,
    last_decrease: Option<Duration>,
    last_answer: Duration,
}

/// Where the server last refused.
#[derive(Debug, Clone, Copy)]
struct Knee {
    limit: f64,
    probe: Duration,
}

impl Concurrency {
    /// The limit of a row on which the user allows `max` requests at once: then that is both start and ceiling.
    pub(crate) fn new(max: Option<u32>) -> Self {
        Self {
            limit: f64::from(max.unwrap_or(START)).max(1.0),
            ceiling: max.map_or(CEILING, f64::from).max(1.0),
            slow_start: true,
            knee: None,
            cool_down_until: Duration::ZERO,
            paused_until: Duration::ZERO,
            last_decrease: None,
            last_answer: Duration::ZERO,
        }
    }

    /// How many requests may be under way now; at least 1.
    pub(crate) fn limit(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 2^32")]
        let limit = self.limit.round() as usize;
        limit.max(1)
    }

    /// How many requests may ever be under way.
    pub(crate) fn ceiling(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 2^32")]
        let ceiling = self.ceiling as usize;
        ceiling
    }

    /// A first attempt was answered while `in_flight` requests, itself included, were under way. A limit that was not reached
    /// does not grow: nothing is known about what lies above.
    pub(crate) fn answered(&mut self, now: Duration, in_flight: usize) {
        let since_last = now.saturating_sub(self.last_answer).min(Duration::from_secs(1));
        self.last_answer = now;
        if in_flight < self.limit() || now < self.cool_down_until || now < self.paused_until {
            return;
        }
        let additive = (GROWTH * self.limit).max(1.0) / self.limit;
        let grown = match self.knee {
            None if self.slow_start => self.limit + 1.0,
            Some(knee) if self.limit < BELOW_KNEE * knee.limit => {
                (self.limit + 1.0).min(BELOW_KNEE * knee.limit)
            }
            Some(knee) if self.limit < ABOVE_KNEE * knee.limit => {
                let share = since_last.as_secs_f64() / knee.probe.as_secs_f64();
                self.limit + share * (ABOVE_KNEE - BELOW_KNEE) * knee.limit
            }
            _ => self.limit + additive,
        };
        self.limit = grown.min(self.ceiling);
    }

    /// An attempt that began at `started` was refused as too much, while `in_flight` requests, itself included, were under way.
    /// Says whether the limit shrank. Refusals of attempts that began before the last decrease are its echo: they change
    /// nothing, so that no flood of them and no hint in them can keep the limit down for ever.
    pub(crate) fn refused(&mut self, started: Duration, now: Duration, in_flight: usize) -> bool {
        if self.last_decrease.is_some_and(|last| started < last) {
            return false;
        }
        let reached = self.limit.min(in_flight.max(1) as f64);
        let probe = match self.knee {
            // Still the same episode: it was too much, and still is.
            Some(knee) if now < self.cool_down_until => knee.probe,
            Some(knee) if (0.85..=1.1).contains(&(reached / knee.limit)) => {
                (2 * knee.probe).min(LONGEST_PROBE)
            }
            _ => FIRST_PROBE,
        };
        self.knee = Some(Knee { limit: reached, probe });
        self.limit = (DECREASE * reached).max(1.0);
        self.slow_start = false;
        self.last_decrease = Some(now);
        self.cool_down_until = now + COOL_DOWN;
        true
    }

    /// An attempt failed in a way that says nothing about load, such as a timeout: growing can wait.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.paused_until = now + PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A full round of answers.
    fn round(concurrency: &mut Concurrency, now: f64) -> usize {
        for _ in 0..concurrency.limit() {
            concurrency.answered(at(now), concurrency.limit());
        }
        concurrency.limit()
    }

    #[test]
    fn it_doubles_up_to_its_ceiling() {
        let mut concurrency = Concurrency::new(None);
        let limits: Vec<_> = (1..=6).map(|now| round(&mut concurrency, f64::from(now))).collect();
        assert_eq!(limits, [20, 40, 80, 160, 200, 200]);
    }

    #[test]
    fn a_limit_of_the_user_is_start_and_ceiling_and_still_shrinks() {
        let mut concurrency = Concurrency::new(Some(50));
        assert_eq!(round(&mut concurrency, 1.0), 50);
        assert!(concurrency.refused(at(1.0), at(2.0), 50));
        assert_eq!(concurrency.limit(), 40);
        assert_eq!(round(&mut concurrency, 20.0), 48);
        for now in 21..200 {
            round(&mut concurrency, f64::from(now));
        }
        assert_eq!(concurrency.limit(), 50);
    }

    #[test]
    fn an_echo_neither_shrinks_it_again_nor_keeps_it_down() {
        let mut concurrency = Concurrency::new(Some(100));
        assert!(concurrency.refused(at(0.0), at(1.0), 100));
        for now in 1..16 {
            assert!(!concurrency.refused(at(0.5), at(f64::from(now)), 80));
            assert_eq!(round(&mut concurrency, f64::from(now) + 0.9).min(80), 80);
        }
        assert!(round(&mut concurrency, 16.1) > 80, "the cool-down ends 15 s after the decrease");
    }

    #[test]
    fn what_is_refused_after_a_decrease_shrinks_it_further() {
        let mut concurrency = Concurrency::new(Some(100));
        assert!(concurrency.refused(at(0.0), at(1.0), 100));
        assert!(concurrency.refused(at(1.5), at(2.0), 80));
        assert_eq!(concurrency.limit(), 64);
    }

    #[test]
    fn it_shrinks_from_what_was_under_way() {
        let mut concurrency = Concurrency::new(Some(100));
        assert!(concurrency.refused(at(0.0), at(1.0), 10));
        assert_eq!(concurrency.limit(), 8);
    }

    #[test]
    fn a_failure_pauses_growth_and_shrinks_nothing() {
        let mut concurrency = Concurrency::new(None);
        concurrency.failed(at(1.0));
        assert_eq!(round(&mut concurrency, 5.9), 10);
        assert_eq!(round(&mut concurrency, 6.1), 20);
    }

    #[test]
    fn an_idle_limit_does_not_grow() {
        let mut concurrency = Concurrency::new(None);
        for now in 1..100 {
            concurrency.answered(at(f64::from(now)), 9);
        }
        assert_eq!(concurrency.limit(), 10);
    }

    proptest! {
        #[test]
        fn it_stays_between_one_and_its_ceiling(max in proptest::option::of(1u32..500), steps in proptest::collection::vec((0u8..3, 0.0..40.0f64, 0usize..300), 0..200)) {
            let mut concurrency = Concurrency::new(max);
            let mut now = Duration::ZERO;
            for (what, seconds, in_flight) in steps {
                let started = now;
                now += at(seconds);
                match what {
                    0 => concurrency.answered(now, in_flight),
                    1 => { concurrency.refused(started, now, in_flight); }
                    _ => concurrency.failed(now),
                }
                prop_assert!((1..=max.unwrap_or(200) as usize).contains(&concurrency.limit()));
            }
        }
    }
}
