//! From the files and the command line to a run that may begin: everything that can be wrong is found before anything is asked.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use promptassay_evaluator::plan::{self, Plan, PromptInput, Remark};
use promptassay_evaluator::runs::{Asking, RunFile, Shard};
use promptassay_evaluator::settings::Settings;
use promptassay_llm::Price;
use promptassay_registry::problem::{Problem, has_errors, sort};
use promptassay_registry::tree::Tree;

use super::against::{Blessed, refuse_infeasible};
use super::policy::PolicyArguments;
use super::selection::{self, Selected};
use super::{EvalArguments, changes, journal, offline, published, recording};
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// A run that may begin.
pub(super) struct Ready {
    pub(super) prepared: Prepared,
    /// Whom it asks.
    pub(super) asking: Asking,
    /// The prices that its costs are counted at, where those of today's files are not.
    pub(super) prices: BTreeMap<String, Price>,
    /// The model rows of which answers that are cached are not used.
    /// What candidates are compared with.
    pub(super) blessed: Blessed,
    /// Which part of a plan it is, where it is not the whole.
    pub(super) shard: Option<Shard>,
}

impl Ready {
    /// Plans what the command line wants of the files, or what `goes_on` had planned. Breaks off, with how the process ends, where
    /// nothing is to be asked.
    pub(super) fn of(
        arguments: &EvalArguments,
        goes_on: Option<&RunFile>,
        context: &Context<'_>,
    ) -> Result<ControlFlow<Exit, Self>, Failure> {
        let Loaded { tree, mut settings, of_tree, mut problems } = Loaded::read(Some(arguments), context);
        let then = match goes_on {
            Some(_) => None,
            None => arguments.selection.then(&tree, &mut problems),
        };
        let prices = match (goes_on, &then) {
            // What a run costs counts as it did when it began.
            (Some(file), _) => file.prices.clone(),
            (None, Some(Ok(then))) => {
                let (prices, found) = then.prices(&settings);
                problems.extend(found);
                prices
            }
            // What stands in the way of reading that commit is said where the change is read.
            (None, _) => BTreeMap::new(),
        };
        settings.set_prices(&prices);
        let mut inputs = if let Some(file) = goes_on {
            planned(file, Terms::OfThatDay, &tree, of_tree, &settings, &mut problems)
        } else {
            let failed_in = arguments.selection.failed_in(&arguments.journal.runs, context)?;
            let now = context.environment.now();
            let settings = (&settings, &arguments.policy, arguments.offline, now);
            match arguments.selection.inputs(&tree, of_tree, failed_in, then, settings, &mut problems) {
                Selected::Inputs(inputs) => inputs,
                Selected::NothingChanged => {
                    return nothing_changed(arguments, problems, context).map(ControlFlow::Break);
                }
            }
        };
        arguments.policy.apply_to(&mut inputs, &mut problems);
        if goes_on.is_none() {
            arguments.against.apply_to(&mut inputs);
            if arguments.selection.is_of_change() && !arguments.against.is_asked() {
                problems.extend(changes::remarks::unused_margins(&inputs));
            }
        }
        let asking = arguments.live.asking(arguments.offline, goes_on);
        let remarks = match goes_on {
            Some(file) => file.remarks.clone(),
            None => Remark::of_changes(&problems),
        };
        let wanted = (!arguments.dry_run).then_some(asking);
        let mut prepared = prepare(&tree, &settings, inputs, problems, wanted, context)?;
        prepared.plan = prepared.plan.with_remarks(remarks);
        let blessed = match goes_on {
            Some(file) => arguments.against.blessed_again(file, &prepared.plan)?,
            None => arguments.against.blessed(&prepared.plan)?,
        };
        // Of the whole plan, also where only a shard of it is asked.
        prepared.plan = refuse_infeasible(prepared.plan, None, &blessed)?;
        if let Some(shard) = arguments.shard {
            prepared.plan = prepared.plan.shard(shard);
        }
        let shard = goes_on.map_or(arguments.shard.map(Into::into), |file| file.shard);
        Ok(ControlFlow::Continue(Self { prepared, asking, prices, blessed, shard }))
    }
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
    plan_of_loaded(Loaded::read(None, context), file, terms, policy, context)
}

/// Refuses what the checks of a stored run would run today, in the words in which `eval` does.
pub(crate) fn refuse_programs(
    file: &RunFile,
    policy: &PolicyArguments,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let mut loaded = Loaded::read(None, context);
    loaded.settings.allow_commands = false;
    plan_of_loaded(loaded, file, Terms::OfToday, policy, context).map(drop)
}

fn plan_of_loaded(
    loaded: Loaded,
    file: &RunFile,
    terms: Terms,
    policy: &PolicyArguments,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let Loaded { tree, mut settings, of_tree, mut problems } = loaded;
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
            Some(arguments) => {
                arguments.live.apply_to(&mut settings, context.environment);
                if arguments.dry_run && !settings.allow_commands {
                    // Nothing is run, here perhaps never.
                    settings.allow_commands = true;
                    settings.program_directories.clear();
                }
            }
            // Whoever looks at a stored run runs nothing.
            None => settings.allow_commands = true,
        }
        Self { tree: loaded.tree, settings, of_tree: loaded.problems, problems }
    }
}

/// What a run needs.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// The recorded replies to answer from; `None`: models are asked.
    pub(super) replies: Option<offline::Replies>,
    /// Where replies are recorded, where they are.
    pub(super) record_into: Option<PathBuf>,
    /// What stands in its files already.
    pub(super) by_hand: Option<recording::ByHand>,
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
