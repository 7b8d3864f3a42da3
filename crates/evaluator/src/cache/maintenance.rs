//! Looking after a cache: what is in it, and taking out what nobody needs. Touches nothing but entries, by their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{Entry, age};

/// What is in a cache, or what was taken out of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// Entries, those that cannot be read included.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries that cannot be read; they count as missing.
    pub unreadable: u64,
    /// When the oldest reply came.
    pub oldest: Option<Timestamp>,
    /// When the newest reply came.
    pub newest: Option<Timestamp>,
}

impl CacheStats {
    fn add(&mut self, found: &Found) {
        self.entries += 1;
        self.bytes += found.bytes;
        match found.at {
            None => self.unreadable += 1,
            Some(at) => {
                self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
                self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
            }
        }
    }
}

struct Found {
    path: PathBuf,
    bytes: u64,
    at: Option<Timestamp>,
}

/// What is in a cache; a directory that is not there is an empty one.
pub fn stats(directory: &Path) -> io::Result<CacheStats> {
    visit(directory, |_| false)
}

/// Takes out everything; says what it was.
pub fn clear(directory: &Path) -> io::Result<CacheStats> {
    visit(directory, |_| true)
}

/// Takes out what is older than `max_age` at `now`, and what cannot be read; says what it was.
pub fn collect_garbage(directory: &Path, max_age: Duration, now: Timestamp) -> io::Result<CacheStats> {
    let mut removed = CacheStats::default();
    visit(directory, |found| {
        let old = found.at.is_none_or(|at| age(at, now) > max_age);
        if old {
            removed.add(found);
        }
        old
    })?;
    Ok(removed)
}

/// Counts every entry and removes those that are wanted away. Another process may be removing the same ones.
fn visit(directory: &Path, mut remove: impl FnMut(&Found) -> bool) -> io::Result<CacheStats> {
    let mut stats = CacheStats::default();
    for shelf in children(directory)? {
        if !is_hexadecimal(&shelf, 2, "") || !shelf.is_dir() {
            continue;
        }
        for path in children(&shelf)?.into_iter().filter(|path| is_hexadecimal(path, 62, ".json")) {
            let Some(bytes) = absent_is_none(fs::read(&path))? else { continue };
            let at = serde_json::from_slice::<Entry>(&bytes).ok().map(|entry| entry.at);
            let found = Found { path, bytes: bytes.len() as u64, at };
            stats.add(&found);
            if remove(&found) {
                absent_is_none(fs::remove_file(&found.path))?;
            }
        }
        // Stays where something is left in it.
        let _ = fs::remove_dir(&shelf);
    }
    Ok(stats)
}

fn children(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(entries) = absent_is_none(fs::read_dir(directory))? else { return Ok(Vec::new()) };
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_hexadecimal(path: &Path, digits: usize, suffix: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(suffix));
    name.is_some_and(|name| {
        name.len() == digits && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use promptassay_llm::{ChatRequest, FinishReason, Message, ModelRowSpec, Provider, Reply, Usage};
    use promptassay_registry::files::create_new;

    use super::super::{Cache, CacheKey};
    use super::*;

    fn time(day: u32) -> Timestamp {
        format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
    }

    /// A cache with an entry for each of these days of a month.
    fn cache(days: &[u32]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let row = ModelRowSpec::new(Provider::Anthropic, "m").validate("default").unwrap();
        let reply = Reply {
            text: "hi".into(),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            served_model: None,
            request_id: None,
            latency: Duration::ZERO,
            redacted: Vec::new(),
        };
        for &day in days {
            let key = CacheKey::of(&row, &ChatRequest::new(vec![Message::user("hi")]), day);
            Cache::new(directory.path()).store(key, &Entry::of(&row, &reply, time(day)).unwrap()).unwrap();
        }
        directory
    }

    #[test]
    fn what_is_not_there_is_empty() {
        let directory = cache(&[]);
        let nowhere = directory.path().join("none");
        assert_eq!(stats(&nowhere).unwrap(), CacheStats::default());
        assert_eq!(clear(&nowhere).unwrap(), CacheStats::default());
    }

    #[test]
    fn old_and_unreadable_entries_go_and_young_ones_stay() {
        let directory = cache(&[1, 10, 20]);
        let shelf = directory.path().join("00");
        fs::create_dir_all(&shelf).unwrap();
        create_new(&shelf.join(format!("{}.json", "0".repeat(62))), "torn").unwrap();
        let before = stats(directory.path()).unwrap();
        assert_eq!((before.entries, before.unreadable), (4, 1));
        assert_eq!((before.oldest, before.newest), (Some(time(1)), Some(time(20))));
        let removed = collect_garbage(directory.path(), Duration::from_hours(24 * 13), time(23)).unwrap();
        assert_eq!((removed.entries, removed.unreadable, removed.newest), (2, 1, Some(time(1))));
        let after = stats(directory.path()).unwrap();
        assert_eq!((after.entries, after.unreadable, after.oldest), (2, 0, Some(time(10))));
    }

    #[test]
    fn clearing_leaves_what_is_not_an_entry() {
        let directory = cache(&[1, 2, 3]);
        create_new(&directory.path().join("notes.txt"), "mine").unwrap();
        assert_eq!(clear(directory.path()).unwrap().entries, 3);
        let left: Vec<_> = children(directory.path()).unwrap();
        assert_eq!(left.len(), 2, "the ignore file and the notes: {left:?}");
        assert_eq!(stats(directory.path()).unwrap(), CacheStats::default());
    }
}
