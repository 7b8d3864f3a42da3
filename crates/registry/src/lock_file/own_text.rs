//! Reads a lock that is as [`Lock::to_text`] writes it, line by line. With ten versions a prompt, YAML with places would take as long
//! for the locks as for everything else of the registry.
//!
//! That both readers agree needs no trust in the lines read here: what they give is written again, and taken only where that is the text
//! itself, byte for byte. Of such a text the YAML reader gives the same rows (a property of `write`).

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Lines;

use super::write::HEADER;
use super::{Lock, LockRow, file_names, read_time};
use crate::template::TemplateFormat;
use crate::version::Version;

/// The lock; `None` where the text is any other than the one that is written for it.
pub(super) fn read(text: &str) -> Option<Lock> {
    let mut lines = text.strip_prefix(HEADER)?.lines().peekable();
    (lines.next()? == format!("schema: {}", super::SCHEMA)).then_some(())?;
    let mut lock = Lock::default();
    if lines.next()? == "versions:" {
        while let Some(line) = lines.next() {
            let version: Version = line.strip_prefix("  ")?.strip_suffix(':')?.parse().ok()?;
            let row = row(&mut lines)?;
            file_names(&version).contains(&row.file).then_some(())?;
            lock.rows.insert(version, row);
        }
    }
    (lock.to_text() == text).then_some(lock)
}

fn row(lines: &mut Peekable<Lines<'_>>) -> Option<LockRow> {
    let mut required = |key| value(lines.next()?, "    ", key);
    let file = required("file")?;
    let (sha256, interface) = (required("sha256")?.parse().ok()?, required("interface")?.parse().ok()?);
    let template_format = lines.peek().and_then(|line| value(line, "    ", "template_format"));
    let template_format = match template_format {
        Some(word) => {
            lines.next();
            Some(TemplateFormat::ALL.into_iter().find(|format| format.as_str() == word)?)
        }
        None => None,
    };
    let mut required = |key| value(lines.next()?, "    ", key);
    let created_at = read_time(&required("created_at")?).ok()?;
    let created_by = required("created_by")?;
    let mut row = LockRow {
        file,
        sha256,
        interface,
        template_format,
        created_at,
        created_by,
        description: None,
        metadata: BTreeMap::new(),
    };
    if let Some(description) = lines.peek().and_then(|line| value(line, "    ", "description")) {
        row.description = Some(description);
        lines.next();
    }
    if lines.next_if_eq(&"    metadata:").is_some() {
        while let Some(pair) = lines.peek().and_then(|line| line.strip_prefix("      ")) {
            let (key, value) = pair.split_once(": ")?;
            row.metadata.insert(scalar(key)?, scalar(value)?);
            lines.next();
        }
    }
    Some(row)
}

/// The value of `key` in a line that is indented by `indent`.
fn value(line: &str, indent: &str, key: &str) -> Option<String> {
    scalar(line.strip_prefix(indent)?.strip_prefix(key)?.strip_prefix(": ")?)
}

/// A scalar on one line: in the double quotes of `write`, which are JSON's, or bare.
fn scalar(text: &str) -> Option<String> {
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { Some(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::write::tests::any_lock;
    use super::*;

    fn by_yaml(text: &str) -> Option<Lock> {
        let mut problems = Vec::new();
        let lock = Lock::parse_document(Path::new("prompt.lock"), text, &mut problems);
        lock.filter(|_| problems.is_empty())
    }

    #[test]
    fn what_is_usually_written_is_read_without_yaml() {
        let text = format!(
            "{HEADER}schema: 1\nversions:\n  1.0.0:\n    file: v1.0.0.txt\n    sha256: {0}\n    interface: {0}\n    created_at: 2026-11-22T10:00:00Z\n    created_by: Ada\n    description: \"First: 100 %\"\n    metadata:\n      \"n\": \"1.10\"\n",
            "a".repeat(64)
        );
        assert_eq!(read(&text), by_yaml(&text));
        assert!(read(&text).is_some());
        let nothing = Lock::default().to_text();
        assert_eq!(read(&nothing), Some(Lock::default()));
    }

    #[test]
    fn a_file_that_is_not_the_versions_is_left_to_the_strict_reader() {
        let mut lock = Lock::default();
        let row = LockRow {
            file: "../../secrets.txt".to_owned(),
            sha256: crate::digest::Digest::of("x"),
            interface: crate::digest::Digest::of("x"),
            template_format: None,
            created_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            created_by: "Ada".to_owned(),
            description: None,
            metadata: BTreeMap::new(),
        };
        lock.rows.insert("1.0.0".parse().unwrap(), row);
        assert_eq!(read(&lock.to_text()), None);
    }

    /// A character is taken out, put in or doubled; a line is taken out, doubled or swapped with the next.
    fn changed(text: &str, how: u8, at: prop::sample::Index, put: char) -> String {
        let characters: Vec<char> = text.chars().collect();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (character, line) = (at.index(characters.len()), at.index(lines.len()));
        let mut changed = characters.clone();
        match how {
            0 => drop(changed.remove(character)),
            1 => changed.insert(character, put),
            2 => changed[character] = put,
            3 => drop(lines.remove(line)),
            4 => lines.insert(line, lines[line]),
            _ => {
                let next = (line + 1) % lines.len();
                lines.swap(line, next);
            }
        }
        if how < 3 { changed.into_iter().collect() } else { lines.concat() }
    }

    proptest! {
        #[test]
        fn both_readers_agree(lock in any_lock()) {
            let text = lock.to_text();
            prop_assert_eq!(by_yaml(&text), Some(lock.clone()));
            if let Some(read) = read(&text) {
                prop_assert_eq!(read, lock);
            }
        }

        #[test]
        fn both_readers_agree_of_what_was_changed(lock in any_lock(), how in 0..6_u8, at: prop::sample::Index, put in "[a-z0-9:\"\\\\ #'\\n\\r\\t.{}-]") {
            let text = changed(&lock.to_text(), how, at, put.chars().next().unwrap());
            if let Some(read) = read(&text) {
                prop_assert_eq!(by_yaml(&text), Some(read));
            }
        }
    }
}
