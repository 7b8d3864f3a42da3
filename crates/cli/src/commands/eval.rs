//! `promptassay eval`: asks the cases of suites, judges the answers, reports, and ends with the verdict's exit code.

pub(crate) mod against;
pub(crate) mod attempts;
mod beside;
mod changes;
mod following;
pub(crate) mod journal;
pub(crate) mod judging;
mod live;
mod offline;
mod outlook;
pub(crate) mod policy;
pub(crate) mod proof;
pub(crate) mod published;
mod ready;
mod recording;
pub(crate) mod selection;
mod served;
mod signals;

pub(crate) use changes::{Git, Staged, Then};
pub(crate) use offline::{read_if_there, versions};
pub(crate) use ready::{Terms, plan_again, refuse_programs};
pub(crate) use signals::{asked_to_stop, end_at_once, told_elsewhere};

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use clap::Args;
use promptassay_evaluator::attempts::{Attempts, Questions};
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::gate;
use promptassay_evaluator::plan::Shard;
use promptassay_evaluator::runs::RunFile;
use promptassay_registry::problem::Problem;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use against::AgainstArguments;
use journal::JournalArguments;
use policy::PolicyArguments;
use proof::Left;
use published::{Ended, Extent, ReportArguments, Results, reporting};
use ready::{Prepared, Ready};
use selection::SelectionArguments;

const EXAMPLES: &str = "Examples:
  promptassay eval                               every prompt that has a suite; asks the models of its suite
  promptassay eval --offline                     the same from recorded replies: no key, no network
  promptassay eval customer_support --record     and keep the replies for `--offline`
  promptassay eval --max-reply-age 7d            replies from the cache may be a week old
  promptassay eval customer_support --offline --candidate v1.0.0 --baseline v1.1.0
  promptassay eval --offline --junit report.xml  and a report for the pipeline
  promptassay eval --report csv=trials.csv --report github=-
                                                 every trial in a table; annotations on standard output
  promptassay eval --dry-run --tag smoke         what would be asked, and about what it would cost
  promptassay eval --changed-since origin/main   only prompts that this branch changes
  promptassay eval --served --refresh            every night: what users are served, asked anew

Exit codes: 0 passed, 1 a gate failed, 2 invalid input or a gate that could not pass, 3 inconclusive, 4 could not be judged,
130 interrupted.";

/// Ask the cases of suites and judge the answers.
///
/// Without `--candidate` the newest version is judged, with the active one beside it; where the active one is the newest, it is
/// judged alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EvalArguments {
    /// Ask one of several parts of the cases, such as `2/5`; `merge` judges all parts together.
    #[arg(long, value_name = "I/N", conflicts_with_all = ["junit", "reports"])]
    shard: Option<Shard>,
    /// Print what would be asked, and about what it would cost; ask nothing.
    #[arg(long)]
    dry_run: bool,
    /// Answer from recorded replies; no network is used.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    selection: SelectionArguments,
    #[command(flatten)]
    live: live::LiveArguments,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    against: AgainstArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    reports: ReportArguments,
}

impl EvalArguments {
    /// What cannot be wanted together, where there is more to say than that.
    fn refuse_contradictions(&self, context: &Context<'_>) -> Result<(), Failure> {
        let refuse = |code, message: String, help: String| {
            Err(Failure::invalid_one(Problem::error(code, message).help(help)))
        };
        if self.journal.resume.is_some() {
            let mut given = self.selection.given();
            given.extend(self.shard.is_some().then_some("`--shard`"));
            given.extend(self.dry_run.then_some("`--dry-run`"));
            if !given.is_empty() {
                let again = self.journal.again(None, self.live.allow_commands, context);
                return refuse(
                    "eval::resume_is_planned",
                    format!(
                        "`--resume` asks what is left of what a run had planned, and takes no {}",
                        given.join(" and no ")
                    ),
                    format!(
                        "`{again}` goes on with all that is left; to choose what is asked, leave `--resume` out: a new run takes the replies that are there from the cache"
                    ),
                );
            }
        }
        if self.offline && self.live.record {
            return refuse(
                "eval::nothing_to_record",
                "`--offline` asks no model, so there is nothing for `--record` to keep".to_owned(),
                "`promptassay eval --record` asks the models and keeps their replies; from then on `promptassay eval --offline` answers from them".to_owned(),
            );
        }
        Ok(())
    }
}

pub(crate) fn run(arguments: &EvalArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    reporting(&arguments.reports, context, || evaluate(arguments, context))
}

fn evaluate(arguments: &EvalArguments, context: &Context<'_>) -> Result<Exit, Ended> {
    arguments.refuse_contradictions(context)?;
    context.repository()?;
    let resumed = arguments.journal.resumed(arguments.live.allow_commands, context)?;
    let goes_on = resumed.as_ref().map(|(_, file)| file);
    let ready = match Ready::of(arguments, goes_on, context)? {
        ControlFlow::Continue(ready) => ready,
        ControlFlow::Break(exit) => return Ok(exit),
    };
    let Ready { prepared: Prepared { plan, replies, record_into, by_hand }, asking, prices, blessed, shard } =
        ready;
    if arguments.dry_run {
        arguments.live.note_programs(&plan, arguments.offline, context);
        let description = plan.describe();
        return Ok(context.answer(|| description.to_string(), &description)?);
    }
    let plan = &plan;
    let programs = arguments.live.allow_commands || plan.runs_programs(!asking.offline);
    let beginning = (asking, prices);
    let (journal, part) = (&arguments.journal, (arguments.selection.seed(), shard));
    let header = goes_on.map_or_else(|| journal.header(beginning, part, &blessed, context), RunFile::header);
    // Shards are compared together; each of them alone would show less.
    if shard.is_none() {
        outlook::say(plan, blessed.against(), goes_on, &arguments.journal.runs, context);
    }
    if replies.is_none() {
        beside::say(plan, shard, &arguments.journal.runs, context);
    }
    let began = header.started_at;
    let (end, replay, begun) = thread::scope(|scope| {
        let mut begun = None;
        let begin = || {
            let mut file = RunFile::of(plan, header);
            let keeper = match &resumed {
                Some(resumed) => arguments.journal.go_on(resumed, &file, (plan, programs), context),
                None => arguments.journal.begin(plan, &mut file, programs, context),
            }?;
            if resumed.is_some() {
                context.console.note(&journal::gone_on_with(&file, keeper.work().trials.len()));
            }
            let (directory, run) = (keeper.directory().clone(), file.id.clone());
            // While answers are awaited there is time for it, and afterwards somebody waits: where no thread can be had.
            let file = Arc::new(file);
            let same = Arc::clone(&file);
            let questions = thread::Builder::new().spawn_scoped(scope, move || Questions::of(&same));
            begun = Some((directory, run, questions.map_err(|_| file)));
            Ok(keeper)
        };
        let (end, replay) = if let Some(replies) = &replies {
            offline::run(&arguments.journal, plan, replies, begin, context)?
        } else {
            let written = recording::written(plan, by_hand.unwrap_or_default())?;
            recording::refuse_unwritable(plan, record_into.as_deref(), context)?;
            let how = (asking, arguments.journal.budget);
            live::run(&arguments.live, how, (plan, written), begin, context)?
        };
        let begun = begun.map(|(directory, run, questions)| {
            (directory, run, questions.map_or_else(|file| Questions::of(&file), joined))
        });
        Ok::<_, Failure>((end, replay, begun))
    })?;
    let run = begun.as_ref().map(|(_, run, _)| run.clone());
    let again = || arguments.journal.again(run.as_ref(), programs, context);
    let goes_on_later = how_to_go_on(end, again);
    let runs = arguments.journal.runs.runs(context)?;
    let judged = gate::judge_against(plan, &replay.record, blessed.against());
    let mut attempts = Attempts::default();
    // Of a shard the verdict is `merge`'s.
    let begun = begun.filter(|_| shard.is_none());
    if let Some((directory, _, questions)) = &begun {
        attempts = attempts::count((plan, &judged.1), &replay.record, (questions, &[]), directory, &runs);
    }
    let interrupted = (end == RunEnd::Interrupted).then_some(Exit::Interrupted);
    let extent = Extent::of(shard, &judged);
    let results = Results { plan, extent, began, replay: &replay, attempts: &attempts, interrupted };
    let earliest = |file| proof::earliest(std::slice::from_ref(file), &runs);
    let asked_since = goes_on.map_or(Some(began), earliest);
    let leave = || {
        let left = begun.as_ref().map(|(directory, run, _)| {
            let left = Left { directory, run, attempts: &attempts, asked_since };
            proof::leave((plan, &judged), &replay.record, left, context)
        });
        left.unwrap_or(Ok(()))
    };
    let exit = thread::scope(|scope| {
        // The disk is waited for beside the reports, where a thread can be had.
        let beside = thread::Builder::new().spawn_scoped(scope, leave).ok();
        let kept = || {
            let record = |directory| recording::write(plan, &replay.outputs, directory, again, context);
            let recorded = record_into.as_deref().map_or(Ok(()), record);
            both(recorded, beside.map_or_else(leave, joined))
        };
        published::publish(results, &arguments.reports, kept, context)
    });
    // What to do next stands below the report, where it is read.
    if let Some(again) = goes_on_later {
        context.console.note(&again);
    }
    exit.map_err(Ended::After)
}

/// Of a run that did not come to its end: why, and what goes on with it.
fn how_to_go_on(end: RunEnd, again: impl FnOnce() -> String) -> Option<String> {
    let why = end.reason()?;
    let first = match end {
        RunEnd::CostUnknown => {
            ", so `--max-cost` cannot be kept: write `price: {input: …, output: …}` into the rows of models whose replies do not state it, and where they count no tokens either, limit requests by `--max-calls`"
        }
        _ => "",
    };
    Some(format!("{why}{first}; `{}` goes on with this run", again()))
}

/// What went wrong in either, or in both.
fn both(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(mut one), Err(other)) => {
            one.problems.extend(other.problems);
            Err(one)
        }
        (one, other) => one.and(other),
    }
}

/// What a thread came to; it panics where that did.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// What asking runs on: one thread. Answers are judged and stored in one place anyway, and handing each over from the thread that
/// received it costs more than receiving it.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    built(tokio::runtime::Builder::new_current_thread().max_io_events_per_tick(ANSWERS_AT_ONCE))
}

/// How many answers that arrived together are received before what follows them is sent. With all of them, questions that were once
/// asked together would wait for each other from then on. Where all answers come at once, so few cost 4 % of the time.
const ANSWERS_AT_ONCE: usize = 4;

/// What a server runs on: as many threads as there are cores.
pub(super) fn server_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    built(&mut tokio::runtime::Builder::new_multi_thread())
}

fn built(builder: &mut tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, Failure> {
    builder.enable_all().build().map_err(|error| {
        Failure::broken(Problem::error("eval::no_runtime", format!("cannot wait for the network: {error}")))
    })
}
