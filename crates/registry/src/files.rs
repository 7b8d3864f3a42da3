//! Reading and writing files: text as it is, writes that happen wholly or not at all, one writer at a time.
//!
//! Bytes are never normalised: line endings and a final newline stay, so that digests agree with `sha256sum`. This module knows
//! nothing of prompts.

mod glob;
mod inside;
mod lock;
mod write;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

pub use glob::{FindError, find_files, matches_glob, matches_path, parts_of};
pub(crate) use inside::{COPY_IT, LINK_LEAVES};
pub use inside::{PathError, check_inside, repository_root, resolve_inside};
pub use lock::{DirectoryLock, LOCK_FILE_NAME, LockError};
pub use write::{
    WriteError, copy_atomic, create_new, create_new_with, is_half_written, try_writing, write_atomic,
};

use crate::problem::{Place, Problem};

/// Whether something is at that place, as far as it can be known. Only what is surely not there counts as absent: what cannot be looked
/// at, such as a link that leads nowhere or a directory without permission, is for whoever reads it to name, and nothing is green or
/// forgotten for want of it. In a file that stands in the place of a directory something may have been meant, too.
pub fn may_be_there(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Reads a file as UTF-8 text, every byte as it is.
///
/// A file that is not UTF-8 (shown at its first bad byte), that begins with a byte order mark or that is larger than `max_bytes`
/// is refused, so that what is read is always the whole file and its digest is that of the file.
pub fn read_text(path: &Path, max_bytes: u64) -> Result<String, Box<Problem>> {
    let text = read_marked_text(path, max_bytes)?;
    if text.starts_with('\u{feff}') {
        let problem = Problem::error("file::byte_order_mark", "the file begins with a byte order mark")
            .at(Place { line_text: String::new(), ..Place::whole_file(path) })
            .help("save it as UTF-8 without a byte order mark (BOM): it would become part of the text");
        return Err(Box::new(problem));
    }
    Ok(text)
}

/// The same for files in which a byte order mark is no part of what is said, such as tables that Excel wrote. It is kept.
pub fn read_marked_text(path: &Path, max_bytes: u64) -> Result<String, Box<Problem>> {
    let bytes = read_bounded(path, max_bytes)?;
    String::from_utf8(bytes).map_err(|error| Box::new(not_utf8(path, &error)))
}

fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Box<Problem>> {
    let unreadable = |error: io::Error| Box::new(unreadable(path, &error));
    // Asked before the file is opened: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let problem = Problem::error("file::not_a_file", "this is not a regular file");
        return Err(Box::new(problem.at(Place::whole_file(path))));
    }
    let capacity = usize::try_from(metadata.len().min(max_bytes)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(capacity + 1);
    File::open(path)
        .and_then(|file| file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        let problem = Problem::error(
            "file::too_large",
            format!(
                "the file has {} bytes; at most {max_bytes} are read",
                metadata.len().max(bytes.len() as u64)
            ),
        );
        return Err(Box::new(problem.at(Place::whole_file(path)).help("split it, or shorten it")));
    }
    Ok(bytes)
}

/// A file or directory that cannot be read, as a problem.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => Problem::error("file::not_found", "there is no such file or directory"),
        io::ErrorKind::PermissionDenied => {
            Problem::error("file::unreadable", "this may not be read: permission denied")
                .help("change its permissions, or run as its owner")
        }
        _ => Problem::error("file::unreadable", format!("this cannot be read: {error}")),
    };
    problem.at(Place::whole_file(path))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Problem {
    let bytes = error.as_bytes();
    let start = error.utf8_error().valid_up_to();
    let help = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        "it looks like UTF-16; save it as UTF-8"
    } else {
        "save it as UTF-8"
    };
    // Up to the first bad byte the lossy text is the file's own, so the place is exact.
    let lossy = String::from_utf8_lossy(bytes);
    let byte = bytes.get(start).copied().unwrap_or_default();
    Problem::error("file::not_utf8", format!("the file is not UTF-8: the byte 0x{byte:02x} does not fit"))
        .at(Place::in_text(path, &lossy, start..start + 1))
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, Box<Problem>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v1.0.0.txt");
        write_atomic(&path, bytes).unwrap();
        read_text(&path, 20)
    }

    #[test]
    fn bytes_are_kept_as_they_are() {
        for text in ["", "a\r\nb\r\n", "a\n\n", "é\u{2028}\u{0}"] {
            assert_eq!(read(text.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn the_first_bad_byte_is_shown() {
        let problem = read(b"caf\xc3\xa9\nna\xefve\n").unwrap_err();
        let place = problem.place.as_ref().unwrap();
        assert_eq!((problem.code, place.line, place.column), ("file::not_utf8", 2, 3));
        assert_eq!(place.line_text, "na\u{fffd}ve");
        assert!(problem.message.contains("0xef"), "{}", problem.message);
    }

    #[test]
    fn marks_of_other_encodings_are_named() {
        assert_eq!(read(b"\xef\xbb\xbfhi").unwrap_err().code, "file::byte_order_mark");
        let problem = read(b"\xff\xfeh\0i\0").unwrap_err();
        assert_eq!(problem.help.as_deref(), Some("it looks like UTF-16; save it as UTF-8"));
    }

    #[test]
    fn the_limit_is_inclusive() {
        assert_eq!(read(&[b'a'; 20]).unwrap().len(), 20);
        assert_eq!(read(&[b'a'; 21]).unwrap_err().code, "file::too_large");
    }

    #[test]
    fn what_is_not_a_file_is_a_problem() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read_text(directory.path(), 9).unwrap_err().code, "file::not_a_file");
        assert_eq!(read_text(&directory.path().join("none"), 9).unwrap_err().code, "file::not_found");
    }
}
