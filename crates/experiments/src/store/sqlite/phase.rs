//! A phase, from its row.

use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

use crate::store::{Phase, timestamp};

/// Reads the columns of a phase, in the order in which the question has them.
pub(super) fn phase(row: &Row<'_>) -> Result<Phase> {
    let allocation: String = row.get(1)?;
    let stopped: Option<i64> = row.get(5)?;
    let reason: Option<String> = row.get(6)?;
    let rules: Option<String> = row.get(7)?;
    let digest = |column: usize, text: &str| {
        text.parse().map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
    };
    Ok(Phase {
        phase: row.get(0)?,
        allocation: digest(1, &allocation)?,
        rules: rules.map(|rules| digest(7, &rules)).transpose()?,
        exposure_millionths: row.get(2)?,
        planned_units: row.get(3)?,
        prompt: row.get(8)?,
        started_at: timestamp(row.get(4)?),
        stopped: stopped.map(|at| (timestamp(at), reason.unwrap_or_default())),
    })
}
