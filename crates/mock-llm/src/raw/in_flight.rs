//! How many calls wait for their answer at once.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct InFlight {
    current: AtomicU64,
    peak: AtomicU64,
}

impl InFlight {
    /// Counts one call until the guard is dropped.
    pub(super) fn enter(&self) -> InFlightGuard<'_> {
        let current = self.current.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(current, Ordering::Relaxed);
        InFlightGuard { in_flight: self }
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

pub(super) struct InFlightGuard<'a> {
    in_flight: &'a InFlight,
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.in_flight.current.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_when_calls_end() {
        let in_flight = InFlight::default();
        let first = in_flight.enter();
        drop(in_flight.enter());
        drop(first);
        drop(in_flight.enter());
        assert_eq!(in_flight.peak(), 2);
    }
}
