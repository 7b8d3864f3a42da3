//! `lifecycle.jsonl`: one line for each event, each bound to the one before it by its hash. Appended to, never changed.
//!
//! A ledger is read strictly: every line must be exactly what this program would write for it. What is wrong is collected as faults;
//! nothing is built on a ledger that has one.

mod fault;
mod head;
mod line;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{may_be_there, read_text};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::version::Version;
use serde_json::Value;

use crate::event::Event;

use crate::stage::Stage;
use crate::state::State;

use self::line::Before;
pub use fault::{Fault, FaultKind};
pub use head::{HeadPrefix, InvalidHead};
pub use line::{Part, SCHEMA};
pub use write::{Appended, RepairError, Repaired, append, lines_of, repair};

/// The name of the file in a prompt's directory.
pub const FILE_NAME: &str = "lifecycle.jsonl";

/// The largest ledger that is read: more than 100,000 moves.
const MAX_LEDGER_BYTES: u64 = 64 << 20;

/// A ledger as it was on disk.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
    prompt: PromptName,
    lines: Vec<Line>,
    state: State,
    faults: Vec<Fault>,
    tail: Option<Tail>,
    lacks_line_feed: bool,
    text: String,
}

/// A line of a ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number, from 1.
    pub seq: u64,
    /// Which part of its command it is.
    pub part: Part,
    /// What happened.
    pub event: Event,
    /// The hash of the line.
    pub hash: Digest,
    /// The line as JSON.
    pub json: Value,
}

/// The end of a ledger whose last append did not reach the disk as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Where it begins, in bytes.
    pub start: usize,
    /// The number of its first line.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

/// Where the ledger of a prompt is, if it has one.
pub fn path(prompt_directory: &Path) -> PathBuf {
    prompt_directory.join(FILE_NAME)
}

/// Whether a prompt has a ledger, and so a lifecycle. One that cannot be looked at counts as there: whoever reads it is told why.
pub fn exists(prompt_directory: &Path) -> bool {
    may_be_there(&path(prompt_directory))
}

/// What a ledger says about which versions matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The version in production.
    pub production: Option<Version>,
    /// The versions that are never served again, in the order of semantic versioning.
    pub archived: Vec<Version>,
}

/// How the versions of a prompt stand; nothing where there is no ledger. The problems of the ledger where it has faults.
pub fn standing(prompt_directory: &Path, prompt: &PromptName) -> Result<Standing, Vec<Problem>> {
    let ledger = Ledger::read(prompt_directory, prompt).map_err(|problem| vec![*problem])?;
    if !ledger.faults().is_empty() {
        return Err(ledger.problems());
    }
    Ok(Standing::of(ledger.state()))
}

impl Standing {
    /// What a state says of it.
    pub fn of(state: &State) -> Self {
        let archived = state.versions().keys().filter(|version| state.stage(version) == Stage::Archived);
        Self { production: state.production().cloned(), archived: archived.cloned().collect() }
    }
}

impl Ledger {
    /// Reads the ledger of a prompt; an empty one where there is none.
    pub fn read(prompt_directory: &Path, prompt: &PromptName) -> Result<Self, Box<Problem>> {
        let path = path(prompt_directory);
        let is_there = may_be_there(&path);
        let text = match read_text(&path, MAX_LEDGER_BYTES) {
            _ if !is_there => String::new(),
            // A lost block of the disk reads as other bytes: that is for `verify` to name, at its line.
            Err(problem) if problem.code == "file::not_utf8" => lossy(&path, *problem)?,
            read => read?,
        };
        let is_emptied = text.trim().is_empty() && is_there;
        let mut ledger = Self::parse(path, prompt, text);
        if is_emptied && ledger.faults.is_empty() {
            ledger.faults.push(Fault { line: 1, kind: FaultKind::Emptied });
        }
        Ok(ledger)
    }

    /// Reads the text of a ledger.
    pub fn parse(path: impl Into<PathBuf>, prompt: &PromptName, text: impl Into<String>) -> Self {
        let mut ledger = Self {
            path: path.into(),
            prompt: prompt.clone(),
            lines: Vec::new(),
            state: State::default(),
            faults: Vec::new(),
            tail: None,
            lacks_line_feed: false,
            text: text.into(),
        };
        ledger.read_lines();
        ledger
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lines of whole commands, up to the first fault.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the whole commands up to the first fault amount to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The hash of the last line of the last whole command.
    pub fn head(&self) -> Option<&Digest> {
        self.state.head()
    }

    /// What is wrong with it, a torn tail aside.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The end that did not reach the disk as a whole.
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// Whether only the line feed of its last line is not there. The line is whole, and so it happened.
    pub fn lacks_line_feed(&self) -> bool {
        self.lacks_line_feed
    }

    /// What it amounted to at that time: the commands before the first one that is younger. A time without a part of a second is all of
    /// that second, as it is shown.
    pub fn state_at(&self, time: Timestamp) -> State {
        let mut state = State::default();
        let is_whole = time.subsec_nanosecond() == 0;
        for command in commands(&self.lines) {
            let event = &command[0].event;
            let began = if is_whole { event.second() } else { event.at };
            if began > time {
                break;
            }
            let events: Vec<Event> = command.iter().map(|line| line.event.clone()).collect();
            // It was applied once already.
            if state.apply(&events).is_err() {
                break;
            }
            if let Some(last) = command.last() {
                state.set_head(last.hash);
            }
        }
        state
    }

    /// The faults and the torn tail as problems with their places; a line feed that is not there is a warning.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self
            .faults
            .iter()
            .map(|fault| {
                Problem::error(fault.kind.code(), fault.kind.to_string())
                    .at(self.place(fault.line))
                    .maybe_help(fault.kind.help().map(str::to_owned))
            })
            .collect();
        if let Some(tail) = &self.tail {
            problems.push(
                Problem::error(
                    "lifecycle::torn",
                    "the ledger ends in the middle of a command: its last append did not reach the disk as a whole",
                )
                .at(self.place(tail.line))
                .help(format!(
                    "if it was committed whole, restore it with git; else `promptassay repair {}` cuts the rest off, a command that never happened",
                    self.prompt
                )),
            );
        }
        if self.lacks_line_feed {
            problems.push(
                Problem::warning(
                    "lifecycle::no_line_feed",
                    "the last line is whole, and the line feed behind it is not there",
                )
                .at(self.place(self.lines.len()))
                .help(format!(
                    "what the line says happened; `promptassay repair {}` or the next move writes the line feed",
                    self.prompt
                )),
            );
        }
        problems
    }

    fn place(&self, line: usize) -> Place {
        // The lines are long and for machines; the number is what helps.
        Place { line, line_text: String::new(), ..Place::whole_file(self.path.as_path()) }
    }

    fn read_lines(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut pending: Vec<Line> = Vec::new();
        let mut pending_start = 0;
        let mut start = 0;
        let mut before = Before::Nothing;
        for (index, raw) in text.split_inclusive('\n').enumerate() {
            let number = index + 1;
            let content = raw.strip_suffix('\n');
            if content.is_none() && !line::is_whole(raw) {
                // The last append was cut short. What stands before it in the same command goes with it.
                let start = if pending.is_empty() { start } else { pending_start };
                let line = number - pending.len();
                self.tail = Some(Tail { start, line, text: text[start..].to_owned() });
                pending.clear();
                break;
            }
            if pending.is_empty() {
                pending_start = start;
            }
            start += raw.len();
            match line::parse(content.unwrap_or(raw)) {
                Err(kind) => {
                    before = Before::Unknown;
                    self.fault(number, kind);
                }
                Ok(line) => {
                    let mut sound = true;
                    for kind in line.faults(&before, &self.prompt) {
                        sound = false;
                        self.fault(number, kind);
                    }
                    before = line.as_before();
                    if sound {
                        pending.push(line.into_line());
                    }
                }
            }
            let whole = pending.last().is_some_and(|line| line.part.index == line.part.of);
            if whole && self.faults.is_empty() {
                self.fold(&mut pending, number);
            }
        }
        if !pending.is_empty() && self.faults.is_empty() {
            let line = self.lines.len() + 1;
            self.tail = Some(Tail { start: pending_start, line, text: text[pending_start..].to_owned() });
        }
        self.lacks_line_feed =
            self.faults.is_empty() && self.tail.is_none() && !text.is_empty() && !text.ends_with('\n');
        self.text = text;
    }

    fn fold(&mut self, pending: &mut Vec<Line>, number: usize) {
        let events: Vec<Event> = pending.iter().map(|line| line.event.clone()).collect();
        match self.state.apply(&events) {
            Ok(()) => {
                if let Some(last) = pending.last() {
                    self.state.set_head(last.hash);
                }
                self.lines.append(pending);
            }
            Err(illegal) => {
                self.fault(number, FaultKind::Illegal(illegal));
                pending.clear();
            }
        }
    }

    fn fault(&mut self, line: usize, kind: FaultKind) {
        self.faults.push(Fault { line, kind });
    }
}

/// The lines of each command, in order.
pub fn commands(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    lines.chunk_by(|line, next| line.part.index < line.part.of && next.part.index == line.part.index + 1)
}

/// The text with every bad byte replaced, which breaks the line that it is in and no other.
fn lossy(path: &Path, problem: Problem) -> Result<String, Box<Problem>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(_) => Err(Box::new(problem)),
    }
}

#[cfg(test)]
mod tests;
