//! `promptassay runs`: what evaluations are kept, how far they came, and how to be rid of them.

use clap::{Args, Subcommand};
use promptassay_evaluator::runs::{Outline, RunDirectory, RunFile};
use promptassay_registry::files::LockError;
use promptassay_registry::problem::Problem;
use serde::Serialize;

use super::Context;
use super::eval::journal::{RunsArguments, broken, described};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{STRONG, columns};

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
    prompts: Vec<String>,
    trials: usize,
    passed: usize,
    failed: usize,
    not_judged: usize,
    errors: usize,
    tool: String,
    directory: String,
}

pub(crate) fn run(arguments: &RunsCommandArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    match &arguments.command {
        RunsCommand::List { runs } => {
            let found = runs
                .runs(context)?
                .list()
                .map_err(|error| Failure::broken(Problem::error("runs::unreadable", error.to_string())))?;
            let mut rows = Vec::new();
            for directory in found {
                // A run that cannot be read must not hide the others.
                match described(directory).and_then(|(directory, file)| row(&directory, &file)) {
                    Ok(row) => rows.push(row),
                    Err(failure) => context.console.problems(&failure.problems),
                }
            }
            context.answer(|| table(&rows, context.console.color), &rows)
        }
        RunsCommand::Show { run, runs } => {
            let (directory, file) = described(runs.find(run, context)?)?;
            let row = row(&directory, &file)?;
            context.answer(|| text(&row, &file), &row)
        }
        RunsCommand::Rm { run, runs } => {
            let found: Vec<RunDirectory> =
                run.iter().map(|run| runs.find(run, context)).collect::<Result<_, _>>()?;
            for directory in found {
                directory.remove().map_err(|error| {
                    Failure::broken(Problem::error("runs::not_removed", error.to_string()))
                })?;
            }
            Ok(Exit::Success)
        }
    }
}

fn row(directory: &RunDirectory, file: &RunFile) -> Result<Row, Failure> {
    let under_way = matches!(directory.lock(), Err(LockError::Held { .. }));
    let journal = directory.journal_path();
    // Killed between its description and its first event, a run has no journal.
    let outline =
        if journal.exists() { Outline::read(&journal).map_err(broken)? } else { Outline::default() };
    let state = match outline.end {
        _ if under_way => "under way",
        Some(end) => end.reason().unwrap_or("complete"),
        None => "killed",
    };
    Ok(Row {
        id: file.id.to_string(),
        started_at: file.started_at.to_string(),
        state,
        shard: file.shard.map(|shard| format!("{}/{}", shard.index, shard.of)),
        prompts: file.prompts.iter().map(|prompt| prompt.name.to_string()).collect(),
        trials: file.trials,
        passed: outline.passed,
        failed: outline.failed,
        not_judged: outline.not_judged,
        errors: outline.errors,
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
    let heading =
        ["run", "began", "finished", "passed", "not judged", "state", "prompts"].map(str::to_owned).to_vec();
    let lines = rows.iter().map(|row| {
        let state = match &row.shard {
            Some(shard) => format!("{}, shard {shard}", row.state),
            None => row.state.to_owned(),
        };
        let (passed, not_judged) = (row.passed.to_string(), row.not_judged.to_string());
        let prompts = row.prompts.join(", ");
        vec![row.id.clone(), row.started_at.clone(), finished(row), passed, not_judged, state, prompts]
    });
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(lines).collect();
    columns(&lines, &[STRONG], 0, color)
}

fn text(row: &Row, file: &RunFile) -> String {
    let mut lines = vec![
        format!("run        {}", row.id),
        format!("began      {}   {}", row.started_at, row.tool),
        format!("state      {}", row.state),
    ];
    lines.extend(row.shard.as_ref().map(|shard| format!("shard      {shard}")));
    lines.push(format!(
        "finished   {}: {} passed, {} failed, {} not judged",
        finished(row),
        row.passed,
        row.failed,
        row.not_judged
    ));
    lines.push(format!("directory  {}", row.directory));
    for prompt in &file.prompts {
        lines.push(format!(
            "\n{}   {} cases × {}   {}",
            prompt.name,
            prompt.cases.len(),
            prompt.repeat,
            prompt.chosen
        ));
        for variant in &prompt.variants {
            lines.push(format!("  {} on {}   {}", variant.version, variant.model, variant.sha256.short()));
        }
    }
    lines.join("\n") + "\n"
}
