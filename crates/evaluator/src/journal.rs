//! The journal of a run: its events, one line of JSON each, written as they happen.
//!
//! Every line is handed to the operating system whole, before anybody is told of the event: a process that is killed loses no
//! event that it had written. A thread of the writer's own syncs the file to the disk [every 200 ms](SYNC_INTERVAL) while there is
//! something new, and once at the end: a power cut loses what came after the last sync, and nothing before it. Only the last line
//! can be torn; readers leave it out, and [`JournalWriter::resume`] cuts it off.
//!
//! This module knows lines and places, not what a run is; see [`crate::replay`] for the way back.

mod quoting;
mod reader;
mod writer;

use std::time::Duration;

pub(crate) use quoting::Quoting;
pub use reader::{Entry, JournalReader, ReadError};
pub use writer::{AppendError, JournalWriter};

/// How often new lines are synced to the disk.
pub const SYNC_INTERVAL: Duration = Duration::from_millis(200);

/// The longest line that is read. The largest answer that is accepted from a model fits, whatever its characters are.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// Where a line of a journal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub offset: u64,
    /// Its bytes, without the line feed; at most 256 MiB.
    pub length: u32,
}

#[cfg(test)]
mod tests;
