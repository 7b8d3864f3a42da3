//! The Rust of docs/lifecycle.md that needs two crates which do not know each other.
#![expect(unreachable_pub, reason = "as a program would have it")]

use jiff::Timestamp;
use promptassay_experiments::assignment::Assignment;
use promptassay_experiments::definition::{Change, Experiment};
use promptassay_experiments::store::Phase;
use promptassay_lifecycle::live::LiveState;
use promptassay_registry::memory::Rendering;
use promptassay_registry::template::Values;

/// Whether an experiment runs, and serves as it was started. `phases` are those that the store has of it: look with every reload.
pub fn runs(experiment: &Experiment, phases: &[Phase], now: Timestamp) -> bool {
    let is_open =
        experiment.start.is_none_or(|start| start <= now) && experiment.end.is_none_or(|end| now < end);
    let is_started = |phase: &Phase| {
        phase.phase == experiment.allocation.phase
            && phase.started_at <= now
            && phase.stopped.as_ref().is_none_or(|(stopped, _)| now < *stopped)
            && !experiment.changes_since(phase).into_iter().any(Change::moves_units)
    };
    is_open && phases.last().is_some_and(is_started)
}

/// What a user is served, and the name of the variant, whose exposure is recorded: an experiment that runs, then the canary, then
/// production.
pub fn serve<'a>(
    state: &LiveState,
    running: Option<&'a Experiment>,
    prompt: &str,
    user: &str,
    values: &Values,
    now: Timestamp,
) -> Result<(Rendering, Option<&'a str>), Box<dyn std::error::Error>> {
    if let Some(experiment) = running
        && let Assignment::Variant(index) = experiment.assign(user.as_bytes())?
    {
        let variant = &experiment.variants[index];
        let version = state.tree().find(prompt)?.version(&variant.version).ok_or("no such version")?;
        return Ok((version.render(values)?, Some(&variant.name)));
    }
    Ok((state.resolve(prompt, Some(user), now)?.render(values)?, None))
}
