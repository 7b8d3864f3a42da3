//! Appends to a ledger, and cuts off what an append left unfinished.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use promptassay_registry::digest::Digest;
use promptassay_registry::files::{DirectoryLock, WriteError, create_new, write_atomic};
use promptassay_registry::name::PromptName;

use super::line::{self, Part};
use super::{Ledger, Line, Tail};
use crate::event::Event;

/// The lines of a command, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The lines.
    pub lines: Vec<Line>,
    /// Their text, each with its line feed.
    pub text: String,
}

/// What a repair cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// What was cut off; none where the ledger was whole.
    pub cut: Option<Tail>,
}

/// Why a ledger was not repaired. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// It has faults that are no torn tail: cutting would destroy what somebody must look at.
    #[error("the ledger has faults that a repair would only hide")]
    Faults,
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The lines that these events of one command make behind the last line.
pub fn lines_of(prompt: &PromptName, last: Option<&Line>, events: &[Event]) -> Appended {
    let of = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let mut previous = last.map(|line| line.hash);
    let mut seq = last.map_or(0, |line| line.seq);
    let mut appended = Appended { lines: Vec::new(), text: String::new() };
    for (index, event) in (1..).zip(events) {
        seq += 1;
        let part = Part { index, of };
        let (text, hash) = line::render(event, prompt, seq, part, previous);
        appended.lines.push(Line {
            seq,
            part,
            event: event.clone(),
            hash,
            json: serde_json::from_str(&text).unwrap_or_default(),
        });
        appended.text.push_str(&text);
        appended.text.push('\n');
        previous = Some(hash);
    }
    appended
}

/// Writes the lines of one command behind the others, in one piece, and waits for the disk. The lock is the proof that nobody else
/// writes. Where the disk refuses, what was written of them is taken back.
pub fn append(_lock: &DirectoryLock, path: &Path, text: &str) -> Result<(), WriteError> {
    if !path.exists() {
        return create_new(path, text);
    }
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    let mut file = OpenOptions::new().append(true).open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        take_back(&file, length);
        io(error)
    })
}

/// As well as it goes: what stays behind is a torn tail, which the next command names.
fn take_back(file: &File, length: u64) {
    let _: io::Result<()> = file.set_len(length).and_then(|()| file.sync_all());
}

/// Cuts off the end that did not reach the disk as a whole.
pub fn repair(_lock: &DirectoryLock, ledger: &Ledger) -> Result<Repaired, RepairError> {
    if !ledger.faults.is_empty() {
        return Err(RepairError::Faults);
    }
    if let Some(tail) = &ledger.tail {
        write_atomic(&ledger.path, &ledger.text[..tail.start])?;
    }
    Ok(Repaired { cut: ledger.tail.clone() })
}

impl Appended {
    /// The hash of the last line.
    pub fn head(&self) -> Option<Digest> {
        self.lines.last().map(|line| line.hash)
    }
}
