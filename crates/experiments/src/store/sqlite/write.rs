//! Writing events to SQLite: one statement per kind of event, names replaced by numbers that are looked up once.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::dialect;
use crate::event::{Event, Exposure, Outcome};
use crate::store::{Written, micros, sql};

/// Numbers that are known to be there.
#[derive(Debug, Default)]
pub(super) struct Ids {
    scopes: HashMap<(String, u32), i64>,
    variants: HashMap<String, i64>,
    series: HashMap<(String, String), i64>,
}

impl Ids {
    fn scope(&mut self, connection: &Connection, exposure: &Exposure) -> rusqlite::Result<i64> {
        let key = (exposure.experiment.clone(), exposure.phase);
        if let Some(id) = self.scopes.get(&key) {
            return Ok(*id);
        }
        let id = interned(connection, sql::SCOPE, sql::ADD_SCOPE, params![key.0, key.1])?;
        self.scopes.insert(key, id);
        Ok(id)
    }

    fn variant(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.variants.get(name) {
            return Ok(*id);
        }
        let id = interned(connection, sql::VARIANT, sql::ADD_VARIANT, params![name])?;
        self.variants.insert(name.to_owned(), id);
        Ok(id)
    }

    fn series(&mut self, connection: &Connection, outcome: &Outcome) -> rusqlite::Result<i64> {
        let key = (outcome.experiment.clone(), outcome.series.clone());
        if let Some(id) = self.series.get(&key) {
            return Ok(*id);
        }
        let id = interned(connection, sql::SERIES_ID, sql::ADD_SERIES, params![key.0, key.1])?;
        self.series.insert(key, id);
        Ok(id)
    }
}

fn interned(
    connection: &Connection,
    find: &str,
    add: &str,
    params: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<i64> {
    connection.prepare_cached(&dialect(add))?.execute(params)?;
    connection.prepare_cached(&dialect(find))?.query_row(params, |row| row.get(0))
}

/// Adds events; the caller commits.
pub(super) fn write_all(
    connection: &Connection,
    ids: &mut Ids,
    events: &[Event],
) -> rusqlite::Result<Written> {
    let mut exposed = connection.prepare_cached(
        "INSERT INTO exposures (scope, unit, variant, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    let mut earlier = connection.prepare_cached(
        "UPDATE exposures SET at = ?4 WHERE scope = ?1 AND unit = ?2 AND variant = ?3 AND ?4 < at",
    )?;
    let mut measured = connection.prepare_cached(
        "INSERT INTO outcomes (series, unit, id, at, value) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )?;
    let mut kept = connection
        .prepare_cached("SELECT value FROM outcomes WHERE series = ?1 AND unit = ?2 AND id = ?3")?;
    let mut written = Written::default();
    for event in events {
        match event {
            Event::Exposure(exposure) => {
                let scope = ids.scope(connection, exposure)?;
                let variant = ids.variant(connection, &exposure.variant)?;
                let row = params![scope, exposure.unit, variant, micros(exposure.at)];
                let counter = if exposed.execute(row)? > 0 {
                    &mut written.exposures
                } else if earlier.execute(row)? > 0 {
                    &mut written.earlier
                } else {
                    &mut written.repeated
                };
                *counter += 1;
            }
            Event::Outcome(outcome) => {
                let series = ids.series(connection, outcome)?;
                let (unit, id) = (&outcome.unit, &outcome.id);
                let row = params![series, unit, id, micros(outcome.at), outcome.value];
                if measured.execute(row)? > 0 {
                    written.outcomes += 1;
                } else {
                    let value = kept.query_row(params![series, unit, id], |row| row.get(0))?;
                    written.was_there(outcome, value);
                }
            }
        }
    }
    Ok(written)
}
