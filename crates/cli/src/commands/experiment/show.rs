//! Looking at experiments: what is defined, and what the store knows of it.

use std::fmt::Write as _;

use jiff::Timestamp;
use promptassay_experiments::definition::{Direction, Experiment, Plan, Role};
use promptassay_experiments::duration;
use promptassay_experiments::store::{Phase, Store};
use promptassay_registry::problem::{Problem, has_errors};
use serde::Serialize;

use super::{ListArguments, ShowArguments};
use crate::commands::Context;
use crate::exit::Exit;
use crate::experiments::gone::{self, Gone};
use crate::experiments::{Found, Standing, find, of_prompt, store_failed};
use crate::failure::Failure;
use crate::table::{STRONG, columns};

/// Whether an experiment runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Nobody started this phase.
    NotStarted,
    /// It begins later.
    Scheduled,
    /// It runs.
    Running,
    /// It runs, but the file says something else by now.
    Changed,
    /// It runs, but no file defines it.
    Gone,
    /// Nobody stopped it, but the end that its file writes down is past.
    Ended,
    /// Somebody stopped it.
    Stopped,
}

#[derive(Serialize)]
struct Row {
    name: String,
    /// `null` of one that an older program started and that has no file by now.
    prompt: Option<String>,
    state: State,
    variants: Vec<VariantRow>,
    control: Option<String>,
    phase: u32,
    scheme: Option<&'static str>,
    unit: Option<String>,
    exposure: f64,
    primary: Option<String>,
    metrics: Vec<MetricRow>,
    plan: Plan,
    planned_units: Option<u64>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    phases: Vec<PhaseRow>,
    description: Option<String>,
}

#[derive(Serialize)]
struct VariantRow {
    name: String,
    version: String,
    weight: f64,
    effective_share: f64,
}

#[derive(Serialize)]
struct MetricRow {
    name: String,
    kind: &'static str,
    role: Role,
    direction: Option<Direction>,
    margin: Option<f64>,
    window: Option<String>,
}

#[derive(Serialize)]
struct PhaseRow {
    phase: u32,
    exposure: f64,
    planned_units: u64,
    started_at: Timestamp,
    stopped_at: Option<Timestamp>,
    reason: Option<String>,
}

fn row(experiment: &Experiment, phases: &[Phase], now: Timestamp) -> Row {
    let allocation = &experiment.allocation;
    let is_over = experiment.end.is_some_and(|end| end <= now);
    let state = match Standing::of(experiment, phases, now) {
        Standing::Runs | Standing::Changed(_) | Standing::Later(_) if is_over => State::Ended,
        Standing::NotStarted => State::NotStarted,
        Standing::Stopped(..) => State::Stopped,
        Standing::Changed(_) | Standing::OtherPhase(_) => State::Changed,
        Standing::Later(_) => State::Scheduled,
        Standing::Runs => State::Running,
    };
    let shares = experiment.effective_shares();
    let variants = experiment.variants.iter().zip(shares).map(|(variant, effective_share)| VariantRow {
        name: variant.name.clone(),
        version: variant.version.to_string(),
        weight: variant.weight,
        effective_share,
    });
    let metrics = experiment.metrics.iter().map(|metric| MetricRow {
        name: metric.name.clone(),
        kind: metric.kind.name(),
        role: metric.role,
        direction: metric.direction,
        margin: metric.margin,
        window: metric.window.map(duration::show),
    });
    Row {
        name: experiment.name.as_str().to_owned(),
        prompt: Some(experiment.prompt.to_string()),
        state,
        variants: variants.collect(),
        control: Some(experiment.variants[experiment.control].name.clone()),
        phase: allocation.phase,
        scheme: Some(allocation.scheme.name()),
        unit: Some(allocation.unit_type.clone()),
        exposure: allocation.exposure.share(),
        primary: experiment.primary().map(|metric| metric.name.clone()),
        metrics: metrics.collect(),
        plan: experiment.plan,
        planned_units: experiment.plan.units,
        start: experiment.start,
        end: experiment.end,
        phases: phases.iter().map(phase_row).collect(),
        description: experiment.description.clone(),
    }
}

fn phase_row(phase: &Phase) -> PhaseRow {
    PhaseRow {
        phase: phase.phase,
        exposure: f64::from(phase.exposure_millionths) / 1e6,
        planned_units: phase.planned_units,
        started_at: phase.started_at,
        stopped_at: phase.stopped.as_ref().map(|(at, _)| *at),
        reason: phase.stopped.as_ref().map(|(_, reason)| reason.clone()),
    }
}

/// What the store knows of one that no file defines.
fn row_of_gone(gone: Gone, phases: &[Phase]) -> Row {
    let Gone { name, phase, .. } = gone;
    Row {
        name,
        prompt: phase.prompt,
        state: State::Gone,
        variants: Vec::new(),
        control: None,
        phase: phase.phase,
        scheme: None,
        unit: None,
        exposure: f64::from(phase.exposure_millionths) / 1e6,
        primary: None,
        metrics: Vec::new(),
        plan: Plan { units: Some(phase.planned_units), ..Plan::default() },
        planned_units: Some(phase.planned_units),
        start: None,
        end: None,
        phases: phases.iter().map(phase_row).collect(),
        description: None,
    }
}

/// What the store knows of an experiment; nothing where there is no store yet.
fn phases(store: Option<&mut Box<dyn Store>>, experiment: &str) -> Result<Vec<Phase>, Failure> {
    store.map_or(Ok(Vec::new()), |store| store.phases(experiment).map_err(|error| store_failed(&error)))
}

pub(super) fn list(arguments: &ListArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    context.repository()?;
    let loaded = context.load();
    // A prompt that cannot be read hides its experiments, and that is said.
    let mut problems: Vec<Problem> =
        loaded.problems.iter().filter(|problem| problem.is_error()).cloned().collect();
    arguments.store.warn_where_emptied(&loaded, context)?;
    let mut store = arguments.store.look_if_there(&loaded)?;
    let now = context.environment.now();
    let mut rows = loaded
        .tree
        .prompts()
        .flat_map(|prompt| of_prompt(prompt, &mut problems))
        .map(|Found { experiment, .. }| {
            Ok(row(&experiment, &phases(store.as_mut(), experiment.name.as_str())?, now))
        })
        .collect::<Result<Vec<Row>, Failure>>()?;
    if let Some(store) = &mut store {
        for gone in gone::all(&loaded, store.as_mut())? {
            let phases = phases(Some(store), &gone.name)?;
            rows.push(row_of_gone(gone, &phases));
        }
    }
    context.answer(|| table(&rows, context.console.color), &rows)?;
    if rows.is_empty() && !has_errors(&problems) {
        context.console.note(
            "there is no experiment; `promptassay experiment new PROMPT NAME --treatment VERSION` writes one",
        );
    }
    if has_errors(&problems) { Err(Failure::invalid(problems)) } else { Ok(Exit::Success) }
}

fn table(rows: &[Row], color: bool) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut cells =
        vec![["EXPERIMENT", "PROMPT", "STATE", "PHASE", "PRIMARY", "VARIANTS"].map(str::to_owned).to_vec()];
    for row in rows {
        let variants: Vec<String> = row
            .variants
            .iter()
            .map(|variant| format!("{} {} {}", variant.name, variant.version, variant.weight))
            .collect();
        cells.push(vec![
            row.name.clone(),
            row.prompt.clone().unwrap_or_else(|| "-".to_owned()),
            state(row.state).to_owned(),
            row.phase.to_string(),
            row.primary.clone().unwrap_or_else(|| "-".to_owned()),
            if variants.is_empty() { "-".to_owned() } else { variants.join(", ") },
        ]);
    }
    columns(&cells, &[STRONG], 0, color)
}

fn state(state: State) -> &'static str {
    match state {
        State::NotStarted => "not started",
        State::Scheduled => "scheduled",
        State::Running => "running",
        State::Changed => "running, changed",
        State::Gone => "running, file gone",
        State::Ended => "ended",
        State::Stopped => "stopped",
    }
}

pub(super) fn show(arguments: &ShowArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let found = find(&loaded, &arguments.name);
    arguments.store.warn_where_emptied(&loaded, context)?;
    let mut store = arguments.store.look_if_there(&loaded)?;
    let row = match found {
        Ok(Found { experiment, .. }) => {
            let phases = phases(store.as_mut(), experiment.name.as_str())?;
            row(&experiment, &phases, context.environment.now())
        }
        // What the store knows of one without a file is better than nothing.
        Err(failure) => {
            let gone = store.as_mut().map(|store| gone::all(&loaded, store.as_mut())).transpose()?;
            let gone = gone.unwrap_or_default().into_iter().find(|gone| gone.name == arguments.name);
            let gone = gone.ok_or(failure)?;
            let phases = phases(store.as_mut(), &gone.name)?;
            row_of_gone(gone, &phases)
        }
    };
    context.answer(|| page(&row, context.console.color), &row)
}

fn page(row: &Row, color: bool) -> String {
    let or_dash = |shown: Option<String>| shown.unwrap_or_else(|| "-".to_owned());
    let prompt = or_dash(row.prompt.clone());
    let mut text = format!("{} ({prompt})   phase {}   {}\n", row.name, row.phase, state(row.state));
    if let Some(description) = &row.description {
        let _ = writeln!(text, "{description}");
    }
    let time = |at: Option<Timestamp>| or_dash(at.map(|at| at.to_string()));
    let number = |number: Option<f64>| or_dash(number.map(|number| number.to_string()));
    let plan = &row.plan;
    let mut planned = vec![
        format!("{} units", or_dash(plan.units.map(|units| units.to_string()))),
        format!("smallest effect {}", number(plan.smallest_effect)),
    ];
    planned.extend(plan.baseline.map(|rate| format!("baseline {rate}")));
    planned.extend(plan.sd.map(|sd| format!("standard deviation {sd}")));
    let by = row.scheme.zip(row.unit.as_ref()).map(|(scheme, unit)| format!("{scheme} by {unit}"));
    let pairs = [
        ("assignment", format!("{}, exposure {}", or_dash(by), row.exposure)),
        ("plan", planned.join(", ")),
        ("start", time(row.start)),
        ("end", time(row.end)),
    ];
    let pairs: Vec<Vec<String>> = pairs.into_iter().map(|(key, value)| vec![key.to_owned(), value]).collect();
    text.push_str(&columns(&pairs, &[], 2, color));
    let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let mut variants = vec![header(&["VARIANT", "VERSION", "WEIGHT", "SHARE", ""])];
    variants.extend(row.variants.iter().map(|variant| {
        let share = format!("{:.4}", 100.0 * variant.effective_share);
        vec![
            variant.name.clone(),
            variant.version.clone(),
            variant.weight.to_string(),
            format!("{} %", share.trim_end_matches('0').trim_end_matches('.')),
            if Some(&variant.name) == row.control.as_ref() { "control" } else { "" }.to_owned(),
        ]
    }));
    let mut metrics = vec![header(&["METRIC", "KIND", "ROLE", "BETTER", "MARGIN", "WINDOW"])];
    metrics.extend(row.metrics.iter().map(|metric| {
        let role = match metric.role {
            Role::Primary => "primary",
            Role::Success => "success",
            Role::Guardrail => "guardrail",
            Role::Descriptive => "descriptive",
        };
        let better = match metric.direction {
            Some(Direction::Higher) => "higher",
            Some(Direction::Lower) => "lower",
            None => "-",
        };
        vec![
            metric.name.clone(),
            metric.kind.to_owned(),
            role.to_owned(),
            better.to_owned(),
            number(metric.margin),
            or_dash(metric.window.clone()),
        ]
    }));
    for rows in [variants, metrics].iter().filter(|rows| rows.len() > 1) {
        let _ = write!(text, "\n{}", columns(rows, &[STRONG], 2, color));
    }
    if !row.phases.is_empty() {
        let mut phases = vec![header(&["PHASE", "UNITS", "EXPOSURE", "STARTED", "STOPPED"])];
        phases.extend(row.phases.iter().map(|phase| {
            let stopped = phase.stopped_at.zip(phase.reason.as_ref());
            vec![
                phase.phase.to_string(),
                phase.planned_units.to_string(),
                phase.exposure.to_string(),
                // To the second, as wide in every row; JSON has it in full.
                format!("{:.0}", phase.started_at),
                or_dash(stopped.map(|(at, reason)| format!("{at:.0}: {}", reason.escape_debug()))),
            ]
        }));
        let _ = write!(text, "\n{}", columns(&phases, &[], 2, color));
    }
    text
}
