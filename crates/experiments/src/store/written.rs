//! What became of a batch.

use std::cmp::Ordering;

use crate::event::Outcome;

/// So many conflicts are named; all are counted.
pub const MOST_CONFLICTS: usize = 20;

/// What a batch added, and what of it was there already.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// Exposures that were new.
    pub exposures: u64,
    /// Exposures that were there with a later time, and are earlier now.
    pub earlier: u64,
    /// Outcomes that were new.
    pub outcomes: u64,
    /// Events that changed nothing, because they were there already.
    pub repeated: u64,
    /// Outcomes that changed nothing, because their id was there with another value.
    pub conflicting: u64,
    /// The first of these, at most [`MOST_CONFLICTS`].
    pub conflicts: Vec<Conflict>,
}

/// An outcome under an id that was there with another value: a correction, or two outcomes with one id. The first one stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The outcome that was not written.
    pub outcome: Outcome,
    /// The value that is there.
    pub kept: f64,
}

impl Written {
    /// Adds what became of another batch.
    pub fn add(&mut self, more: Self) {
        self.exposures += more.exposures;
        self.earlier += more.earlier;
        self.outcomes += more.outcomes;
        self.repeated += more.repeated;
        self.conflicting += more.conflicting;
        let room = MOST_CONFLICTS.saturating_sub(self.conflicts.len());
        self.conflicts.extend(more.conflicts.into_iter().take(room));
    }

    /// Counts an outcome that was there already, with this value.
    pub(super) fn was_there(&mut self, outcome: &Outcome, kept: f64) {
        // Not-a-number is refused before, and 0 is as good as -0.
        if outcome.value.partial_cmp(&kept) == Some(Ordering::Equal) {
            self.repeated += 1;
            return;
        }
        self.conflicting += 1;
        if self.conflicts.len() < MOST_CONFLICTS {
            self.conflicts.push(Conflict { outcome: outcome.clone(), kept });
        }
    }
}
