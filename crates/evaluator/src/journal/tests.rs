//! What a crash leaves behind, at every byte.

#![expect(clippy::disallowed_methods, reason = "files of a test need not survive a power cut")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::event::{Answer, AskError, AskErrorKind, Event, RunEnd, TrialResult};
use crate::outcome::RepeatOutcome;

fn finished(number: u64, message: &str) -> Event {
    Event::TrialFinished(Box::new(TrialResult {
        trial: format!("{number:016x}").parse().unwrap(),
        answer: Answer::Error(AskError { kind: AskErrorKind::NoRecordedReply, message: message.to_owned() }),
        checks: Vec::new(),
        outcome: RepeatOutcome::Errored,
        answered_before: false,
        judging: None,
    }))
}

fn events() -> Vec<Event> {
    vec![
        Event::RunStarted { trials: 2 },
        finished(1, "line\nfeeds, \u{1F600} and \u{0}"),
        finished(2, ""),
        Event::RunFinished { end: RunEnd::Completed },
    ]
}

fn journal(directory: &TempDir, events: &[Event]) -> PathBuf {
    let path = directory.path().join("events.jsonl");
    let mut writer = JournalWriter::create(&path).unwrap();
    for event in events {
        writer.append(event).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// The events, the bytes that are sound, and the bytes that are torn.
fn read(path: &Path) -> Result<(Vec<Event>, u64, u64), ReadError> {
    let mut reader = JournalReader::open(path)?;
    let mut events = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        events.push(entry.event);
    }
    Ok((events, reader.sound_bytes(), reader.torn_bytes()))
}

#[test]
fn what_is_written_is_read_and_its_places_are_its_own() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("events.jsonl");
    let mut writer = JournalWriter::create(&path).unwrap();
    let spans: Vec<Span> = events().iter().map(|event| writer.append(event).unwrap()).collect();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(read(&path).unwrap(), (events(), bytes.len() as u64, 0), "before anything is synced");
    writer.finish().unwrap();
    for (event, span) in events().iter().zip(spans) {
        let start = usize::try_from(span.offset).unwrap();
        let line = &bytes[start..start + span.length as usize];
        assert_eq!(&serde_json::from_slice::<Event>(line).unwrap(), event);
        assert_eq!(bytes[start + line.len()], b'\n');
    }
}

#[test]
fn a_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on() {
    let directory = TempDir::new().unwrap();
    let path = journal(&directory, &events());
    let bytes = fs::read(&path).unwrap();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].split(|&byte| byte == b'\n').count() - 1;
        let (kept, sound, torn) = read(&path).unwrap();
        assert_eq!(kept, events()[..whole]);
        assert_eq!((sound + torn, torn > 0), (cut as u64, cut > 0 && bytes[cut - 1] != b'\n'));
        let mut writer = JournalWriter::resume(&path, sound).unwrap();
        for event in &events()[whole..] {
            writer.append(event).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes, "cut at {cut}");
    }
}

#[test]
fn blocks_of_nothing_after_a_power_cut_are_a_torn_end() {
    let directory = TempDir::new().unwrap();
    let path = journal(&directory, &events());
    let sound = fs::metadata(&path).unwrap().len();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 4096]).unwrap();
    assert_eq!(read(&path).unwrap(), (events(), sound, 4096));
}

#[test]
fn damage_that_no_crash_explains_is_named_with_its_line() {
    let directory = TempDir::new().unwrap();
    let path = journal(&directory, &events());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("trial_finished", "trial_vanished", 1)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.starts_with("line 2 of `"), "{error}");
    assert!(error.contains("unknown variant `trial_vanished`"), "{error}");
}

#[test]
fn a_journal_is_never_begun_over_another() {
    let directory = TempDir::new().unwrap();
    let path = journal(&directory, &events());
    assert!(matches!(JournalWriter::create(&path), Err(AppendError::Io { .. })));
    assert_eq!(read(&path).unwrap().0, events());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_nothing_more_is_tried() {
    let full = Path::new("/dev/full");
    let mut writer = JournalWriter::resume(full, 0).unwrap();
    let first = writer.append(&events()[0]).unwrap_err();
    assert!(first.to_string().contains("No space left on device"), "{first}");
    assert!(matches!(writer.append(&events()[1]), Err(AppendError::Closed { .. })));
}
