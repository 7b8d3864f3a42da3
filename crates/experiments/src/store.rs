//! Where exposures and outcomes live: SQLite by default, PostgreSQL by URL, behind one small trait.
//!
//! Writing is idempotent: an outcome counts once per id, the earliest exposure to a variant wins. Reading hands out one row per unit,
//! so that memory does not grow with events. Nothing here knows statistics.

mod location;
mod postgresql;
mod sql;
mod sqlite;
mod written;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use promptassay_registry::digest::Digest;

pub use location::{InvalidLocation, Location};
pub use postgresql::PostgresStore;
pub use sqlite::SqliteStore;
pub use written::{Conflict, MOST_CONFLICTS, Written};

use crate::event::Event;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be opened.
    #[error("the store {location} cannot be opened: {reason}")]
    Open {
        /// Where it is, without secrets.
        location: String,
        /// What the database said.
        reason: String,
    },
    /// A newer program wrote it.
    #[error("the store has the format {found}; this promptassay knows formats up to {known}")]
    TooNew {
        /// The format of the store.
        found: i64,
        /// The newest known one.
        known: i64,
    },
    /// The database does not answer in time.
    #[error("the store {location} does not answer: {reason}; it was to {doing}")]
    Silent {
        /// Where it is, without secrets.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// What was waited for.
        reason: String,
    },
    /// The database refused.
    #[error("the store cannot {doing}: {reason}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        reason: String,
    },
    /// What is recorded makes no sense.
    #[error("the value of `{series}` is not a finite number")]
    NotFinite {
        /// The series.
        series: String,
    },
}

/// A phase of an experiment that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Its number, from 1.
    pub phase: u32,
    /// What decides who gets what; must not change while the phase runs.
    pub allocation: Digest,
    /// What the decision is made of; must not change either. `None` of a phase that an older program started.
    pub rules: Option<Digest>,
    /// The share of units that take part, in millionths; may only grow.
    pub exposure_millionths: u32,
    /// The planned units.
    pub planned_units: u64,
    /// The prompt whose versions it serves. `None` of a phase that an older program started.
    pub prompt: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was stopped, and why.
    pub stopped: Option<(Timestamp, String)>,
}

/// One phase of one experiment, up to a moment.
#[derive(Debug, Clone, Copy)]
pub struct Population<'a> {
    /// The experiment.
    pub experiment: &'a str,
    /// The phase.
    pub phase: u32,
    /// Only units first exposed up to and including this moment.
    pub until: Timestamp,
    /// Only exposures up to and including this moment, which is no earlier: who is served another variant later has not crossed over.
    pub settled: Timestamp,
    /// Only outcomes up to and including this moment.
    pub now: Timestamp,
}

impl<'a> Population<'a> {
    /// Everybody who was exposed up to a moment, by what was known then.
    pub fn as_of(experiment: &'a str, phase: u32, now: Timestamp) -> Self {
        Self { experiment, phase, until: now, settled: now, now }
    }
}

/// Which outcomes of a unit count, seen from its first exposure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// From the exposure on, for this long; `None` for ever. It ends before that where the unit is exposed in a later phase.
    After(Option<SignedDuration>),
    /// Strictly before the exposure.
    Before,
}

impl Window {
    /// The bounds of (outcome − exposure) in microseconds, the second one excluded.
    fn bounds(self) -> (i64, i64) {
        match self {
            Self::After(None) => (0, i64::MAX),
            Self::After(Some(length)) => (0, i64::try_from(length.as_micros()).unwrap_or(i64::MAX)),
            Self::Before => (i64::MIN, 0),
        }
    }
}

/// Units by variant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arms {
    /// The units that were served this variant and no other, by name of the variant.
    pub units: Vec<(String, u64)>,
    /// Units that were served more than one variant.
    pub crossovers: u64,
    /// The first and the last moment at which a unit was exposed for the first time.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// What a unit brought of one series within its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitRow<'a> {
    /// The variant that it was served; units that were served several are left out.
    pub variant: &'a str,
    /// How many outcomes.
    pub count: u64,
    /// Their sum; 0 without any.
    pub sum: f64,
    /// Whether one of them is not 0.
    pub any: bool,
}

/// Outcomes of one series and variant, counted one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRow {
    /// The series.
    pub series: String,
    /// The variant.
    pub variant: String,
    /// How many outcomes from the exposure on.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A database of exposures and outcomes. Its answers do not depend on the order in which events were written.
pub trait Store: Send {
    /// Adds events in one transaction: all of them or none.
    fn write(&mut self, events: &[Event]) -> Result<Written, StoreError>;

    /// The phases of an experiment, the first one first.
    fn phases(&mut self, experiment: &str) -> Result<Vec<Phase>, StoreError>;

    /// The last phase of every experiment of which that was not stopped, by the name of the experiment.
    fn begun(&mut self) -> Result<BTreeMap<String, Phase>, StoreError>;

    /// All phases of experiments on a prompt, stopped ones too, with the names of the experiments. Those of which the store does not know the
    /// prompt, because an older program wrote them, are not among them.
    fn phases_on(&mut self, prompt: &str) -> Result<Vec<(String, Phase)>, StoreError>;

    /// Adds a phase, or replaces what is known of the phase of that number. One that was stopped stays as it is: then the answer is `false`.
    fn put_phase(&mut self, experiment: &str, phase: &Phase) -> Result<bool, StoreError>;

    /// Waits until nobody else decides about phases, and keeps others from it until [`Store::end_deciding`]: what is read from now on is what
    /// is there when it is put. Whoever drops the store before has put nothing.
    fn begin_deciding(&mut self) -> Result<(), StoreError>;

    /// Keeps what was put since.
    fn end_deciding(&mut self) -> Result<(), StoreError>;

    /// Makes all reading until [`Store::end_reading`] see the same moment.
    fn begin_reading(&mut self) -> Result<(), StoreError>;

    /// Ends it.
    fn end_reading(&mut self) -> Result<(), StoreError>;

    /// Units by variant.
    fn arms(&mut self, population: Population<'_>) -> Result<Arms, StoreError>;

    /// Every unit of the population that was served one variant, with the name of that, in any order.
    fn served(
        &mut self,
        population: Population<'_>,
        visit: &mut dyn FnMut(&[u8], &str),
    ) -> Result<(), StoreError>;

    /// When so many units had been served one variant and no other for the first time.
    fn nth_exposure(
        &mut self,
        population: Population<'_>,
        number: u64,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Every unit of the population that was served one variant, in the order of the bytes of its id, with what it brought.
    fn units(
        &mut self,
        population: Population<'_>,
        series: &str,
        window: Window,
        visit: &mut dyn FnMut(UnitRow<'_>),
    ) -> Result<(), StoreError>;

    /// How many units of the population that were served one variant were exposed in a later phase within this time: what they brought
    /// from then on counts there.
    fn cut_short(&mut self, population: Population<'_>, window: SignedDuration) -> Result<u64, StoreError>;

    /// Outcomes counted one by one, whatever their window.
    fn series(&mut self, population: Population<'_>) -> Result<Vec<SeriesRow>, StoreError>;

    /// How many units have outcomes in this experiment and were not exposed in this phase, both up to `now`.
    fn unexposed(&mut self, population: Population<'_>) -> Result<u64, StoreError>;

    /// When this unit was first exposed in a phase.
    fn first_exposure(
        &mut self,
        experiment: &str,
        phase: u32,
        unit: &[u8],
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Every event of an experiment: exposures first, then outcomes.
    fn events(&mut self, experiment: &str, visit: &mut dyn FnMut(Event)) -> Result<(), StoreError>;
}

/// Opens the store at a location, making it where there is none.
pub fn open(location: &Location) -> Result<Box<dyn Store>, StoreError> {
    Ok(match location {
        Location::Sqlite(path) => Box::new(SqliteStore::open(path)?),
        Location::Postgres(config) => Box::new(PostgresStore::connect(config, &location.to_string())?),
    })
}

/// Opens the store at a location to look at it. Nothing is made, and the tables of an older program are not brought up to date: they are
/// read as they are. A SQLite file must be there.
pub fn open_to_look(location: &Location) -> Result<Box<dyn Store>, StoreError> {
    Ok(match location {
        Location::Sqlite(path) => Box::new(SqliteStore::open_to_look(path)?),
        Location::Postgres(config) => {
            Box::new(PostgresStore::connect_to_look(config, &location.to_string())?)
        }
    })
}

/// Whether this program knows a format.
fn known(format: i64) -> Result<(), StoreError> {
    let newest = sql::newest();
    if format > newest { Err(StoreError::TooNew { found: format, known: newest }) } else { Ok(()) }
}

/// A moment as it is kept.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

fn check(events: &[Event]) -> Result<(), StoreError> {
    for event in events {
        if let Event::Outcome(outcome) = event
            && !outcome.value.is_finite()
        {
            return Err(StoreError::NotFinite { series: outcome.series.clone() });
        }
    }
    Ok(())
}
