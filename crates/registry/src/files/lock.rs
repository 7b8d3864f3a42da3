//! One writer at a time in a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file in a directory that writers lock. It says who writes, is never deleted and belongs into `.gitignore`.
pub const LOCK_FILE_NAME: &str = ".promptassay.lock";

/// The right to write into a directory, held until dropped or until the process ends, however it ends.
///
/// The lock is advisory and the operating system's own (`flock`, `LockFileEx`): readers need none, since every write is atomic. Some
/// network file systems do not honour it between machines.
#[derive(Debug)]
pub struct DirectoryLock {
    directory: PathBuf,
    /// Closing it releases the lock.
    _file: File,
}

/// So many who look, one after another, are waited for: each holds the lock for less than it takes to ask again.
const MOST_LOOKERS: usize = 3000;
/// After so many it is waited between two attempts.
const LOOKERS_IN_A_HURRY: usize = 1000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else writes.
    #[error("{holder} is writing to `{}`; try again when it is done", directory.display())]
    Held {
        /// Who, such as `process 4711`.
        holder: String,
        /// The directory.
        directory: PathBuf,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot lock `{}`: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Takes the lock, waiting for as long as somebody else has it.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let (path, file) = open(directory)?;
        file.lock().map_err(|source| LockError::Io { path: path.clone(), source })?;
        Ok(Self::held(directory, file))
    }

    /// Takes the lock if it is free; [`LockError::Held`] names who has it. Whoever only looks at that moment is in nobody's way.
    pub fn try_acquire(directory: &Path) -> Result<Self, LockError> {
        let (path, mut file) = open(directory)?;
        for look in 0..MOST_LOOKERS {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
                    file.unlock().map_err(|source| LockError::Io { path: path.clone(), source })?;
                    // One that looks and is not running just now has it for as long as that lasts.
                    if look < LOOKERS_IN_A_HURRY {
                        std::thread::yield_now();
                    } else {
                        std::thread::sleep(BETWEEN_LOOKS);
                    }
                }
                _ => break,
            }
        }
        match file.try_lock() {
            Ok(()) => Ok(Self::held(directory, file)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Where a lock also keeps readers out, the holder stays unknown.
                let read = (&mut file).take(100).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    _ if read.is_err() => "another process".to_owned(),
                    holder => holder.escape_debug().to_string(),
                };
                Err(LockError::Held { holder, directory: directory.to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(LockError::Io { path, source }),
        }
    }

    /// Whether somebody holds the lock now. Nothing is made, written or taken for it but the moment of looking.
    pub fn is_held(directory: &Path) -> bool {
        let looked = File::open(directory.join(LOCK_FILE_NAME)).map(|file| file.try_lock_shared());
        matches!(looked, Ok(Err(TryLockError::WouldBlock)))
    }

    /// The directory that may be written to.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn held(directory: &Path, mut file: File) -> Self {
        // Only for the message of whoever comes second, so a failure is no reason to refuse.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "process {}", std::process::id()));
        Self { directory: directory.to_owned(), _file: file }
    }
}

fn open(directory: &Path) -> Result<(PathBuf, File), LockError> {
    let path = directory.join(LOCK_FILE_NAME);
    // It says who writes, and would say so in the file that the link leads to.
    if path.is_symlink() {
        let source = io::Error::other("it is a link; remove it, and it is made anew");
        return Err(LockError::Io { path, source });
    }
    match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => Ok((path, file)),
        Err(source) => Err(LockError::Io { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_second_writer_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::try_acquire(directory.path()).unwrap();
        let error = DirectoryLock::try_acquire(directory.path()).unwrap_err();
        if cfg!(unix) {
            assert!(
                error.to_string().starts_with(&format!("process {} is writing", std::process::id())),
                "{error}"
            );
        }
        drop(first);
        DirectoryLock::try_acquire(directory.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        crate::files::write_atomic(&precious, "precious").unwrap();
        let link = directory.path().join(LOCK_FILE_NAME);
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        let error = DirectoryLock::acquire(directory.path()).unwrap_err().to_string();
        assert!(error.ends_with("it is a link; remove it, and it is made anew"), "{error}");
        assert!(DirectoryLock::try_acquire(directory.path()).is_err());
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    }

    #[test]
    fn looking_takes_nothing_and_stands_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!DirectoryLock::is_held(directory.path()));
        assert!(!directory.path().join(LOCK_FILE_NAME).exists());
        drop(DirectoryLock::try_acquire(directory.path()).unwrap());
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        DirectoryLock::is_held(directory.path());
                    }
                });
            }
            let refused: Vec<LockError> =
                (0..500).filter_map(|_| DirectoryLock::try_acquire(directory.path()).err()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(refused.is_empty(), "{refused:?}");
        });
        let _held = DirectoryLock::try_acquire(directory.path()).unwrap();
        assert!(DirectoryLock::is_held(directory.path()));
    }

    #[test]
    fn only_one_holds_it_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = DirectoryLock::acquire(directory.path()).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        drop(lock);
                    }
                });
            }
        });
    }

    #[test]
    fn a_missing_directory_cannot_be_locked() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(DirectoryLock::acquire(&directory.path().join("none")), Err(LockError::Io { .. })));
    }
}
