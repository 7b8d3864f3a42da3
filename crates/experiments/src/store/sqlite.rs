//! The embedded store: one SQLite file, written by as many processes as like.

mod make;
mod opening;
mod phase;
mod write;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Params, TransactionBehavior, params};

use self::phase::phase;
use self::write::{Ids, write_all};
use super::sql;
use super::{
    Arms, Phase, Population, SeriesRow, Store, StoreError, UnitRow, Window, Written, check, micros, timestamp,
};
use crate::event::{Event, Exposure, Outcome};

/// A SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    /// The format of its tables.
    format: i64,
    /// Ids that are known to be there.
    ids: Ids,
}

impl SqliteStore {
    fn scope(&self, population: Population<'_>) -> Result<Option<i64>, StoreError> {
        let Population { experiment, phase, .. } = population;
        self.one("look up the phase", sql::SCOPE, params![experiment, phase])
    }

    fn one<T: rusqlite::types::FromSql>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<Option<T>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&dialect(sql)).map_err(|error| failed(doing, &error))?;
        statement.query_row(params, |row| row.get(0)).optional().map_err(|error| failed(doing, &error))
    }

    fn each(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        mut visit: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(&dialect(sql))?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                visit(row)?;
            }
            Ok(())
        };
        read().map_err(|error| failed(doing, &error))
    }

    fn variants(&self) -> Result<HashMap<i64, String>, StoreError> {
        let mut names = HashMap::new();
        self.each("read the variants", sql::VARIANTS, [], |row| {
            names.insert(row.get(0)?, row.get(1)?);
            Ok(())
        })?;
        Ok(names)
    }
}

impl Store for SqliteStore {
    fn write(&mut self, events: &[Event]) -> Result<Written, StoreError> {
        check(events)?;
        let failed = |error| failed("record events", &error);
        // Immediate: a writer that began by reading could not wait for another one.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let written = write_all(&transaction, &mut self.ids, events)
            .and_then(|written| transaction.commit().map(|()| written));
        written.map_err(|error| {
            // What was to be added may not have been.
            self.ids = Ids::default();
            failed(error)
        })
    }

    fn phases(&mut self, experiment: &str) -> Result<Vec<Phase>, StoreError> {
        let mut phases = Vec::new();
        let Some(question) = sql::phases(self.format) else { return Ok(phases) };
        self.each("read the phases", &question, [experiment], |row| {
            phases.push(phase(row)?);
            Ok(())
        })?;
        Ok(phases)
    }

    fn begun(&mut self) -> Result<BTreeMap<String, Phase>, StoreError> {
        let mut begun = BTreeMap::new();
        let Some(question) = sql::begun(self.format) else { return Ok(begun) };
        self.each("read the phases", &question, [], |row| {
            begun.insert(row.get(9)?, phase(row)?);
            Ok(())
        })?;
        Ok(begun)
    }

    fn phases_on(&mut self, prompt: &str) -> Result<Vec<(String, Phase)>, StoreError> {
        let mut phases = Vec::new();
        let Some(question) = sql::phases_on(self.format) else { return Ok(phases) };
        self.each("read the phases", question, [prompt], |row| {
            phases.push((row.get(9)?, phase(row)?));
            Ok(())
        })?;
        Ok(phases)
    }

    fn put_phase(&mut self, experiment: &str, phase: &Phase) -> Result<bool, StoreError> {
        let (stopped_at, reason) = match &phase.stopped {
            Some((at, reason)) => (Some(micros(*at)), Some(reason)),
            None => (None, None),
        };
        let row = params![
            experiment,
            phase.phase,
            phase.allocation.to_string(),
            phase.exposure_millionths,
            phase.planned_units,
            micros(phase.started_at),
            stopped_at,
            reason,
            phase.rules.map(|rules| rules.to_string()),
            phase.prompt
        ];
        self.connection
            .execute(&dialect(sql::PUT_PHASE), row)
            .map(|rows| rows > 0)
            .map_err(|error| failed("write the phase", &error))
    }

    fn begin_deciding(&mut self) -> Result<(), StoreError> {
        // Immediate: of two that began by reading one could not write.
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(|error| failed("begin to decide about phases", &error))
    }

    fn end_deciding(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").map_err(|error| failed("write the phase", &error))
    }

    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN").map_err(|error| failed("begin to read", &error))
    }

    fn end_reading(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").map_err(|error| failed("end reading", &error))
    }

    fn arms(&mut self, population: Population<'_>) -> Result<Arms, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Arms::default()) };
        let (until, settled) = (micros(population.until), micros(population.settled));
        let mut arms = Arms::default();
        self.each("count units", sql::ARMS, [scope, until, settled], |row| {
            arms.units.push((row.get(0)?, row.get(1)?));
            Ok(())
        })?;
        self.each("count units", sql::SPAN, [scope, until, settled], |row| {
            arms.crossovers = row.get(0)?;
            let (first, last): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
            arms.span = first.zip(last).map(|(first, last)| (timestamp(first), timestamp(last)));
            Ok(())
        })?;
        Ok(arms)
    }

    fn served(
        &mut self,
        population: Population<'_>,
        visit: &mut dyn FnMut(&[u8], &str),
    ) -> Result<(), StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(()) };
        let row = [scope, micros(population.until), micros(population.settled)];
        self.each("read who was served what", sql::SERVED, row, |row| {
            visit(row.get_ref(0)?.as_bytes()?, row.get_ref(1)?.as_str()?);
            Ok(())
        })
    }

    fn nth_exposure(
        &mut self,
        population: Population<'_>,
        number: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(None) };
        let row = params![scope, micros(population.until), number];
        let at: Option<Option<i64>> = self.one("find the planned end", sql::NTH, row)?;
        Ok(at.flatten().map(timestamp))
    }

    fn units(
        &mut self,
        population: Population<'_>,
        series: &str,
        window: Window,
        visit: &mut dyn FnMut(UnitRow<'_>),
    ) -> Result<(), StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(()) };
        // A series that nobody recorded has no id, and every unit brought nothing of it.
        let series: i64 = self
            .one("look up the series", sql::SERIES_ID, params![population.experiment, series])?
            .unwrap_or(-1);
        let names = self.variants()?;
        let (from, to) = window.bounds();
        let [until, settled, now] = [population.until, population.settled, population.now].map(micros);
        let row = params![scope, until, settled, series, from, to, now];
        self.each("read units", sql::UNITS, row, |row| {
            let variant: i64 = row.get(0)?;
            let largest: f64 = row.get(3)?;
            let variant = names.get(&variant).map(String::as_str).unwrap_or_default();
            visit(UnitRow { variant, count: row.get(1)?, sum: row.get(2)?, any: largest > 0.0 });
            Ok(())
        })
    }

    fn cut_short(&mut self, population: Population<'_>, window: SignedDuration) -> Result<u64, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(0) };
        let (_, length) = Window::After(Some(window)).bounds();
        let row = params![scope, micros(population.until), micros(population.settled), length];
        Ok(self.one("count units of a later phase", sql::CUT, row)?.unwrap_or(0))
    }

    fn series(&mut self, population: Population<'_>) -> Result<Vec<SeriesRow>, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Vec::new()) };
        let mut series = Vec::new();
        let [until, settled, now] = [population.until, population.settled, population.now].map(micros);
        let row = params![scope, until, settled, population.experiment, now];
        self.each("count outcomes", sql::SERIES, row, |row| {
            series.push(SeriesRow {
                series: row.get(0)?,
                variant: row.get(1)?,
                count: row.get(2)?,
                mean: row.get(3)?,
                min: row.get(4)?,
                max: row.get(5)?,
            });
            Ok(())
        })?;
        Ok(series)
    }

    fn unexposed(&mut self, population: Population<'_>) -> Result<u64, StoreError> {
        let scope = self.scope(population)?.unwrap_or(-1);
        let row = params![scope, population.experiment, micros(population.now)];
        Ok(self.one("count units without exposure", sql::UNEXPOSED, row)?.unwrap_or(0))
    }

    fn first_exposure(
        &mut self,
        experiment: &str,
        phase: u32,
        unit: &[u8],
    ) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<Option<i64>> =
            self.one("look up an exposure", sql::FIRST_EXPOSURE, params![experiment, phase, unit])?;
        Ok(at.flatten().map(timestamp))
    }

    fn events(&mut self, experiment: &str, visit: &mut dyn FnMut(Event)) -> Result<(), StoreError> {
        self.each("read exposures", sql::EXPOSURES, [experiment], |row| {
            visit(Event::Exposure(Exposure {
                experiment: experiment.to_owned(),
                phase: row.get(0)?,
                unit: row.get(1)?,
                variant: row.get(2)?,
                at: timestamp(row.get(3)?),
            }));
            Ok(())
        })?;
        self.each("read outcomes", sql::OUTCOMES, [experiment], |row| {
            visit(Event::Outcome(Outcome {
                experiment: experiment.to_owned(),
                unit: row.get(0)?,
                series: row.get(1)?,
                value: row.get(2)?,
                at: timestamp(row.get(3)?),
                id: row.get(4)?,
            }));
            Ok(())
        })
    }
}

/// The shared SQL as SQLite writes it.
fn dialect(sql: &str) -> String {
    sql.replace('$', "?")
}

fn failed(doing: &'static str, error: &rusqlite::Error) -> StoreError {
    StoreError::Failed { doing, reason: error.to_string() }
}
