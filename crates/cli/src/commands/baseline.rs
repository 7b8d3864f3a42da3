//! `promptassay baseline`: results that somebody accepts, in a small file that is reviewed like code.

mod margin;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use promptassay_evaluator::comparison::{Baseline, BlessedVariant, FirstBlessed, PromptSides, Side};
use promptassay_evaluator::gate::{Gate, judge_against, points};
use promptassay_evaluator::outcome::RepeatOutcome;
use promptassay_evaluator::plan::{Plan, PromptPlan, Role};
use promptassay_evaluator::record::Record;
use promptassay_evaluator::report::{Evaluation, FileNames};
use promptassay_evaluator::runs::{PlannedPrompt, RunFile};
use promptassay_evaluator::summary::VariantSummary;
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::Problem;
use promptassay_registry::version::Version;
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::eval::against::{AgainstArguments, blessed_path, read_blessed};
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

/// A prompt that was blessed.
#[derive(Debug, Serialize)]
struct Blessing {
    prompt: String,
    version: String,
    file: String,
    replies: String,
    models: Vec<BlessedModel>,
    /// The margin that was written into the suite.
    margin: Option<f64>,
    /// Every file that was written, to be reviewed and committed.
    written: Vec<String>,
    #[serde(skip)]
    remarks: Vec<String>,
}

/// What was blessed on a model row, and how far that is from what was blessed first.
#[derive(Debug, Serialize)]
struct BlessedModel {
    model: String,
    cases: usize,
    pass_rate: Option<f64>,
    score: Option<f64>,
    /// Since when something is blessed, where it is not the first time.
    first_blessed_at: Option<String>,
    pass_rate_drift: Option<f64>,
    score_drift: Option<f64>,
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
    refuse_partial(&file, &plan, &replay.record)?;
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
    let mut blessings = Vec::new();
    for index in chosen {
        blessings.push(write(&run, index, &plan.prompts()[index], arguments, context)?);
    }
    context
        .answer(|| text(&blessings), &json!({"schema": 1, "run": file.id.to_string(), "blessed": blessings}))
}

/// What was not good enough for its own gate may be what is in use: it is blessed, and that is said.
fn not_passed(plan: &Plan, gate: &Gate) -> Problem {
    let prompt = &plan.prompts()[gate.prompt];
    let variant = &prompt.variants[gate.variant];
    let message = format!(
        "the gate of {} {} on {} did not pass: {}",
        prompt.name, variant.version, variant.model.name, gate.reason
    );
    let help = "what is blessed is what later versions are compared with; `git checkout` takes it back";
    Problem::warning("baseline::not_passed", message).help(help)
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

/// Refuses a run that is a part of one, or that lacks answers.
fn refuse_partial(file: &RunFile, plan: &Plan, record: &Record) -> Result<(), Failure> {
    let refuse = |code, message: String, help: String| {
        Err(Failure::invalid_one(Problem::error(code, format!("run {} {message}", file.id)).help(help)))
    };
    if let Some(shard) = file.shard {
        let message = format!("is shard {}/{} of a plan", shard.index, shard.of);
        return refuse(
            "baseline::shard",
            message,
            "merge the shards first: `promptassay merge RUN…`".to_owned(),
        );
    }
    let filters = plan.filters();
    if !filters.is_empty() {
        let help =
            "bless a run of whole suites: without `--case`, `--tag`, `--sample` and the like".to_owned();
        return refuse("baseline::narrowed", format!("was narrowed by {}", filters.join(", ")), help);
    }
    let trials = plan.trials().len();
    let has_reply = |index: &usize| record.trial(*index).is_some_and(|trial| trial.error.is_none());
    let answered = (0..trials).filter(has_reply).count();
    if answered < trials {
        let message = format!("has answers to {answered} of {trials} questions");
        let help = format!("`promptassay eval --resume {}` asks what lacks", file.id);
        return refuse("baseline::incomplete", message, help);
    }
    let judged = |index: &usize| {
        record
            .trial(*index)
            .is_some_and(|trial| matches!(trial.outcome, RepeatOutcome::Passed | RepeatOutcome::Failed))
    };
    let judged = (0..trials).filter(judged).count();
    if judged < trials {
        let message = format!("has verdicts on {judged} of {trials} answers");
        let help = "see in its report why the others could not be judged: `promptassay report`".to_owned();
        return refuse("baseline::incomplete", message, help);
    }
    Ok(())
}

/// Refuses models whose names mean another model tomorrow.
fn refuse_floating(plan: &Plan) -> Result<(), Failure> {
    let floats = |model: &str| model.ends_with("latest");
    let floating: Vec<String> = plan
        .rows()
        .into_iter()
        .filter(|row| floats(&row.model))
        .map(|row| format!("{} ({})", row.name, row.model))
        .collect();
    if floating.is_empty() {
        return Ok(());
    }
    let message = format!("the model behind a name may change: {}", floating.join(", "));
    let help = "name a dated model in registry.yaml, or accept that with `--force`";
    Err(Failure::invalid_one(Problem::error("baseline::floating_model", message).help(help)))
}

/// Writes the file of one prompt.
fn write(
    run: &Blessed<'_>,
    index: usize,
    plan: &PromptPlan,
    arguments: &BlessArguments,
    context: &Context<'_>,
) -> Result<Blessing, Failure> {
    let planned = &run.file.prompts[index];
    let version = version(planned, arguments.version.as_ref())?;
    let of_version: Vec<usize> =
        (0..planned.variants.len()).filter(|variant| planned.variants[*variant].version == version).collect();
    let path = blessed_path(&plan.suite.file);
    let before = if path.exists() {
        Some(read_blessed(&path).map_err(|problem| Failure::invalid_one(*problem))?.0)
    } else {
        None
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
    let models = of_version.iter().map(|&variant| {
        let model = planned.variants[variant].model.clone();
        let now = means.get(&model).copied().unwrap_or_default();
        let then = before.as_ref().and_then(|before| before.first.means.get(&model)).copied();
        let drift = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        BlessedModel {
            cases: run.sides[index].sides[variant].cases.len(),
            pass_rate: now.0,
            score: now.1,
            first_blessed_at: before.as_ref().map(|before| before.first.blessed_at.to_string()),
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

fn text(blessings: &[Blessing]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for blessing in blessings {
        let Blessing { prompt, version, file, replies, .. } = blessing;
        let _ = writeln!(text, "blessed  {prompt} v{version}   {replies}\n         {file}");
        for model in &blessing.models {
            let rate = model.pass_rate.map_or("–".to_owned(), |rate| format!("{:.1} %", 100.0 * rate));
            let score = model.score.map_or("–".to_owned(), |score| format!("{score:.3}"));
            let _ = writeln!(
                text,
                "         {}: {} cases, pass rate {rate}, score {score}",
                model.model, model.cases
            );
            if let Some(first) = &model.first_blessed_at {
                let drift = |drift: Option<f64>| {
                    drift.map_or("–".to_owned(), |drift| format!("{} points", points(drift)))
                };
                let _ = writeln!(
                    text,
                    "         since the first blessing ({}): pass rate {}, score {}",
                    &first[..first.len().min(10)],
                    drift(model.pass_rate_drift),
                    drift(model.score_drift)
                );
            }
        }
        for remark in &blessing.remarks {
            let _ = writeln!(text, "         {remark}");
        }
    }
    let written: Vec<&str> =
        blessings.iter().flat_map(|blessing| &blessing.written).map(String::as_str).collect();
    let what = match written.as_slice() {
        [_] => "the file and commit it".to_owned(),
        several => format!("and commit {}", several.join(" ")),
    };
    let _ =
        writeln!(text, "review {what}; `promptassay eval --against-baseline` compares with what is blessed");
    text
}
