//! The shared store: a PostgreSQL database, written by many machines.
//!
//! Calls block, and must not be made from a thread that drives asynchronous tasks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Client, Config, GenericClient, NoTls, Row, Transaction};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::location::root_cause;
use super::sql;
use super::{
    Arms, Phase, Population, SeriesRow, Store, StoreError, UnitRow, Window, Written, check, micros, timestamp,
};
use crate::event::{Event, Exposure, Outcome};

/// Keeps two programs from making the tables at once. The number is arbitrary and must not change.
const MIGRATION_LOCK: i64 = 0x7072_6F6D_7074;

/// A PostgreSQL database, with its tables in the schema `promptassay`.
pub struct PostgresStore {
    client: Client,
    ids: Ids,
}

#[derive(Debug, Default)]
struct Ids {
    scopes: HashMap<(String, u32), i64>,
    variants: HashMap<String, i64>,
    series: HashMap<(String, String), i64>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and makes the tables where they are not there. `shown` names the place without secrets.
    pub fn connect(config: &Config, shown: &str) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { location: shown.to_owned(), reason };
        let client = if config.get_ssl_mode() == postgres::config::SslMode::Disable {
            config.connect(NoTls)
        } else {
            config.connect(MakeRustlsConnect::new(encryption().map_err(|error| failed(error.to_string()))?))
        };
        let mut client = client.map_err(|error| failed(root_cause(&error)))?;
        migrate(&mut client).map_err(|error| match error {
            StoreError::Failed { reason, .. } => failed(reason),
            other => other,
        })?;
        Ok(Self { client, ids: Ids::default() })
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

/// TLS with the certificates that the system trusts.
fn encryption() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth())
}

fn migrate(client: &mut Client) -> Result<(), StoreError> {
    let failed = |error: postgres::Error| failed("bring its tables up to date", &error);
    let mut transaction = client.transaction().map_err(failed)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).map_err(failed)?;
    let there: bool = transaction
        .query_one("SELECT to_regclass('promptassay.format') IS NOT NULL", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    if !there {
        let tables = sql::TABLES
            .replace("{ID}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            .replace("{BYTES}", "BYTEA")
            .replace("{PACKED}", "");
        let prepare = "CREATE SCHEMA IF NOT EXISTS promptassay; SET LOCAL search_path TO promptassay;
                       CREATE TABLE format (format BIGINT NOT NULL);";
        let known = sql::FORMAT;
        transaction
            .batch_execute(&format!("{prepare}{tables}INSERT INTO format VALUES ({known});"))
            .map_err(failed)?;
    }
    let found: i64 = transaction
        .query_one("SELECT format FROM promptassay.format", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    transaction.commit().map_err(failed)?;
    if found > sql::FORMAT {
        return Err(StoreError::TooNew { found, known: sql::FORMAT });
    }
    client.batch_execute("SET search_path TO promptassay").map_err(failed)
}

impl Ids {
    fn scope(
        &mut self,
        client: &mut impl GenericClient,
        exposure: &Exposure,
    ) -> Result<i64, postgres::Error> {
        let key = (exposure.experiment.clone(), exposure.phase);
        if let Some(id) = self.scopes.get(&key) {
            return Ok(*id);
        }
        let id = interned(client, sql::SCOPE, sql::ADD_SCOPE, &[&key.0, &i64::from(key.1)])?;
        self.scopes.insert(key, id);
        Ok(id)
    }

    fn variant(&mut self, client: &mut impl GenericClient, name: &str) -> Result<i64, postgres::Error> {
        if let Some(id) = self.variants.get(name) {
            return Ok(*id);
        }
        let id = interned(client, sql::VARIANT, sql::ADD_VARIANT, &[&name])?;
        self.variants.insert(name.to_owned(), id);
        Ok(id)
    }

    fn series(&mut self, client: &mut impl GenericClient, outcome: &Outcome) -> Result<i64, postgres::Error> {
        let key = (outcome.experiment.clone(), outcome.series.clone());
        if let Some(id) = self.series.get(&key) {
            return Ok(*id);
        }
        let id = interned(client, sql::SERIES_ID, sql::ADD_SERIES, &[&key.0, &key.1])?;
        self.series.insert(key, id);
        Ok(id)
    }
}

/// Finds the id of a name, adding the name first where it is not there.
fn interned(
    client: &mut impl GenericClient,
    find: &str,
    add: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<i64, postgres::Error> {
    if let Some(row) = client.query_opt(find, parameters)? {
        return row.try_get(0);
    }
    client.execute(add, parameters)?;
    client.query_one(find, parameters)?.try_get(0)
}

type ExposureKey = (i64, Vec<u8>, i64);
type OutcomeKey = (i64, Vec<u8>, Vec<u8>);

fn write_all(
    transaction: &mut Transaction<'_>,
    ids: &mut Ids,
    events: &[Event],
) -> Result<Written, postgres::Error> {
    // Sorted, so that two writers lock rows in the same order; one row per key, because a statement may touch a row only once.
    let mut exposures: BTreeMap<ExposureKey, i64> = BTreeMap::new();
    let mut outcomes: BTreeMap<OutcomeKey, (i64, f64)> = BTreeMap::new();
    for event in events {
        match event {
            Event::Exposure(exposure) => {
                let scope = ids.scope(transaction, exposure)?;
                let variant = ids.variant(transaction, &exposure.variant)?;
                let at = micros(exposure.at);
                let first = exposures.entry((scope, exposure.unit.clone(), variant)).or_insert(at);
                *first = at.min(*first);
            }
            Event::Outcome(outcome) => {
                let series = ids.series(transaction, outcome)?;
                let key = (series, outcome.unit.clone(), outcome.id.clone());
                outcomes.entry(key).or_insert((micros(outcome.at), outcome.value));
            }
        }
    }
    let mut written = Written::default();
    if !exposures.is_empty() {
        let scopes: Vec<i64> = exposures.keys().map(|key| key.0).collect();
        let units: Vec<&[u8]> = exposures.keys().map(|key| key.1.as_slice()).collect();
        let variants: Vec<i64> = exposures.keys().map(|key| key.2).collect();
        let times: Vec<i64> = exposures.values().copied().collect();
        written.exposures = transaction.execute(
            "INSERT INTO exposures (scope, unit, variant, at)
             SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[])
             ON CONFLICT (scope, unit, variant) DO UPDATE SET at = excluded.at WHERE excluded.at < exposures.at",
            &[&scopes, &units, &variants, &times],
        )?;
    }
    if !outcomes.is_empty() {
        let series: Vec<i64> = outcomes.keys().map(|key| key.0).collect();
        let units: Vec<&[u8]> = outcomes.keys().map(|key| key.1.as_slice()).collect();
        let keys: Vec<&[u8]> = outcomes.keys().map(|key| key.2.as_slice()).collect();
        let times: Vec<i64> = outcomes.values().map(|value| value.0).collect();
        let values: Vec<f64> = outcomes.values().map(|value| value.1).collect();
        written.outcomes = transaction.execute(
            "INSERT INTO outcomes (series, unit, id, at, value)
             SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::double precision[])
             ON CONFLICT DO NOTHING",
            &[&series, &units, &keys, &times, &values],
        )?;
    }
    written.repeated = events.len() as u64 - written.exposures - written.outcomes;
    Ok(written)
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
        let mut phases = Vec::new();
        let mut broken = None;
        self.each("read the phases", sql::PHASES, &[&experiment], |row| {
            let allocation: String = row.try_get(1)?;
            let stopped: Option<i64> = row.try_get(5)?;
            let reason: Option<String> = row.try_get(6)?;
            match allocation.parse() {
                Ok(allocation) => phases.push(Phase {
                    phase: unsigned(row.try_get(0)?),
                    allocation,
                    exposure_millionths: unsigned(row.try_get(2)?),
                    planned_units: count(row.try_get(3)?),
                    started_at: timestamp(row.try_get(4)?),
                    stopped: stopped.map(|at| (timestamp(at), reason.unwrap_or_default())),
                }),
                Err(error) => broken = Some(error),
            }
            Ok(())
        })?;
        match broken {
            None => Ok(phases),
            Some(error) => Err(StoreError::Failed { doing: "read the phases", reason: error.to_string() }),
        }
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
