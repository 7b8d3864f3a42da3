//! Stores, processes and statistics, with the real databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a check that has to be left out says so")]

mod deciding;
mod manager;
mod parity;
mod postgres_server;
mod processes;
mod stores;
mod tables;
