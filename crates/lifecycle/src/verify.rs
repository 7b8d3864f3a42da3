//! Holds a ledger against itself, against the texts that it froze, and against what mirrors it.

use std::{fs, io};

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::may_be_there;
use promptassay_registry::lock_file::Lock;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Prompt;
use promptassay_registry::version::{Version, VersionSelector};
use promptassay_registry::version_file::Form;

use crate::ledger::{HeadPrefix, Ledger};
use crate::pending;
use crate::stage::Stage;

/// Everything that is wrong with a ledger: its chain, its order, its moves, and every text that it froze. Times that go backwards
/// are warnings: clocks of machines differ.
pub fn verify(ledger: &Ledger, expected_head: Option<&HeadPrefix>) -> Vec<Problem> {
    let mut problems = ledger.problems();
    let whole_file = || Place::whole_file(ledger.path());
    if let Some(expected) = expected_head
        && !ledger.lines().iter().any(|line| expected.matches(&line.hash))
    {
        problems.push(
            Problem::error(
                "lifecycle::head_gone",
                format!("the line with the hash {expected} is not in the ledger any more"),
            )
            .at(whole_file())
            .help("lines were cut off, or the ledger was written anew: `git log -p` shows when"),
        );
    }
    let mut latest = Timestamp::MIN;
    for line in ledger.lines() {
        if line.event.at < latest {
            let place = Place { line: usize::try_from(line.seq).unwrap_or(1), ..whole_file() };
            problems.push(
                Problem::warning(
                    "lifecycle::time_backwards",
                    format!("this line is from {}, and the one before it from {latest}", line.event.at),
                )
                .at(place)
                .help("the clock of a machine was wrong; the order of the lines counts"),
            );
        }
        latest = latest.max(line.event.at);
    }
    problems.extend(texts(ledger));
    problems
}

/// The texts of all versions that the ledger knows. One that is archived is never served again and may be gone; while it is there, it is
/// what it was.
fn texts(ledger: &Ledger) -> Vec<Problem> {
    ledger.state().versions().keys().filter_map(|version| text(ledger, version)).collect()
}

/// The archived versions whose texts are gone. Nothing is wrong with that, and nobody can look at what they said.
pub fn gone(ledger: &Ledger) -> Vec<&Version> {
    let directory = ledger.path().parent().unwrap_or(ledger.path());
    let is_gone = |version: &&Version| {
        let paths = [Form::Text, Form::Chat].map(|form| directory.join(form.file_name(version)));
        ledger.state().stage(version) == Stage::Archived && !paths.iter().any(|path| may_be_there(path))
    };
    ledger.state().versions().keys().filter(is_gone).collect()
}

/// How the text of a version differs from the one that the ledger knows; none where it does not, or knows no such version.
pub fn text(ledger: &Ledger, version: &Version) -> Option<Problem> {
    let known = ledger.state().versions().get(version)?;
    let directory = ledger.path().parent().unwrap_or(ledger.path());
    let paths = [Form::Text, Form::Chat].map(|form| directory.join(form.file_name(version)));
    // Whatever is there and cannot be read is not gone.
    let read = |path| match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        read => Some((path, read.map(Digest::of))),
    };
    let (message, path) = match paths.iter().find_map(read) {
        Some((_, Ok(digest))) if digest == known.sha256 => return None,
        Some((path, Err(error))) => {
            return Some(
                Problem::error(
                    "lifecycle::text",
                    format!("{version} is in the ledger, and cannot be read: {error}"),
                )
                .at(Place::whole_file(path.as_path())),
            );
        }
        Some((path, Ok(digest))) => (
            format!(
                "{version} was edited since it entered the ledger: recorded {}, found {}",
                known.sha256.short(),
                digest.short()
            ),
            path,
        ),
        None if ledger.state().stage(version) == Stage::Archived => return None,
        None => (format!("{version} is in the ledger, and its file is gone"), &paths[0]),
    };
    Some(
        Problem::error("lifecycle::text", message).at(Place::whole_file(path.as_path())).help(
            "restore it with git, and give another text a number of its own: a frozen text never changes",
        ),
    )
}

/// What else must agree with the ledger: the lock's digests and `active_version`.
pub fn mirrors(ledger: &Ledger, prompt: &Prompt) -> Vec<Problem> {
    let mut problems = lock_rows(ledger, prompt.lock());
    let state = ledger.state();
    let place = || prompt.document().place_at(&["active_version"]);
    match state.production() {
        Some(production) => {
            let agrees = *prompt.active() == VersionSelector::Exact(production.clone());
            if !agrees && !pending::exists(prompt.directory()) {
                problems.push(disagreement(prompt, production).at(place()));
            }
        }
        None => problems.push(
            Problem::warning(
                "lifecycle::nothing_live",
                format!("`{}` has a ledger, and nothing is in production", prompt.name()),
            )
            .at(place())
            .help(if state.tenures().is_empty() {
                format!(
                    "`promptassay adopt {} VERSION` records what is live already; until then `resolve` serves nothing",
                    prompt.name()
                )
            } else {
                format!(
                    "`promptassay promote {} VERSION --to production` puts something there; until then `resolve` serves nothing",
                    prompt.name()
                )
            }),
        ),
    }
    problems
}

/// `active_version` names something else than what is in production.
pub fn disagreement(prompt: &Prompt, production: &Version) -> Problem {
    let name = prompt.name();
    Problem::error(
        "lifecycle::mirror",
        format!(
            "`active_version` is {}, and {production} is in production according to the ledger",
            prompt.active()
        ),
    )
    .help(format!(
        "`promptassay promote` or `rollback` moves production; `promptassay repair {name}` lets `active_version` follow the ledger"
    ))
}

fn lock_rows(ledger: &Ledger, lock: &Lock) -> Vec<Problem> {
    let frozen = ledger.state().versions().iter().filter(|(_, known)| known.stage != Stage::Archived);
    frozen
        .filter_map(|(version, known)| {
            let message = match lock.rows.get(version) {
                Some(row) if row.sha256 == known.sha256 => return None,
                Some(_) => format!("{version} has another digest in prompt.lock than in the ledger"),
                None => format!("{version} is in the ledger, and not in prompt.lock"),
            };
            let place = Place::whole_file(ledger.path());
            Some(Problem::error("lifecycle::lock", message).at(place).help("restore prompt.lock with git"))
        })
        .collect()
}

#[cfg(test)]
mod tests;
