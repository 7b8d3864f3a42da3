//! What the gates of a kept run said, from its two files and what was blessed: its texts may be others today.

use promptassay_evaluator::comparison::{PromptSides, Side};
use promptassay_evaluator::gate::{CandidateOfRun, Verdict, verdict_of_run};
use promptassay_evaluator::plan::Role;
use promptassay_evaluator::runs::{Outline, PlannedPrompt, RunDirectory, RunFile};
use promptassay_registry::files::may_be_there;
use serde::Serialize;

use crate::commands::Context;
use crate::commands::eval::against::blessed_side;
use crate::commands::eval::journal::broken;
use crate::failure::Failure;

/// A kept run, as its two files have it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// How it ended: `complete`, `under way`, `killed`, or what cut it short.
    pub(crate) state: &'static str,
    pub(crate) outline: Outline,
    pub(crate) candidates: Vec<Judged>,
}

impl Kept {
    pub(crate) fn read(
        directory: &RunDirectory,
        file: &RunFile,
        context: &Context<'_>,
    ) -> Result<Self, Failure> {
        let journal = directory.journal_path();
        // Killed between its description and its first event, a run has no journal.
        let (sides, outline) = if may_be_there(&journal) {
            Side::read_with_outline(file, &journal).map_err(broken)?
        } else {
            Default::default()
        };
        let state = match outline.end {
            // Nobody goes on with it, so nobody need be asked.
            Some(end) if end.reason().is_none() => "complete",
            _ if directory.is_under_way() => "under way",
            Some(end) => end.reason().unwrap_or("complete"),
            None => "killed",
        };
        let is_whole = state == "complete" && file.shard.is_none();
        let candidates = candidates(file, &sides, is_whole, context);
        Ok(Self { state, outline, candidates })
    }
}

/// A candidate of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Judged {
    pub(crate) prompt: String,
    pub(crate) version: String,
    pub(crate) model: String,
    /// Trials that passed, and all.
    pub(crate) passed: u32,
    pub(crate) trials: u32,
    /// What it was compared with.
    pub(crate) baseline: Option<OfBaseline>,
    /// `None` where the run is not whole, or what was blessed then is not there any more.
    pub(crate) verdict: Option<Verdict>,
}

/// What a candidate was compared with.
#[derive(Debug, Serialize)]
pub(crate) struct OfBaseline {
    pub(crate) version: String,
    /// Whether it was blessed, and not asked in this run.
    pub(crate) blessed: bool,
    pub(crate) passed: u32,
    pub(crate) trials: u32,
}

/// Every candidate of a run, of what its journal says of each prompt; `is_whole` says whether it came to its end, so that there is a
/// verdict.
fn candidates(file: &RunFile, all: &[PromptSides], is_whole: bool, context: &Context<'_>) -> Vec<Judged> {
    let prompts = file.prompts.iter().zip(all);
    prompts.flat_map(|(planned, sides)| of_prompt(file, planned, sides, is_whole, context)).collect()
}

fn of_prompt(
    file: &RunFile,
    planned: &PlannedPrompt,
    sides: &PromptSides,
    is_whole: bool,
    context: &Context<'_>,
) -> Vec<Judged> {
    let must_pass = || planned.cases.iter().filter(|case| case.must_pass()).map(|case| case.name.as_str());
    let of_role =
        |role: Role| (0..planned.variants.len()).filter(move |index| planned.variants[*index].role == role);
    let judged = |index: usize| {
        let side = &sides.sides[index];
        let model = &planned.variants[index].model;
        let is_blessed = file.blessed.contains_key(planned.name.as_str());
        let baseline = if is_blessed {
            blessed(file, planned, model, context)
        } else {
            of_role(Role::Baseline)
                .find(|other| planned.variants[*other].model == *model)
                .map(|other| sides.sides[other].clone())
        };
        let is_known = is_whole && (!is_blessed || baseline.is_some());
        let candidate = CandidateOfRun {
            side,
            must_pass: must_pass().collect(),
            gaps: sides.gaps[index],
            cut_short: None,
        };
        let (passed, trials) = counts(side);
        Judged {
            prompt: planned.name.to_string(),
            version: side.label.version.number(),
            model: model.clone(),
            passed,
            trials,
            verdict: is_known.then(|| verdict_of_run(baseline.as_ref(), &candidate, &planned.policy)),
            baseline: baseline.map(|side| {
                let (passed, trials) = counts(&side);
                OfBaseline { version: side.label.version.number(), blessed: is_blessed, passed, trials }
            }),
        }
    };
    of_role(Role::Candidate).map(judged).collect()
}

/// The blessed results that the run was compared with, if they are still there.
fn blessed(file: &RunFile, planned: &PlannedPrompt, model: &str, context: &Context<'_>) -> Option<Side> {
    let (side, digest) = blessed_side(&planned.name, model, context)?;
    let is_the_same = file.blessed.get(planned.name.as_str()) == Some(&digest);
    is_the_same.then_some(side)
}

/// Trials that passed, and all of them.
fn counts(side: &Side) -> (u32, u32) {
    side.cases.iter().fold((0, 0), |(passed, asked), case| (passed + case.passed, asked + case.asked))
}
