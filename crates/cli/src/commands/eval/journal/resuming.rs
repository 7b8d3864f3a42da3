//! Which kept run `--resume` goes on with where none is named, and how it is called.

use promptassay_evaluator::comparison::Side;
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::merge::{MergeProblem, union};
use promptassay_evaluator::plan::Role;
use promptassay_evaluator::runs::{RunDirectory, RunFile};
use promptassay_registry::files::may_be_there;
use promptassay_registry::problem::Problem;

use super::RunsArguments;
use crate::commands::Context;
use crate::failure::Failure;
use crate::table::{count, grouped};

/// So many are named of what may be many.
const SHOWN: usize = 3;
/// So many earlier runs are looked at: each journal is read whole.
const LOOKED_AT: usize = 20;

/// The latest run, but for those that somebody is at work on. Never an older one because this one lacks nothing: whoever asks for the
/// rest after a run that was judged would take the verdict of another one for its own. Shards of one plan have no verdict but their
/// common one, so of them it is the latest that lacks something. What judges the answers of another run anew asks for none.
pub(super) fn latest(runs: &RunsArguments, context: &Context<'_>) -> Result<RunDirectory, Failure> {
    let kept = runs.runs(context)?.list().unwrap_or_default();
    let own = context.prompts_in_the_repository();
    let is_other = |file: &RunFile| own.as_ref().is_some_and(|own| !file.is_of(own));
    let asks =
        |run: &RunDirectory| !run.file().is_ok_and(|file| file.rescored_from.is_some() || is_other(&file));
    let mut free = kept.into_iter().rev().filter(|run| asks(run) && !run.is_under_way());
    let Some(latest) = free.next() else { return runs.find("latest", context) };
    // What is wrong with one that cannot be read is said when it is read.
    let Some((file, 0)) = left(&latest) else { return Ok(latest) };
    let lacking = free.take(LOOKED_AT).filter_map(|run| {
        let (file, left) = left(&run).filter(|(_, left)| *left > 0)?;
        Some((run, file, left))
    });
    let mut older: Vec<(RunDirectory, RunFile, usize)> = lacking.collect();
    if let Some(shard) = older.iter().position(|(_, earlier, _)| is_shard_beside(earlier, &file)) {
        return Ok(older.swap_remove(shard).0);
    }
    if older.is_empty() { Ok(latest) } else { Err(refused(&file, &older, runs)) }
}

/// Whether two runs are different parts of one plan, whatever parts are missing.
fn is_shard_beside(one: &RunFile, other: &RunFile) -> bool {
    match union(&[one.clone(), other.clone()]) {
        Ok(_) => true,
        Err(problems) => problems.iter().all(|problem| matches!(problem, MergeProblem::Missing { .. })),
    }
}

/// How many questions of a run a resumed one would ask, or judge again. One that did not come to its end lacks at least that.
fn left(run: &RunDirectory) -> Option<(RunFile, usize)> {
    let (file, journal) = (run.file().ok()?, run.journal_path());
    if !may_be_there(&journal) {
        let all = file.trials;
        return Some((file, all.max(1)));
    }
    let (_, outline) = Side::read_with_outline(&file, &journal).ok()?;
    let left = file.trials.saturating_sub(outline.passed + outline.failed + outline.unscored);
    let ended = outline.end == Some(RunEnd::Completed);
    Some((file, if ended { left } else { left.max(1) }))
}

fn refused(latest: &RunFile, older: &[(RunDirectory, RunFile, usize)], runs: &RunsArguments) -> Failure {
    let message = format!("nothing is left to ask of the latest run, {}", called(latest));
    let option = runs.option();
    let ways = older.iter().take(SHOWN).map(|(_, file, left)| {
        let RunFile { id, trials, started_at, .. } = file;
        let what = of_what(file);
        let left = format!("{} of {} left", grouped(*left), count(*trials, "question"));
        format!("`promptassay eval --resume {id}{option}` goes on with {what} of {started_at}, {left}")
    });
    let more = older.len().saturating_sub(SHOWN);
    let more =
        if more == 0 { String::new() } else { format!("; and {more} more: `promptassay runs list{option}`") };
    let help = format!(
        "earlier ones are not taken in its place; {}{more}; `promptassay report{option}` shows the latest again",
        ways.collect::<Vec<_>>().join("; ")
    );
    Failure::invalid_one(Problem::error("runs::nothing_left", message).help(help))
}

/// What is gone on with, for people.
pub(crate) fn gone_on_with(file: &RunFile, left: usize) -> String {
    let left = match left {
        0 => "nothing was left to ask: this is what the run came to".to_owned(),
        left => format!("{} of {} left", grouped(left), count(file.trials, "question")),
    };
    format!("goes on with run {}; {left}", called(file))
}

fn called(file: &RunFile) -> String {
    format!("{} of {}, {}", file.id, file.started_at, of_what(file))
}

/// The versions that a run is to judge.
fn of_what(file: &RunFile) -> String {
    let candidates = file.prompts.iter().flat_map(|prompt| {
        let mut versions: Vec<String> = Vec::new();
        for variant in prompt.variants.iter().filter(|variant| variant.role == Role::Candidate) {
            let version = format!("{} v{}", prompt.name, variant.version.number());
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        versions
    });
    let all: Vec<String> = candidates.collect();
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
