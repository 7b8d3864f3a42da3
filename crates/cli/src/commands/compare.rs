//! `promptassay compare`: two kept runs, one against the other. Nobody is asked, and today's files are of no importance.

mod narrowed;
mod only_in;

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use clap::Args;
use promptassay_evaluator::comparison::{PromptSides, Side, SideLabel};
use promptassay_evaluator::gate::{CandidateOfRun, Judged, Verdict, judge_sides};
use promptassay_evaluator::plan::Role;
use promptassay_evaluator::policy::Policy;
use promptassay_evaluator::record::cut_short;
use promptassay_evaluator::report::{comparison_json, comparison_text};
use promptassay_evaluator::runs::{PlannedPrompt, RunFile};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Problem, Severity, shell_word};
use promptassay_registry::version::Version;
use serde_json::json;

use super::Context;
use super::eval::journal::{RunsArguments, broken, described};
use super::eval::policy::PolicyArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::prompts::parse_version;
use crate::table::{count, grouped};
use narrowed::Before;
use only_in::OnlyIn;

const EXAMPLES: &str = "Examples:
  promptassay compare latest~1 latest                   is the second worse than the first?
  promptassay compare 019aae2f 019aae31                 runs by the beginning of their ids
  promptassay compare main-run latest --margin auto     by how much may it be worse, fitted to the suite
  promptassay compare a b --baseline-version v1.0.0     where a run evaluated several versions

Exit codes: 0 passed, 1 a gate failed, 2 invalid input, 3 inconclusive, 4 could not be judged.";

/// Compare two kept runs: what is better, what is worse, and whether the second may take the place of the first.
///
/// Cases are paired by their names and by what they ask and judge; what was added, removed or edited is listed. The gate is that of
/// the second run, or what the options say.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompareArguments {
    /// The run of the baseline: an id or its beginning, `latest`, `latest~1` (the one before), or a directory with a run.json.
    #[arg(value_name = "RUN_A")]
    baseline: String,
    /// The run of the candidate.
    #[arg(value_name = "RUN_B")]
    candidate: String,
    /// Which version of the first run is the baseline, where it evaluated several.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    baseline_version: Option<Version>,
    /// Which version of the second run is the candidate, where not all of its candidates are meant.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    candidate_version: Option<Version>,
    #[command(flatten)]
    runs: RunsArguments,
    #[command(flatten)]
    policy: PolicyArguments,
}

/// A run from its two files.
struct Run {
    file: RunFile,
    prompts: Vec<PromptSides>,
    /// Why not all was asked, where that is so.
    cut_short: Option<String>,
}

/// A gate of the comparison.
struct Compared {
    prompt: String,
    policy: Policy,
    judged: Judged,
    /// What narrowed the first run and the second.
    narrowed_by: [Vec<String>; 2],
    /// Whether both sides are the same answers, so that nothing can differ.
    with_itself: bool,
}

pub(crate) fn run(arguments: &CompareArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let baseline = read(&arguments.baseline, &arguments.runs, context)?;
    let candidate = read(&arguments.candidate, &arguments.runs, context)?;
    let mut only_in = Vec::new();
    let compared = compare(&baseline, &candidate, &mut only_in, arguments, context)?;
    let is_judged =
        |before: &&PlannedPrompt| candidate.file.prompts.iter().any(|now| now.name == before.name);
    for planned in baseline.file.prompts.iter().filter(|before| !is_judged(before)) {
        context.console.note(&format!("{}: only in run {}", planned.name, baseline.file.id));
        only_in.push(OnlyIn::prompt(&baseline, planned));
    }
    let value = json!({
        "schema": 1,
        "baseline": baseline.file.id.to_string(),
        "candidate": candidate.file.id.to_string(),
        "gates": compared.iter().map(|compared| json!({
            "prompt": compared.prompt,
            "verdict": compared.judged.verdict,
            "rule": compared.judged.rule,
            "blocks": compared.judged.blocks,
            "reason": compared.judged.reason,
            "with_itself": compared.with_itself,
            "narrowed_by": {"baseline": compared.narrowed_by[0], "candidate": compared.narrowed_by[1]},
            "margin_not_judged": compared.policy.margin_not_judged(),
            "comparison": comparison_json(&compared.judged.comparison),
        })).collect::<Vec<_>>(),
        "only_in": only_in,
    });
    context.answer(|| text(&compared), &value)?;
    for Compared { prompt, judged, .. } in compared.iter().filter(|compared| compared.with_itself) {
        context.console.note(&format!(
            "{prompt} {}: run {} is compared with itself, where nothing can differ; `compare latest~1 latest` takes the run before",
            judged.comparison.candidate.version, candidate.file.id
        ));
    }
    let blocking = compared.iter().filter(|compared| compared.judged.blocks);
    Ok(match blocking.map(|compared| compared.judged.verdict).reduce(Verdict::worse) {
        None | Some(Verdict::Passed) => Exit::Success,
        Some(Verdict::Failed) => Exit::Failed,
        Some(Verdict::Inconclusive) => Exit::Inconclusive,
        Some(Verdict::Broken) => Exit::Broken,
    })
}

fn read(reference: &str, runs: &RunsArguments, context: &Context<'_>) -> Result<Run, Failure> {
    let (directory, file) = described(runs.find(reference, context)?)?;
    if let Some(shard) = file.shard {
        let message = format!("run {} is shard {}/{} of a plan", file.id, shard.index, shard.of);
        let problem = Problem::error("compare::shard", message);
        return Err(Failure::invalid_one(problem.help("merge the shards first: `promptassay merge RUN…`")));
    }
    // Asked first: whoever ends meanwhile has written its end by then.
    let under_way = directory.is_under_way();
    let journal = directory.journal_path();
    let (prompts, outline) = Side::read_with_outline(&file, &journal).map_err(broken)?;
    let not_asked = file.trials.saturating_sub(outline.finished());
    let cut_short = (not_asked > 0).then(|| {
        let why = cut_short(outline.end, under_way).unwrap_or("answers are missing");
        format!("{why}: {} of {} not asked", grouped(not_asked), count(file.trials, "question"))
    });
    Ok(Run { file, prompts, cut_short })
}

fn compare(
    baseline: &Run,
    candidate: &Run,
    only_in: &mut Vec<OnlyIn>,
    arguments: &CompareArguments,
    context: &Context<'_>,
) -> Result<Vec<Compared>, Failure> {
    let mut compared = Vec::new();
    let mut problems = Vec::new();
    let is_chosen = arguments.candidate_version.is_some() || arguments.baseline_version.is_some();
    for (planned, sides) in candidate.file.prompts.iter().zip(&candidate.prompts) {
        let before = baseline.file.prompts.iter().zip(&baseline.prompts);
        let Some((planned_before, sides_before)) =
            before.into_iter().find(|(other, _)| other.name == planned.name)
        else {
            context.console.note(&format!("{}: only in run {}", planned.name, candidate.file.id));
            only_in.push(OnlyIn::prompt(candidate, planned));
            continue;
        };
        say_narrowed([(baseline, planned_before), (candidate, planned)], context);
        let (mut is_compared, mut without_partner) = (false, Vec::new());
        let mut taken = HashSet::new();
        for index in candidates(planned, arguments.candidate_version.as_ref()) {
            let side = &sides.sides[index];
            let other = match reference(planned_before, &side.label, arguments.baseline_version.as_ref()) {
                Ok(other) => {
                    taken.insert(other);
                    &sides_before.sides[other]
                }
                Err(message) => {
                    let message = format!("{}: run {} {message}", planned.name, baseline.file.id);
                    let problem = Problem::error("compare::no_baseline", message);
                    // Only a version that the other run did not judge may be one that began since; a model is asked for by somebody.
                    let knows_model =
                        sides_before.sides.iter().any(|other| other.label.model == side.label.model);
                    let problem = problem.help(if knows_model {
                        OTHER_VERSION.to_owned()
                    } else {
                        without_model(planned, &side.label.model, sides_before, context)
                    });
                    if knows_model && !is_chosen {
                        without_partner.push((problem, OnlyIn::side(candidate, planned, &side.label)));
                    } else {
                        problems.push(problem);
                    }
                    continue;
                }
            };
            is_compared = true;
            let policy = arguments.policy.over(planned.policy.clone());
            let with_itself = baseline.file.id == candidate.file.id && other.label == side.label;
            let before = Before::of(planned_before, other, (planned, side));
            let policy = before.judged_by(side, policy);
            let must_pass =
                planned.cases.iter().filter(|case| case.must_pass()).map(|case| case.name.as_str());
            let judged = judge_sides(
                &format!("{} {} on {}", planned.name, side.label.version, side.label.model),
                &before.side,
                &CandidateOfRun {
                    side,
                    must_pass: must_pass.collect(),
                    gaps: sides.gaps[index],
                    cut_short: candidate.cut_short.clone(),
                },
                &policy,
            );
            match judged {
                Ok(mut judged) => {
                    if before.is_a_selection() {
                        // What was left out then on purpose was not added since.
                        judged.comparison.pairing.added.clear();
                    }
                    compared.push(Compared {
                        prompt: planned.name.to_string(),
                        policy,
                        judged,
                        narrowed_by: [planned_before, planned].map(|planned| planned.narrowed_by.clone()),
                        with_itself,
                    });
                }
                Err(problem) => problems.push(*problem),
            }
        }
        // A canary that began since then is no reason to say nothing of what both runs judged.
        let told = |problem: Problem| Problem { severity: Severity::Warning, ..problem };
        if is_compared {
            let (without_partner, alone): (Vec<Problem>, Vec<OnlyIn>) = without_partner.into_iter().unzip();
            context.console.problems(&without_partner.into_iter().map(told).collect::<Vec<_>>());
            only_in.extend(alone);
            let before = candidates(planned_before, None).into_iter();
            for index in before.filter(|index| !is_chosen && !taken.contains(index)) {
                let label = &sides_before.sides[index].label;
                let SideLabel { version, model, .. } = label;
                let run = &baseline.file.id;
                context.console.note(&format!("{}: {version} on {model} only in run {run}", planned.name));
                only_in.push(OnlyIn::side(baseline, planned, label));
            }
        } else {
            problems.extend(without_partner.into_iter().map(|(problem, _)| problem));
        }
    }
    if compared.is_empty() && problems.is_empty() {
        let message = format!("runs {} and {} have nothing to compare", baseline.file.id, candidate.file.id);
        let problem = Problem::error("compare::nothing", message);
        problems.push(
            problem.help("both must have evaluated the same prompt; `promptassay runs show RUN` tells"),
        );
    }
    if problems.is_empty() { Ok(compared) } else { Err(Failure::invalid(problems)) }
}

/// Says of each run whether it asked a part of its suite.
fn say_narrowed(runs: [(&Run, &PlannedPrompt); 2], context: &Context<'_>) {
    for (run, planned) in runs.into_iter().filter(|(_, planned)| !planned.narrowed_by.is_empty()) {
        let (name, id, filters) = (&planned.name, &run.file.id, planned.narrowed_by.join(", "));
        context
            .console
            .note(&format!("{name}: run {id} was narrowed by {filters}; its cases alone are compared"));
    }
}

/// What to do about a version that the earlier run did not judge.
const OTHER_VERSION: &str =
    "name the version that counts: `--baseline-version VERSION`, or choose another run";

/// What to do about a model that only the later run asked. The command is named where the suite of today asks all that it names.
fn without_model(
    planned: &PlannedPrompt,
    model: &str,
    before: &PromptSides,
    context: &Context<'_>,
) -> String {
    let known: BTreeSet<&str> = before.sides.iter().map(|side| side.label.model.as_str()).collect();
    let choose = format!("choose a run that asked {model}");
    if !known.iter().all(|model| is_asked_today(&planned.name, model, context)) {
        let known: Vec<&str> = known.into_iter().collect();
        return format!("{choose}; this one asked {}", known.join(", "));
    }
    let others: Vec<String> = known.iter().map(|model| format!(" --model {}", shell_word(model))).collect();
    let (name, others, option) = (&planned.name, others.concat(), context.option());
    format!("{choose}, or leave that out of the later one: `promptassay eval {name}{others}{option}`")
}

/// Whether the suite of a prompt, as it is now, asks this model row.
fn is_asked_today(prompt: &PromptName, model: &str, context: &Context<'_>) -> bool {
    let loaded = context.load();
    let Ok(prompt) = loaded.tree.find(prompt.as_str()) else { return false };
    let (registry, mut problems) = (loaded.tree.registry(), Vec::new());
    let settings = registry.document.as_ref().map(|document| Settings::read(document, &mut problems));
    let settings = Settings { allow_commands: true, ..settings.unwrap_or_default() };
    let suite = suite::of_prompt(prompt, loaded.tree.repository_root(), &settings, &mut problems);
    suite.is_some_and(|suite| suite.all_models().contains(&model))
}

/// The variants of a run that are judged: its candidates, or those of a version.
fn candidates(planned: &PlannedPrompt, version: Option<&Version>) -> Vec<usize> {
    let wanted = |index: &usize| {
        let variant = &planned.variants[*index];
        version.map_or(variant.role == Role::Candidate, |version| variant.version == *version)
    };
    (0..planned.variants.len()).filter(wanted).collect()
}

/// The variant on its model that a candidate is compared with: that of a version, else the only one, else the only candidate, else its own
/// version of then, where several were judged.
fn reference(
    planned: &PlannedPrompt,
    candidate: &SideLabel,
    version: Option<&Version>,
) -> Result<usize, String> {
    let model = &candidate.model;
    let on_model: Vec<usize> = (0..planned.variants.len())
        .filter(|index| planned.variants[*index].model == *model)
        .filter(|index| version.is_none_or(|version| planned.variants[*index].version == *version))
        .collect();
    let candidates: Vec<usize> =
        on_model.iter().copied().filter(|index| planned.variants[*index].role == Role::Candidate).collect();
    match (on_model.as_slice(), candidates.as_slice()) {
        ([one], _) | (_, [one]) => Ok(*one),
        ([], _) => Err(match version {
            Some(version) => format!("did not evaluate {version} on {model}"),
            None => format!("did not evaluate it on {model}"),
        }),
        _ => {
            let mut of_then = on_model.iter().copied();
            of_then.find(|index| planned.variants[*index].version == candidate.version).ok_or_else(|| {
                format!("evaluated several versions, and {} is none of them", candidate.version)
            })
        }
    }
}

fn text(compared: &[Compared]) -> String {
    let mut text = String::new();
    for Compared { prompt, policy, judged, .. } in compared {
        let model = &judged.comparison.candidate.model;
        let of_prompt = compared.iter().filter(|other| other.prompt == *prompt);
        let is_one_of_several =
            of_prompt.into_iter().any(|other| other.judged.comparison.candidate.model != *model);
        let on = if is_one_of_several { format!(" on {model}") } else { String::new() };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{prompt}{on}\n{}", comparison_text(&judged.comparison, policy));
    }
    for Compared { prompt, judged, .. } in compared {
        let candidate = &judged.comparison.candidate;
        let _ = writeln!(
            text,
            "gate  {prompt} {} {}  {}  {}",
            candidate.version,
            candidate.model,
            judged.verdict.as_str(),
            judged.reason
        );
    }
    text
}
