//! What is recorded: who was served what, and what came of it.

use jiff::Timestamp;

/// A unit was served a variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exposure {
    /// The experiment.
    pub experiment: String,
    /// Its phase.
    pub phase: u32,
    /// The unit's id: bytes, as they are.
    pub unit: Vec<u8>,
    /// The name of the variant.
    pub variant: String,
    /// When.
    pub at: Timestamp,
}

/// Something was measured of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The experiment.
    pub experiment: String,
    /// The unit's id: bytes, as they are.
    pub unit: Vec<u8>,
    /// The name under which it is recorded: a metric, or a part of one.
    pub series: String,
    /// The value, finite.
    pub value: f64,
    /// When.
    pub at: Timestamp,
    /// Recorded twice with the same id it counts once; unique per experiment, series and unit.
    pub id: Vec<u8>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A unit was served a variant.
    Exposure(Exposure),
    /// Something was measured.
    Outcome(Outcome),
}

/// Ids for outcomes that come without one: unique as long as no two makers share a session.
#[derive(Debug, Clone)]
pub struct EventIds {
    session: [u8; 16],
    next: u64,
}

impl EventIds {
    /// A maker of ids. `session` is drawn at random by the caller, once per process and maker.
    pub fn new(session: [u8; 16]) -> Self {
        Self { session, next: 0 }
    }

    /// The next id.
    pub fn next_id(&mut self) -> Vec<u8> {
        self.next += 1;
        [&self.session[..], &self.next.to_be_bytes()].concat()
    }
}
