//! Opening a SQLite file: to write to it, to look at it, and with tables that are up to date.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::make::make;
use super::write::Ids;
use super::{SqliteStore, failed};
use crate::store::{StoreError, known, sql};

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_mins(1);

impl SqliteStore {
    /// Opens the file, and makes it and its directory where they are not there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { location: format!("{}", path.display()), reason };
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(|error| {
                let file = directory.ancestors().find(|ancestor| ancestor.is_file());
                let in_the_way = file.map(|file| format!("{} is a file, and no directory", file.display()));
                failed(in_the_way.unwrap_or_else(|| error.to_string()))
            })?;
        }
        if path.as_os_str().is_empty() {
            // SQLite would make a database that is gone when it is closed.
            return Err(failed("an empty path names no file".to_owned()));
        }
        no_directory(path)?;
        make(path).map_err(|error| cannot_open(path, error))?;
        Self::open_what_is_there(path)
    }

    /// Opens the file, in which SQLite makes a store where it is empty.
    pub(super) fn open_what_is_there(path: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { location: format!("{}", path.display()), reason };
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
        StoreError::Failed { reason, .. } | StoreError::Open { reason, .. } => {
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
