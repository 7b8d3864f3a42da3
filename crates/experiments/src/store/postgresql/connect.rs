//! Connecting to PostgreSQL: TLS, and tables that are up to date.

use std::net::ToSocketAddrs as _;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failed;
use super::worker::Worker;
use crate::store::location::{PATIENCE, root_cause};
use crate::store::{StoreError, known, sql};

/// Keeps two programs from making the tables at once. The number is arbitrary and must not change.
const MIGRATION_LOCK: i64 = 0x7072_6F6D_7074;

/// How often the patience for the connection a question is waited for: some are about every event that was ever recorded.
const QUESTION: u32 = 30;

/// How often that patience somebody else's lock is waited for.
const LOCK: u32 = 6;

/// Connects, and makes or changes the tables where they are not up to date. The error is a reason without secrets.
pub(super) fn connect(config: &Config, shown: &str) -> Result<Worker<Client>, StoreError> {
    let patience = patience(config);
    let mut worker = reach(config, shown, patience.saturating_mul(QUESTION))?;
    let lock = format!("{}ms", patience.saturating_mul(LOCK).as_millis());
    let doing = "bring its tables up to date";
    let made = worker.ask(doing, move |client| {
        // Whoever runs the server, or wrote the URL, may know better.
        let lock_timeout =
            "SELECT set_config('lock_timeout', $1, false) WHERE current_setting('lock_timeout') = '0'";
        client.execute(lock_timeout, &[&lock])?;
        migrate(client)
    })?;
    let format = made.map_err(|error| cannot_open(shown, failed(&worker, doing, &error)))?;
    known(format)?;
    Ok(worker)
}

/// Connects and changes nothing; the second value is the format of the tables, 0 where there are none. What is looked at is small, so a
/// question is waited for no longer than the connection.
pub(super) fn connect_to_look(config: &Config, shown: &str) -> Result<(Worker<Client>, i64), StoreError> {
    let mut worker = reach(config, shown, patience(config))?;
    let doing = "be read";
    let format = worker.ask(doing, look)?;
    let format = format.map_err(|error| cannot_open(shown, failed(&worker, doing, &error)))?;
    known(format)?;
    Ok((worker, format))
}

fn look(client: &mut Client) -> Result<i64, postgres::Error> {
    client.batch_execute("SET default_transaction_read_only TO on; SET search_path TO promptassay")?;
    let there: bool = client.query_one(IS_THERE, &[])?.try_get(0)?;
    if !there {
        return Ok(0);
    }
    client.query_one("SELECT format FROM format", &[])?.try_get(0)
}

const IS_THERE: &str = "SELECT to_regclass('promptassay.format') IS NOT NULL";

fn cannot_open(shown: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Failed { reason, .. } => StoreError::Open { location: shown.to_owned(), reason },
        other => other,
    }
}

/// How long the connection is waited for.
fn patience(config: &Config) -> Duration {
    config.get_connect_timeout().copied().unwrap_or(PATIENCE)
}

/// Connects by a thread of its own: the driver waits for ever for a server that takes the connection and says nothing.
fn reach(config: &Config, shown: &str, question: Duration) -> Result<Worker<Client>, StoreError> {
    let failed = |reason: String| StoreError::Open { location: shown.to_owned(), reason };
    let (sender, receiver) = mpsc::channel();
    let mut wanted = config.clone();
    let patience = patience(config);
    thread::Builder::new()
        .spawn(move || {
            // Each address has its share: a name often has two, and one of them may be dead.
            wanted.connect_timeout(patience / addresses(&wanted));
            // Nobody may wait for it any more.
            drop(sender.send(greet(&wanted)));
        })
        .map_err(|error| failed(error.to_string()))?;
    let silence = || format!("the server does not answer within {} s", patience.as_secs_f64());
    let client = receiver.recv_timeout(patience).unwrap_or_else(|_| Err(silence())).map_err(failed)?;
    Worker::start(client, shown, question).map_err(|error| failed(error.to_string()))
}

/// How many addresses may be tried.
fn addresses(config: &Config) -> u32 {
    let of = |host: &Host| match host {
        // What has no address is said by the driver.
        Host::Tcp(name) => (name.as_str(), 0).to_socket_addrs().map_or(1, Iterator::count),
        #[cfg(unix)]
        Host::Unix(_) => 1,
    };
    let given = config.get_hostaddrs().len();
    let found = if given > 0 { given } else { config.get_hosts().iter().map(of).sum() };
    u32::try_from(found).unwrap_or(u32::MAX).max(1)
}

/// Encrypted as [`super::super::Location`] says it; the certificate must be one that the system trusts, and of that host. The error is a
/// reason without secrets.
fn greet(config: &Config) -> Result<Client, String> {
    let client = if config.get_ssl_mode() == SslMode::Disable {
        config.connect(NoTls)
    } else {
        config.connect(MakeRustlsConnect::new(encryption().map_err(|error| error.to_string())?))
    };
    client.map_err(|error| root_cause(&error))
}

/// TLS with the certificates that the system trusts.
fn encryption() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth())
}

/// Brings the tables up to date; the value is the format that they have then.
fn migrate(client: &mut Client) -> Result<i64, postgres::Error> {
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])?;
    let there: bool = transaction.query_one(IS_THERE, &[])?.try_get(0)?;
    if !there {
        transaction.batch_execute(
            "CREATE SCHEMA IF NOT EXISTS promptassay; CREATE TABLE promptassay.format (format BIGINT NOT NULL);
             INSERT INTO promptassay.format VALUES (0);",
        )?;
    }
    transaction.batch_execute("SET LOCAL search_path TO promptassay")?;
    let mut found: i64 = transaction.query_one("SELECT format FROM format", &[])?.try_get(0)?;
    let newest = sql::newest();
    for step in sql::MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        let tables = step
            .replace("{ID}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            .replace("{BYTES}", "BYTEA")
            .replace("{PACKED}", "");
        transaction.batch_execute(&tables)?;
    }
    if found < newest {
        found = newest;
        transaction.execute("UPDATE format SET format = $1", &[&newest])?;
    }
    transaction.commit()?;
    client.batch_execute("SET search_path TO promptassay")?;
    Ok(found)
}
