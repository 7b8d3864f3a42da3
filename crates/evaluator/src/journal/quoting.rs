//! Reads single events of a journal again, by their places.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{ReadError, Span};
use crate::event::Event;

/// A journal that is quoted from, also while it is written.
#[derive(Debug)]
pub(crate) struct Quoting {
    file: File,
    /// The bytes from `start` on that were read last, up to the end of a line: whole lines are never written anew, so they stay true.
    window: Vec<u8>,
    start: u64,
}

/// How many bytes are read at once. Reports quote in the order of the plan, which is almost the order in which answers came.
const WINDOW: u64 = 64 << 10;
/// How many of these lie before what is quoted: an answer may have come earlier than the one that is quoted before it.
const BEFORE: u64 = WINDOW / 4;

impl Quoting {
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        Ok(Self { file, window: Vec::new(), start: 0 })
    }

    /// The event that stands there.
    pub(crate) fn read(&mut self, span: Span) -> io::Result<Event> {
        if self.within(span).is_none() {
            self.fill(span)?;
        }
        let line = self.within(span).ok_or(io::ErrorKind::UnexpectedEof)?;
        let event = serde_json::from_slice(line)?;
        // One long reply is not kept beside the results of all others.
        if self.window.len() as u64 > WINDOW {
            self.window = Vec::new();
        }
        Ok(event)
    }

    fn within(&self, span: Span) -> Option<&[u8]> {
        let start = usize::try_from(span.offset.checked_sub(self.start)?).ok()?;
        self.window.get(start..start.checked_add(span.length as usize)?)
    }

    fn fill(&mut self, span: Span) -> io::Result<()> {
        let length = u64::from(span.length);
        self.start = if length > WINDOW - BEFORE { span.offset } else { span.offset.saturating_sub(BEFORE) };
        self.window.clear();
        self.file.seek(SeekFrom::Start(self.start))?;
        // With the line feed after it, without which it is no line.
        (&mut self.file).take(WINDOW.max(length + 1)).read_to_end(&mut self.window)?;
        let end = self.window.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.window.truncate(end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::event::RunEnd;

    /// A line of a journal of about so many bytes, which says which it is.
    fn line(index: usize, padding: usize) -> (Event, String) {
        let ends = [
            RunEnd::Completed,
            RunEnd::BudgetSpent,
            RunEnd::CostUnknown,
            RunEnd::TimeUp,
            RunEnd::Unanswered,
            RunEnd::Interrupted,
            RunEnd::Killed,
        ];
        let event = Event::RunFinished { end: ends[index % ends.len()] };
        let text = serde_json::to_string(&event).unwrap();
        // White space before a value is no part of it.
        (event, format!("{}{text}\n", " ".repeat(padding)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// In whatever order, of whatever length, also of what was written after the journal was opened.
        #[test]
        fn every_event_is_read_where_it_stands(
            paddings in prop::collection::vec(prop_oneof![9 => 0..2_000_usize, 1 => 0..200_000_usize], 1..60),
            order in prop::collection::vec(any::<prop::sample::Index>(), 1..80),
        ) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("events.jsonl");
            let mut text = String::new();
            let mut events = Vec::new();
            for (index, padding) in paddings.iter().enumerate() {
                let (event, line) = line(index, *padding);
                let length = u32::try_from(line.len() - 1).unwrap();
                events.push((event, Span { offset: text.len() as u64, length }));
                text.push_str(&line);
            }
            let half = events.len() / 2;
            let (now, later) = text.split_at(usize::try_from(events[half].1.offset).unwrap());
            let mut journal = File::create_new(&path).unwrap();
            // Somebody was killed while writing a line, which is dropped before another is written.
            journal.write_all(now.as_bytes()).unwrap();
            journal.write_all(&[b'x'; 100]).unwrap();
            let mut quoting = Quoting::open(&path).unwrap();
            for index in &order {
                if half > 0 {
                    let (event, span) = &events[index.index(half)];
                    prop_assert_eq!(&quoting.read(*span).unwrap(), event);
                }
            }
            journal.set_len(now.len() as u64).unwrap();
            journal.seek(SeekFrom::End(0)).unwrap();
            journal.write_all(later.as_bytes()).unwrap();
            for index in &order {
                let (event, span) = &events[index.index(events.len())];
                prop_assert_eq!(&quoting.read(*span).unwrap(), event);
            }
            let beyond = Span { offset: text.len() as u64, length: 5 };
            prop_assert_eq!(quoting.read(beyond).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
