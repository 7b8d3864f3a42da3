//! What stands in the files of commits. One process of git answers for all of a repository: a change may touch a thousand prompts, and a
//! process for each file takes longer than all else.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A `git cat-file --batch` that waits for questions.
pub(super) struct Contents {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Contents {
    /// Starts `git` in the repository of a directory.
    pub(super) fn start(mut git: Command, directory: &Path) -> io::Result<Self> {
        let asked = git.arg("-C").arg(directory).args(["cat-file", "--batch"]);
        // What it complains of is not tied to a question; whoever gets no answer asks alone.
        let piped = asked.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = piped.spawn()?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(questions), Some(answers)) => {
                Ok(Self { process, questions, answers: BufReader::new(answers) })
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// The content of a file by the id that a commit has for it, which is one word whatever the file is called; `None` where there is no such
    /// object, or it is no file. After an error it answers nothing any more.
    pub(super) fn read(&mut self, id: &str) -> io::Result<Option<Vec<u8>>> {
        self.questions.write_all(format!("{id}\n").as_bytes())?;
        self.questions.flush()?;
        let mut header = Vec::new();
        self.answers.read_until(b'\n', &mut header)?;
        let header = String::from_utf8_lossy(&header).into_owned();
        let words: Vec<&str> = header.split_whitespace().collect();
        let (kind, size) = match words[..] {
            [answered, "missing"] if answered == id => return Ok(None),
            [answered, kind, size] if answered == id => (kind, size.parse().map_err(io::Error::other)?),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let mut content = Vec::new();
        (&mut self.answers).take(size).read_to_end(&mut content)?;
        // A line feed ends it.
        self.answers.read_exact(&mut [0])?;
        Ok((kind == "blob").then_some(content))
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        // It only reads, and where it broke off in an answer it would wait for ever. What is wrong by now is no news.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
