//! `promptassay status`: what is in which stage.

use clap::Args;
use jiff::Timestamp;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::pending;
use promptassay_lifecycle::stage::Stage;
use promptassay_lifecycle::state::{State, VersionState};
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::tree::Prompt;
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{canary_json, canary_text, field, find_live, grounds_of, trusted};
use crate::table::{DIM, RED, STRONG, YELLOW, columns, count, paint};

const EXAMPLES: &str = "Examples:
  promptassay status                        a line for each prompt
  promptassay status customer_support       every version: since when, by whom, on what grounds
  promptassay status customer_support --json | jq -r .head";

/// The order in which people want to see them.
const ORDER: [Stage; 6] =
    [Stage::Production, Stage::Canary, Stage::Testing, Stage::Draft, Stage::Deprecated, Stage::Archived];

/// Show which version is in which stage.
///
/// Broken glass, versions that somebody rolled back from or whose canary was ended, and canaries that expired are named for as long
/// as they are there.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// The prompt; without any, all.
    #[arg(value_name = "PROMPT")]
    name: Option<String>,
}

/// A prompt as its ledger has it.
#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    /// Whether it has a ledger.
    governed: bool,
    head: Option<String>,
    production: Option<&'a Version>,
    canary: Option<Value>,
    active_version: &'a VersionSelector,
    /// Whether a command was interrupted, or is under way.
    interrupted: bool,
    versions: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    version: &'a Version,
    stage: Stage,
    since: Option<Timestamp>,
    by: Option<Value>,
    reason: Option<&'a str>,
    adopted: bool,
    break_glass: bool,
    evidence: Option<Value>,
    rolled_back_at: Option<Timestamp>,
    /// When its last canary was ended by `abort`.
    canary_ended_at: Option<Timestamp>,
    #[serde(skip)]
    known: Option<&'a VersionState>,
}

pub(crate) fn run(arguments: &StatusArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let Some(name) = &arguments.name else { return all(context) };
    let loaded = context.load();
    let (prompt, of_drafts) = find_live(&loaded, name)?;
    let ledger = trusted(prompt, context)?;
    let answer = Answer::of(prompt, &ledger);
    let now = context.environment.now();
    let text = || one_text(&answer, ledger.state(), now, context.console.color);
    context.answer(text, &answer)?;
    context.console.problems(&of_drafts);
    let remarks = remarks(prompt, &ledger);
    context.console.problems(&remarks);
    Ok(if has_errors(&remarks) { Exit::Invalid } else { Exit::Success })
}

fn all(context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    if loaded.tree.prompts().len() == 0 {
        return Err(Failure::invalid(loaded.problems));
    }
    let mut ledgers = Vec::new();
    // What has errors may be in production all the same.
    let mut problems: Vec<Problem> = loaded.problems.iter().filter(|it| it.is_error()).cloned().collect();
    for prompt in loaded.tree.prompts() {
        // A ledger that cannot be trusted must not hide the others.
        match trusted(prompt, context) {
            Ok(ledger) => ledgers.push((prompt, ledger)),
            Err(failure) => problems.extend(failure.problems),
        }
    }
    let answers: Vec<Answer<'_>> =
        ledgers.iter().map(|(prompt, ledger)| Answer::of(prompt, ledger)).collect();
    let now = context.environment.now();
    let text = || {
        let heading = ["prompt", "production", "canary", "others"].map(str::to_owned).to_vec();
        let rows =
            answers.iter().zip(&ledgers).map(|(answer, (_, ledger))| line(answer, ledger.state(), now));
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        columns(&rows, &[STRONG], 0, context.console.color)
    };
    context.answer(text, &json!({"prompts": answers}))?;
    if problems.is_empty() { Ok(Exit::Success) } else { Err(Failure::invalid(problems)) }
}

fn remarks(prompt: &Prompt, ledger: &Ledger) -> Vec<Problem> {
    let mut problems: Vec<Problem> = ledger.problems();
    let name = prompt.name();
    if pending::exists(prompt.directory()) {
        problems.push(
            Problem::warning(
                "lifecycle::interrupted",
                format!("`{name}`: a command was interrupted, or is under way"),
            )
            .help(format!("`promptassay check {name}` or the next command finishes it")),
        );
    } else if let Some(production) = ledger.state().production()
        && *prompt.active() != VersionSelector::Exact(production.clone())
    {
        problems.push(promptassay_lifecycle::verify::disagreement(prompt, production));
    }
    problems
}

impl<'a> Answer<'a> {
    fn of(prompt: &'a Prompt, ledger: &'a Ledger) -> Self {
        let state = ledger.state();
        let files = prompt.versions().map(|version| &version.version);
        let mut versions: Vec<&Version> = files.chain(state.versions().keys()).collect();
        versions.sort();
        versions.dedup();
        let mut rows: Vec<Row<'_>> =
            versions.into_iter().rev().map(|version| Row::of(version, state)).collect();
        let place = |stage| ORDER.iter().position(|other| *other == stage);
        rows.sort_by_key(|row| place(row.stage));
        Self {
            prompt: prompt.name().as_str(),
            governed: ledger::exists(prompt.directory()),
            head: ledger.head().map(ToString::to_string),
            production: state.production(),
            canary: state.canary().map(canary_json),
            active_version: prompt.active(),
            interrupted: pending::exists(prompt.directory()),
            versions: rows,
        }
    }
}

impl<'a> Row<'a> {
    fn of(version: &'a Version, state: &'a State) -> Self {
        use promptassay_lifecycle::event::Grounds;
        let known = state.versions().get(version);
        let grounds = known.and_then(|known| known.grounds.as_ref());
        Self {
            version,
            stage: state.stage(version),
            since: known.map(|known| known.since),
            by: known.map(|known| json!(known.by)),
            reason: known.and_then(|known| known.reason.as_deref()),
            adopted: known.is_some_and(|known| known.adopted),
            break_glass: matches!(grounds, Some(Grounds::BreakGlass)),
            evidence: match grounds {
                Some(Grounds::Evidence(summary)) => Some(json!(summary)),
                _ => None,
            },
            rolled_back_at: known.and_then(|known| known.mark.as_ref()).map(|mark| mark.at),
            canary_ended_at: known.and_then(|known| known.aborted.as_ref()).map(|mark| mark.at),
            known,
        }
    }
}

fn line(answer: &Answer<'_>, state: &State, now: Timestamp) -> Vec<String> {
    let production = match (answer.governed, answer.production) {
        (false, _) => format!("no ledger; active {}", answer.active_version),
        (true, None) => "nothing".to_owned(),
        (true, Some(version)) => version.to_string(),
    };
    let canary = state.canary().map(|running| {
        let share = if running.settings.expired(now) {
            "expired".to_owned()
        } else {
            running.settings.basis_points.to_string()
        };
        format!("{} {share}", running.version)
    });
    let of = |stage| answer.versions.iter().filter(|row| row.stage == stage).count();
    let others: Vec<String> = [Stage::Testing, Stage::Draft, Stage::Deprecated, Stage::Archived]
        .into_iter()
        .filter(|_| answer.governed)
        .map(|stage| (of(stage), stage))
        .filter(|(number, _)| *number > 0)
        .map(|(number, stage)| format!("{number} {stage}"))
        .collect();
    let broken = answer.versions.iter().any(|row| row.break_glass && is_served(row.stage));
    let glass = broken.then(|| "glass broken".to_owned());
    let rest: Vec<String> = glass.into_iter().chain(others).collect();
    vec![answer.prompt.to_owned(), production, canary.unwrap_or_default(), rest.join(", ")]
}

fn is_served(stage: Stage) -> bool {
    matches!(stage, Stage::Production | Stage::Canary)
}

fn one_text(answer: &Answer<'_>, state: &State, now: Timestamp, color: bool) -> String {
    let versions = count(answer.versions.len(), "version");
    let mut text = match &answer.head {
        Some(head) => format!("{}   {versions}   head {head}\n", answer.prompt),
        None => format!(
            "{}   {versions}   no ledger: `active_version` {} is served\n",
            answer.prompt, answer.active_version
        ),
    };
    let width = answer.versions.iter().map(|row| row.version.to_string().len()).max().unwrap_or(0);
    for row in &answer.versions {
        let version = paint(color, STRONG, &format!("{:<width$}", row.version.to_string()));
        let style = if is_served(row.stage) { STRONG } else { DIM };
        text.extend([format!("\n{version}  {}\n", paint(color, style, row.stage.name()))]);
        let Some(known) = row.known else { continue };
        let mut line = |label: &str, value: &str| text.push_str(&field(2, label, value));
        line("since", &known.since.to_string());
        line("by", &visible(&known.by.to_string()));
        if let Some(reason) = &known.reason {
            line("why", &visible(reason));
        }
        if row.adopted {
            line("adopted", "it was live before there was a ledger");
        }
        if let Some(running) = state.canary().filter(|running| running.version == *row.version) {
            let shown = canary_text(running, now);
            line("canary", &paint(color, if running.settings.expired(now) { RED } else { YELLOW }, &shown));
        }
        if let Some(grounds) = known.grounds.as_ref().and_then(grounds_of) {
            line("grounds", &paint(color, if row.break_glass { RED } else { DIM }, &grounds));
        } else if is_served(row.stage) && !row.adopted {
            line("grounds", &paint(color, YELLOW, "no evidence: the rules of that time asked for none"));
        }
        let is_canary = state.canary().is_some_and(|running| running.version == *row.version);
        let ended = if is_canary { "an earlier canary was ended at" } else { "its last canary was ended at" };
        let marks = [(&known.mark, "rolled back from at"), (&known.aborted, ended)];
        for (mark, what) in marks.iter().filter_map(|(mark, what)| Some((mark.as_ref()?, what))) {
            let why = mark.reason.as_ref().map(|why| format!(": {}", visible(why))).unwrap_or_default();
            line("marked", &paint(color, RED, &format!("{what} {:.0}{why}", mark.at)));
        }
    }
    text
}
