//! Events, grounds and canaries in words, and as JSON.

use jiff::Timestamp;
use promptassay_evaluator::attempts::Attempt;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::event::{Change, Event, Grounds, Verb};
use promptassay_lifecycle::evidence::{self, EvidenceSummary};
use promptassay_lifecycle::stage::Move;
use promptassay_lifecycle::state::RunningCanary;
use serde_json::{Value, json};

use crate::table::count;

/// What an event did: `testing → canary  5 % until 2026-12-01T10:00:00Z`.
pub(crate) fn change_of(event: &Event) -> String {
    let canary = event
        .change
        .canary()
        .map(|canary| format!("{} of users until {}", canary.basis_points, canary.expires_at));
    match (&event.change, canary) {
        (Change::Widen(_), Some(canary)) => format!("canary widened to {canary}"),
        (Change::Move(Move::Adopt, _), _) => "adopted: it is in production already".to_owned(),
        (Change::Move(Move::Deprecate, _), _) if event.command == Verb::Rollback => {
            "production → deprecated, rolled back from".to_owned()
        }
        (change, canary) => match change.step() {
            Some(step) => {
                let canary = canary.map(|canary| format!("  {canary}")).unwrap_or_default();
                format!("{} → {}{canary}", step.from(), step.to())
            }
            None => String::new(),
        },
    }
}

/// What allowed a move, where there is something to say.
pub(crate) fn grounds_of(grounds: &Grounds) -> Option<String> {
    match grounds {
        Grounds::Policy => None,
        Grounds::BreakGlass => Some("GLASS BROKEN: moved without evidence".to_owned()),
        Grounds::Evidence(summary) => Some(evidence_of(summary)),
    }
}

/// Which attempt it was, in the words of the reports.
fn attempt_of(attempt: evidence::Attempt) -> Attempt {
    let evidence::Attempt { number, earlier_failed } = attempt;
    Attempt { number, earlier_failed }
}

fn evidence_of(summary: &EvidenceSummary) -> String {
    let models = summary.models.iter().map(|model| {
        let cases = usize::try_from(model.cases).unwrap_or(usize::MAX);
        let row = visible(&model.row);
        let attempt = model.attempt.map(|attempt| format!(" ({})", attempt_of(attempt))).unwrap_or_default();
        format!("{} of {} passed on {row}{attempt}", model.passed, count(cases, "case"))
    });
    let models: Vec<String> = models.collect();
    format!("evidence: {}; replies {}; run {}", models.join(", "), summary.replies, visible(&summary.run))
}

/// A labelled value, with its further lines below the first. Whatever somebody else wrote must be [`visible`] already.
pub(crate) fn field(indent: usize, label: &str, value: &str) -> String {
    let mut text = String::new();
    for (index, part) in value.lines().enumerate() {
        let label = if index == 0 { label } else { "" };
        let line = format!("{:indent$}{label:<10}{part}", "");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A canary for programs.
pub(crate) fn canary_json(running: &RunningCanary) -> Value {
    json!({
        "version": running.version,
        "basis_points": running.settings.basis_points,
        "salt": running.settings.salt,
        "since": running.since,
        "expires_at": running.settings.expires_at,
    })
}

/// A canary for people.
pub(crate) fn canary_text(running: &RunningCanary, now: Timestamp) -> String {
    let settings = &running.settings;
    if settings.expired(now) {
        format!("expired at {}: nobody is served it", settings.expires_at)
    } else {
        format!("{} of users until {}", settings.basis_points, settings.expires_at)
    }
}
