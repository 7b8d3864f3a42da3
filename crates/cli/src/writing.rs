//! What the commands that change files have in common: the lock of the prompts directory, and why a prompt cannot be changed.

use std::fs;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use promptassay_registry::files::{DirectoryLock, LockError, may_be_there};
use promptassay_registry::name::PromptName;
use promptassay_registry::operations::PromptError;
use promptassay_registry::problem::Problem;
use promptassay_registry::{prompt_file, registry_file};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::commands::Context;
use crate::commands::eval::{asked_to_stop, end_at_once, runtime, told_elsewhere};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::prompts;

/// How long it is waited before a lock is tried again.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Context<'_> {
    /// The right to write into the prompts directory; waits for whoever has it, and says so.
    pub(crate) fn lock(&self) -> Result<DirectoryLock, Failure> {
        if !self.prompts.is_dir() {
            return Err(Failure::invalid(self.load().problems));
        }
        self.lock_of(&self.prompts, &self.prompts, Stop::Ends, || unchanged(&self.prompts))
    }

    /// The right to write recorded replies of the repository, which are in `directory`. Replies lie wherever registry.yaml says and are
    /// committed, so the lock is where git ignores everything. Whoever is asked to stop meanwhile has `stopped`, and afterwards does what
    /// `then` says.
    pub(crate) fn lock_of_replies(
        &self,
        directory: &Path,
        then: Stop,
        stopped: impl FnOnce() -> Problem,
    ) -> Result<DirectoryLock, Failure> {
        self.lock_of(&self.place_of_replies_lock(directory)?, directory, then, stopped)
    }

    /// The directory whose lock that is. Where nothing but the replies may be written to, it is theirs.
    fn place_of_replies_lock(&self, directory: &Path) -> Result<PathBuf, Failure> {
        self.keep_from_git()?;
        let own = self.own_directory()?;
        Ok(if own.is_dir() { own } else { directory.to_owned() })
    }

    /// Whether that can be had once others are done; asked before there is anything to write, and nobody is kept from it.
    pub(crate) fn may_lock_replies(&self, directory: &Path) -> Result<(), Failure> {
        match DirectoryLock::try_acquire(&self.place_of_replies_lock(directory)?) {
            Ok(_) | Err(LockError::Held { .. }) => Ok(()),
            Err(error) => Err(cannot_lock(&error)),
        }
    }

    /// Signals are listened for as soon as it is waited: nobody else would say what became of the command.
    fn lock_of(
        &self,
        place: &Path,
        directory: &Path,
        then: Stop,
        stopped: impl FnOnce() -> Problem,
    ) -> Result<DirectoryLock, Failure> {
        let holder = match DirectoryLock::try_acquire(place) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { holder, .. }) => holder,
            Err(error) => return Err(cannot_lock(&error)),
        };
        let runtime = runtime()?;
        let mut stop = Box::pin(asked_to_stop(1));
        told_elsewhere(then == Stop::IsPutOff);
        let waited = runtime.block_on(async {
            let mut is_told = false;
            loop {
                tokio::select! {
                    biased;
                    () = &mut stop => {
                        return Err(Failure { exit: Exit::Interrupted, problems: vec![stopped()] });
                    }
                    // By now a signal is seen.
                    () = ready(()), if !is_told => {
                        is_told = true;
                        let directory = directory.display();
                        self.console.note(&format!("waiting for {holder}, which is writing to {directory}"));
                    }
                    () = sleep(BETWEEN_LOOKS) => match DirectoryLock::try_acquire(place) {
                        Ok(lock) => return Ok(lock),
                        Err(LockError::Held { .. }) => {}
                        Err(error) => return Err(cannot_lock(&error)),
                    },
                }
            }
        });
        match (&waited, then) {
            (Ok(_), Stop::Ends) => drop(thread::spawn(move || end_when(&runtime, stop))),
            // Of whoever was stopped it is said what became of it.
            (Err(failure), _) if failure.exit == Exit::Interrupted => {}
            _ => told_elsewhere(false),
        }
        waited
    }

    /// Refuses to write a report or a snapshot over what prompts are made of, which a slip of the pen would cost.
    pub(crate) fn refuse_among_prompts(&self, path: &Path) -> Result<(), Failure> {
        let place = real_place(path);
        let prompts = fs::canonicalize(&self.prompts).unwrap_or_else(|_| self.prompts.clone());
        let (message, help) = if is_of_a_prompt(&place, &prompts) {
            (
                format!("`{}` is among the files of prompts", place.display()),
                "write it elsewhere: what stands there are prompts, their exams and what was recorded",
            )
        } else if holds_rows(&place) {
            (
                format!("`{}` holds rows of JSON, which no report and no snapshot does", place.display()),
                "write it elsewhere: such files are recorded replies, datasets or ledgers",
            )
        } else {
            return Ok(());
        };
        Err(Failure::invalid_one(Problem::error("cli::among_prompts", message).help(help)))
    }

    /// The name of a prompt that is there. Whether it is sound is for the operation to say.
    pub(crate) fn existing_name(&self, name: &str) -> Result<PromptName, Failure> {
        match name.parse() {
            Ok(name) => Ok(name),
            // What is no name is no name of a prompt that is there, and the close ones are worth more than the rules.
            Err(_) => self.prompt(name).map(|prompt| prompt.name().clone()),
        }
    }
}

/// What becomes of whoever is asked to stop when the lock that it has waited for is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It ends at once.
    Ends,
    /// It is in the middle of what everything was asked and paid for, and ends with that; asked again, at once. Who listens since the
    /// end of the run sees to it.
    IsPutOff,
}

/// Ends the process as soon as it is asked to stop. Once signals are listened for their default action is gone for good, and whoever waited
/// for a lock goes on as one that did not have to: what reads standard input or asks a database can be stopped.
fn end_when(runtime: &Runtime, stop: impl Future<Output = ()>) {
    runtime.block_on(stop);
    end_at_once();
}

/// What a command comes to that was asked to stop before it had begun.
pub(crate) fn unchanged(directory: &Path) -> Problem {
    let message = format!(
        "interrupted while another process was writing to `{}`: nothing was changed",
        directory.display()
    );
    Problem::error("cli::interrupted", message)
}

/// Where nobody may write.
fn cannot_lock(error: &LockError) -> Failure {
    Failure::broken(Problem::error("cli::cannot_lock", error.to_string()))
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Self {
        let message = error.to_string();
        match error {
            PromptError::Unknown { name, help } => Self::invalid_one(prompts::unknown(name.as_str(), help)),
            PromptError::Io { .. } => Self::broken(Problem::error("cli::cannot_read", message)),
            PromptError::Broken { problems, .. } => {
                let mut problems: Vec<Problem> = problems.into_iter().filter(Problem::is_error).collect();
                problems.push(Problem::error("cli::prompt_has_errors", message).help("nothing was changed"));
                Self::invalid(problems)
            }
        }
    }
}

/// A place under the one name that all of its names come to.
pub(crate) fn real_place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = fs::canonicalize(&absolute).ok();
    real.or_else(|| Some(fs::canonicalize(absolute.parent()?).ok()?.join(absolute.file_name()?)))
        .unwrap_or(absolute)
}

/// Whether there is a file that is called one of rows of JSON, and has some.
fn holds_rows(place: &Path) -> bool {
    let is_called_so = place.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
    is_called_so && fs::metadata(place).is_ok_and(|found| found.is_file() && found.len() > 0)
}

/// Whether a place is what prompts are made of, or may be: a file of a prompt or beside them.
fn is_of_a_prompt(place: &Path, prompts: &Path) -> bool {
    let Ok(inside) = place.strip_prefix(prompts) else { return false };
    let mut parts = inside.components();
    match (parts.next(), parts.next()) {
        (Some(file), None) => {
            let known = [registry_file::FILE_NAME, ".gitattributes", ".gitignore"];
            known.iter().any(|known| file.as_os_str() == *known)
        }
        (Some(directory), Some(_)) => may_be_there(&prompts.join(directory).join(prompt_file::FILE_NAME)),
        _ => false,
    }
}
