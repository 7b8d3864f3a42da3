//! A token bucket on a clock that is passed in.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(super) struct TokenBucket {
    tokens: f64,
    filled_at: Duration,
}

impl TokenBucket {
    pub(super) fn full(burst: f64, now: Duration) -> Self {
        Self { tokens: burst, filled_at: now }
    }

    /// Takes one token if there is one. A clock that goes back adds none.
    pub(super) fn take(&mut self, tokens_per_second: f64, burst: f64, now: Duration) -> bool {
        let elapsed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * tokens_per_second).min(burst);
        self.filled_at = self.filled_at.max(now);
        let has_token = self.tokens >= 1.0;
        if has_token {
            self.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut bucket = TokenBucket::full(3.0, Duration::ZERO);
        let mut take = |milliseconds| bucket.take(10.0, 3.0, Duration::from_millis(milliseconds));
        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert_eq!([take(99), take(101), take(102)], [false, true, false]);
        assert!(!take(50), "a clock that goes back gives nothing");
        assert_eq!([take(60_000), take(60_000), take(60_000), take(60_000)], [true, true, true, false]);
    }

    #[test]
    fn over_a_minute_exactly_the_rate_gets_through() {
        let mut bucket = TokenBucket::full(1.0, Duration::ZERO);
        let passed = (0..60_000).filter(|&at| bucket.take(50.0, 1.0, Duration::from_millis(at))).count();
        assert!((2_995..=3_001).contains(&passed), "{passed}");
    }
}
