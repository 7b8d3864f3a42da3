//! Connecting to PostgreSQL: TLS, and tables that are up to date.

use std::sync::{Arc, mpsc};
use std::thread;

use postgres::{Client, Config, NoTls};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failed;
use crate::store::location::root_cause;
use crate::store::{StoreError, known, sql};

/// Keeps two programs from making the tables at once. The number is arbitrary and must not change.
const MIGRATION_LOCK: i64 = 0x7072_6F6D_7074;

/// Connects, and makes or changes the tables where they are not up to date. The error is a
/// reason without secrets.
pub(super) fn connect(config: &Config, shown: &str) -> Result<Client, StoreError> {
    let mut client = reach(config, shown)?;
    migrate(&mut client).map_err(|error| cannot_open(shown, error))?;
    Ok(client)
}

/// Connects and changes nothing; the second value is the format of the tables, 0 where there are none.
pub(super) fn connect_to_look(config: &Config, shown: &str) -> Result<(Client, i64), StoreError> {
    let mut client = reach(config, shown)?;
    let format = look(&mut client).map_err(|error| cannot_open(shown, error))?;
    known(format)?;
    Ok((client, format))
}

fn look(client: &mut Client) -> Result<i64, StoreError> {
    let failed = |error: postgres::Error| failed("be read", &error);
    client
        .batch_execute("SET default_transaction_read_only TO on; SET search_path TO promptassay")
        .map_err(failed)?;
    let there: bool = client.query_one(IS_THERE, &[]).and_then(|row| row.try_get(0)).map_err(failed)?;
    if !there {
        return Ok(0);
    }
    client.query_one("SELECT format FROM format", &[]).and_then(|row| row.try_get(0)).map_err(failed)
}

const IS_THERE: &str = "SELECT to_regclass('promptassay.format') IS NOT NULL";

fn cannot_open(shown: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Failed { reason, .. } => StoreError::Open { location: shown.to_owned(), reason },
        other => other,
    }
}

/// Connects by a thread of its own: the driver waits for ever for a server that takes the connection and says nothing.
fn reach(config: &Config, shown: &str) -> Result<Client, StoreError> {
    let failed = |reason: String| StoreError::Open { location: shown.to_owned(), reason };
    let (sender, receiver) = mpsc::channel();
    let wanted = config.clone();
    thread::Builder::new()
        // Nobody may wait for it any more.
        .spawn(move || drop(sender.send(greet(&wanted))))
        .map_err(|error| failed(error.to_string()))?;
    let answer = match config.get_connect_timeout() {
        Some(patience) => receiver.recv_timeout(patience.saturating_mul(addresses(config))).ok(),
        None => receiver.recv().ok(),
    };
    answer.unwrap_or_else(|| Err("the server does not answer".to_owned())).map_err(failed)
}

/// How many addresses may be tried, each with the whole patience: a name often has one of either kind.
fn addresses(config: &Config) -> u32 {
    u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX).saturating_mul(2).max(1)
}

/// Encrypted as [`super::super::Location`] says it; the certificate must be one that the system trusts, and of that host. The error is a
/// reason without secrets.
fn greet(config: &Config) -> Result<Client, String> {
    let client = if config.get_ssl_mode() == postgres::config::SslMode::Disable {
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

fn migrate(client: &mut Client) -> Result<(), StoreError> {
    let failed = |error: postgres::Error| failed("bring its tables up to date", &error);
    let mut transaction = client.transaction().map_err(failed)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).map_err(failed)?;
    let there: bool = transaction.query_one(IS_THERE, &[]).and_then(|row| row.try_get(0)).map_err(failed)?;
    if !there {
        transaction
            .batch_execute(
                "CREATE SCHEMA IF NOT EXISTS promptassay; CREATE TABLE promptassay.format (format BIGINT NOT NULL);
                 INSERT INTO promptassay.format VALUES (0);",
            )
            .map_err(failed)?;
    }
    transaction.batch_execute("SET LOCAL search_path TO promptassay").map_err(failed)?;
    let mut found: i64 = transaction
        .query_one("SELECT format FROM format", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    let newest = sql::newest();
    for step in sql::MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        let tables = step
            .replace("{ID}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            .replace("{BYTES}", "BYTEA")
            .replace("{PACKED}", "");
        transaction.batch_execute(&tables).map_err(failed)?;
    }
    if found < newest {
        found = newest;
        transaction.execute("UPDATE format SET format = $1", &[&newest]).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    known(found)?;
    client.batch_execute("SET search_path TO promptassay").map_err(failed)
}
