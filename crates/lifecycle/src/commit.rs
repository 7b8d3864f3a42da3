//! Carries a planned command out: the ledger first, then what mirrors it. What a crash leaves is found and finished later.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{DirectoryLock, WriteError};
use promptassay_registry::name::PromptName;
use promptassay_registry::operations::{
    ActivateError, RegisterError, Registration, activation, follow, register,
};
use promptassay_registry::tree::Prompt;
use promptassay_registry::version::{Version, VersionSelector};

use crate::event::Verb;
use crate::ledger::{self, Appended, Ledger};
use crate::pending::{self, Pending};
use crate::plan::{Command, Planned, Refusal};
use crate::policy::Policy;
use crate::stage::Move;
use crate::state::State;

/// A command that is decided and not yet written.
#[derive(Debug)]
pub struct Transaction {
    prompt: PromptName,
    directory: PathBuf,
    writes: Vec<Write>,
    appended: Appended,
    /// What the evidence could not be compared with.
    pub not_compared: Vec<&'static str>,
    /// The state afterwards.
    pub state: State,
}

/// One write of a transaction. After any number of them the process may die.
#[derive(Debug)]
enum Write {
    /// Notes what is about to happen.
    Note(Pending),
    /// Freezes the version's text.
    Register(Version, Registration),
    /// Makes it true.
    Append(String),
    /// Lets `active_version` follow.
    Mirror(Version),
    /// Nothing is under way any more.
    Done,
}

/// Why a decided command was not written as a whole.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The version cannot be frozen. Nothing happened.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The ledger is written and `active_version` does not follow yet; the next command finishes it.
    #[error("the ledger is written, and `active_version` could not follow: {0}")]
    Mirror(#[from] ActivateError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What was left of an interrupted command, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished {
    /// It had not reached the ledger: it never happened.
    Forgotten(Option<Pending>),
    /// It had: `active_version` follows now, or did already.
    Completed {
        /// The command, where the note can be read.
        pending: Option<Pending>,
        /// What `active_version` said before, where it had to be changed.
        mirrored: Option<(VersionSelector, Version)>,
    },
}

/// Decides a command on the files as they are under the lock. `expected_head` is the head that whoever wants it has seen.
pub fn prepare(
    prompt: &Prompt,
    ledger: &Ledger,
    expected_head: Option<Option<Digest>>,
    command: &Command,
    now: Timestamp,
    policy: &Policy,
) -> Result<Transaction, Refusal> {
    let state = ledger.state();
    if let Some(expected) = expected_head.filter(|expected| expected.as_ref() != state.head()) {
        return Err(Refusal::head_moved(expected.as_ref(), state.head()));
    }
    let Planned { events, not_compared } = crate::plan::plan(state, command, now, policy)?;
    let appended = ledger::lines_of(prompt.name(), ledger.lines().last(), &events);
    let mut after = state.clone();
    // `plan` only makes what `apply` accepts; its tests hold it to that.
    let _ = after.apply(&events);
    if let Some(head) = appended.head() {
        after.set_head(head);
    }
    let mut writes = Vec::new();
    let freezes = events.iter().find(|event| {
        matches!(event.change.step(), Some(Move::BeginTesting | Move::Adopt))
            && prompt.version(&event.version).is_some_and(|version| !version.is_registered())
    });
    if let Some(event) = freezes {
        let registration = Registration {
            created_at: event.second(),
            created_by: event.actor.name.clone(),
            description: event.reason.clone(),
            metadata: std::collections::BTreeMap::new(),
        };
        writes.push(Write::Register(event.version.clone(), registration));
    }
    writes.push(Write::Append(appended.text.clone()));
    if let Some(production) = after.production().filter(|now| state.production() != Some(now)) {
        // What cannot be mirrored is not begun. Anything else than the form of the file has been checked by whoever read it.
        let mirrored = activation(prompt, &VersionSelector::Exact(production.clone()));
        if let Err(ActivateError::NotInPlace { line }) = mirrored {
            return Err(Refusal::NoMirror { line });
        }
        writes.push(Write::Mirror(production.clone()));
    }
    if let (true, Some(event)) = (writes.len() > 1, events.last()) {
        let (version, command) = (event.version.clone(), event.command);
        writes.insert(
            0,
            Write::Note(Pending { command, version, at: event.second(), head: state.head().copied() }),
        );
        writes.push(Write::Done);
    }
    Ok(Transaction {
        prompt: prompt.name().clone(),
        directory: prompt.directory().to_owned(),
        writes,
        appended,
        not_compared,
        state: after,
    })
}

impl Transaction {
    /// The lines that it appends.
    pub fn lines(&self) -> &[ledger::Line] {
        &self.appended.lines
    }

    /// The version whose text it freezes, if it does.
    pub fn freezes(&self) -> Option<&Version> {
        self.writes.iter().find_map(|write| match write {
            Write::Register(version, _) => Some(version),
            _ => None,
        })
    }

    /// The version that `active_version` is to name, if it changes.
    pub fn mirrors(&self) -> Option<&Version> {
        self.writes.iter().find_map(|write| match write {
            Write::Mirror(version) => Some(version),
            _ => None,
        })
    }

    /// Writes everything. The lock must have been held since the ledger was read.
    pub fn commit(self, lock: &DirectoryLock) -> Result<(), CommitError> {
        let all = self.writes.len();
        self.commit_first(lock, all)
    }

    /// Writes the first so many files; a process that dies has done just that.
    pub(crate) fn commit_first(self, lock: &DirectoryLock, count: usize) -> Result<(), CommitError> {
        let Self { prompt, directory, writes, .. } = self;
        for write in writes.into_iter().take(count) {
            let result = perform(write, lock, &prompt, &directory);
            if let Err(error @ (CommitError::Register(_) | CommitError::Write(_))) = result {
                // Nothing was decided, so there is nothing to finish. A note that stays says no more than that.
                let _ = pending::remove(&directory);
                return Err(error);
            }
            result?;
        }
        Ok(())
    }

    /// How many files it writes.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.writes.len()
    }
}

fn perform(
    write: Write,
    lock: &DirectoryLock,
    prompt: &PromptName,
    directory: &Path,
) -> Result<(), CommitError> {
    match write {
        Write::Note(pending) => pending::write(directory, &pending)?,
        Write::Register(version, registration) => {
            register(lock, prompt, &version, registration)?;
        }
        Write::Append(text) => ledger::append(lock, &ledger::path(directory), &text)?,
        Write::Mirror(version) => {
            follow(lock, prompt, &version)?;
        }
        Write::Done => pending::remove(directory)?,
    }
    Ok(())
}

/// Finishes what an interrupted command left, if there is something. The ledger decides what is true.
pub fn finish(
    lock: &DirectoryLock,
    prompt_directory: &Path,
    prompt: &PromptName,
    ledger: &Ledger,
) -> Result<Option<Finished>, CommitError> {
    let path = pending::path(prompt_directory);
    let Some(pending) = pending::read(prompt_directory).map_err(|source| WriteError::Io { path, source })?
    else {
        return Ok(None);
    };
    let reached = pending.as_ref().is_none_or(|pending| pending.head.as_ref() != ledger.head());
    let finished = if reached {
        let mut mirrored = None;
        if let Some(production) = ledger.state().production() {
            let activated = follow(lock, prompt, production)?;
            mirrored = activated.changed.then(|| (activated.previous, production.clone()));
        }
        Finished::Completed { pending, mirrored }
    } else {
        Finished::Forgotten(pending)
    };
    pending::remove(prompt_directory)?;
    Ok(Some(finished))
}

impl Finished {
    /// What happened, in a sentence.
    pub fn message(&self) -> String {
        let what = |pending: &Option<Pending>| match pending {
            Some(Pending { command, version, at, .. }) => format!("`{command}` of {version}, begun at {at},"),
            None => "a command".to_owned(),
        };
        match self {
            Self::Forgotten(pending) => {
                let frozen = match pending.as_ref().map(|pending| pending.command) {
                    Some(Verb::Promote | Verb::Adopt) => " (its text may be registered by now)",
                    _ => "",
                };
                format!(
                    "{} was interrupted before it reached the ledger: it never happened{frozen}; do it again",
                    what(pending)
                )
            }
            Self::Completed { pending, mirrored: Some((before, now)) } => format!(
                "{} was interrupted after it reached the ledger; finished: `active_version` {before} → {now}",
                what(pending)
            ),
            Self::Completed { pending, mirrored: None } => {
                format!(
                    "{} was interrupted when it was as good as done; nothing was left to do",
                    what(pending)
                )
            }
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
