//! Data sets that lie beside a suite and that it does not read.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use promptassay_evaluator::suite::Suite;
use promptassay_registry::problem::{Place, Problem};

/// The files that suites read, as rows or by a program that judges or answers, each under its one name.
#[derive(Debug, Default)]
pub(super) struct Read(HashSet<PathBuf>);

impl Read {
    /// Those of a suite; `programs` are the words of command lines that may be files.
    pub(super) fn add(&mut self, suite: &Suite, programs: impl IntoIterator<Item = PathBuf>) {
        self.0.extend(suite.datasets.iter().map(|path| real(path)));
        self.0.extend(programs.into_iter().map(|path| real(&path)));
    }

    /// Whether a file is among them, or in a directory that a program is given. The suite's own directory is not: a program may be given that
    /// to run in, and everything would be read.
    fn has(&self, path: &Path, directory: &Path) -> bool {
        real(path).ancestors().take_while(|above| *above != directory).any(|above| self.0.contains(above))
    }
}

/// A file of rows under the directory of a suite that no entry of `datasets` finds: what is not asked looks like what passes. What other
/// suites read is looked at only where this one leaves something.
pub(super) fn data_sets<'r>(suite: &Suite, own: &Read, others: impl FnOnce() -> &'r Read) -> Option<Problem> {
    let directory = suite.file.parent()?;
    let real_directory = real(directory);
    let mut unread = Vec::new();
    collect(directory, &mut unread);
    unread.retain(|path| !own.has(path, &real_directory));
    if !unread.is_empty() {
        let others = others();
        unread.retain(|path| !others.has(path, &real_directory));
    }
    unread.sort();
    let first = unread.first()?;
    let more = if unread.len() > 1 { format!(" (and {} more)", unread.len() - 1) } else { String::new() };
    let message = format!("no entry of `datasets` reads this file{more}, so its rows are no cases");
    let renamed = first.with_extension(first.extension()?.to_ascii_lowercase());
    let entry = renamed.strip_prefix(directory).unwrap_or(&renamed).display().to_string();
    let entry = format!("`- {{file: {}}}` under `datasets:` of the suite", scalar(&entry));
    let help = if renamed == *first {
        format!("write {entry}, or move it elsewhere")
    } else {
        let name = renamed.file_name().unwrap_or_default().display();
        format!(
            "a dataset ends in small letters: rename it to `{name}`, and write {entry}; or move it elsewhere"
        )
    };
    Some(Problem::warning("suite::unread_dataset", message).at(Place::whole_file(first.as_path())).help(help))
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A text as it is written between the braces of a map.
fn scalar(text: &str) -> String {
    let is_plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '/' | '.' | '_' | '-');
    if text.chars().all(is_plain) && text.starts_with(char::is_alphanumeric) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Files of rows by their endings, in any case of letters. Links are not followed, and what cannot be looked at is not there.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_hidden = name.to_string_lossy().starts_with('.');
        let Ok(kind) = entry.file_type() else { continue };
        let ends_so = |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        if is_hidden {
            continue;
        }
        if kind.is_dir() {
            collect(&path, found);
        } else if ends_so("csv") || ends_so("jsonl") {
            found.push(path);
        }
    }
}
