//! `--served`: what users are served is judged, whatever newer versions the tree holds.

use jiff::Timestamp;
use promptassay_evaluator::plan::ChosenVersions;
use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::serving::{NotServed, Served};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Prompt;
use promptassay_registry::version::Version;

/// What of a prompt is served at this time, each version alone: a canary that is compared with a version which got worse itself would
/// look better than it is. `None`, with the reason among the problems, where nothing can be judged; that nothing is served is a mistake
/// where this very prompt is asked for.
pub(super) fn chosen(
    prompt: &Prompt,
    is_asked_for: bool,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> Option<ChosenVersions> {
    let ledger = if ledger::exists(prompt.directory()) {
        match Ledger::read(prompt.directory(), prompt.name()) {
            Ok(ledger) => Some(ledger),
            Err(problem) => {
                problems.push(*problem);
                return None;
            }
        }
    } else {
        None
    };
    match Served::of(prompt, ledger.as_ref(), None) {
        Ok(served) => {
            let origin = if served.head.is_some() { "in production" } else { "active" };
            let canary = served.canary.filter(|canary| !canary.settings.expired(now));
            let canary = canary.map(|canary| (canary.arm.version, canary.settings.basis_points.to_string()));
            Some(alone(served.production.version, origin, canary))
        }
        // Whoever names no version is served the newest one.
        Err(NotServed::Latest { .. }) => {
            let active = prompt.active_version().ok()?;
            Some(alone(active.version.clone(), "active", None))
        }
        Err(error) => {
            let message = format!("what is served cannot be judged: {error}");
            let is_unserved = matches!(error, NotServed::NothingInProduction { .. });
            let problem = if is_unserved && !is_asked_for {
                Problem::warning("eval::not_served", message)
            } else {
                Problem::error("eval::not_served", message)
            };
            problems.push(problem.at(Place::whole_file(prompt.document().file())).help(error.help()));
            None
        }
    }
}

fn alone(version: Version, origin: &str, canary: Option<(Version, String)>) -> ChosenVersions {
    let (why, canary) = match canary {
        Some((canary, share)) => (
            format!("{version} is {origin}, {canary} is a canary for {share} of users; each is judged alone"),
            Some(canary),
        ),
        None => (format!("{version} is {origin}, and judged alone"), None),
    };
    ChosenVersions { baseline: None, candidates: std::iter::once(version).chain(canary).collect(), why }
}
