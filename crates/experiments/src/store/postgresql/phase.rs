//! A started phase, as a row of the database has it.

use postgres::Row;
use promptassay_registry::digest::Digest;

use super::{count, unsigned};
use crate::store::{Phase, StoreError, timestamp};

pub(super) struct PhaseRow {
    phase: i64,
    allocation: String,
    exposure: i64,
    planned_units: i64,
    started_at: i64,
    stopped_at: Option<i64>,
    reason: Option<String>,
    rules: Option<String>,
    prompt: Option<String>,
    pub(super) experiment: String,
}

impl PhaseRow {
    pub(super) fn of(row: &Row) -> Result<Self, postgres::Error> {
        Ok(Self {
            phase: row.try_get(0)?,
            allocation: row.try_get(1)?,
            exposure: row.try_get(2)?,
            planned_units: row.try_get(3)?,
            started_at: row.try_get(4)?,
            stopped_at: row.try_get(5)?,
            reason: row.try_get(6)?,
            rules: row.try_get(7)?,
            prompt: row.try_get(8)?,
            experiment: row.try_get(9)?,
        })
    }

    pub(super) fn read(self) -> Result<Phase, StoreError> {
        let digest = |text: &str| {
            text.parse::<Digest>()
                .map_err(|error| StoreError::Failed { doing: "read the phases", reason: error.to_string() })
        };
        Ok(Phase {
            phase: unsigned(self.phase),
            allocation: digest(&self.allocation)?,
            rules: self.rules.as_deref().map(digest).transpose()?,
            exposure_millionths: unsigned(self.exposure),
            planned_units: count(self.planned_units),
            prompt: self.prompt,
            started_at: timestamp(self.started_at),
            stopped: self.stopped_at.map(|at| (timestamp(at), self.reason.unwrap_or_default())),
        })
    }
}
