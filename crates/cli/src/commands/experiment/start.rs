//! Starting and stopping: what may begin, what may change while it runs. Each decides in one transaction of the store.

use jiff::Timestamp;
use promptassay_evaluator::report::visible;
use promptassay_experiments::analysis::thousands;
use promptassay_experiments::definition::{Change, GuardrailPlan, NotReady};
use promptassay_experiments::store::{Phase, Store};
use promptassay_lifecycle::ledger;
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Loaded;
use serde_json::json;

use super::{StartArguments, StopArguments};
use crate::commands::Context;
use crate::exit::Exit;
use crate::experiments::{Found, find, find_by, gone, guardrails, of_prompt, spread_alike, store_failed};
use crate::failure::Failure;
use crate::lifecycle::{directory_of, history_of};
use crate::prompts;

fn not_ready(found: &Found, missing: &[NotReady]) -> Vec<Problem> {
    let problem = |missing: &NotReady| {
        Problem::error("experiment::not_ready", missing.to_string())
            .at(found.experiment.place_of(missing))
            .help(missing.help())
    };
    missing.iter().map(problem).collect()
}

fn refusal(found: &Found, message: String, help: &str) -> Problem {
    let place = Place::whole_file(found.file.as_path());
    Problem::error("experiment::refused", message).at(place).help(help)
}

fn refused(found: &Found, message: String, help: &str) -> Failure {
    Failure::invalid_one(refusal(found, message, help))
}

pub(super) fn start(arguments: &StartArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let found = find_by(&loaded, &arguments.name, &arguments.store)?;
    arguments.store.warn_where_emptied(&loaded, context)?;
    let (wrong, warnings) = may_be_served(&found, &loaded, context)?;
    arguments.store.must_be_named(&loaded)?;
    let asked = Asked { found: &found, loaded: &loaded, context, wrong, warnings };
    let decided = if let Some(store) = arguments.store.open_if_there(&loaded)? {
        asked.decide_alone(store)?
    } else {
        // One that is not there knows of nothing that runs, and is not made before it is needed. Somebody else may make it meanwhile.
        asked.decide(None)?;
        asked.decide_alone(arguments.store.open(&loaded, context)?)?
    };
    let Decided { said, warnings, guarded, .. } = decided;
    let (experiment, phase) = (&found.experiment.name, found.experiment.allocation.phase);
    let answer = json!({"experiment": experiment, "phase": phase, "message": said, "guardrails": guarded});
    context.console.problems(&warnings);
    context.answer(|| format!("{said}\n{}", guardrails::lines(&guarded)), &answer)
}

/// What is to be started.
struct Asked<'a> {
    found: &'a Found,
    loaded: &'a Loaded,
    context: &'a Context<'a>,
    /// What is wrong with its versions, and what is to be said of them.
    wrong: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// What a start comes to.
struct Decided {
    /// The phases that it makes or changes.
    phases: Vec<Phase>,
    said: String,
    warnings: Vec<Problem>,
    guarded: Vec<GuardrailPlan>,
}

impl Asked<'_> {
    /// Decides and writes in one transaction: what others start, widen or stop is before it or behind it.
    fn decide_alone(&self, mut store: Box<dyn Store>) -> Result<Decided, Failure> {
        store.begin_deciding().map_err(|error| store_failed(&error))?;
        let decided = self.decide(Some(store.as_mut()))?;
        for phase in &decided.phases {
            let name = self.found.experiment.name.as_str();
            store.put_phase(name, phase).map_err(|error| store_failed(&error))?;
        }
        store.end_deciding().map_err(|error| store_failed(&error))?;
        Ok(decided)
    }

    /// Whether it may start, by what the store knows; nothing is written.
    fn decide(&self, mut store: Option<&mut (dyn Store + 'static)>) -> Result<Decided, Failure> {
        let Self { found, loaded, context, .. } = self;
        let (mut wrong, mut warnings) = (self.wrong.clone(), self.warnings.clone());
        let experiment = &found.experiment;
        let now = context.environment.now_in_milliseconds();
        let begins = experiment.start.map_or(now, |start| start.max(now));
        let phases = match &mut store {
            Some(store) => store.phases(experiment.name.as_str()).map_err(|error| store_failed(&error))?,
            None => Vec::new(),
        };
        let number = experiment.allocation.phase;
        let wanted = |started_at: Timestamp, units: u64| Phase {
            phase: number,
            allocation: experiment.allocation_digest(),
            rules: Some(experiment.rules_digest()),
            exposure_millionths: experiment.allocation.exposure.millionths(),
            planned_units: units,
            prompt: Some(experiment.prompt.to_string()),
            started_at,
            stopped: None,
        };
        let current = phases.iter().find(|phase| phase.phase == number);
        if let (None, Some(store)) = (current, store) {
            let prompt = prompts::find(loaded, experiment.prompt.as_str())?;
            wrong.extend(found.others_at_that_time(prompt, store, (begins, now))?);
            // One that no file defines would decide again as soon as its file is back.
            let gone = gone::all(loaded, store)?;
            let of_prompt =
                gone.iter().filter_map(|gone| gone.problem(|owner| owner == prompt.name().as_str()));
            wrong.extend(of_prompt.filter(Problem::is_error));
        }
        if !wrong.is_empty() {
            if current.is_none() {
                let missing = experiment.ready(begins).err();
                wrong.extend(missing.iter().flat_map(|missing| not_ready(found, missing)));
            }
            return Err(Failure::invalid(wrong));
        }
        if let Some(running) = current {
            // First what must not change: whether the plan fits other weights is beside the point.
            let phase = wanted(running.started_at, experiment.plan.units.unwrap_or(running.planned_units));
            let said = may_go_on(found, running, &phase)?;
            experiment
                .ready(running.started_at)
                .map_err(|missing| Failure::invalid(not_ready(found, &missing)))?;
            let phases = if phase == *running { Vec::new() } else { vec![phase] };
            return Ok(Decided { phases, said, warnings, guarded: Vec::new() });
        }
        let ready =
            experiment.ready(begins).map_err(|missing| Failure::invalid(not_ready(found, &missing)))?;
        let next = phases.last().map_or(1, |last| last.phase + 1);
        if number != next {
            let message = format!("the next phase is {next}, but the file says {number}");
            return Err(refused(found, message, &format!("write `phase: {next}`")));
        }
        warnings.extend(alike(found, loaded));
        warnings.extend(outlasted(found, begins, ready.end));
        let guarded = guardrails::of(found, ready.units)?;
        warnings.extend(guardrails::warnings(found, &guarded));
        let ended = phases.last().filter(|last| last.stopped.is_none()).map(|last| {
            let stopped = Some((context.environment.end_in_milliseconds(), format!("phase {number} began")));
            Phase { stopped, ..last.clone() }
        });
        let said = format!(
            "started {} phase {number} at {begins:.0}: decided after {} units, of which the plan needs {}; ends {}",
            experiment.name,
            thousands(ready.units),
            thousands(ready.needed),
            ready.end
        );
        let phases = ended.into_iter().chain([wanted(begins, ready.units)]).collect();
        Ok(Decided { phases, said, warnings, guarded })
    }
}

/// A seed that another experiment of the prompt has.
fn alike(found: &Found, loaded: &Loaded) -> Option<Problem> {
    let prompt = prompts::find(loaded, found.experiment.prompt.as_str()).ok()?;
    let all = of_prompt(prompt, &mut Vec::new());
    let is_own = |other: &Found| other.file == found.file;
    // Behind the others, whose seed it takes.
    let (own, others): (Vec<&Found>, Vec<&Found>) = all.iter().partition(|other| is_own(other));
    let alike = spread_alike(&[others, own].concat(), is_own);
    alike.into_iter().find(|(other, _)| is_own(other)).map(|(_, problem)| problem)
}

/// A window so long that no unit counts before the end.
fn outlasted(found: &Found, begins: Timestamp, end: Timestamp) -> Option<Problem> {
    let metrics = found.experiment.metrics.iter().rev();
    let (window, metric) =
        metrics.filter_map(|metric| Some((metric.window?, metric))).max_by_key(|(window, _)| *window)?;
    let closes = begins.checked_add(window).ok();
    if closes.is_some_and(|closes| closes < end) {
        return None;
    }
    let from = closes.map(|closes| format!(", from {closes} on")).unwrap_or_default();
    let message = format!(
        "the window of `{}` closes for nobody before the experiment ends at {end}: it is decided after that{from}",
        metric.name
    );
    let problem =
        Problem::warning("experiment::window", message).at(found.experiment.place_of_metric(&metric.name));
    Some(
        problem
            .help("write a shorter `window:` or a later `end:`, or wait so long with `promptassay analyze`"),
    )
}

/// What is wrong with the versions, all of it: a text that may still change would change for users in mid-phase, and an archived one is
/// never served. What was rolled back from may be tried again; that is the second list.
fn may_be_served(
    found: &Found,
    loaded: &Loaded,
    context: &Context<'_>,
) -> Result<(Vec<Problem>, Vec<Problem>), Failure> {
    let name = &found.experiment.prompt;
    let prompt = prompts::find(loaded, name.as_str())?;
    let mut wrong = found.unregistered(prompt);
    let mut warnings = Vec::new();
    if !ledger::exists(&directory_of(name, context)) {
        return Ok((wrong, warnings));
    }
    let ledger = history_of(name, context)?;
    for version in found.versions() {
        let Some(known) = ledger.state().versions().get(version) else { continue };
        if known.stage == Stage::Archived {
            let message =
                format!("{version} of `{name}` is archived, and an archived version is never served again");
            wrong.push(refusal(found, message, "add its text as a new version, and try that one"));
        } else if let Some(mark) = &known.mark {
            let why =
                mark.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", visible(reason)));
            warnings.push(
                Problem::warning(
                    "experiment::rolled_back",
                    format!("{version} of `{name}` was rolled back from at {:.0}{why}", mark.at),
                )
                .at(Place::whole_file(found.file.as_path()))
                .help("`promptassay experiment stop` ends the experiment, if that was not meant"),
            );
        }
    }
    Ok((wrong, warnings))
}

/// Whether a running phase may become the wanted one, and what that is.
fn may_go_on(found: &Found, running: &Phase, wanted: &Phase) -> Result<String, Failure> {
    let name = &found.experiment.name;
    let number = running.phase;
    let another = format!(
        "write `phase: {}` if that is meant: results before and after are then kept apart",
        number + 1
    );
    if let Some((at, reason)) = &running.stopped {
        return Err(refused(found, format!("phase {number} was stopped at {at}: {reason}"), &another));
    }
    let changes = found.experiment.changes_since(running);
    if !changes.is_empty() {
        let problem = |change: &Change| refusal(found, change.to_string(), &another);
        return Err(Failure::invalid(changes.iter().map(problem).collect()));
    }
    let share = |millionths: u32| f64::from(millionths) / 1e6;
    let (from, to) = (share(running.exposure_millionths), share(wanted.exposure_millionths));
    Ok(if to > from {
        format!("widened {name} from {from} to {to}; nobody moves")
    } else {
        format!("{name} phase {number} is running already, since {}", running.started_at)
    })
}

pub(super) fn stop(arguments: &StopArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let (name, file) = match find(&loaded, &arguments.name) {
        Ok(found) => (found.experiment.name.to_string(), Some(found.file)),
        // What was started is stopped whatever became of its file.
        Err(failure) => (by_store(arguments, &loaded)?.ok_or(failure)?, None),
    };
    if arguments.reason.trim().is_empty() {
        let problem = Problem::error("experiment::no_reason", "this needs a reason");
        return Err(Failure::invalid_one(
            problem.help("write after `--reason` why it ends; `analyze` shows it"),
        ));
    }
    let refused = |message: String, help: &str| {
        let problem = Problem::error("experiment::refused", message).help(help);
        Failure::invalid_one(match &file {
            Some(file) => problem.at(Place::whole_file(file.as_path())),
            None => problem,
        })
    };
    let mut store = arguments.store.open_existing(&loaded)?;
    store.begin_deciding().map_err(|error| store_failed(&error))?;
    let phases = store.phases(&name).map_err(|error| store_failed(&error))?;
    let Some(running) = phases.last() else {
        let message = format!("`{name}` was never started");
        return Err(refused(message, "`promptassay experiment start` starts it"));
    };
    if let Some((at, reason)) = &running.stopped {
        let message = format!("phase {} was stopped already, at {at}: {}", running.phase, visible(reason));
        return Err(refused(message, "it stays stopped, for that reason"));
    }
    let now = context.environment.end_in_milliseconds();
    let stopped = Some((now, arguments.reason.clone()));
    store
        .put_phase(&name, &Phase { stopped, ..running.clone() })
        .and_then(|_| store.end_deciding())
        .map_err(|error| store_failed(&error))?;
    let answer =
        json!({"experiment": name, "phase": running.phase, "stopped_at": now, "reason": arguments.reason});
    context.answer(|| format!("stopped {name} phase {}\n", running.phase), &answer)
}

/// The experiment of this name that was started and has no sound file, by the store.
fn by_store(arguments: &StopArguments, loaded: &Loaded) -> Result<Option<String>, Failure> {
    let (prompt, name) = match arguments.name.split_once('/') {
        Some((prompt, name)) => (Some(prompt), name),
        None => (None, arguments.name.as_str()),
    };
    let Some(mut store) = arguments.store.look_if_there(loaded)? else { return Ok(None) };
    let begun = store.begun().map_err(|error| store_failed(&error))?;
    let is_meant =
        |phase: &&Phase| prompt.is_none() || phase.prompt.is_none() || phase.prompt.as_deref() == prompt;
    Ok(begun.get(name).filter(is_meant).map(|_| name.to_owned()))
}
