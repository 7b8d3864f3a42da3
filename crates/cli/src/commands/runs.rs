//! `promptassay runs`: what evaluations are kept, how far they came, and how to be rid of them.

pub(crate) mod judged;

use clap::{Args, Subcommand};
use promptassay_evaluator::gate::Verdict;
use promptassay_evaluator::runs::{FindError, RunDirectory, RunFile, RunId, Runs};
use promptassay_registry::problem::Problem;
use serde::Serialize;

use super::Context;
use super::eval::journal::{RunsArguments, described, whose};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{STRONG, columns, count};
use judged::{Judged, Kept, OfBaseline};

const EXAMPLES: &str = "Examples:
  promptassay runs list
  promptassay runs show             the latest one
  promptassay runs rm 019aae2f-3    the one whose id begins so";

/// List, show and remove kept runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunsCommandArguments {
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// List the kept runs, oldest first.
    List {
        #[command(flatten)]
        runs: RunsArguments,
    },
    /// Show what a run had planned and how far it came.
    Show {
        /// The run: an id or its beginning, `latest`, or a directory with a run.json.
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
        #[command(flatten)]
        runs: RunsArguments,
    },
    /// Remove runs, with all replies that they hold.
    Rm {
        /// The runs: ids or their beginnings, or `latest`.
        #[arg(value_name = "RUN", required = true)]
        run: Vec<String>,
        #[command(flatten)]
        runs: RunsArguments,
    },
}

/// A run as it is listed.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    started_at: String,
    state: &'static str,
    shard: Option<String>,
    /// Where its prompts are, in the repository, where that is known.
    prompts_directory: Option<String>,
    /// Whether these are others than those that are looked at.
    #[serde(skip)]
    is_of_others: bool,
    prompts: Vec<String>,
    trials: usize,
    passed: usize,
    failed: usize,
    not_judged: usize,
    errors: usize,
    /// Trials that a model answered in this run: neither the cache nor a file did.
    live: usize,
    /// The worst verdict of all gates; `None` where there is none.
    verdict: Option<Verdict>,
    candidates: Vec<Judged>,
    tool: String,
    directory: String,
}

pub(crate) fn run(arguments: &RunsCommandArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    match &arguments.command {
        RunsCommand::List { runs } => {
            let kept = runs.runs(context)?;
            let unreadable =
                |error: FindError| Failure::broken(Problem::error("runs::unreadable", error.to_string()));
            let found = kept.list().map_err(unreadable)?;
            let undescribed = kept.undescribed().map_err(unreadable)?;
            let mut rows: Vec<Row> = undescribed.iter().map(|id| undescribed_row(id, &kept)).collect();
            for directory in found {
                // A run that cannot be read must not hide the others.
                match described(directory).and_then(|(directory, file)| row(&directory, &file, context)) {
                    Ok(row) => rows.push(row),
                    Err(failure) => context.console.problems(&failure.problems),
                }
            }
            rows.sort_by(|one, other| one.id.cmp(&other.id));
            context.answer(|| table(&rows, context.console.color), &rows)
        }
        RunsCommand::Show { run, runs } => {
            let (directory, file) = described(runs.find_of_anybody(run, context)?)?;
            let row = row(&directory, &file, context)?;
            context.answer(|| text(&row, &file), &row)
        }
        RunsCommand::Rm { run, runs } => {
            let mut found: Vec<RunDirectory> = Vec::new();
            for run in run {
                let directory = runs.find_to_remove(run, context)?;
                // `latest` and an id may be one run.
                if !found.contains(&directory) {
                    found.push(directory);
                }
            }
            for directory in found {
                let left = directory.remove().map_err(|error| {
                    Failure::broken(Problem::error("runs::not_removed", error.to_string()))
                })?;
                if let Some(left) = left {
                    let message = format!(
                        "the run is removed, and not what lies beside it, such as `{}`",
                        left.display()
                    );
                    context.console.problems(&[Problem::warning("runs::not_alone", message)]);
                }
            }
            Ok(Exit::Success)
        }
    }
}

/// A run that was killed before it was described, or removed in part: its id says when it began, and nothing says more.
fn undescribed_row(id: &RunId, kept: &Runs) -> Row {
    Row {
        id: id.to_string(),
        started_at: id.time().map(|time| time.to_string()).unwrap_or_default(),
        state: "no run.json",
        shard: None,
        prompts_directory: None,
        is_of_others: false,
        prompts: Vec::new(),
        trials: 0,
        passed: 0,
        failed: 0,
        not_judged: 0,
        errors: 0,
        live: 0,
        verdict: None,
        candidates: Vec::new(),
        tool: String::new(),
        directory: kept.directory_of(id).display().to_string(),
    }
}

fn row(directory: &RunDirectory, file: &RunFile, context: &Context<'_>) -> Result<Row, Failure> {
    let Kept { state, outline, candidates } = Kept::read(directory, file, context)?;
    let verdicts: Option<Vec<Verdict>> = candidates.iter().map(|candidate| candidate.verdict).collect();
    Ok(Row {
        id: file.id.to_string(),
        started_at: file.started_at.to_string(),
        state,
        shard: file.shard.map(|shard| format!("{}/{}", shard.index, shard.of)),
        prompts_directory: file.prompts_directory.clone(),
        is_of_others: whose(file, context).is_some(),
        prompts: file.prompts.iter().map(|prompt| prompt.name.to_string()).collect(),
        trials: file.trials,
        passed: outline.passed,
        failed: outline.failed,
        not_judged: outline.not_judged,
        errors: outline.errors,
        live: outline.live,
        verdict: verdicts.and_then(|all| all.into_iter().reduce(Verdict::worse)),
        candidates,
        tool: file.tool.clone(),
        directory: directory.path().display().to_string(),
    })
}

fn finished(row: &Row) -> String {
    format!("{} of {}", row.passed + row.failed + row.not_judged, row.trials)
}

fn table(rows: &[Row], color: bool) -> String {
    if rows.is_empty() {
        return "no run is kept\n".to_owned();
    }
    let heading = ["run", "began", "passed", "baseline", "verdict", "candidate"].map(str::to_owned).to_vec();
    let digits = digits(rows);
    let lines = rows.iter().map(|row| {
        let passed = shares(row.candidates.iter().map(|candidate| (candidate.passed, candidate.trials)));
        let of_baseline = |candidate: &Judged| {
            let OfBaseline { passed, trials, .. } = candidate.baseline.as_ref()?;
            Some((*passed, *trials))
        };
        let baseline = shares(row.candidates.iter().filter_map(of_baseline));
        vec![row.id[..digits].to_owned(), began(row), passed, baseline, verdict(row), candidate(row)]
    });
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(lines).collect();
    columns(&lines, &[STRONG], 0, color)
}

/// So many characters of each id that no two begin alike; with these every command finds the run.
fn digits(rows: &[Row]) -> usize {
    const TO_THE_MILLISECOND: usize = 13;
    let alike = |one: &Row, other: &Row| {
        one.id.bytes().zip(other.id.bytes()).take_while(|(one, other)| one == other).count()
    };
    // Ids are in order, so those that are most alike stand side by side.
    let longest = rows.windows(2).map(|pair| alike(&pair[0], &pair[1]) + 1).max().unwrap_or(0);
    longest.max(TO_THE_MILLISECOND).min(rows.iter().map(|row| row.id.len()).min().unwrap_or(0))
}

/// To the minute; `runs show` has the seconds.
fn began(row: &Row) -> String {
    row.started_at.get(..16).unwrap_or(&row.started_at).replace('T', " ")
}

/// What passed of all trials; a dash where there is none.
fn shares(of: impl Iterator<Item = (u32, u32)>) -> String {
    of.reduce(|sum, one| (sum.0 + one.0, sum.1 + one.1))
        .map_or_else(|| "–".to_owned(), |(passed, trials)| format!("{passed} of {trials}"))
}

/// The verdict of a run that is whole, else what became of it.
fn verdict(row: &Row) -> String {
    let verdict = match (&row.shard, row.verdict) {
        (Some(shard), _) => format!("{}, shard {shard}", row.state),
        (None, Some(verdict)) => verdict.as_str().to_lowercase(),
        (None, None) => row.state.to_owned(),
    };
    if row.not_judged > 0 { format!("{verdict}, {} not judged", row.not_judged) } else { verdict }
}

/// The first candidate, how many there are beside it, and whose they are where they are others'.
fn candidate(row: &Row) -> String {
    let whose = row.prompts_directory.as_ref().filter(|_| row.is_of_others);
    let whose = whose.map_or_else(String::new, |whose| format!(", of {whose}"));
    let candidate = match row.candidates.as_slice() {
        [] => row.prompts.join(", "),
        [one] => format!("{} v{}", one.prompt, one.version),
        [one, more @ ..] => format!("{} v{} and {} more", one.prompt, one.version, more.len()),
    };
    candidate + &whose
}

fn text(row: &Row, file: &RunFile) -> String {
    let mut lines = vec![
        format!("run        {}", row.id),
        format!("began      {}   {}", row.started_at, row.tool),
        format!("state      {}", row.state),
    ];
    lines.extend(row.shard.as_ref().map(|shard| format!("shard      {shard}")));
    let whose = row.prompts_directory.as_ref().filter(|_| row.is_of_others);
    lines.extend(whose.map(|whose| format!("prompts    in {whose}")));
    lines.push(format!(
        "finished   {}: {} passed, {} failed, {} not judged",
        finished(row),
        row.passed,
        row.failed,
        row.not_judged
    ));
    if row.live > 0 {
        lines.push(format!("asked      {} were answered by models in this run", row.live));
    }
    lines.extend(row.candidates.iter().map(|candidate| {
        let Judged { prompt, version, model, passed, trials, .. } = candidate;
        let word =
            candidate.verdict.map_or("no verdict".to_owned(), |verdict| verdict.as_str().to_lowercase());
        let baseline = candidate.baseline.as_ref().map_or_else(String::new, |baseline| {
            let OfBaseline { version, blessed, passed, trials } = baseline;
            let blessed = if *blessed { "blessed " } else { "" };
            format!("; {blessed}baseline v{version}: {passed} of {trials}")
        });
        format!("gate       {prompt} v{version} on {model}  {word}: {passed} of {trials} passed{baseline}")
    }));
    lines.push(format!("directory  {}", row.directory));
    for prompt in &file.prompts {
        lines.push(format!(
            "\n{}   {} × {}   {}",
            prompt.name,
            count(prompt.cases.len(), "case"),
            prompt.repeat,
            prompt.chosen
        ));
        for variant in &prompt.variants {
            lines.push(format!("  {} on {}   {}", variant.version, variant.model, variant.sha256.short()));
        }
    }
    lines.join("\n") + "\n"
}
