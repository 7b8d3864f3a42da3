//! Writes a journal: one whole line at a time, synced from a thread of its own, so that no event waits for the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};

use super::{MAX_LINE_BYTES, SYNC_INTERVAL, Span};
use crate::event::Event;

/// Appends events to a journal. Whoever has one must be the only writer: it takes no lock by itself.
#[derive(Debug)]
pub struct JournalWriter {
    path: PathBuf,
    file: File,
    /// Where the next line begins.
    offset: u64,
    buffer: Vec<u8>,
    syncing: Syncing,
    /// Set by the first failure: the end of the file is then not known, and nothing more is written.
    closed: bool,
}

/// An event was not stored. What was stored before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The operating system refused: a full disk, for example.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The event is larger than a reader would accept, or has no JSON form.
    #[error("an event of {bytes} bytes does not fit into `{}`", path.display())]
    TooLarge {
        /// The journal.
        path: PathBuf,
        /// The size of its line.
        bytes: usize,
    },
    /// An earlier event could not be stored, so this one was not tried.
    #[error("`{}` is closed after an error", path.display())]
    Closed {
        /// The journal.
        path: PathBuf,
    },
}

impl JournalWriter {
    /// A journal that is not there yet.
    pub fn create(path: &Path) -> Result<Self, AppendError> {
        Self::open(path, OpenOptions::new().append(true).create_new(true), 0)
    }

    /// A journal that is there, of which the first `sound_bytes` are whole events; what follows them is cut off.
    pub fn resume(path: &Path, sound_bytes: u64) -> Result<Self, AppendError> {
        let writer = Self::open(path, OpenOptions::new().append(true), sound_bytes)?;
        let cut = writer.file.metadata().and_then(|metadata| {
            if metadata.len() <= sound_bytes {
                return Ok(());
            }
            writer.file.set_len(sound_bytes).and_then(|()| writer.file.sync_all())
        });
        cut.map_err(|source| AppendError::Io { path: path.to_owned(), source })?;
        Ok(writer)
    }

    fn open(path: &Path, options: &OpenOptions, offset: u64) -> Result<Self, AppendError> {
        let failed = |source| AppendError::Io { path: path.to_owned(), source };
        let file = options.open(path).map_err(failed)?;
        let syncing = file.try_clone().and_then(Syncing::start).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, offset, buffer: Vec::new(), syncing, closed: false })
    }

    /// Stores an event: when this returns, the operating system has the whole line.
    pub fn append(&mut self, event: &Event) -> Result<Span, AppendError> {
        if self.closed {
            return Err(AppendError::Closed { path: self.path.clone() });
        }
        self.buffer.clear();
        let written = serde_json::to_writer(&mut self.buffer, event);
        self.buffer.push(b'\n');
        let bytes = self.buffer.len();
        let length = u32::try_from(bytes - 1).ok().filter(|_| bytes as u64 <= MAX_LINE_BYTES);
        let (Ok(()), Some(length)) = (written, length) else {
            return Err(AppendError::TooLarge { path: self.path.clone(), bytes });
        };
        if let Err(source) = self.file.write_all(&self.buffer).and_then(|()| self.syncing.changed()) {
            self.closed = true;
            // A part of the line may stand there. Readers cope with that; without it the file is cleaner.
            let _ = self.file.set_len(self.offset);
            return Err(AppendError::Io { path: self.path.clone(), source });
        }
        let span = Span { offset: self.offset, length };
        self.offset += bytes as u64;
        Ok(span)
    }

    /// Waits until the disk has everything.
    pub fn finish(self) -> Result<(), AppendError> {
        let Self { path, syncing, .. } = self;
        syncing.finish().map_err(|source| AppendError::Io { path, source })
    }
}

/// The thread that syncs.
#[derive(Debug)]
struct Syncing {
    changed: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
    /// Dropping it ends the thread.
    stop: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Syncing {
    /// Fails where no thread can be had.
    fn start(file: File) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let (changed, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let flags = (Arc::clone(&changed), Arc::clone(&failed));
        let thread = thread::Builder::new().spawn(move || {
            let result = keep_synced(&file, &stopped, &flags.0);
            flags.1.store(result.is_err(), Ordering::Release);
            result
        })?;
        Ok(Self { changed, failed, stop, thread })
    }

    /// Something new was written. An error where an earlier sync failed: what the system accepted may then be lost.
    fn changed(&self) -> io::Result<()> {
        self.changed.store(true, Ordering::Release);
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier write did not reach the disk"));
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs is gone")))
    }
}

fn keep_synced(file: &File, stopped: &Receiver<()>, changed: &AtomicBool) -> io::Result<()> {
    loop {
        let wait = stopped.recv_timeout(SYNC_INTERVAL);
        if changed.swap(false, Ordering::AcqRel) {
            file.sync_data()?;
        }
        if wait != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
    }
}
