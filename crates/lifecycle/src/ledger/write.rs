//! Appends to a ledger, and cuts off what an append left unfinished.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use promptassay_registry::digest::Digest;
use promptassay_registry::files::{DirectoryLock, WriteError, create_new, may_be_there, write_atomic};
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

/// What a repair does to a ledger, or did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// What is cut off; none where every line is whole.
    pub cut: Option<Tail>,
    /// Whether the line feed of the last line is written.
    pub line_feed: bool,
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
/// writes, and that the ledger was read and found whole: a last line without its line feed is given it in the same piece. Where the disk
/// refuses, what was written of them is taken back.
pub fn append(_lock: &DirectoryLock, path: &Path, text: &str) -> Result<(), WriteError> {
    if !may_be_there(path) {
        return create_new(path, text);
    }
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let separator = if ends_a_line(&mut file, length).map_err(io)? { "" } else { "\n" };
    let piece = format!("{separator}{text}");
    file.write_all(piece.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        take_back(&file, length);
        io(error)
    })
}

/// Whether a file of that length is empty or ends with a line feed.
fn ends_a_line(file: &mut File, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.seek(SeekFrom::Start(last))?;
    file.read_exact(&mut byte)?;
    Ok(byte == *b"\n")
}

/// As well as it goes: what stays behind is a torn tail, which the next command names.
fn take_back(file: &File, length: u64) {
    let _: io::Result<()> = file.set_len(length).and_then(|()| file.sync_all());
}

/// Cuts off the end that did not reach the disk as a whole, or writes the line feed that is not there.
pub fn repair(_lock: &DirectoryLock, ledger: &Ledger) -> Result<Repaired, RepairError> {
    let repaired = ledger.to_repair()?;
    match &repaired.cut {
        // Of the very first command nothing stays, and so no ledger: an empty one is damage.
        Some(tail) if tail.start == 0 => {
            fs::remove_file(&ledger.path)
                .map_err(|source| WriteError::Io { path: ledger.path.clone(), source })?;
        }
        Some(tail) => write_atomic(&ledger.path, &ledger.text[..tail.start])?,
        None => {}
    }
    if repaired.line_feed {
        write_atomic(&ledger.path, format!("{}\n", ledger.text))?;
    }
    Ok(repaired)
}

impl Ledger {
    /// What a repair would do; nothing is written.
    pub fn to_repair(&self) -> Result<Repaired, RepairError> {
        if !self.faults.is_empty() {
            return Err(RepairError::Faults);
        }
        Ok(Repaired { cut: self.tail.clone(), line_feed: self.lacks_line_feed })
    }
}

impl Appended {
    /// The hash of the last line.
    pub fn head(&self) -> Option<Digest> {
        self.lines.last().map(|line| line.hash)
    }
}
