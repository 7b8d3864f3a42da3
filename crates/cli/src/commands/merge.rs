//! `promptassay merge`: one run from the shards of a plan, with the verdict that no shard can give.

use clap::Args;
use promptassay_evaluator::attempts::Questions;
use promptassay_evaluator::gate::judge_against;
use promptassay_evaluator::merge::{MergeProblem, join, union};
use promptassay_evaluator::runs::{Asking, Header, RunFile, changes};
use promptassay_registry::problem::Problem;

use super::Context;
use super::eval::against::{AgainstArguments, refuse_infeasible};
use super::eval::attempts;
use super::eval::journal::{RunsArguments, begin, broken, described, not_as_planned, replayed};
use super::eval::policy::PolicyArguments;
use super::eval::proof::{Left, earliest, leave};
use super::eval::published::{Ended, Extent, ReportArguments, Results, publish, reporting};
use super::eval::{Terms, plan_again};
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay merge shards/*               directories that were collected from several machines
  promptassay merge 019aae2f-3 019aae2f-4  runs of this machine

Exit codes: those of `eval`; 2 where a shard is there twice or of another plan, 4 where one is missing.";

/// Merge the shards of a plan into one run, and judge it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MergeArguments {
    /// The shards: directories with a run.json, or ids of runs.
    #[arg(value_name = "RUN", required = true)]
    shards: Vec<String>,
    #[command(flatten)]
    runs: RunsArguments,
    #[command(flatten)]
    against: AgainstArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    reports: ReportArguments,
}

pub(crate) fn run(arguments: &MergeArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    reporting(&arguments.reports, context, || merge(arguments, context))
}

fn merge(arguments: &MergeArguments, context: &Context<'_>) -> Result<Exit, Ended> {
    let (mut directories, mut files) = (Vec::new(), Vec::new());
    for shard in &arguments.shards {
        let (directory, file) = described(arguments.runs.find(shard, context)?)?;
        if directory.is_under_way() {
            let problem = Problem::error("merge::under_way", format!("run {} is under way", file.id));
            let failure = Failure::broken(problem.help("merge the shards when all of them have ended"));
            return Err(failure.into());
        }
        directories.push(directory);
        files.push(file);
    }
    let whole = union(&files).map_err(|problems| {
        // A run that is lost is no mistake of the command line: nobody can judge without it.
        let is_lost = |problem: &MergeProblem| matches!(problem, MergeProblem::Missing { .. });
        let exit = if problems.iter().all(is_lost) { Exit::Broken } else { Exit::Invalid };
        Failure { exit, problems: problems.iter().map(problem).collect() }
    })?;
    let plan = plan_again(&whole, Terms::OfThatDay, &arguments.policy, context)?;
    let started_at = context.environment.now_in_milliseconds();
    let header = Header {
        id: context.environment.run_id(),
        started_at,
        asking: Asking::default(),
        prompts_directory: context.prompts_in_the_repository(),
        ..whole.header()
    };
    let now = RunFile { merged_from: whole.merged_from.clone(), ..RunFile::of(&plan, header) };
    let planned = RunFile { trials_sha256: now.trials_sha256, ..whole };
    let differences = changes(&planned, &now);
    if !differences.is_empty() {
        let help = "merge with the files that the shards evaluated";
        return Err(not_as_planned(&planned, differences, help).into());
    }
    let blessed = arguments.against.blessed_again(&planned, &plan)?;
    let plan = if arguments.policy.is_empty() { plan } else { refuse_infeasible(plan, None, &blessed)? };
    let mut now = RunFile { blessed: blessed.digests(), ..now };
    let mut keeper = begin(&arguments.runs.runs_to_write(context)?, &plan, &mut now)?;
    join(&directories, plan.trials().len(), keeper.writer()).map_err(broken)?;
    let directory = keeper.close()?;
    let replay = replayed(&directory, &plan)?;
    let runs = arguments.runs.runs(context)?;
    let judged = judge_against(&plan, &replay.record, blessed.against());
    let planned = (&Questions::of(&now), now.merged_from.as_slice());
    let attempts = attempts::count((&plan, &judged.1), &replay.record, planned, &directory, &runs);
    let results = Results {
        plan: &plan,
        extent: Extent::Whole(&judged),
        began: now.started_at,
        replay: &replay,
        attempts: &attempts,
        interrupted: None,
    };
    let asked_since = earliest(&files, &runs);
    let left = Left { directory: &directory, run: &now.id, attempts: &attempts, asked_since };
    let left = leave((&plan, &judged), &replay.record, left, context);
    publish(results, &arguments.reports, || left, context).map_err(Ended::After)
}

fn problem(problem: &MergeProblem) -> Problem {
    let (code, help) = match problem {
        MergeProblem::Nothing | MergeProblem::NotAShard(_) => (
            "merge::not_a_shard",
            "shards are runs of `eval --shard I/N`; a whole run is reported by `report`".to_owned(),
        ),
        MergeProblem::OtherCount { .. } => {
            ("merge::other_count", "merge the shards of one run only".to_owned())
        }
        MergeProblem::Twice { .. } => ("merge::twice", "leave one of them out".to_owned()),
        MergeProblem::Missing { index, of } => (
            "merge::missing",
            format!("name the directory of its run as well, or run it: `eval --shard {index}/{of}`"),
        ),
        MergeProblem::Different { .. } | MergeProblem::Overlap { .. } => {
            ("merge::different", "all shards must evaluate the same files with the same options".to_owned())
        }
    };
    Problem::error(code, problem.to_string()).help(help)
}
