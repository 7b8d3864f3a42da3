//! When an attempt that brought no answer is made again, and after how long. Pure: time and chance come in as numbers.
//!
//! Only errors are tried again. An answer is never asked for a second time because it is wrong: that would choose among answers.

use std::time::Duration;

use promptassay_llm::ModelError;

/// How often and how long a question is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts for one question, the first one included; at least 1.
    pub attempts: u32,
    /// The longest wait after the first attempt, where the server says nothing; it doubles with every further one.
    pub base: Duration,
    /// The longest wait after any attempt, where the server says nothing.
    pub cap: Duration,
    /// The longest wait that a server may ask for.
    pub longest_hint: Duration,
    /// The longest time from the first attempt of a question to its end, waiting included.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            longest_hint: Duration::from_mins(2),
            deadline: Duration::from_mins(10),
        }
    }
}

impl RetryPolicy {
    /// How long to wait before the next attempt; `None` to give up. `attempt` counts from 1, `elapsed` is the time since the first
    /// one began, and `fraction`, in [0, 1), is the draw of the jitter.
    ///
    /// Without a hint it is "full jitter": anything from 0 to the exponential bound, so that many clients that failed together do
    /// not come back together. With a hint it is the hint, capped, and up to one `base` more, for the same reason.
    pub fn wait_after(
        &self,
        attempt: u32,
        error: &ModelError,
        elapsed: Duration,
        fraction: f64,
    ) -> Option<Duration> {
        if attempt >= self.attempts || !error.is_retryable() {
            return None;
        }
        let wait = match error.retry_after() {
            Some(hint) => hint.min(self.longest_hint) + self.base.mul_f64(fraction),
            None => self.bound(attempt).mul_f64(fraction),
        };
        (elapsed + wait < self.deadline).then_some(wait)
    }

    fn bound(&self, attempt: u32) -> Duration {
        let doubled =
            2_u32.checked_pow(attempt.saturating_sub(1)).and_then(|factor| self.base.checked_mul(factor));
        doubled.unwrap_or(self.cap).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        base: Duration::from_secs(1),
        cap: Duration::from_secs(3),
        longest_hint: Duration::from_mins(2),
        deadline: Duration::from_mins(5),
    };

    fn timeout() -> ModelError {
        ModelError::Timeout { detail: String::new() }
    }

    fn limited(retry_after: u64) -> ModelError {
        ModelError::RateLimited { retry_after: Some(Duration::from_secs(retry_after)), detail: String::new() }
    }

    fn wait(attempt: u32, error: &ModelError, elapsed: u64, fraction: f64) -> Option<f64> {
        POLICY
            .wait_after(attempt, error, Duration::from_secs(elapsed), fraction)
            .map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn the_bound_doubles_up_to_its_cap() {
        let waits: Vec<_> = (1..=4).map(|attempt| wait(attempt, &timeout(), 0, 0.5)).collect();
        assert_eq!(waits, [Some(0.5), Some(1.0), Some(1.5), None]);
    }

    #[test]
    fn a_server_is_listened_to_within_reason() {
        assert_eq!(wait(1, &limited(20), 0, 0.0), Some(20.0));
        assert_eq!(wait(1, &limited(20), 0, 0.5), Some(20.5));
        assert_eq!(wait(1, &limited(86_400), 0, 0.0), Some(120.0));
    }

    #[test]
    fn nothing_is_tried_past_the_deadline() {
        assert_eq!(wait(1, &limited(20), 279, 0.0), Some(20.0));
        assert_eq!(wait(1, &limited(20), 280, 0.0), None);
    }

    #[test]
    fn what_cannot_get_better_is_not_tried_again() {
        let detail = String::new;
        for error in [
            ModelError::Auth { detail: detail() },
            ModelError::NotFound { detail: detail() },
            ModelError::BadRequest { detail: detail() },
            ModelError::QuotaExhausted { detail: detail() },
            ModelError::Server { retry_after: None, retryable: false, detail: detail() },
        ] {
            assert_eq!(wait(1, &error, 0, 0.0), None, "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_keeps_its_bounds(attempt in 1u32..u32::MAX, attempts: u32, fraction in 0.0..1.0, elapsed in 0u64..400, hint in proptest::option::of(0u64..1_000_000_000_000)) {
            let policy = RetryPolicy { attempts, ..POLICY };
            let error = ModelError::Overloaded { retry_after: hint.map(Duration::from_secs), detail: String::new() };
            let elapsed = Duration::from_secs(elapsed);
            if let Some(wait) = policy.wait_after(attempt, &error, elapsed, fraction) {
                prop_assert!(attempt < attempts);
                prop_assert!(elapsed + wait < policy.deadline);
                prop_assert!(wait <= policy.longest_hint + policy.base);
                prop_assert!(hint.is_some() || wait <= policy.cap);
            }
        }
    }
}
