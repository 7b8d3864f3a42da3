//! `promptassay resolve`: what a user is served.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use promptassay_experiments::assignment::Assignment;
use promptassay_experiments::definition::Experiment;
use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::serving::{NotServed, Resolution, Served};
use promptassay_lifecycle::snapshot::Snapshot;
use promptassay_lifecycle::stage::Stage;
use promptassay_lifecycle::state::State;
use promptassay_registry::digest::Digest;
use promptassay_registry::files::read_text;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem, Severity};
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::{Loaded, Prompt, version_of_file};
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use crate::exit::Exit;
use crate::experiments::{self, Found, Purpose, Running, StoreArguments};
use crate::failure::Failure;
use crate::lifecycle::{find_live, ledger_of};
use crate::prompts::version;
use crate::time::parse_time;

/// The largest snapshot that is read.
const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

const EXAMPLES: &str = "Examples:
  promptassay resolve customer_support --unit user_123
  promptassay resolve customer_support --unit user_123 --json | jq -r .text
  promptassay resolve customer_support --unit user_123 --at 2026-11-20T14:05:00Z
  promptassay resolve customer_support --unit user_123 --snapshot dist/prompts.json";

/// Say which version a user is served, and why.
///
/// A running experiment decides first, then the canary, then production. Where the ledger and `active_version` disagree, where
/// nothing is in production, or where a text is not the one that was promoted, nothing is served: nothing is guessed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ResolveArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The id of the user; without it, production.
    #[arg(long, alias = "user", value_name = "ID")]
    unit: Option<String>,
    /// What was served then [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    #[command(flatten)]
    store: StoreArguments,
    /// Ask a snapshot instead of the repository; experiments are not in it.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    version: &'a Version,
    sha256: &'a Digest,
    file: &'a str,
    /// `null` where there is no ledger.
    stage: Option<Stage>,
    decision: Value,
    template_format: TemplateFormat,
    text: &'a str,
    #[serde(skip)]
    why: String,
}

pub(crate) fn run(arguments: &ResolveArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let (name, unit) = (arguments.name.as_str(), arguments.unit.as_deref());
    let now = arguments.at.unwrap_or_else(|| context.environment.now());
    if let Some(path) = &arguments.snapshot {
        let snapshot = snapshot(path)?;
        let resolution = of_snapshot(&snapshot, path, name)?.resolve(unit, now);
        return tell(&Answer::of(name, &resolution), context);
    }
    let loaded = context.load();
    let (prompt, of_drafts) = find_live(&loaded, name)?;
    context.console.problems(&of_drafts);
    if let Some(unit) = unit
        && let Some(experiment) = running(prompt, &arguments.store, &loaded, now, context)?
        && let Some(chosen) = by_experiment(prompt, &experiment.experiment, unit, context)?
    {
        // An experiment may serve a version that nobody registered, and a mistake is no text of it.
        let of_chosen = of_drafts.into_iter().filter(|problem| chosen.is_about(problem));
        let mistakes: Vec<Problem> =
            of_chosen.map(|problem| Problem { severity: Severity::Error, ..problem }).collect();
        if !mistakes.is_empty() {
            return Err(Failure::invalid(mistakes));
        }
        return tell(&chosen.answer(prompt)?, context);
    }
    let (served, remarks) = served(prompt, arguments.at, context)?;
    // Whoever is served meanwhile must be served; but a torn end may be a line that had happened, such as that of a canary.
    let warnings = remarks.into_iter().map(|problem| Problem { severity: Severity::Warning, ..problem });
    context.console.problems(&warnings.collect::<Vec<_>>());
    tell(&Answer::of(name, &served.resolve(unit, now)), context)
}

/// There is a ledger, and nothing is in production.
pub(super) const NOTHING_IN_PRODUCTION: &str = "resolve::nothing_in_production";

/// What is served of a prompt, checked, and what is to be said of its ledger; or why nothing is served.
pub(super) fn served(
    prompt: &Prompt,
    at: Option<Timestamp>,
    context: &Context<'_>,
) -> Result<(Served, Vec<Problem>), Failure> {
    let ledger =
        if ledger::exists(prompt.directory()) { Some(ledger_of(prompt.name(), context)?) } else { None };
    let served =
        Served::of(prompt, ledger.as_ref(), at).map_err(|error| not_served(&error, ledger.as_ref()))?;
    Ok((served, ledger.map(|ledger| ledger.problems()).unwrap_or_default()))
}

fn not_served(error: &NotServed, ledger: Option<&Ledger>) -> Failure {
    let mut problems = Vec::new();
    if let (NotServed::Faults { .. }, Some(ledger)) = (error, ledger) {
        problems.extend(ledger.problems());
    }
    let code = match error {
        NotServed::NothingInProduction { .. } => NOTHING_IN_PRODUCTION,
        _ => "resolve::not_served",
    };
    problems.push(Problem::error(code, error.to_string()).help(error.help()));
    Failure::invalid(problems)
}

/// What an experiment says.
struct Chosen {
    experiment: String,
    variant: String,
    version: Version,
    stage: Option<Stage>,
}

/// The experiment that runs at this time.
fn running(
    prompt: &Prompt,
    store: &StoreArguments,
    loaded: &Loaded,
    now: Timestamp,
    context: &Context<'_>,
) -> Result<Option<Found>, Failure> {
    let Running { deciding: mut running, changed, gone, no_store, unknown, .. } =
        experiments::running(prompt, store, loaded, now, Purpose::Serve)?;
    // Serving goes on, without the experiment: nobody is given a variant that was not started.
    let told = |problem: Problem| Problem {
        severity: Severity::Warning,
        message: format!("{}; it decides nothing until that is mended", problem.message),
        ..problem
    };
    let unregistered = running.iter().flat_map(|found| found.unregistered(prompt));
    let unregistered = unregistered.map(|problem| Problem { severity: Severity::Warning, ..problem });
    context.console.problems(
        &no_store
            .into_iter()
            .chain(changed.into_iter().chain(gone).map(told))
            .chain(unknown)
            .chain(unregistered)
            .collect::<Vec<_>>(),
    );
    if running.len() > 1 {
        let names: Vec<String> = running.iter().map(|found| format!("`{}`", found.experiment.name)).collect();
        let message =
            format!("several experiments of `{}` run at this time: {}", prompt.name(), names.join(", "));
        return Err(Failure::invalid_one(
            Problem::error("resolve::several_experiments", message)
                .help("`promptassay experiment stop` or an `end:` in the file ends one; two on one prompt cannot both decide"),
        ));
    }
    Ok(running.pop())
}

/// What the experiment says of this user; none where the user takes no part.
fn by_experiment(
    prompt: &Prompt,
    experiment: &Experiment,
    unit: &str,
    context: &Context<'_>,
) -> Result<Option<Chosen>, Failure> {
    let assignment = experiment.assign(unit.as_bytes()).map_err(|error| {
        Failure::invalid_one(
            Problem::error("assign::empty_unit", error.to_string())
                .help("pass `--unit ID`, or leave it out for production"),
        )
    })?;
    let Assignment::Variant(index) = assignment else { return Ok(None) };
    let Some(variant) = experiment.variants.get(index) else { return Ok(None) };
    let stage = if ledger::exists(prompt.directory()) {
        let ledger = ledger_of(prompt.name(), context)?;
        if !ledger.faults().is_empty() {
            return Err(not_served(&NotServed::Faults { prompt: prompt.name().clone() }, Some(&ledger)));
        }
        Some(promoted(prompt, &variant.version, ledger.state())?)
    } else {
        None
    };
    Ok(Some(Chosen {
        experiment: experiment.name.to_string(),
        variant: variant.name.clone(),
        version: variant.version.clone(),
        stage,
    }))
}

/// What the ledger knows must still be the same text.
pub(super) fn as_recorded(prompt: &Prompt, version: &Version, state: &State) -> Result<(), Failure> {
    let recorded = state.versions().get(version).map(|known| known.sha256);
    let found = prompt.version(version).map(|loaded| loaded.digest);
    match recorded.filter(|recorded| found != Some(*recorded)) {
        None => Ok(()),
        Some(recorded) => {
            let (prompt, version) = (prompt.name().clone(), version.clone());
            Err(not_served(&NotServed::Text { prompt, version, recorded, found }, None))
        }
    }
}

/// The stage of a version that an experiment serves. What the ledger knows must still be the same text, and in use.
fn promoted(prompt: &Prompt, version: &Version, state: &State) -> Result<Stage, Failure> {
    let stage = state.stage(version);
    as_recorded(prompt, version, state)?;
    if stage == Stage::Archived {
        let message = format!("an experiment serves {version} of `{}`, which is archived", prompt.name());
        return Err(Failure::invalid_one(
            Problem::error("resolve::archived", message)
                .help("end the experiment, or take the version out of it"),
        ));
    }
    Ok(stage)
}

impl Chosen {
    /// Whether a problem is in the file of the version.
    fn is_about(&self, problem: &Problem) -> bool {
        let file = problem.place.as_ref().and_then(|place| place.file.file_name()?.to_str());
        file.and_then(version_of_file).is_some_and(|version| version == self.version)
    }

    fn answer<'a>(&'a self, prompt: &'a Prompt) -> Result<Answer<'a>, Failure> {
        let loaded = version(prompt, Some(&VersionSelector::Exact(self.version.clone())))?;
        let file = loaded.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Ok(Answer {
            prompt: prompt.name().as_str(),
            version: &loaded.version,
            sha256: &loaded.digest,
            file,
            stage: self.stage,
            decision: json!({"by": "experiment", "experiment": self.experiment, "variant": self.variant}),
            template_format: loaded.interface.format(),
            text: &loaded.text,
            why: format!("the experiment `{}` gives the variant `{}`", self.experiment, self.variant),
        })
    }
}

impl<'a> Answer<'a> {
    fn of(prompt: &'a str, resolution: &Resolution<'a>) -> Self {
        Self {
            prompt,
            version: resolution.version,
            sha256: resolution.sha256,
            file: resolution.file,
            stage: resolution.stage,
            decision: json!(resolution.decision),
            template_format: resolution.template_format,
            text: resolution.text,
            why: resolution.decision.explain(resolution.version),
        }
    }
}

fn tell(answer: &Answer<'_>, context: &Context<'_>) -> Result<Exit, Failure> {
    let text = || {
        let stage = answer.stage.map_or_else(|| "active".to_owned(), |stage| stage.to_string());
        format!("{} {}  {stage}  {}  {}\n", answer.prompt, answer.version, answer.sha256.short(), answer.why)
    };
    context.answer(text, answer)
}

/// The snapshot in a file, checked.
pub(super) fn snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let text = read_text(path, MAX_SNAPSHOT_BYTES).map_err(|problem| Failure::invalid_one(*problem))?;
    Snapshot::from_json(&text).map_err(|error| {
        Failure::invalid_one(
            Problem::error("resolve::snapshot", error.to_string())
                .at(Place::whole_file(path))
                .help("`promptassay snapshot --output FILE` writes a new one"),
        )
    })
}

/// What a snapshot serves of a prompt.
pub(super) fn of_snapshot<'s>(
    snapshot: &'s Snapshot,
    path: &Path,
    name: &str,
) -> Result<&'s Served, Failure> {
    let found = snapshot.prompts.iter().find(|(known, _)| known.as_str() == name);
    found.map(|(_, served)| served).ok_or_else(|| {
        let known: Vec<&str> = snapshot.prompts.keys().map(PromptName::as_str).collect();
        Failure::invalid_one(
            Problem::error(
                "resolve::not_in_snapshot",
                format!("the snapshot has no prompt `{}`", name.escape_debug()),
            )
            .at(Place::whole_file(path))
            .help(format!("it has {}", known.join(", "))),
        )
    })
}
