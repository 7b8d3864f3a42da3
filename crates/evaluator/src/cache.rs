//! Replies that were paid for once: a file for each question, named by the digest of what was asked.
//!
//! Any number of processes may use one directory at a time: an entry is written beside its place and renamed, so that readers see
//! whole ones only; and whoever writes second replaces an answer to the same question. An entry that cannot be read is no entry.
//! Errors and replies that a filter withheld are never stored: the next run may fare better.

mod maintenance;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use promptassay_llm::{ChatRequest, FinishReason, ModelRow, Provider, Reply};
use promptassay_registry::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use maintenance::{CacheStats, clear, collect_garbage, stats};

/// The version of the entries' shape.
const SCHEMA: u32 = 1;

/// Which question an entry answers: provider, address, model, everything that is sent, and the number of the repeat. Headers are part
/// of it, for some servers choose the model by them; secrets are not, but the names of the variables that hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey(Digest);

impl CacheKey {
    /// The key of asking `request` of a model for the `repeat`th time, from 1.
    pub fn of(row: &ModelRow, request: &ChatRequest, repeat: u32) -> Self {
        let asked = request.canonical_json(row.provider, &row.endpoint(), &row.model);
        // Where there are none they are there too, as none: before headers were in keys, a row with them had the key of one without.
        let headers = Value::Object(row.written_headers());
        Self(Digest::of_json(&json!({"request": asked, "headers": headers, "repeat": repeat})))
    }
}

/// A stored reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    schema: u32,
    /// When the model gave it.
    pub at: Timestamp,
    /// Who gave it.
    pub provider: Provider,
    /// The model that was asked.
    pub model: String,
    /// What it said.
    pub reply: Reply,
}

impl Entry {
    /// An entry for a reply that came at `at`; `None` where it is of a kind that is not stored.
    pub fn of(row: &ModelRow, reply: &Reply, at: Timestamp) -> Option<Self> {
        let (provider, model) = (row.provider, row.model.clone());
        let storable = reply.finish_reason != FinishReason::Filter;
        storable.then(|| Self { schema: SCHEMA, at, provider, model, reply: reply.clone() })
    }
}

/// A directory of replies.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
    max_age: Option<Duration>,
    refresh: bool,
}

impl Cache {
    /// The cache in a directory, which is made with the first entry.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), max_age: None, refresh: false }
    }

    /// Entries that are older count as missing.
    pub fn max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// Whether all entries count as missing: they are asked for and written anew.
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// Whether what is found or stored now is found however long a run takes.
    pub(crate) fn lasts(&self) -> bool {
        !self.refresh && self.max_age.is_none()
    }

    /// The reply to a question, if it is there and young enough at `now`.
    pub fn find(&self, key: CacheKey, now: Timestamp) -> Option<Entry> {
        if self.refresh {
            return None;
        }
        let entry: Entry = serde_json::from_slice(&fs::read(self.path(key)).ok()?).ok()?;
        let young = self.max_age.is_none_or(|max_age| is_young(entry.at, now, max_age));
        (entry.schema == SCHEMA && young).then_some(entry)
    }

    /// Stores a reply.
    pub fn store(&self, key: CacheKey, entry: &Entry) -> io::Result<()> {
        let path = self.path(key);
        let directory = path.parent().unwrap_or(&self.directory);
        let mut temporary = match tempfile::NamedTempFile::new_in(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(directory)?;
                self.keep_out_of_git();
                tempfile::NamedTempFile::new_in(directory)?
            }
            result => result?,
        };
        serde_json::to_writer(&mut temporary, entry)?;
        temporary.write_all(b"\n")?;
        // Not synced: what a power cut destroys is asked for again.
        temporary.persist(&path)?;
        Ok(())
    }

    fn path(&self, key: CacheKey) -> PathBuf {
        let digits = key.0.to_string();
        self.directory.join(&digits[..2]).join(format!("{}.json", &digits[2..]))
    }

    /// Replies do not belong into a repository by accident. Where this fails, nothing else does.
    fn keep_out_of_git(&self) {
        let _ = promptassay_registry::files::create_new(&self.directory.join(".gitignore"), "*\n");
    }
}

/// How old something is; 0 where the clock went backwards.
fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO)
}

/// Clocks of machines that share a cache differ by this much.
const CLOCK_DIFFERENCE: Duration = Duration::from_mins(10);

/// Whether something is at most `max_age` old. What comes from the future is not: nobody knows how old it is.
fn is_young(at: Timestamp, now: Timestamp, max_age: Duration) -> bool {
    let ahead = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    ahead <= CLOCK_DIFFERENCE && age(at, now) <= max_age
}

#[cfg(test)]
mod tests {
    use promptassay_llm::{HeaderValueSpec, Message, ModelRowSpec, Usage};

    use super::*;

    fn row(base_url: Option<&str>) -> ModelRow {
        let mut spec = ModelRowSpec::new(Provider::OpenAiChat, "m");
        spec.base_url = base_url.map(str::to_owned);
        spec.validate("default").unwrap()
    }

    fn with_header() -> ModelRow {
        let mut spec = ModelRowSpec::new(Provider::OpenAiChat, "m");
        spec.headers.insert("x-team".to_owned(), HeaderValueSpec::Literal("support".to_owned()));
        spec.validate("default").unwrap()
    }

    fn request(text: &str) -> ChatRequest {
        ChatRequest::new(vec![Message::user(text)])
    }

    fn reply(text: &str) -> Reply {
        Reply {
            text: text.to_owned(),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage: Usage { input: Some(3), ..Usage::default() },
            served_model: None,
            request_id: None,
            latency: Duration::from_millis(12),
            redacted: Vec::new(),
        }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn then() -> Timestamp {
        time("2026-11-20T10:00:00Z")
    }

    fn now() -> Timestamp {
        time("2026-11-23T10:00:00Z")
    }

    #[test]
    fn a_stored_reply_comes_back_with_its_date() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(&directory.path().join("deep/cache"));
        let (row, key) = (row(None), CacheKey::of(&row(None), &request("hi"), 1));
        assert_eq!(cache.find(key, now()), None);
        cache.store(key, &Entry::of(&row, &reply("one"), then()).unwrap()).unwrap();
        let found = cache.find(key, now()).unwrap();
        assert_eq!((found.reply, found.at), (reply("one"), then()));
        cache.store(key, &Entry::of(&row, &reply("two"), now()).unwrap()).unwrap();
        assert_eq!(cache.find(key, now()).unwrap().reply, reply("two"));
        assert_eq!(fs::read_to_string(directory.path().join("deep/cache/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn every_part_of_a_question_is_in_its_key() {
        let key = CacheKey::of(&row(None), &request("hi"), 1);
        assert_eq!(key, CacheKey::of(&row(None), &request("hi"), 1));
        let mut warmer = request("hi");
        warmer.params.temperature = Some(1.0);
        for other in [
            CacheKey::of(&row(None), &request("hi"), 2),
            CacheKey::of(&row(None), &request("ho"), 1),
            CacheKey::of(&row(Some("http://localhost/v1")), &request("hi"), 1),
            CacheKey::of(&row(None), &warmer, 1),
            CacheKey::of(&with_header(), &request("hi"), 1),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn what_was_kept_before_headers_were_in_keys_answers_nothing() {
        let asked = request("hi").canonical_json(Provider::OpenAiChat, &row(None).endpoint(), "m");
        let kept = CacheKey(Digest::of_json(&json!({"request": asked, "repeat": 1})));
        for row in [row(None), with_header()] {
            assert_ne!(CacheKey::of(&row, &request("hi"), 1), kept);
        }
    }

    #[test]
    fn what_is_too_old_counts_as_missing() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let key = CacheKey::of(&row(None), &request("hi"), 1);
        cache.store(key, &Entry::of(&row(None), &reply("one"), then()).unwrap()).unwrap();
        let days = |days: u64| Some(Duration::from_hours(24 * days));
        assert!(cache.clone().max_age(days(3)).find(key, now()).is_some());
        assert!(cache.clone().max_age(days(2)).find(key, now()).is_none());
        assert!(cache.clone().max_age(days(0)).find(key, time("2026-11-19T10:00:00Z")).is_none());
        assert!(cache.clone().max_age(days(0)).find(key, time("2026-11-20T09:51:00Z")).is_some());
        assert!(cache.refresh(true).find(key, now()).is_none());
    }

    #[test]
    fn a_filtered_reply_is_not_stored() {
        let filtered = Reply { finish_reason: FinishReason::Filter, ..reply("") };
        assert_eq!(Entry::of(&row(None), &filtered, now()), None);
    }

    #[test]
    fn a_damaged_entry_counts_as_missing_and_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let key = CacheKey::of(&row(None), &request("hi"), 1);
        let entry = Entry::of(&row(None), &reply("one"), then()).unwrap();
        cache.store(key, &entry).unwrap();
        for damaged in ["", "{", "{\"schema\":1}", "[]"] {
            promptassay_registry::files::write_atomic(&cache.path(key), damaged).unwrap();
            assert_eq!(cache.find(key, now()), None, "{damaged}");
        }
        cache.store(key, &Entry { schema: 2, ..entry.clone() }).unwrap();
        assert_eq!(cache.find(key, now()), None, "an entry of another schema");
        cache.store(key, &entry).unwrap();
        assert!(cache.find(key, now()).is_some());
    }

    #[test]
    fn several_writers_and_readers_see_whole_entries_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let keys: Vec<CacheKey> =
            (1..=3).map(|repeat| CacheKey::of(&row(None), &request("hi"), repeat)).collect();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (cache, keys) = (&cache, &keys);
                scope.spawn(move || {
                    let text = writer.to_string().repeat(20_000);
                    let entry = Entry::of(&row(None), &reply(&text), now()).unwrap();
                    for _ in 0..30 {
                        for &key in keys {
                            cache.store(key, &entry).unwrap();
                            let found = cache.find(key, now()).expect("an entry never disappears").reply.text;
                            assert_eq!(found.len(), 20_000);
                            assert!(found.chars().all(|character| found.starts_with(character)));
                        }
                    }
                });
            }
        });
        assert_eq!(stats(directory.path()).unwrap().entries, 3);
    }
}
