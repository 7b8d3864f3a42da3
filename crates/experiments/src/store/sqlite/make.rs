//! Making a store where there is none: whole, or not at all.
//!
//! It is made under another name beside its place, and put there when it has its tables. Who fails then takes away what is its own, and never
//! a file in which somebody else has begun; and a file of no bytes, for want of room perhaps, is not taken for one whose contents are lost.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::SqliteStore;
use crate::store::StoreError;

/// How many links are followed to where a store is to be made: as many as Linux follows.
const MOST_LINKS: usize = 40;

/// How many names are tried, which others may be making a store under or have left when they were killed.
const MOST_NAMES: usize = 1000;

/// Who may read a new store: as SQLite makes its files.
#[cfg(unix)]
const MODE: u32 = 0o644;

/// Makes a store in this place, and a link to it stays. Nothing where a file is there, or none can be made: why is said by whoever opens it.
pub(super) fn make(path: &Path) -> Result<(), StoreError> {
    let Some(file) = place(path).filter(|file| file.symlink_metadata().is_err()) else { return Ok(()) };
    let Some(new) = reserved(&file) else { return Ok(()) };
    let made = SqliteStore::open_what_is_there(&new).map(drop);
    if made.is_ok() {
        // Where somebody else was first, that one stays; where there are no hard links, whoever opens it makes it in its place.
        let _ = fs::hard_link(&new, &file);
    }
    for rest in ["", "-wal", "-shm", "-journal"] {
        let mut name = new.clone().into_os_string();
        name.push(rest);
        // What cannot be removed is nothing that anybody reads.
        let _ = fs::remove_file(name);
    }
    made
}

/// Where links lead from here; `None` where that is for ever.
fn place(path: &Path) -> Option<PathBuf> {
    let mut file = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&file) else { return Some(file) };
        file = file.parent()?.join(target);
    }
    None
}

/// An empty file beside the place that nobody else has.
fn reserved(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_string_lossy().into_owned();
    for number in 1..=MOST_NAMES {
        let new = file.with_file_name(format!(".{name}.new{number}"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, MODE);
        match options.open(&new) {
            Ok(_) => return Some(new),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(_) => return None,
        }
    }
    None
}
