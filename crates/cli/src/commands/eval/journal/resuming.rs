//! Which kept run `--resume` goes on with where none is named, and how it is called.

use promptassay_evaluator::comparison::Side;
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::merge::{MergeProblem, union};
use promptassay_evaluator::plan::Role;
use promptassay_evaluator::runs::{RunDirectory, RunFile, changes};
use promptassay_registry::files::may_be_there;
use promptassay_registry::problem::Problem;

use super::{RunsArguments, goes_on_by};
use crate::commands::Context;
use crate::commands::eval::policy::PolicyArguments;
use crate::commands::eval::{Terms, plan_again};
use crate::failure::Failure;
use crate::table::{count, grouped};

/// So many are named of what may be many.
const SHOWN: usize = 3;
/// So many earlier runs are looked at: each journal is read whole.
const LOOKED_AT: usize = 20;

/// The latest run, and where it lacks nothing, or somebody is at work on it, no older one: whoever asks for the rest after a run that was
/// judged would take the verdict of another one for its own. Shards of one plan have no verdict but their common one, so of them it is
/// the latest that lacks something. What judges the answers of another run anew asks for none.
///
/// `programs`: whether they are allowed, as whoever goes on with another one would have to allow them.
pub(super) fn latest(
    runs: &RunsArguments,
    programs: bool,
    context: &Context<'_>,
) -> Result<RunDirectory, Failure> {
    let kept = runs.runs(context)?.list().unwrap_or_default();
    let own = context.prompts_in_the_repository();
    let is_other = |file: &RunFile| own.as_ref().is_some_and(|own| !file.is_of(own));
    let asks =
        |run: &RunDirectory| !run.file().is_ok_and(|file| file.rescored_from.is_some() || is_other(&file));
    let mut asking = kept.into_iter().rev().filter(asks);
    let Some(latest) = asking.next() else { return runs.find("latest", context) };
    let is_under_way = latest.is_under_way();
    let file = match left(&latest) {
        Some((file, 0)) => file,
        Some((file, _)) if is_under_way => file,
        // What is wrong with one that cannot be read is said when it is read.
        _ => return Ok(latest),
    };
    let (mut later, mut older, mut is_of_another_time) = (vec![file.clone()], Vec::new(), false);
    for run in asking.take(LOOKED_AT) {
        let Some((earlier, left)) = left(&run) else { continue };
        // A shard that was asked again since belongs to an earlier time, and so does all that is older still.
        is_of_another_time |= later.iter().any(|later| is_same_shard(later, &earlier));
        later.push(earlier.clone());
        if left == 0 || run.is_under_way() {
            continue;
        }
        if !is_of_another_time && is_shard_beside(&earlier, &file) {
            return Ok(run);
        }
        older.push((earlier, left));
    }
    if older.is_empty() && !is_under_way {
        return Ok(latest);
    }
    let option = &runs.option(context);
    let older = not_taken(&older, |file| Some(programs | needs_programs(file, context)?), option);
    Err(if is_under_way { under_way(&file, older, option) } else { refused(&file, older, option) })
}

/// Whether today's files still plan what this run had planned, and if so whether it runs programs, which have to be allowed.
pub(super) fn needs_programs(file: &RunFile, context: &Context<'_>) -> Option<bool> {
    // What is wrong in the files is said when somebody goes on with it.
    let plan = plan_again(file, Terms::OfThatDay, &PolicyArguments::default(), &context.quietly()).ok()?;
    let is_same = changes(file, &RunFile::of(&plan, file.header())).is_empty();
    is_same.then(|| plan.runs_programs(!file.asking.offline))
}

/// Whether two runs ask the same part of the same plan.
fn is_same_shard(one: &RunFile, other: &RunFile) -> bool {
    one.shard.is_some() && one.shard == other.shard && changes(one, other).is_empty()
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

fn refused(latest: &RunFile, older: Option<String>, option: &str) -> Failure {
    let message = format!("nothing is left to ask of the latest run, {}", called(latest));
    let shown = format!("`promptassay report{option}` shows the latest again");
    let help = older.map_or_else(|| shown.clone(), |older| format!("{older}; {shown}"));
    Failure::invalid_one(Problem::error("runs::nothing_left", message).help(help))
}

fn under_way(latest: &RunFile, older: Option<String>, option: &str) -> Failure {
    let message = format!("the latest run, {}, is under way already", called(latest));
    let shown = format!("`promptassay report {}{option}` shows what it has so far", latest.id);
    let help = older.map_or_else(|| shown.clone(), |older| format!("{shown}; {older}"));
    Failure::invalid_one(Problem::error("runs::under_way", message).help(help))
}

/// The earlier runs that lack something, and how to go on with each that today's files still plan: `programs` tells whether, and if some
/// have to be allowed.
fn not_taken(
    older: &[(RunFile, usize)],
    programs: impl Fn(&RunFile) -> Option<bool>,
    option: &str,
) -> Option<String> {
    let (mut ways, mut changed, mut more) = (Vec::new(), Vec::new(), 0);
    for (file, left) in older {
        if ways.len() == SHOWN {
            more += 1;
            continue;
        }
        let Some(programs) = programs(file) else {
            changed.push(file.id.to_string());
            continue;
        };
        let way = goes_on_by(&file.id.to_string(), programs, option);
        let left = format!("{} of {} left", grouped(*left), count(file.trials, "question"));
        ways.push(format!("`{way}` goes on with {} of {:.0}, {left}", of_what(file), file.started_at));
    }
    if let Some(first) = changed.first() {
        let which = match changed.len() {
            1 => format!("run {first}"),
            many => format!("run {first} and {} more", many - 1),
        };
        ways.push(format!("nothing goes on with {which}: the files are not what was planned then"));
    }
    if more > 0 {
        ways.push(format!("and {more} more: `promptassay runs list{option}`"));
    }
    (!ways.is_empty()).then(|| format!("earlier ones are not taken in its place; {}", ways.join("; ")))
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
    format!("{} of {:.0}, {}", file.id, file.started_at, of_what(file))
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
