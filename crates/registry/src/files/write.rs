//! Writes that a reader sees wholly or not at all, and that survive a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How files are called while they are written.
const PREFIX: &str = ".promptassay-";
const SUFFIX: &str = ".tmp";

/// Whether a file has the name of one that is being written, and was left so by a process that was killed.
pub fn is_half_written(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Why a file was not written. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of this name is there, and may not be replaced.
    #[error("`{}` exists already and is not replaced", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Replaces or creates a file: a temporary file in the same directory is written, synced and renamed, then the directory is
/// synced. A symbolic link stays one, and its target is replaced; permissions of an old file stay. What is neither a file nor a
/// directory, such as `/dev/null`, `/dev/stderr` or a named pipe, is written to: it must not be replaced by a file.
pub fn write_atomic(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), WriteError> {
    copy_atomic(path, &mut bytes.as_ref())
}

/// Replaces or creates a file with everything that `source` gives, with the same guarantees as [`write_atomic`].
pub fn copy_atomic(path: &Path, source: &mut dyn Read) -> Result<(), WriteError> {
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut device = OpenOptions::new().write(true).open(path).map_err(io)?;
        return io::copy(source, &mut device).map(|_| ()).map_err(io);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let copy = |temporary: &mut dyn Write| io::copy(source, temporary).map(|_| ());
    let (temporary, directory) = write_temporary(&target, copy).map_err(io)?;
    if let Ok(old) = fs::metadata(&target) {
        temporary.as_file().set_permissions(old.permissions()).map_err(io)?;
    }
    temporary.persist(&target).map_err(|error| io(error.error))?;
    sync_directory(&directory).map_err(io)
}

/// Whether [`write_atomic`] could write a file now, by its own steps but for the last. Nothing is changed and nothing left behind.
pub fn try_writing(path: &Path) -> Result<(), WriteError> {
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.is_dir() {
        return Err(io(io::ErrorKind::IsADirectory.into()));
    }
    write_temporary(&target, |_| Ok(())).map(drop).map_err(io)
}

/// Creates a file that is not there yet, with the same guarantees as [`write_atomic`]. Of several writers at once, one wins.
pub fn create_new(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), WriteError> {
    create_new_with(path, |out| out.write_all(bytes.as_ref()))
}

/// The same for what is written piece by piece, and never whole in memory. The pieces should be large.
pub fn create_new_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    let (temporary, directory) = write_temporary(path, write).map_err(io)?;
    temporary.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => WriteError::Exists { path: path.to_owned() },
        _ => io(error.error),
    })?;
    sync_directory(&directory).map_err(io)
}

fn write_temporary(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(NamedTempFile, PathBuf)> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // A temporary file is for its owner's eyes by default; this one becomes an ordinary file, and the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(&directory)?;
    write(&mut temporary)?;
    temporary.as_file().sync_all()?;
    Ok((temporary, directory))
}

/// Makes the new name itself durable. Only Unix can open a directory for that.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        write_atomic(&path, "one").unwrap();
        write_atomic(&path, "two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn whether_a_file_can_be_written_is_found_out_without_writing_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jsonl");
        try_writing(&path).unwrap();
        assert!(!path.exists());
        write_atomic(&path, "one").unwrap();
        try_writing(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        for unwritable in ["no/a.jsonl", "."] {
            let error = try_writing(&directory.path().join(unwritable)).unwrap_err();
            assert!(matches!(error, WriteError::Io { .. }), "{error}");
        }
    }

    #[test]
    fn an_existing_file_is_never_overwritten_by_create() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v1.0.0.txt");
        create_new(&path, "one").unwrap();
        assert!(matches!(create_new(&path, "two"), Err(WriteError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_an_error_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let error = write_atomic(&directory.path().join("no/a"), "x").unwrap_err();
        assert!(error.to_string().contains("no/a"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        create_new(&target, "one").unwrap();
        assert_ne!(fs::metadata(&target).unwrap().permissions().mode() & 0o044, 0, "readable for others");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("target", &link).unwrap();
        write_atomic(&link, "two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"two");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_replaced_by_one() {
        use std::os::unix::fs::FileTypeExt as _;
        let directory = tempfile::tempdir().unwrap();
        // A socket stands for `/dev/null` here, which a test must not risk; nothing can be written to this one.
        let path = directory.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(write_atomic(&path, "one"), Err(WriteError::Io { .. })));
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
