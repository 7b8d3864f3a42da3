//! The embedded store: one SQLite file, written by as many processes as like.

mod phase;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Params, TransactionBehavior, params};

use self::phase::phase;
use self::write::{Ids, write_all};
use super::sql;
use super::{
    Arms, Phase, Population, SeriesRow, Store, StoreError, UnitRow, Window, Written, check, known, micros,
    timestamp,
};
use crate::event::{Event, Exposure, Outcome};

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_mins(1);

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
    /// Opens the file, and makes it and its directory where they are not there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { location: format!("{}", path.display()), reason };
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        }
        if path.as_os_str().is_empty() {
            // SQLite would make a database that is gone when it is closed.
            return Err(failed("an empty path names no file".to_owned()));
        }
        no_directory(path)?;
        // Without the flag for URIs: a path is a path.
        let flags = OpenFlags::default() & !OpenFlags::SQLITE_OPEN_URI;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| failed(error.to_string()))?;
        // SQLite opens a file on a disk that may not be written to all the same.
        let store = match connection.is_readonly("main") {
            Ok(true) => Self::read_only(path),
            _ => Self::prepare(connection),
        };
        store.map_err(|error| cannot_open(path, error))
    }

    /// Opens a file that is there without changing it. What is written meanwhile may be seen or not.
    pub fn open_to_look(path: &Path) -> Result<Self, StoreError> {
        no_directory(path)?;
        Self::read_only(path).map_err(|error| cannot_open(path, error))
    }

    /// A store that is gone when it is dropped: for files from elsewhere, and for tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory().map_err(|error| failed("open", &error))?)
    }

    /// A file that may not be written to: what is in it can be read, and whatever writes fails.
    fn read_only(path: &Path) -> Result<Self, StoreError> {
        let failed = |error| failed("be read", &error);
        // SQLite follows links, and keeps the log beside the file that it finds. Why there is none is said by whoever opens it.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // A path that begins with two slashes would begin with the name of a machine.
        let scheme = if path.as_os_str().to_string_lossy().starts_with('/') { "file://" } else { "file:" };
        let [mut log, mut uri] = [path.as_os_str().to_owned(), OsString::from(scheme)];
        log.push("-wal");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = if Path::new(&log).exists() {
            // Somebody else may be writing, and what is in the log counts.
            Connection::open_with_flags(path, flags)
        } else {
            uri.push(path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23"));
            // Nobody writes: without that, SQLite wants to make the files that writers share.
            uri.push("?immutable=1");
            Connection::open_with_flags(Path::new(&uri), flags | OpenFlags::SQLITE_OPEN_URI)
        };
        let connection = connection.map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        let format = format_of(&connection).map_err(failed)?;
        known(format)?;
        Ok(Self { connection, format, ids: Ids::default() })
    }

    fn prepare(connection: Connection) -> Result<Self, StoreError> {
        let failed = |error| failed("prepare itself", &error);
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        // Readers never wait for the writer. A crash of the process loses nothing that was committed.
        write_ahead(&connection).map_err(failed)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        let mut store = Self { connection, format: 0, ids: Ids::default() };
        store.migrate()?;
        Ok(store)
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let failed = |error| failed("bring its tables up to date", &error);
        let newest = sql::newest();
        let mut found = format_of(&self.connection).map_err(failed)?;
        if found < newest {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            // Somebody else may have been first.
            found = format_of(&transaction).map_err(failed)?;
            for step in sql::MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
                let tables = step
                    .replace("{ID}", "INTEGER PRIMARY KEY")
                    .replace("{BYTES}", "BLOB")
                    .replace("{PACKED}", " WITHOUT ROWID");
                transaction.execute_batch(&tables).map_err(failed)?;
            }
            found = found.max(newest);
            transaction.pragma_update(None, "user_version", found).map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
        self.format = found;
        known(found)
    }

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

/// SQLite calls it an error of the disk.
fn no_directory(path: &Path) -> Result<(), StoreError> {
    let reason = "it is a directory; name a file in it".to_owned();
    if path.is_dir() {
        Err(StoreError::Open { location: format!("{}", path.display()), reason })
    } else {
        Ok(())
    }
}

fn cannot_open(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Failed { reason, .. } => {
            StoreError::Open { location: format!("{}", path.display()), reason }
        }
        other => other,
    }
}

fn format_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Turns the write-ahead log on. While somebody else does so too, SQLite answers "busy" at once and does not wait by itself.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut attempts = PATIENCE.as_millis() / PAUSE.as_millis();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if attempts > 0 && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
            {
                attempts -= 1;
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
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

    fn put_phase(&mut self, experiment: &str, phase: &Phase) -> Result<(), StoreError> {
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
            .map(|_| ())
            .map_err(|error| failed("write the phase", &error))
    }

    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN").map_err(|error| failed("begin to read", &error))
    }

    fn end_reading(&mut self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").map_err(|error| failed("end reading", &error))
    }

    fn arms(&mut self, population: Population<'_>) -> Result<Arms, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Arms::default()) };
        let until = micros(population.until);
        let mut arms = Arms::default();
        self.each("count units", sql::ARMS, [scope, until], |row| {
            arms.units.push((row.get(0)?, row.get(1)?));
            Ok(())
        })?;
        self.each("count units", sql::SPAN, [scope, until], |row| {
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
        self.each("read who was served what", sql::SERVED, [scope, micros(population.until)], |row| {
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
        let row = params![scope, micros(population.until), number.saturating_sub(1)];
        Ok(self.one("find the planned end", sql::NTH, row)?.map(timestamp))
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
        let row = params![scope, micros(population.until), series, from, to];
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
        let row = params![scope, micros(population.until), length];
        Ok(self.one("count units of a later phase", sql::CUT, row)?.unwrap_or(0))
    }

    fn series(&mut self, population: Population<'_>) -> Result<Vec<SeriesRow>, StoreError> {
        let Some(scope) = self.scope(population)? else { return Ok(Vec::new()) };
        let mut series = Vec::new();
        let row = params![scope, micros(population.until), population.experiment];
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
        let row = params![scope, population.experiment];
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
