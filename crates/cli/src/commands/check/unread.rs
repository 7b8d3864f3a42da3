//! Data sets that lie beside a suite and that it does not read.

use std::fs;
use std::path::{Path, PathBuf};

use promptassay_evaluator::suite::Suite;
use promptassay_registry::problem::{Place, Problem};

/// A file of rows under the directory of a suite that no entry of `datasets` finds: what is not asked looks like what passes.
pub(super) fn data_sets(suite: &Suite) -> Option<Problem> {
    let directory = suite.file.parent()?;
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let read: Vec<PathBuf> = suite.datasets.iter().map(|path| real(path)).collect();
    let mut unread = Vec::new();
    collect(directory, &mut unread);
    unread.retain(|path| !read.contains(&real(path)));
    unread.sort();
    let first = unread.first()?;
    let more = if unread.len() > 1 { format!(" (and {} more)", unread.len() - 1) } else { String::new() };
    let message = format!("no entry of `datasets` reads this file{more}, so its rows are no cases");
    let name = first.strip_prefix(directory).unwrap_or(first).display();
    let help = format!(
        "write `- {{file: {name}}}` under `datasets:` of the suite, or move it elsewhere; letters count, `.CSV` is not `.csv`"
    );
    Some(Problem::warning("suite::unread_dataset", message).at(Place::whole_file(first.as_path())).help(help))
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
