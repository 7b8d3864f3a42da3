//! Finds what the commands about a canary's users are about: the canary of the ledger, and the policy that guards it.

use jiff::{SignedDuration, Timestamp};
use promptassay_experiments::canary::{Canary, GuardPolicy, Step};
use promptassay_experiments::store::Store;
use promptassay_lifecycle::event::Change;
use promptassay_lifecycle::ledger::{Ledger, Line};
use promptassay_lifecycle::policy::{self, Policy};
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Problem, did_you_mean, has_errors};
use promptassay_registry::tree::Loaded;
use promptassay_registry::version::Version;

use crate::commands::Context;
use crate::experiments::store_failed;
use crate::failure::Failure;
use crate::lifecycle::find_live;

/// The canary that runs, expired or not.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) prompt: PromptName,
    pub(crate) version: Version,
    /// The head of the ledger that it was read from.
    pub(crate) head: Option<Digest>,
    pub(crate) canary: Canary,
    pub(crate) policy: GuardPolicy,
}

/// The canary of a prompt. A draft with a mistake stands in nobody's way: the canary is served, so what became of its users is recorded.
pub(crate) fn find(loaded: &Loaded, name: &str, context: &Context<'_>) -> Result<Found, Failure> {
    let (prompt, of_drafts) = find_live(loaded, name)?;
    context.console.problems(&of_drafts);
    let ledger =
        Ledger::read(prompt.directory(), prompt.name()).map_err(|problem| Failure::invalid_one(*problem))?;
    if !ledger.faults().is_empty() {
        return Err(Failure::invalid(ledger.problems()));
    }
    let running = ledger.state().canary().ok_or_else(|| {
        Failure::invalid_one(
            Problem::error("canary::none", format!("no canary of `{}` runs", prompt.name()))
                .help(format!("`promptassay canary {} VERSION --percent P` starts one", prompt.name())),
        )
    })?;
    let mut problems = Vec::new();
    let policy = match &loaded.tree.registry().document {
        Some(document) => Policy::read(document, &mut problems),
        None => Policy::default(),
    };
    let registry = loaded.tree.registry();
    let keys = registry.document.as_ref().map(|document| document.keys_at(&[])).unwrap_or_default();
    if !keys.iter().any(|(key, _)| *key == policy::KEY) {
        // What cannot be read, or is misspelt, may well name the guardrails.
        problems.extend(registry.unclear.iter().cloned());
    }
    if has_errors(&problems) {
        return Err(Failure::invalid(problems));
    }
    Ok(Found {
        prompt: prompt.name().clone(),
        version: running.version.clone(),
        head: ledger.head().copied(),
        canary: canary(prompt.name(), ledger.lines(), &running.settings.salt, running.settings.expires_at),
        policy: GuardPolicy { guardrails: policy.guardrails, max_failure_rate: policy.max_failure_rate },
    })
}

/// The canary with this salt: a step for each share that the ledger gave it.
fn canary(prompt: &PromptName, lines: &[Line], salt: &str, expires_at: Timestamp) -> Canary {
    let steps = lines
        .iter()
        .filter_map(|line| match &line.event.change {
            Change::StartCanary(settings, _) | Change::Widen(settings) if settings.salt == salt => {
                let basis_points = u32::from(settings.basis_points.basis_points());
                Some(Step { basis_points, from: begin(line.event.at) })
            }
            _ => None,
        })
        .collect();
    Canary { id: format!("{prompt}:{salt}"), salt: salt.to_owned(), steps, expires_at }
}

/// From when a step counts: whom it serves, it did not serve before. A ledger of earlier versions has the time cut to the second, and so the
/// step began somewhere within it.
fn begin(at: Timestamp) -> Timestamp {
    let is_cut = at.subsec_nanosecond() == 0;
    if is_cut { at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at) } else { at }
}

impl Found {
    /// Whether an exposure of this user is recorded from then or before.
    pub(crate) fn has_served(
        &self,
        unit: &[u8],
        at: Timestamp,
        store: &mut dyn Store,
    ) -> Result<bool, Failure> {
        for (step, _) in (1..).zip(&self.canary.steps) {
            let first = store.first_exposure(&self.canary.store_name(), step, unit);
            if first.map_err(|error| store_failed(&error))?.is_some_and(|first| first <= at) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How to see whether what serves spreads users as this program does.
    pub(crate) fn compare_arms(&self) -> String {
        format!(
            "`promptassay resolve {} --unit ID --at TIME` says what it gives; where many differ, what serves spreads users otherwise, or does not know of the canary",
            self.prompt
        )
    }

    /// Whether a guardrail of this name is in the policy.
    pub(crate) fn must_guard(&self, guardrail: &str) -> Result<(), Failure> {
        let known = &self.policy.guardrails;
        if known.iter().any(|name| name == guardrail) {
            return Ok(());
        }
        let message = format!("the policy names no guardrail `{}`", guardrail.escape_debug());
        let help = if known.is_empty() {
            format!("write `lifecycle: {{guardrails: [{guardrail}]}}` into registry.yaml")
        } else {
            did_you_mean(guardrail, known.iter().map(String::as_str), "guardrails")
        };
        Err(Failure::invalid_one(Problem::error("canary::guardrail", message).help(help)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_from_when_it_surely_served() {
        let begin = |at: &str| begin(at.parse().unwrap()).to_string();
        assert_eq!(begin("2026-11-20T14:05:00.913Z"), "2026-11-20T14:05:00.913Z");
        assert_eq!(begin("2026-11-20T14:05:00Z"), "2026-11-20T14:05:01Z", "it may be of 14:05:00.999");
    }
}
