//! A token bucket on an injected clock: how much may be started per minute. Pure.

use std::time::Duration;

/// A level that rises steadily up to a capacity and falls by what is taken; it may fall below 0, and then takes longer to recover.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    per_second: f64,
    capacity: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket. `per_minute` and `capacity` are above 0.
    pub(crate) fn new(per_minute: f64, capacity: f64, now: Duration) -> Self {
        Self { per_second: per_minute / 60.0, capacity, level: capacity, at: now }
    }

    /// When `cost` may be taken: at `now`, or later. What costs more than the capacity waits for a full bucket only.
    pub(crate) fn ready_at(&self, cost: f64, now: Duration) -> Duration {
        let level = self.level_at(now);
        let missing = cost.min(self.capacity) - level;
        if missing <= 1e-9 {
            return now;
        }
        // A nanosecond more, so that rounding never wakes anybody too early.
        now + Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(Duration::MAX / 4)
            + Duration::from_nanos(1)
    }

    /// Takes `cost`, whatever the level is; a negative cost is given back.
    pub(crate) fn take(&mut self, cost: f64, now: Duration) {
        self.level = (self.level_at(now) - cost).min(self.capacity);
        self.at = self.at.max(now);
    }

    /// Replaces rate, capacity and level by what the server says.
    pub(crate) fn set(&mut self, per_second: f64, capacity: f64, level: f64, now: Duration) {
        *self = Self { per_second, capacity, level: level.min(capacity), at: now };
    }

    fn level_at(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        (self.level + passed * self.per_second).min(self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn it_refills_steadily_up_to_its_capacity() {
        let mut bucket = Bucket::new(60.0, 2.0, at(0.0));
        bucket.take(2.0, at(0.0));
        assert!(bucket.ready_at(1.0, at(0.0)) > at(1.0 - 1e-6));
        assert_eq!(bucket.ready_at(1.0, at(1.0)), at(1.0));
        bucket.take(0.0, at(100.0));
        bucket.take(2.0, at(100.0));
        assert!(bucket.ready_at(1.0, at(100.0)) > at(100.9));
    }

    #[test]
    fn what_never_fits_waits_for_a_full_bucket_and_leaves_a_debt() {
        let mut bucket = Bucket::new(60.0, 10.0, at(0.0));
        assert_eq!(bucket.ready_at(25.0, at(0.0)), at(0.0));
        bucket.take(25.0, at(0.0));
        let ready = bucket.ready_at(1.0, at(0.0)).as_secs_f64();
        assert!((ready - 16.0).abs() < 1e-6, "{ready}");
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_rate_and_capacity(per_minute in 1.0..10_000.0f64, capacity in 1.0..20.0f64, gaps in proptest::collection::vec(0.0..2.0f64, 1..300)) {
            let mut bucket = Bucket::new(per_minute, capacity, Duration::ZERO);
            let (mut now, mut starts) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now = bucket.ready_at(1.0, now + at(gap));
                bucket.take(1.0, now);
                starts.push(now);
            }
            for (index, &first) in starts.iter().enumerate() {
                let within = starts[index..].iter().take_while(|&&start| start < first + Duration::from_mins(1)).count();
                prop_assert!(within as f64 <= per_minute + capacity + 1e-6);
            }
        }

        #[test]
        fn when_it_says_ready_it_is_ready(per_minute in 0.5..1e6f64, capacity in 1.0..1e5f64, costs in proptest::collection::vec(0.0..1e5f64, 1..50)) {
            let mut bucket = Bucket::new(per_minute, capacity, Duration::ZERO);
            let mut now = Duration::ZERO;
            for cost in costs {
                now = bucket.ready_at(cost, now);
                prop_assert_eq!(bucket.ready_at(cost, now), now);
                bucket.take(cost, now);
            }
        }
    }
}
