//! Reads single events of a journal again, by their places.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{ReadError, Span};
use crate::event::Event;

/// A journal that is quoted from, also while it is written.
#[derive(Debug)]
pub(crate) struct Quoting {
    file: File,
}

impl Quoting {
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        Ok(Self { file })
    }

    /// The event that stands there.
    pub(crate) fn read(&mut self, span: Span) -> io::Result<Event> {
        let mut line = vec![0; span.length as usize];
        self.file.seek(SeekFrom::Start(span.offset))?;
        self.file.read_exact(&mut line)?;
        Ok(serde_json::from_slice(&line)?)
    }
}
