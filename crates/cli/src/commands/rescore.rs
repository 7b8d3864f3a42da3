//! `promptassay rescore`: judges the answers of a run with today's suite, as a new run. No model is asked a case's question.

use clap::Args;
use promptassay_evaluator::attempts::Questions;
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::gate::judge_against;
use promptassay_evaluator::rescore::{Stored, usable};
use promptassay_evaluator::runs::{Asking, Header, RunFile};

use super::Context;
use super::eval::against::{AgainstArguments, refuse_infeasible};
use super::eval::attempts;
use super::eval::journal::{RunsArguments, begin, broken, described, not_as_planned};
use super::eval::judging::{self, JudgingArguments};
use super::eval::policy::PolicyArguments;
use super::eval::proof::{Left, earliest, leave};
use super::eval::published::{Ended, Extent, ReportArguments, Results, publish, reporting};
use super::eval::{Terms, plan_again, refuse_programs};
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay rescore                     the latest run, with the validators of today
  promptassay rescore 019aae2f -v         and quote the replies that do not pass
  promptassay rescore --allow-calls       and ask judges where the rubric is another one

Exit codes: those of `eval`.";

/// Judge the answers of a run with today's suite.
///
/// No model is asked a case's question: versions and model settings must be those of the run. Cases that ask something else than
/// they did have no answer. What a judge said of the same reply by the same rubric holds; other judged checks are unscored, unless
/// judges may be asked. Checks by programs need `--allow-commands`. What comes out is a run of its own.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RescoreArguments {
    /// The run: an id or its beginning, `latest`, or a directory with a run.json.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    #[command(flatten)]
    runs: RunsArguments,
    #[command(flatten)]
    judging: JudgingArguments,
    #[command(flatten)]
    against: AgainstArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    reports: ReportArguments,
}

pub(crate) fn run(arguments: &RescoreArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    reporting(&arguments.reports, context, || rescore(arguments, context))
}

fn rescore(arguments: &RescoreArguments, context: &Context<'_>) -> Result<Exit, Ended> {
    let (directory, then) = described(arguments.runs.find(&arguments.run, context)?)?;
    let plan = plan_again(&then, Terms::OfToday, &arguments.policy, context)?;
    let started_at = context.environment.now_in_milliseconds();
    let header = Header {
        id: context.environment.run_id(),
        started_at,
        asking: Asking::default(),
        prompts_directory: context.prompts_in_the_repository(),
        ..then.header()
    };
    let now = RunFile { rescored_from: Some(then.id.clone()), ..RunFile::of(&plan, header) };
    let usable = usable(&then, &now).map_err(|changes| {
        not_as_planned(&then, changes, "its answers are to other questions than today's; run `eval`")
    })?;
    if !arguments.judging.allow_commands && plan.checks_by_programs() {
        // Nobody knows whether a program is the one that judged the run.
        refuse_programs(&then, &arguments.policy, context)?;
    }
    let left_out: Vec<String> = usable.left_out().collect();
    if !left_out.is_empty() {
        let few = left_out.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if left_out.len() > 5 { ", …" } else { "" };
        context
            .console
            .note(&format!("without an answer, because they ask something else than they did: {few}{more}"));
    }
    for prompt in &now.prompts {
        let before = then.prompts.iter().find(|before| before.name == prompt.name);
        let of_then = before.map(|before| before.narrowed_by.as_slice()).unwrap_or_default();
        for filter in prompt.narrowed_by.iter().filter(|filter| !of_then.contains(filter)) {
            let name = &prompt.name;
            context.console.note(&format!("{name} is narrowed by {filter}: no evidence for a promotion"));
        }
    }
    let blessed = arguments.against.blessed_of_today(&then, &plan)?;
    let plan = refuse_infeasible(plan, now.shard, &blessed)?;
    let rescored_from = now.rescored_from.clone();
    let mut now = RunFile { blessed: blessed.digests(), rescored_from, ..RunFile::of(&plan, now.header()) };
    let journal = directory.journal_path();
    let programs = arguments.judging.allow_commands.then(|| context.known_secrets(&plan));
    let stored = Stored::open(&plan, &usable, &journal, programs).map_err(broken)?;
    let runs = arguments.runs.runs_to_write(context)?;
    let mut place = None;
    let begin = || {
        let keeper = begin(&runs, &plan, &mut now)?;
        place = Some(keeper.directory().clone());
        Ok(keeper)
    };
    let (end, replay) = judging::run(&arguments.judging, &plan, &stored, begin, context)?;
    if let Some(why) = end.reason().filter(|_| end != RunEnd::Unanswered) {
        context.console.note(&format!("{why}; not every reply was judged"));
    }
    let judged = judge_against(&plan, &replay.record, blessed.against());
    let attempts = attempts::inherited(&directory, (&plan, &judged.1), &Questions::of(&now))?;
    let results = Results {
        plan: &plan,
        extent: Extent::of(now.shard, &judged),
        began: now.started_at,
        replay: &replay,
        attempts: &attempts,
        interrupted: None,
    };
    let asked_since = earliest(std::slice::from_ref(&then), &runs);
    let left = place.map(|directory| {
        let left = Left { directory: &directory, run: &now.id, attempts: &attempts, asked_since };
        leave((&plan, &judged), &replay.record, left, context)
    });
    publish(results, &arguments.reports, || left.unwrap_or(Ok(())), context).map_err(Ended::After)
}
