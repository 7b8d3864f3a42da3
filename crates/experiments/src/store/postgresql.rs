//! The shared store: a PostgreSQL database, written by many machines.
//!
//! Calls block, and must not be made from a thread that drives asynchronous tasks.

mod connect;
mod write;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Client, Config, Row};
use promptassay_registry::digest::Digest;

use self::connect::{connect, connect_to_look};
use self::write::{Ids, write_all};
use super::location::root_cause;
use super::sql;
use super::{
    Arms, Phase, Population, SeriesRow, Store, StoreError, UnitRow, Window, Written, check, micros, timestamp,
};
use crate::event::{Event, Exposure, Outcome};

/// A PostgreSQL database, with its tables in the schema `promptassay`.
pub struct PostgresStore {
    client: Client,
    /// The format of its tables.
    format: i64,
    ids: Ids,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and makes the tables where they are not there. `shown` names the place without secrets.
    pub fn connect(config: &Config, shown: &str) -> Result<Self, StoreError> {
        let client = connect(config, shown)?;
        Ok(Self { client, format: sql::newest(), ids: Ids::default() })
    }

    /// Connects and changes nothing: neither makes tables nor brings them up to date.
    pub fn connect_to_look(config: &Config, shown: &str) -> Result<Self, StoreError> {
        let (client, format) = connect_to_look(config, shown)?;
        Ok(Self { client, format, ids: Ids::default() })
    }

    fn scope(&mut self, population: Population<'_>) -> Result<Option<i64>, StoreError> {
        let phase = i64::from(population.phase);
        self.one("look up the phase", sql::SCOPE, &[&population.experiment, &phase])
    }

    fn one<T: for<'a> postgres::types::FromSql<'a>>(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<T>, StoreError> {
        let row = self.client.query_opt(sql, parameters).map_err(|error| failed(doing, &error))?;
        row.map(|row| row.try_get(0)).transpose().map_err(|error| failed(doing, &error))
    }

    fn each(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        mut visit: impl FnMut(&Row) -> Result<(), postgres::Error>,
    ) -> Result<(), StoreError> {
        let mut read = || -> Result<(), postgres::Error> {
            // Row by row: the answer may have more units than memory.
            let mut rows = self.client.query_raw(sql, parameters.iter().copied())?;
            while let Some(row) = rows.next()? {
                visit(&row)?;
            }
            Ok(())
        };
        read().map_err(|error| failed(doing, &error))
    }
}

struct PhaseRow {
    phase: i64,
    allocation: String,
    exposure: i64,
    planned_units: i64,
    started_at: i64,
    stopped_at: Option<i64>,
    reason: Option<String>,
    rules: Option<String>,
    prompt: Option<String>,
    experiment: String,
}

impl PhaseRow {
    fn of(row: &Row) -> Result<Self, postgres::Error> {
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

    fn read(self) -> Result<Phase, StoreError> {
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

impl Store for PostgresStore {
    fn write(&mut self, events: &[Event]) -> Result<Written, StoreError> {
        check(events)?;
        let failed = |error: postgres::Error| failed("record events", &error);
        let mut transaction = self.client.transaction().map_err(failed)?;
        let written = write_all(&mut transaction, &mut self.ids, events)
            .and_then(|written| transaction.commit().map(|()| written));
        written.map_err(|error| {
            self.ids = Ids::default();
            failed(error)
        })
    }

    fn phases(&mut self, experiment: &str) -> Result<Vec<Phase>, StoreError> {
        let mut rows: Vec<PhaseRow> = Vec::new();
        let Some(question) = sql::phases(self.format) else { return Ok(Vec::new()) };
        self.each("read the phases", &question, &[&experiment], |row| {
            rows.push(PhaseRow::of(row)?);
            Ok(())
        })?;
        rows.into_iter().map(PhaseRow::read).collect()
    }

    fn begun(&mut self) -> Result<BTreeMap<String, Phase>, StoreError> {
        let mut rows: Vec<PhaseRow> = Vec::new();
        let Some(question) = sql::begun(self.format) else { return Ok(BTreeMap::new()) };
        self.each("read the phases", &question, &[], |row| {
            rows.push(PhaseRow::of(row)?);
            Ok(())
        })?;
        rows.into_iter().map(|row| Ok((row.experiment.clone(), row.read()?))).collect()
    }

    fn put_phase(&mut self, experiment: &str, phase: &Phase) -> Result<(), StoreError> {
        let (stopped_at, reason) = match &phase.stopped {
            Some((at, reason)) => (Some(micros(*at)), Some(reason)),
            None => (None, None),
        };
        let planned_units = i64::try_from(phase.planned_units).unwrap_or(i64::MAX);
        self.client
            .execute(
                sql::PUT_PHASE,
                &[
                    &experiment,
                    &i64::from(phase.phase),
                    &phase.allocation.to_string(),
                    &i64::from(phase.exposure_millionths),
                    &planned_units,
                    &micros(phase.started_at),
                    &stopped_at,
                    &reason,
                    &phase.rules.map(|rules| rules.to_string()),
                    &phase.prompt,
                ],
            )
            .map(|_| ())
            .map_err(|error| failed("write the phase", &error))
    }

    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.client
            .batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .map_err(|error| failed("begin to read", &error))
    }

    fn end_reading(&mut self) -> Result<(), StoreError> {
        self.client.batch_execute("COMMIT").map_err(|error| failed("end reading", &error))
    }

    fn arms(&mut self, population: Population<'_>) -> Result<Arms, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Arms::default()) };
        let until = micros(population.until);
        let mut arms = Arms::default();
        self.each("count units", sql::ARMS, &[&scope, &until], |row| {
            arms.units.push((row.try_get(0)?, count(row.try_get(1)?)));
            Ok(())
        })?;
        self.each("count units", sql::SPAN, &[&scope, &until], |row| {
            arms.crossovers = count(row.try_get(0)?);
            let (first, last): (Option<i64>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
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
        let until = micros(population.until);
        self.each("read who was served what", sql::SERVED, &[&scope, &until], |row| {
            visit(row.try_get(0)?, row.try_get(1)?);
            Ok(())
        })
    }

    fn nth_exposure(
        &mut self,
        population: Population<'_>,
        number: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(None) };
        let skipped = i64::try_from(number.saturating_sub(1)).unwrap_or(i64::MAX);
        let until = micros(population.until);
        let at: Option<i64> = self.one("find the planned end", sql::NTH, &[&scope, &until, &skipped])?;
        Ok(at.map(timestamp))
    }

    fn units(
        &mut self,
        population: Population<'_>,
        series: &str,
        window: Window,
        visit: &mut dyn FnMut(UnitRow<'_>),
    ) -> Result<(), StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(()) };
        let series: i64 =
            self.one("look up the series", sql::SERIES_ID, &[&population.experiment, &series])?.unwrap_or(-1);
        let mut names: HashMap<i64, String> = HashMap::new();
        self.each("read the variants", sql::VARIANTS, &[], |row| {
            names.insert(row.try_get(0)?, row.try_get(1)?);
            Ok(())
        })?;
        let (from, to) = window.bounds();
        let until = micros(population.until);
        self.each("read units", sql::UNITS, &[&scope, &until, &series, &from, &to], |row| {
            let variant: i64 = row.try_get(0)?;
            let largest: f64 = row.try_get(3)?;
            let variant = names.get(&variant).map(String::as_str).unwrap_or_default();
            visit(UnitRow {
                variant,
                count: count(row.try_get(1)?),
                sum: row.try_get(2)?,
                any: largest > 0.0,
            });
            Ok(())
        })
    }

    fn cut_short(&mut self, population: Population<'_>, window: SignedDuration) -> Result<u64, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(0) };
        let (_, length) = Window::After(Some(window)).bounds();
        let until = micros(population.until);
        let found: Option<i64> =
            self.one("count units of a later phase", sql::CUT, &[&scope, &until, &length])?;
        Ok(count(found.unwrap_or(0)))
    }

    fn series(&mut self, population: Population<'_>) -> Result<Vec<SeriesRow>, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Vec::new()) };
        let until = micros(population.until);
        let mut series = Vec::new();
        self.each("count outcomes", sql::SERIES, &[&scope, &until, &population.experiment], |row| {
            series.push(SeriesRow {
                series: row.try_get(0)?,
                variant: row.try_get(1)?,
                count: count(row.try_get(2)?),
                mean: row.try_get(3)?,
                min: row.try_get(4)?,
                max: row.try_get(5)?,
            });
            Ok(())
        })?;
        // The database sorts words as its language does; answers are the same everywhere.
        series.sort_by(|a, b| (&a.series, &a.variant).cmp(&(&b.series, &b.variant)));
        Ok(series)
    }

    fn unexposed(&mut self, population: Population<'_>) -> Result<u64, StoreError> {
        let scope = self.scope(population)?.unwrap_or(-1);
        let found: Option<i64> =
            self.one("count units without exposure", sql::UNEXPOSED, &[&scope, &population.experiment])?;
        Ok(count(found.unwrap_or(0)))
    }

    fn first_exposure(
        &mut self,
        experiment: &str,
        phase: u32,
        unit: &[u8],
    ) -> Result<Option<Timestamp>, StoreError> {
        let row: [&(dyn ToSql + Sync); 3] = [&experiment, &i64::from(phase), &unit];
        let at: Option<Option<i64>> = self.one("look up an exposure", sql::FIRST_EXPOSURE, &row)?;
        Ok(at.flatten().map(timestamp))
    }

    fn events(&mut self, experiment: &str, visit: &mut dyn FnMut(Event)) -> Result<(), StoreError> {
        self.each("read exposures", sql::EXPOSURES, &[&experiment], |row| {
            visit(Event::Exposure(Exposure {
                experiment: experiment.to_owned(),
                phase: unsigned(row.try_get(0)?),
                unit: row.try_get(1)?,
                variant: row.try_get(2)?,
                at: timestamp(row.try_get(3)?),
            }));
            Ok(())
        })?;
        self.each("read outcomes", sql::OUTCOMES, &[&experiment], |row| {
            visit(Event::Outcome(Outcome {
                experiment: experiment.to_owned(),
                unit: row.try_get(0)?,
                series: row.try_get(1)?,
                value: row.try_get(2)?,
                at: timestamp(row.try_get(3)?),
                id: row.try_get(4)?,
            }));
            Ok(())
        })
    }
}

/// A count, which the database keeps with a sign.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn failed(doing: &'static str, error: &postgres::Error) -> StoreError {
    let reason = match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => root_cause(error),
    };
    StoreError::Failed { doing, reason }
}
