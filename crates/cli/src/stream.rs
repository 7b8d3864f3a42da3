//! The streams that the process was given, under the names that they have as files.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

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

impl Stream {
    /// The stream of this name: `/dev/stdout`, `/dev/stderr`, `/dev/fd/N` or `/proc/self/fd/N`.
    pub(crate) fn named(path: &Path) -> Option<Self> {
        let descriptor = match path.to_str()? {
            "/dev/stdout" => STDOUT,
            "/dev/stderr" => STDERR,
            path => ["/dev/fd/", "/proc/self/fd/"]
                .iter()
                .find_map(|directory| path.strip_prefix(directory))?
                .parse()
                .ok()
                .filter(|descriptor| *descriptor > 0)?,
        };
        cfg!(unix).then_some(Self { descriptor })
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
        for path in ["/dev/null", "/dev/stdin", "/dev/fd/0", "/dev/fd/x", "/dev/fd/", "stderr", "-"] {
            assert_eq!(descriptor(path), None, "{path}");
        }
    }
}
