//! What comes of results: the reports that were asked for, and how the process ends.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::gate;
use promptassay_evaluator::outputs::Outputs;
use promptassay_evaluator::plan::{self, Plan};
use promptassay_evaluator::record::Record;
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::report::{self, Evaluation, Look};
use promptassay_evaluator::runs::Shard;
use promptassay_evaluator::settings::Settings;
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::Problem;
use serde::Serialize;

use super::journal::broken;
use crate::arguments::OutputFormat;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Which reports are written beside the one on standard output.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Judges and reports; a shard only says how far it came. The exit code is that of the worst gate.
pub(crate) fn publish(
    plan: &Plan,
    shard: Option<Shard>,
    replay: &Replay,
    reports: &ReportArguments,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let Replay { record, outputs, .. } = replay;
    if let Some(shard) = shard {
        return publish_shard(plan, record, shard, reports, context);
    }
    let (summaries, gates) = gate::judge(plan, record);
    let evaluation = Evaluation { plan, record, summaries: &summaries, gates: &gates, outputs };
    if let Some(path) = &reports.junit {
        write_report(path, &report::junit(&evaluation))?;
    }
    let text = match context.format {
        OutputFormat::Human => {
            let look = Look { color: context.console.color, outputs: context.console.verbosity > 0 };
            report::terminal(&evaluation, look)
        }
        OutputFormat::Json => report::json(&evaluation),
    };
    context.data(text)?;
    match outputs.take_error() {
        Some(error) => Err(broken(error)),
        None => Ok(gate::worst(&gates).into()),
    }
}

/// Reports what a shard can say: how much of it was answered. The verdict is `merge`'s.
fn publish_shard(
    plan: &Plan,
    record: &Record,
    shard: Shard,
    reports: &ReportArguments,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    if reports.junit.is_some() {
        let help = "`promptassay merge` writes the reports of all shards together";
        let problem = Problem::error("eval::shard_has_no_verdict", "a shard has no verdict to report");
        return Err(Failure::invalid_one(problem.help(help)));
    }
    let trials = plan.trials().len();
    let answered =
        (0..trials).filter(|index| record.trial(*index).is_some_and(|trial| trial.error.is_none())).count();
    let report = ShardReport { schema: 1, shard, questions: trials, answered };
    let text = || {
        format!(
            "shard {}/{}   {answered} of {trials} questions answered; `promptassay merge` judges all shards together\n",
            shard.index, shard.of
        )
    };
    context.answer(text, &report)?;
    Ok(if answered == trials { Exit::Success } else { Exit::Broken })
}

#[derive(Serialize)]
struct ShardReport {
    schema: u32,
    shard: Shard,
    questions: usize,
    answered: usize,
}

/// Writes the reports that were asked for where there was nothing to evaluate.
pub(crate) fn publish_nothing(reports: &ReportArguments) -> Result<(), Failure> {
    let Some(plan) = plan::build(Vec::new(), &Settings::default(), &mut Vec::new()) else { return Ok(()) };
    let (record, outputs) = (Record::new(&plan), Outputs::in_memory());
    let evaluation =
        Evaluation { plan: &plan, record: &record, summaries: &[], gates: &[], outputs: &outputs };
    match &reports.junit {
        Some(path) => write_report(path, &report::junit(&evaluation)),
        None => Ok(()),
    }
}

fn write_report(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: String| Failure::broken(Problem::error("eval::cannot_write_report", error));
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)
            .map_err(|error| failed(format!("cannot create `{}`: {error}", directory.display())))?;
    }
    write_atomic(path, text).map_err(|error| failed(error.to_string()))
}
