//! `promptassay report`: the reports and the verdict of a run that was made before. Nobody is asked.

use clap::Args;
use promptassay_evaluator::gate::judge_against;

use super::Context;
use super::eval::against::{AgainstArguments, refuse_infeasible};
use super::eval::attempts;
use super::eval::journal::{RunsArguments, described, refuse_changes, replayed};
use super::eval::policy::PolicyArguments;
use super::eval::published::{Ended, Extent, ReportArguments, Results, publish, reporting};
use super::eval::{Terms, plan_again};
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay report                      the latest run
  promptassay report 019aae2f             the run whose id begins so
  promptassay report --junit report.xml   and a report for the pipeline
  promptassay report --report csv=-       every trial, as a table

Exit codes: those of `eval`.";

/// Report a run again, from what it kept.
///
/// The files must be those that were evaluated; what differs is named. `rescore` judges the answers with today's files.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportCommandArguments {
    /// The run: an id or its beginning, `latest`, or a directory with a run.json.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    #[command(flatten)]
    runs: RunsArguments,
    #[command(flatten)]
    against: AgainstArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    reports: ReportArguments,
}

pub(crate) fn run(arguments: &ReportCommandArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    reporting(&arguments.reports, context, || report(arguments, context))
}

fn report(arguments: &ReportCommandArguments, context: &Context<'_>) -> Result<Exit, Ended> {
    let (directory, file) = described(arguments.runs.find(&arguments.run, context)?)?;
    let plan = plan_again(&file, Terms::OfThatDay, &arguments.policy, context)?;
    refuse_changes(
        &file,
        &plan,
        "go back to the files of that day, or judge the answers anew: `promptassay rescore`",
    )?;
    let blessed = arguments.against.blessed_again(&file, &plan)?;
    // What was planned is reported, whatever it could show; what is asked for now must be possible.
    let plan =
        if arguments.policy.is_empty() { plan } else { refuse_infeasible(plan, file.shard, &blessed)? };
    // Asked first: whoever ends meanwhile has written its end by then.
    let under_way = directory.is_under_way();
    let mut replay = replayed(&directory, &plan)?;
    if under_way {
        replay.record.mark_under_way();
        context.console.note(&format!("run {} is under way: this is what it has so far", file.id));
    }
    let judged = judge_against(&plan, &replay.record, blessed.against());
    let results = Results {
        plan: &plan,
        extent: Extent::of(file.shard, &judged),
        began: file.started_at,
        replay: &replay,
        attempts: &attempts::read(&directory)?,
        interrupted: None,
    };
    publish(results, &arguments.reports, || Ok(()), context).map_err(Ended::After)
}
