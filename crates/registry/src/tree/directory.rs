//! What lies in a directory, in one order on every file system, without leaving the root through a link.

use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use super::prompt::{SUITE_DIRECTORY, SUITE_FILE};
use crate::files::{COPY_IT, LINK_LEAVES, check_inside, unreadable};
use crate::problem::{Place, Problem};

/// A file or directory that may be read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A pipe, a socket, a device.
    Other,
}

/// The entries of a directory by name, without hidden ones. `real_root` is the canonical directory that links may not leave.
pub(super) fn entries(directory: &Path, real_root: &Path, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let listing = match fs::read_dir(directory) {
        Ok(listing) => listing,
        Err(error) => {
            problems.push(unreadable(directory, &error));
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    for entry in listing {
        match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
            Ok((file_type, entry)) => {
                entries.extend(entry_of(&entry, file_type, real_root, problems));
            }
            Err(error) => problems.push(unreadable(directory, &error)),
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    entries
}

fn entry_of(
    entry: &fs::DirEntry,
    file_type: FileType,
    real_root: &Path,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let path = entry.path();
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return None;
    }
    let Ok(name) = entry.file_name().into_string() else {
        problems.push(
            Problem::error("file::name_not_utf8", "the name of this file is not UTF-8")
                .at(Place::whole_file(path))
                .help("rename it"),
        );
        return None;
    };
    if !file_type.is_symlink() {
        return Some(Entry { name, path, kind: kind(file_type) });
    }
    let followed =
        fs::canonicalize(&path).and_then(|target| Ok((fs::metadata(&target)?.file_type(), target)));
    match followed {
        Ok((file_type, target)) if target.starts_with(real_root) => {
            Some(Entry { name, path, kind: kind(file_type) })
        }
        Ok((_, target)) => {
            problems.push(
                Problem::error(
                    LINK_LEAVES,
                    format!("this link leads out of the prompts directory, to `{}`", target.display()),
                )
                .at(Place::whole_file(path))
                .help(COPY_IT),
            );
            None
        }
        Err(_) => {
            problems.push(
                Problem::error("file::link_dangles", "this link leads nowhere")
                    .at(Place::whole_file(path))
                    .help("remove it, or let it lead to a file of the prompts directory"),
            );
            None
        }
    }
}

/// Reports what lies in a directory of a prompt, such as its `tests`, and is a link out of the repository, or can only be meant as the
/// suite. What else is there is its readers' business.
pub(super) fn check_links(directory: &Path, repository: &Path, problems: &mut Vec<Problem>) {
    // One that cannot be read is for whoever wants something of it.
    let Ok(listing) = fs::read_dir(directory) else { return };
    let holds_suite = directory.file_name().is_some_and(|name| name == SUITE_DIRECTORY);
    for entry in listing.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if holds_suite && is_misnamed_suite(&name) {
            let message = format!("`{}` is not read", name.escape_debug());
            let place = Place::whole_file(entry.path());
            let help = format!("rename it to `{SUITE_FILE}`, or remove it");
            problems.push(Problem::error("tree::misnamed_suite", message).at(place).help(help));
        }
        if entry.file_type().is_ok_and(|file_type| file_type.is_symlink())
            && let Err(problem) = check_inside(&entry.path(), repository)
        {
            problems.push(*problem);
        }
    }
}

/// A name that can only mean the suite, and is not its name.
fn is_misnamed_suite(name: &str) -> bool {
    let lower = name.to_lowercase().replace('-', "_");
    let stem = lower.strip_suffix(".yaml").or_else(|| lower.strip_suffix(".yml"));
    name != SUITE_FILE && matches!(stem, Some("test_cases" | "test_case" | "testcases"))
}

fn kind(file_type: FileType) -> Kind {
    if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_file() {
        Kind::File
    } else {
        Kind::Other
    }
}
