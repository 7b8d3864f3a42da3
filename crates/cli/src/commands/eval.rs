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
mod recording;
pub(crate) mod selection;
mod signals;

pub(crate) use changes::Then;
pub(crate) use offline::{read_if_there, versions};
pub(super) use signals::asked_to_stop;

use std::path::PathBuf;

use clap::Args;
use promptassay_evaluator::attempts::Attempts;
use promptassay_evaluator::event::RunEnd;
use promptassay_evaluator::plan::{self, Plan, PromptInput, Remark, Shard};
use promptassay_evaluator::runs::{Asking, RunFile};
use promptassay_evaluator::settings::Settings;
use promptassay_registry::problem::{Problem, has_errors, sort};
use promptassay_registry::tree::Tree;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use against::{AgainstArguments, refuse_infeasible};
use journal::JournalArguments;
use policy::PolicyArguments;
use published::{Ended, ReportArguments, Results, reporting};
use selection::{Selected, SelectionArguments};

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
    fn refuse_contradictions(&self) -> Result<(), Failure> {
        let refuse = |code, message: String, help: String| {
            Err(Failure::invalid_one(Problem::error(code, message).help(help)))
        };
        if let Some(run) = &self.journal.resume {
            let mut given = self.selection.given();
            given.extend(self.shard.is_some().then_some("`--shard`"));
            given.extend(self.dry_run.then_some("`--dry-run`"));
            if !given.is_empty() {
                let again = format!("promptassay eval --resume {run}");
                let again = again.trim_end();
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

#[expect(clippy::single_match_else, reason = "both ways to inputs read alike")]
fn evaluate(arguments: &EvalArguments, context: &Context<'_>) -> Result<Exit, Ended> {
    // Known before the first question: two reports cannot go to one place.
    arguments.reports.requested()?;
    arguments.refuse_contradictions()?;
    context.repository()?;
    let resumed = arguments.journal.resumed(context)?;
    let Loaded { tree, mut settings, of_tree, mut problems } = Loaded::read(Some(arguments), context);
    // What a run costs counts as it did when it began.
    let prices = resumed.as_ref().map(|(_, file)| file.prices.clone());
    let prices = prices.unwrap_or_else(|| arguments.selection.prices(&tree, &settings, &mut problems));
    settings.set_prices(&prices);
    let mut inputs = match &resumed {
        Some((_, file)) => planned(file, Terms::OfThatDay, &tree, of_tree, &settings, &mut problems),
        None => {
            let failed_in = arguments.selection.failed_in(&arguments.journal.runs, context)?;
            let settings = (&settings, &arguments.policy);
            match arguments.selection.inputs(&tree, of_tree, failed_in, settings, &mut problems) {
                Selected::Inputs(inputs) => inputs,
                Selected::NothingChanged => return Ok(nothing_changed(arguments, problems, context)?),
            }
        }
    };
    arguments.policy.apply_to(&mut inputs, &mut problems);
    if resumed.is_none() {
        arguments.against.apply_to(&mut inputs);
    }
    if resumed.is_none() && arguments.selection.is_of_change() && !arguments.against.is_asked() {
        problems.extend(changes::remarks::unused_margins(&inputs));
    }
    let goes_on = resumed.as_ref().map(|(_, file)| file);
    let asking = arguments.live.asking(arguments.offline, goes_on);
    let remarks = match goes_on {
        Some(file) => file.remarks.clone(),
        None => Remark::of_changes(&problems),
    };
    let wanted = (!arguments.dry_run).then_some(asking);
    let mut prepared = prepare(&tree, &settings, inputs, problems, wanted, context)?;
    prepared.plan = prepared.plan.with_remarks(remarks);
    let blessed = match &resumed {
        Some((_, file)) => arguments.against.blessed_again(file, &prepared.plan)?,
        None => arguments.against.blessed(&prepared.plan)?,
    };
    // Of the whole plan, also where only a shard of it is asked.
    refuse_infeasible(&prepared.plan, None, &blessed)?;
    let shard = resumed.as_ref().map_or(arguments.shard.map(Into::into), |(_, file)| file.shard);
    if let Some(shard) = arguments.shard {
        prepared.plan = prepared.plan.shard(shard);
    }
    let plan = &prepared.plan;
    if arguments.dry_run {
        let description = plan.describe();
        return Ok(context.answer(|| description.to_string(), &description)?);
    }
    let header = match goes_on {
        Some(file) => file.header(),
        None => arguments.journal.header((asking, prices), shard, &blessed, context),
    };
    // Shards are compared together; each of them alone would show less.
    if shard.is_none() {
        outlook::say(plan, blessed.against(), goes_on, &arguments.journal.runs, context);
    }
    let began = header.started_at;
    let mut place = None;
    if prepared.replies.is_none() {
        beside::say(plan, shard, &arguments.journal.runs, context);
    }
    let begin = || {
        let keeper = match &resumed {
            Some((directory, file)) => journal::go_on(directory.clone(), file, plan, context),
            None => arguments.journal.begin(plan, header.clone(), context),
        }?;
        if resumed.is_some() && keeper.work().trials.is_empty() {
            context.console.note("nothing was left to ask: this is what the run came to");
        }
        place = Some(keeper.directory().clone());
        Ok(keeper)
    };
    let (end, replay) = match &prepared.replies {
        Some(replies) => offline::run(&arguments.journal, plan, replies, begin, context)?,
        None => {
            let written = recording::written(plan, prepared.by_hand.unwrap_or_default())?;
            let how = (asking, arguments.journal.budget);
            live::run(&arguments.live, how, (plan, written), begin, context)?
        }
    };
    if let Some(why) = end.reason() {
        context.console.note(&format!("{why}; `promptassay eval --resume` goes on with this run"));
    }
    let runs = arguments.journal.runs.runs(context)?;
    let judged = (plan, blessed.against());
    let mut attempts = Attempts::default();
    // Of a shard the verdict is `merge`'s.
    let left = place.filter(|_| shard.is_none()).map(|directory| {
        let now = RunFile::of(plan, header);
        attempts = attempts::count(judged, &replay.record, (&directory, &now), &runs);
        proof::leave(judged, &replay, &directory, (&attempts, None), &runs, context)
    });
    let interrupted = (end == RunEnd::Interrupted).then_some(Exit::Interrupted);
    let results =
        Results { plan, shard, began, replay: &replay, blessed: &blessed, attempts: &attempts, interrupted };
    let concluded = published::publish(results, &arguments.reports, context);
    // Replies were paid for, whatever became of the reports.
    if let Some(directory) = &prepared.record_into {
        recording::write(plan, &replay.outputs, directory, context).map_err(Ended::After)?;
    }
    left.transpose().map_err(Ended::After)?;
    concluded.map_err(Ended::After)
}

/// By which gate a stored run is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    /// By the one that it was planned with.
    OfThatDay,
    /// By the one of today's files.
    OfToday,
}

/// The plan that a run had, made again from today's files. Whether it is the same is for the caller to ask.
pub(crate) fn plan_again(
    file: &RunFile,
    terms: Terms,
    policy: &PolicyArguments,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let Loaded { tree, mut settings, of_tree, mut problems } = Loaded::read(None, context);
    settings.set_prices(&file.prices);
    let mut inputs = planned(file, terms, &tree, of_tree, &settings, &mut problems);
    policy.apply_to(&mut inputs, &mut problems);
    let plan = prepare(&tree, &settings, inputs, problems, None, context)?.plan;
    // Whoever judges by today's files judges no change.
    let remarks = if terms == Terms::OfThatDay { file.remarks.clone() } else { Vec::new() };
    Ok(plan.with_remarks(remarks))
}

/// What an earlier run had planned, of today's files.
fn planned<'a>(
    file: &RunFile,
    terms: Terms,
    tree: &'a Tree,
    of_tree: Vec<Problem>,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Vec<PromptInput<'a>> {
    let names = file.prompts.iter().map(|prompt| prompt.name.to_string()).collect();
    let mut inputs = selection::inputs_of(names, tree, of_tree, settings, problems);
    for input in &mut inputs {
        journal::narrow(file, terms, input);
    }
    inputs
}

/// Nothing to evaluate is no failure where only changes are asked for; whoever reads a report finds one.
fn nothing_changed(
    arguments: &EvalArguments,
    problems: Vec<Problem>,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    if has_errors(&problems) {
        return Err(Failure::invalid(problems));
    }
    context.console.problems(&problems);
    let remarks = Remark::of_changes(&problems);
    published::publish_nothing(&arguments.reports, &arguments.selection.nothing_changed(), remarks, context)
}

/// The files as they are.
struct Loaded {
    tree: Tree,
    settings: Settings,
    /// What is wrong in the tree; most of it may concern nobody.
    of_tree: Vec<Problem>,
    problems: Vec<Problem>,
}

impl Loaded {
    fn read(arguments: Option<&EvalArguments>, context: &Context<'_>) -> Self {
        let loaded = Tree::load(&context.prompts);
        let mut problems = Vec::new();
        let mut settings = match &loaded.tree.registry().document {
            Some(document) => Settings::read(document, &mut problems),
            None => Settings::default(),
        };
        match arguments {
            Some(arguments) => arguments.live.apply_to(&mut settings, context.environment),
            // Whoever looks at a stored run runs nothing.
            None => settings.allow_commands = true,
        }
        Self { tree: loaded.tree, settings, of_tree: loaded.problems, problems }
    }
}

/// What a run needs.
struct Prepared {
    plan: Plan,
    /// The recorded replies to answer from; `None`: models are asked.
    replies: Option<offline::Replies>,
    /// Where replies are recorded, where they are.
    record_into: Option<PathBuf>,
    /// What stands in its files already.
    by_hand: Option<recording::ByHand>,
}

/// Checks everything that the run needs: beside the plan, what `asking` wants, where somebody asks.
fn prepare(
    tree: &Tree,
    settings: &Settings,
    inputs: Vec<PromptInput<'_>>,
    mut problems: Vec<Problem>,
    asking: Option<Asking>,
    context: &Context<'_>,
) -> Result<Prepared, Failure> {
    let Asking { offline, record, .. } = asking.unwrap_or_default();
    // Whoever has mistakes in the files gets all of them, those of replies included.
    let replies = offline.then(|| offline::read(tree, &inputs, settings, &mut problems));
    let record_into = record.then(|| recording::directory(tree, &inputs, &mut problems)).flatten();
    let by_hand = record_into
        .as_ref()
        .map(|directory| recording::by_hand(directory, tree.repository_root(), &inputs, &mut problems));
    let plan = plan::build(inputs, settings, &mut problems);
    match plan {
        Some(plan) if !has_errors(&problems) => {
            context.console.problems(&problems);
            Ok(Prepared { plan, replies, record_into, by_hand })
        }
        _ => {
            sort(&mut problems);
            Err(Failure::invalid(problems))
        }
    }
}

/// What asking runs on: one thread. Answers are judged and stored in one place anyway, and handing each over from the thread that
/// received it costs more than receiving it.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
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
