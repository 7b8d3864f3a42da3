//! Spreads starts over time: after a pause the whole limit could start at once, and a server that counts per second would refuse
//! what it takes when it comes evenly. Pure.

use std::time::Duration;

/// Starts are so much closer together than answers have been, so that a limit that grows can be reached.
const CLOSER: f64 = 1.1;
/// The weight of the newest answer in the mean.
const NEWEST: f64 = 0.1;
/// Starts that are late by less than this catch up: timers are no finer.
const SLACK: Duration = Duration::from_millis(5);

/// The pace of one model row.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    mean_latency: Option<f64>,
    next: Duration,
}

impl Pace {
    /// An attempt was answered after `latency`.
    pub(crate) fn answered(&mut self, latency: Duration) {
        let latency = latency.as_secs_f64();
        self.mean_latency = Some(self.mean_latency.map_or(latency, |mean| mean + NEWEST * (latency - mean)));
    }

    /// One was started, while `limit` may be under way.
    pub(crate) fn start(&mut self, now: Duration, limit: usize) {
        let gap = self.mean_latency.unwrap_or(0.0) / (CLOSER * limit as f64);
        self.next = self.next.max(now.saturating_sub(SLACK)) + Duration::from_secs_f64(gap);
    }

    /// When the next one may start.
    pub(crate) fn ready_at(&self) -> Duration {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_spread_over_the_time_of_an_answer() {
        let mut pace = Pace::default();
        pace.answered(Duration::from_millis(1100));
        let mut now = Duration::from_secs(100);
        for _ in 0..50 {
            pace.start(now, 10);
            now = now.max(pace.ready_at());
        }
        // Fifty tenths of a second, but for what may be caught up.
        assert!((now + SLACK).abs_diff(Duration::from_secs(105)) < Duration::from_micros(1), "{now:?}");
    }

    #[test]
    fn nothing_is_known_at_first_and_nothing_is_spread() {
        let mut pace = Pace::default();
        pace.start(Duration::from_secs(1), 10);
        assert!(pace.ready_at() <= Duration::from_secs(1));
    }
}
