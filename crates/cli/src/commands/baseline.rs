//! `promptassay baseline`: results that somebody accepts, in a small file that is reviewed like code.

mod blessing;
mod fit;
mod margin;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use promptassay_evaluator::comparison::{Baseline, BlessedVariant, FirstBlessed, PromptSides, Side};
use promptassay_evaluator::gate::judge_against;
use promptassay_evaluator::plan::{Plan, PromptPlan, Role};
use promptassay_evaluator::report::{Evaluation, FileNames};
use promptassay_evaluator::runs::{PlannedPrompt, RunFile};
use promptassay_evaluator::summary::VariantSummary;
use promptassay_registry::files::{may_be_there, write_atomic};
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Tree;
use promptassay_registry::version::Version;
use serde_json::json;

use self::blessing::{BlessedModel, Blessing, text};
use self::fit::{not_passed, not_served, refuse_floating, refuse_partial};
use super::Context;
use super::eval::against::{AgainstArguments, OF_ANOTHER, UNREADABLE, blessed_path, read_blessed};
use super::eval::journal::{RunsArguments, broken, described, refuse_changes, replayed};
use super::eval::policy::PolicyArguments;
use super::eval::{Terms, plan_again};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::prompts::parse_version;

const EXAMPLES: &str = "Examples:
  promptassay baseline bless                      the latest run
  promptassay baseline bless 019aae2f greet       of one prompt only
  promptassay baseline bless --version v1.1.0     where the run judged several versions
  promptassay eval --against-baseline             compare with what was blessed";

/// Accept the results of a run as what later ones are compared with.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BaselineArguments {
    #[command(subcommand)]
    command: BaselineCommand,
}

#[derive(Debug, Subcommand)]
enum BaselineCommand {
    /// Write the results of a run into `tests/baseline.json` of its prompts.
    ///
    /// The run must be whole: not narrowed, not cut short, every question answered; and the files must be those that were evaluated.
    /// Where the suite says `margin: auto`, what that comes to is written into it, so that adding a case does not change the gate.
    Bless(BlessArguments),
}

#[derive(Debug, Args)]
struct BlessArguments {
    /// The run: an id or its beginning, `latest`, or a directory with a run.json.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Only these prompts of it.
    #[arg(value_name = "PROMPT")]
    names: Vec<String>,
    /// The version, where the run judged several.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    version: Option<Version>,
    /// Bless results of models whose names float, such as `…-latest`: what answers tomorrow may be another model.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    runs: RunsArguments,
}

pub(crate) fn run(arguments: &BaselineArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    match &arguments.command {
        BaselineCommand::Bless(arguments) => bless(arguments, context),
    }
}

/// The run that is blessed.
struct Blessed<'a> {
    file: &'a RunFile,
    sides: &'a [PromptSides],
    summaries: &'a [VariantSummary],
    replies: String,
}

fn bless(arguments: &BlessArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let found = arguments.runs.find(&arguments.run, context).map_err(|mut failure| {
        if context.prompts.join(&arguments.run).is_dir() {
            let names: Vec<&str> =
                std::iter::once(&arguments.run).chain(&arguments.names).map(String::as_str).collect();
            let help = format!(
                "the run comes first, then prompts: `promptassay baseline bless latest {}`",
                names.join(" ")
            );
            failure.problems =
                failure.problems.into_iter().map(|problem| problem.help(help.clone())).collect();
        }
        failure
    })?;
    let (directory, file) = described(found)?;
    let plan = plan_again(&file, Terms::OfToday, &PolicyArguments::default(), context)?;
    refuse_changes(&file, &plan, "evaluate the files as they are: `promptassay eval`")?;
    let replay = replayed(&directory, &plan)?;
    let rest = || arguments.runs.asks_the_rest(&directory, &file, context);
    refuse_partial(&file, &plan, &replay.record, rest)?;
    if !arguments.force {
        refuse_floating(&plan)?;
    }
    let sides = Side::read_all(&file, &directory.journal_path()).map_err(broken)?;
    let compared = AgainstArguments::default().blessed_of_today(&file, &plan)?;
    let (summaries, gates) = judge_against(&plan, &replay.record, compared.against());
    let evaluation = Evaluation {
        plan: &plan,
        record: &replay.record,
        summaries: &summaries,
        gates: &gates,
        outputs: &replay.outputs,
        attempts: None,
        files: &FileNames::default(),
    };
    let replies = evaluation.replies();
    let run = Blessed { file: &file, sides: &sides, summaries: &summaries, replies };
    let chosen = chosen(arguments, &plan)?;
    for gate in gates.iter().filter(|gate| chosen.contains(&gate.prompt) && gate.blocks) {
        context.console.problems(&[not_passed(&plan, gate)]);
    }
    let _lock = context.lock()?;
    // What is served is asked of the files as they are behind the lock.
    let tree = Tree::load(&context.prompts).tree;
    let mut blessings = Vec::new();
    for index in chosen {
        blessings.push(write(&run, index, &plan.prompts()[index], arguments, (&tree, context))?);
    }
    context
        .answer(|| text(&blessings), &json!({"schema": 1, "run": file.id.to_string(), "blessed": blessings}))
}

/// The prompts that are blessed.
fn chosen(arguments: &BlessArguments, plan: &Plan) -> Result<Vec<usize>, Failure> {
    if arguments.names.is_empty() {
        return Ok((0..plan.prompts().len()).collect());
    }
    let of_name = |name: &String| {
        plan.prompts().iter().position(|prompt| prompt.name.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = plan.prompts().iter().map(|prompt| prompt.name.as_str()).collect();
            let problem =
                Problem::error("baseline::unknown_prompt", format!("the run did not evaluate `{name}`"));
            Failure::invalid_one(problem.help(format!("it evaluated {}", names.join(", "))))
        })
    };
    arguments.names.iter().map(of_name).collect()
}

/// Writes the file of one prompt.
fn write(
    run: &Blessed<'_>,
    index: usize,
    plan: &PromptPlan,
    arguments: &BlessArguments,
    (tree, context): (&Tree, &Context<'_>),
) -> Result<Blessing, Failure> {
    let planned = &run.file.prompts[index];
    let version = version(planned, arguments.version.as_ref())?;
    if arguments.version.is_none()
        && let Some(problem) = not_served(planned, &version, (tree, context))
    {
        context.console.problems(&[problem]);
    }
    let of_version: Vec<usize> =
        (0..planned.variants.len()).filter(|variant| planned.variants[*variant].version == version).collect();
    let path = blessed_path(&plan.suite.file);
    let before = match may_be_there(&path).then(|| read_blessed(&path)) {
        None => None,
        Some(Ok((before, _))) => Some(before),
        // As a merge or a copy may leave it: who blesses anew mends it.
        Some(Err(problem)) if [UNREADABLE, OF_ANOTHER].contains(&problem.code) => {
            let message = format!(
                "`{}` cannot be used and is replaced; what was blessed first, by which drift is told, goes with it",
                path.display()
            );
            let help = "`git checkout --ours` or `--theirs` of it, and blessing again, keeps that";
            context.console.problems(&[Problem::warning("baseline::replaced", message).help(help)]);
            None
        }
        Some(Err(problem)) => return Err(Failure::invalid_one(*problem)),
    };
    let summary = |variant: usize| {
        run.summaries.iter().find(|summary| summary.prompt == index && summary.variant == variant)
    };
    let means: BTreeMap<String, (Option<f64>, Option<f64>)> = of_version
        .iter()
        .filter_map(|&variant| {
            let summary = summary(variant)?;
            Some((planned.variants[variant].model.clone(), (summary.pass_rate, summary.score)))
        })
        .collect();
    let blessed_at = context.environment.now_in_seconds();
    let first = match &before {
        Some(before) => before.first.clone(),
        None => FirstBlessed { run: run.file.id.clone(), blessed_at, means: means.clone() },
    };
    let first_at = before.as_ref().map(|before| before.first.blessed_at.to_string());
    let models = of_version.iter().map(|&variant| {
        let model = planned.variants[variant].model.clone();
        let now = means.get(&model).copied().unwrap_or_default();
        let then = before.as_ref().and_then(|before| before.first.means.get(&model)).copied();
        let drift = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        BlessedModel {
            cases: run.sides[index].sides[variant].cases.len(),
            pass_rate: now.0,
            score: now.1,
            first_blessed_at: first_at.clone().filter(|_| then.is_some()),
            without_it_at: first_at.clone().filter(|_| then.is_none()),
            pass_rate_drift: then.and_then(|then| drift(now.0, then.0)),
            score_drift: then.and_then(|then| drift(now.1, then.1)),
            model,
        }
    });
    let models: Vec<BlessedModel> = models.collect();
    let baseline = Baseline {
        schema: Baseline::SCHEMA,
        prompt: planned.name.clone(),
        run: run.file.id.clone(),
        blessed_at,
        replies: run.replies.clone(),
        interface: planned.interface,
        suite: planned.suite,
        first,
        variants: of_version
            .iter()
            .map(|&variant| {
                BlessedVariant::of(&run.sides[index].sides[variant], planned.variants[variant].sha256)
            })
            .collect(),
    };
    write_atomic(&path, baseline.to_json()).map_err(|error| Failure::from_write(&error))?;
    let units = of_version.iter().filter_map(|&variant| summary(variant)).map(|summary| summary.units.len());
    let (margin, remarks) = margin::fix(plan, units.min().unwrap_or(0) as u64)?;
    let suite = margin.map(|_| plan.suite.file.display().to_string());
    Ok(Blessing {
        prompt: planned.name.to_string(),
        version: version.number(),
        file: path.display().to_string(),
        replies: run.replies.clone(),
        models,
        margin,
        written: std::iter::once(path.display().to_string()).chain(suite).collect(),
        remarks,
    })
}

/// The version that is blessed: the one that is named, else the only candidate.
fn version(planned: &PlannedPrompt, named: Option<&Version>) -> Result<Version, Failure> {
    let wanted = |role: Option<Role>| {
        let mut versions: Vec<&Version> = planned
            .variants
            .iter()
            .filter(|variant| role.is_none_or(|role| variant.role == role))
            .map(|variant| &variant.version)
            .collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    };
    let all = wanted(None);
    let found = match named {
        Some(named) => all.iter().find(|version| ***version == *named).copied(),
        None => match wanted(Some(Role::Candidate)).as_slice() {
            [one] => Some(*one),
            _ => None,
        },
    };
    found.cloned().ok_or_else(|| {
        let message = match named {
            Some(named) => format!("{}: the run did not evaluate {named}", planned.name),
            None => format!("{}: the run judged several versions", planned.name),
        };
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        let help = format!("`--version` names one of {}", all.join(", "));
        Failure::invalid_one(Problem::error("baseline::which_version", message).help(help))
    })
}
