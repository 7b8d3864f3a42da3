//! The streams that the process was given, under the names that they have as files.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::console::Console;

/// A stream that is named like a file, such as `/dev/stderr`. What it leads to may be somebody's log, and other streams of the process may
/// lead there too: it is added to, and never replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    /// The number of its file descriptor; never that of standard input.
    descriptor: u32,
}

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// As many as Linux follows.
const MOST_LINKS: usize = 40;

impl Stream {
    /// The stream of this name: `/dev/stdout`, `/dev/stderr`, `/dev/fd/N` or `/proc/self/fd/N`, or a link that leads to one of these.
    pub(crate) fn named(path: &Path) -> Option<Self> {
        if !cfg!(unix) {
            return None;
        }
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(descriptor) = descriptor(&path) {
                return (descriptor > 0).then_some(Self { descriptor });
            }
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = fs::canonicalize(directory.unwrap_or(Path::new("."))).ok()?;
            let name = directory.join(path.file_name()?);
            if let Some(descriptor) = descriptor(&name) {
                return (descriptor > 0).then_some(Self { descriptor });
            }
            path = directory.join(fs::read_link(&name).ok()?);
        }
        None
    }

    /// Whether it is standard output.
    pub(crate) fn is_stdout(self) -> bool {
        self.descriptor == STDOUT
    }

    /// Writes everything that `source` gives behind what was written before.
    pub(crate) fn write(self, source: &mut dyn Read, console: Console) -> io::Result<()> {
        match self.descriptor {
            STDOUT => console.data(source),
            // By the stream itself: what a file that is opened anew is given, the next line of this one would write over.
            STDERR => {
                let mut stderr = io::stderr().lock();
                io::copy(source, &mut stderr).and_then(|_| stderr.flush())
            }
            descriptor => {
                let mut stream = OpenOptions::new().append(true).open(format!("/dev/fd/{descriptor}"))?;
                io::copy(source, &mut stream).map(|_| ())
            }
        }
    }
}

/// The number in the name of a file descriptor of this process.
fn descriptor(path: &Path) -> Option<u32> {
    // Without `.` and doubled slashes.
    let path: PathBuf = path.components().collect();
    let path = path.to_str()?;
    match path {
        "/dev/stdin" => return Some(0),
        "/dev/stdout" => return Some(STDOUT),
        "/dev/stderr" => return Some(STDERR),
        _ => {}
    }
    let (directory, number) = path.rsplit_once('/')?;
    let own = format!("/proc/{}", std::process::id());
    let is_own = match directory.strip_suffix("/fd")? {
        "/dev" | "/proc/self" | "/proc/thread-self" => true,
        process => {
            process.strip_prefix(&own).is_some_and(|task| task.is_empty() || task.starts_with("/task/"))
        }
    };
    number.parse().ok().filter(|_| is_own)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn streams_are_known_by_their_names() {
        let descriptor = |path: &str| Stream::named(Path::new(path)).map(|stream| stream.descriptor);
        assert_eq!(descriptor("/dev/stdout"), Some(1));
        assert_eq!(descriptor("/dev/stderr"), Some(2));
        assert_eq!(descriptor("/dev/fd/63"), Some(63));
        assert_eq!(descriptor("/proc/self/fd/3"), Some(3));
        assert_eq!(descriptor("/proc/thread-self/fd/2"), Some(2));
        assert_eq!(descriptor(&format!("/proc/{}/fd/2", std::process::id())), Some(2));
        assert_eq!(descriptor("//dev/./stderr"), Some(2));
        let directory = tempfile::tempdir().unwrap();
        let link = |name: &str, target: &str| {
            let link = directory.path().join(name);
            std::os::unix::fs::symlink(target, &link).unwrap();
            link.display().to_string()
        };
        let (log, devices) = (link("log", "/dev/stderr"), link("devices", "/dev"));
        assert_eq!(descriptor(&log), Some(2));
        assert_eq!(descriptor(&link("again", "log")), Some(2));
        assert_eq!(descriptor(&format!("{devices}/stdout")), Some(1));
        assert_eq!(descriptor(&link("input", "/dev/stdin")), None);
        assert_eq!(descriptor(&link("round", "round")), None);
        assert_eq!(descriptor(&link("nowhere", "nothing")), None);
        for path in ["/dev/null", "/dev/stdin", "/dev/fd/0", "/dev/fd/x", "/dev/fd/", "stderr", "-"] {
            assert_eq!(descriptor(path), None, "{path}");
        }
    }
}
