//! The shared store: a PostgreSQL database, written by many machines.
//!
//! Calls block, and must not be made from a thread that drives asynchronous tasks.

mod connect;
mod phase;
mod worker;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::mpsc::SyncSender;

use jiff::{SignedDuration, Timestamp};
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Client, Config, Row};

use self::connect::{connect, connect_to_look};
use self::phase::PhaseRow;
use self::worker::Worker;
use self::write::{Ids, write_all};
use super::location::root_cause;
use super::sql;
use super::{
    Arms, Phase, Population, SeriesRow, Store, StoreError, UnitRow, Window, Written, check, micros, timestamp,
};
use crate::event::{Event, Exposure, Outcome};

/// A PostgreSQL database, with its tables in the schema `promptassay`.
pub struct PostgresStore {
    worker: Worker<Client>,
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
        let worker = connect(config, shown)?;
        Ok(Self { worker, format: sql::newest(), ids: Ids::default() })
    }

    /// Connects and changes nothing: neither makes tables nor brings them up to date.
    pub fn connect_to_look(config: &Config, shown: &str) -> Result<Self, StoreError> {
        let (worker, format) = connect_to_look(config, shown)?;
        Ok(Self { worker, format, ids: Ids::default() })
    }

    fn scope(&mut self, population: Population<'_>) -> Result<Option<i64>, StoreError> {
        let phase = i64::from(population.phase);
        self.one("look up the phase", sql::SCOPE, vec![text(population.experiment), Box::new(phase)])
    }

    fn one<T: for<'a> postgres::types::FromSql<'a>>(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: Parameters,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.each(doing, sql, parameters, |row| {
            found = Some(row.try_get(0)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn each(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: Parameters,
        mut visit: impl FnMut(&Row) -> Result<(), postgres::Error>,
    ) -> Result<(), StoreError> {
        let sql = sql.to_owned();
        let ask = move |client: &mut Client, answers: &SyncSender<Answer>| {
            let read = || -> Result<(), postgres::Error> {
                // Row by row: the answer may have more units than memory.
                let mut rows = client.query_raw(&sql, parameters)?;
                while let Some(row) = rows.next()? {
                    if answers.send(Ok(Some(row))).is_err() {
                        break;
                    }
                }
                Ok(())
            };
            // Nobody may wait for it any more.
            drop(answers.send(read().map(|()| None)));
        };
        let mut read = Ok(());
        self.worker.stream(doing, ask, |answer| {
            match answer.and_then(|row| row.as_ref().map(&mut visit).transpose()) {
                Ok(Some(())) => return ControlFlow::Continue(()),
                Ok(None) => {}
                Err(error) => read = Err(error),
            }
            ControlFlow::Break(())
        })?;
        read.map_err(|error| failed(&self.worker, doing, &error))
    }

    fn run(
        &mut self,
        doing: &'static str,
        question: impl FnOnce(&mut Client) -> Result<(), postgres::Error> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.worker.ask(doing, question)?.map_err(|error| failed(&self.worker, doing, &error))
    }
}

/// What is asked with; it goes to another thread.
type Parameters = Vec<Box<dyn ToSql + Send + Sync>>;

/// A row, or that there are no more.
type Answer = Result<Option<Row>, postgres::Error>;

fn text(value: &str) -> Box<dyn ToSql + Send + Sync> {
    Box::new(value.to_owned())
}

impl Store for PostgresStore {
    fn write(&mut self, events: &[Event]) -> Result<Written, StoreError> {
        check(events)?;
        let doing = "record events";
        // Where it fails, what was to be added may not have been.
        let mut ids = std::mem::take(&mut self.ids);
        let events = events.to_vec();
        let written = self.worker.ask(doing, move |client| {
            let mut transaction = client.transaction()?;
            let written = write_all(&mut transaction, &mut ids, &events)?;
            transaction.commit()?;
            Ok((written, ids))
        })?;
        let (written, ids) = written.map_err(|error| failed(&self.worker, doing, &error))?;
        self.ids = ids;
        Ok(written)
    }

    fn phases(&mut self, experiment: &str) -> Result<Vec<Phase>, StoreError> {
        let mut rows: Vec<PhaseRow> = Vec::new();
        let Some(question) = sql::phases(self.format) else { return Ok(Vec::new()) };
        self.each("read the phases", &question, vec![text(experiment)], |row| {
            rows.push(PhaseRow::of(row)?);
            Ok(())
        })?;
        rows.into_iter().map(PhaseRow::read).collect()
    }

    fn begun(&mut self) -> Result<BTreeMap<String, Phase>, StoreError> {
        let mut rows: Vec<PhaseRow> = Vec::new();
        let Some(question) = sql::begun(self.format) else { return Ok(BTreeMap::new()) };
        self.each("read the phases", &question, vec![], |row| {
            rows.push(PhaseRow::of(row)?);
            Ok(())
        })?;
        rows.into_iter().map(|row| Ok((row.experiment.clone(), row.read()?))).collect()
    }

    fn phases_on(&mut self, prompt: &str) -> Result<Vec<(String, Phase)>, StoreError> {
        let mut rows: Vec<PhaseRow> = Vec::new();
        let Some(question) = sql::phases_on(self.format) else { return Ok(Vec::new()) };
        self.each("read the phases", question, vec![text(prompt)], |row| {
            rows.push(PhaseRow::of(row)?);
            Ok(())
        })?;
        rows.into_iter().map(|row| Ok((row.experiment.clone(), row.read()?))).collect()
    }

    fn put_phase(&mut self, experiment: &str, phase: &Phase) -> Result<bool, StoreError> {
        let (stopped_at, reason) = match &phase.stopped {
            Some((at, reason)) => (Some(micros(*at)), Some(reason.clone())),
            None => (None, None),
        };
        let row: Parameters = vec![
            text(experiment),
            Box::new(i64::from(phase.phase)),
            text(&phase.allocation.to_string()),
            Box::new(i64::from(phase.exposure_millionths)),
            Box::new(i64::try_from(phase.planned_units).unwrap_or(i64::MAX)),
            Box::new(micros(phase.started_at)),
            Box::new(stopped_at),
            Box::new(reason),
            Box::new(phase.rules.map(|rules| rules.to_string())),
            Box::new(phase.prompt.clone()),
        ];
        let mut is_put = false;
        self.each("write the phase", &format!("{} RETURNING phase", sql::PUT_PHASE), row, |_| {
            is_put = true;
            Ok(())
        })?;
        Ok(is_put)
    }

    fn begin_deciding(&mut self) -> Result<(), StoreError> {
        // Readers go on; whoever writes phases waits, a program of before this lock too.
        self.run("begin to decide about phases", |client| {
            let begun = client.batch_execute("BEGIN; LOCK TABLE phases IN SHARE ROW EXCLUSIVE MODE");
            // What was begun without the lock is nothing to go on with.
            begun.inspect_err(|_| drop(client.batch_execute("ROLLBACK")))
        })
    }

    fn end_deciding(&mut self) -> Result<(), StoreError> {
        self.run("write the phase", |client| client.batch_execute("COMMIT"))
    }

    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.run("begin to read", |client| {
            client.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        })
    }

    fn end_reading(&mut self) -> Result<(), StoreError> {
        self.run("end reading", |client| client.batch_execute("COMMIT"))
    }

    fn arms(&mut self, population: Population<'_>) -> Result<Arms, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Arms::default()) };
        let mut arms = Arms::default();
        self.each("count units", sql::ARMS, exposed(scope, population), |row| {
            arms.units.push((row.try_get(0)?, count(row.try_get(1)?)));
            Ok(())
        })?;
        self.each("count units", sql::SPAN, exposed(scope, population), |row| {
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
        self.each("read who was served what", sql::SERVED, exposed(scope, population), |row| {
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
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let row: Parameters = vec![Box::new(scope), Box::new(micros(population.until)), Box::new(number)];
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
        let series: i64 = self
            .one("look up the series", sql::SERIES_ID, vec![text(population.experiment), text(series)])?
            .unwrap_or(-1);
        let mut names: HashMap<i64, String> = HashMap::new();
        self.each("read the variants", sql::VARIANTS, vec![], |row| {
            names.insert(row.try_get(0)?, row.try_get(1)?);
            Ok(())
        })?;
        let (from, to) = window.bounds();
        let mut row = exposed(scope, population);
        row.push(Box::new(series));
        row.push(Box::new(from));
        row.push(Box::new(to));
        row.push(Box::new(micros(population.now)));
        self.each("read units", sql::UNITS, row, |row| {
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
        let mut row = exposed(scope, population);
        row.push(Box::new(length));
        let found: Option<i64> = self.one("count units of a later phase", sql::CUT, row)?;
        Ok(count(found.unwrap_or(0)))
    }

    fn series(&mut self, population: Population<'_>) -> Result<Vec<SeriesRow>, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Vec::new()) };
        let mut series = Vec::new();
        let mut row = exposed(scope, population);
        row.push(text(population.experiment));
        row.push(Box::new(micros(population.now)));
        self.each("count outcomes", sql::SERIES, row, |row| {
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
        let found: Option<i64> = self.one(
            "count units without exposure",
            sql::UNEXPOSED,
            vec![Box::new(scope), text(population.experiment), Box::new(micros(population.now))],
        )?;
        Ok(count(found.unwrap_or(0)))
    }

    fn first_exposure(
        &mut self,
        experiment: &str,
        phase: u32,
        unit: &[u8],
    ) -> Result<Option<Timestamp>, StoreError> {
        let row: Parameters = vec![text(experiment), Box::new(i64::from(phase)), Box::new(unit.to_owned())];
        let at: Option<Option<i64>> = self.one("look up an exposure", sql::FIRST_EXPOSURE, row)?;
        Ok(at.flatten().map(timestamp))
    }

    fn events(&mut self, experiment: &str, visit: &mut dyn FnMut(Event)) -> Result<(), StoreError> {
        self.each("read exposures", sql::EXPOSURES, vec![text(experiment)], |row| {
            visit(Event::Exposure(Exposure {
                experiment: experiment.to_owned(),
                phase: unsigned(row.try_get(0)?),
                unit: row.try_get(1)?,
                variant: row.try_get(2)?,
                at: timestamp(row.try_get(3)?),
            }));
            Ok(())
        })?;
        self.each("read outcomes", sql::OUTCOMES, vec![text(experiment)], |row| {
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

/// The first parameters of whatever is asked about the exposures of a population.
fn exposed(scope: i64, population: Population<'_>) -> Parameters {
    vec![Box::new(scope), Box::new(micros(population.until)), Box::new(micros(population.settled))]
}

/// A count, which the database keeps with a sign.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What the server said; that somebody else keeps the tables locked is no answer.
fn failed(worker: &Worker<Client>, doing: &'static str, error: &postgres::Error) -> StoreError {
    let reason = match error.as_db_error() {
        Some(error) if *error.code() == SqlState::LOCK_NOT_AVAILABLE => {
            return worker.silent(doing, "somebody else keeps locked what it needs");
        }
        Some(error) => error.message().to_owned(),
        None => root_cause(error),
    };
    StoreError::Failed { doing, reason }
}
