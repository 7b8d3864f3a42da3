//! Reads a journal line by line, and tells a torn end from damage in the middle.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::{MAX_LINE_BYTES, Span};
use crate::event::Event;

/// Reads the events of a journal in the order in which they were written.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    input: BufReader<File>,
    buffer: Vec<u8>,
    line: u64,
    sound_bytes: u64,
    torn_bytes: u64,
}

/// An event and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// The line that says so.
    pub span: Span,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A line that others follow is no event. No crash leaves that behind.
    #[error("line {line} of `{}` is not an event: {reason}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl JournalReader {
    /// Opens a journal at its beginning.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(64 * 1024, file),
            buffer: Vec::new(),
            line: 0,
            sound_bytes: 0,
            torn_bytes: 0,
        })
    }

    /// The next event; `None` at the end, before a torn last line as well.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        if self.torn_bytes > 0 {
            return Ok(None);
        }
        self.buffer.clear();
        let read = (&mut self.input).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| ReadError::Io { path: self.path.clone(), source })? as u64;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        let parsed = match self.buffer.strip_suffix(b"\n") {
            Some(line) => serde_json::from_slice(line).map_err(|error| error.to_string()),
            None => Err("it is cut off".to_owned()),
        };
        match parsed {
            Ok(event) => {
                let length = u32::try_from(read - 1).unwrap_or(u32::MAX);
                let span = Span { offset: self.sound_bytes, length };
                self.sound_bytes += read;
                Ok(Some(Entry { event, span }))
            }
            Err(_) if self.at_end()? => {
                self.torn_bytes = read;
                Ok(None)
            }
            Err(reason) => Err(ReadError::Damaged { path: self.path.clone(), line: self.line, reason }),
        }
    }

    /// How many bytes have been read as whole events; at the end, all but a torn last line.
    pub fn sound_bytes(&self) -> u64 {
        self.sound_bytes
    }

    /// How many bytes the torn last line has; 0 where there is none, or the end is not reached yet.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn at_end(&mut self) -> Result<bool, ReadError> {
        let rest = self.input.fill_buf();
        rest.map(<[u8]>::is_empty).map_err(|source| ReadError::Io { path: self.path.clone(), source })
    }
}
