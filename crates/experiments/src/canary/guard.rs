//! Judging a canary: evidence of harm first, then whether the arms can be trusted, then what is missing before it goes on.

mod reasons;
mod silence;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use promptassay_stats::canary::{CanaryStep as StepEvidence, canary_ln_e_value};
use promptassay_stats::proportion::clopper_pearson;
use promptassay_stats::{Confidence, Undefined};
use serde::Serialize;

pub use reasons::{LEAST_EXPOSED, LEAST_LAST_STEP};
pub use silence::WouldShow;

use super::{Arm, Canary, text};
use crate::event::Event;
use crate::store::{Store, StoreError};
use reasons::{unhealthy, why_wait};

/// The evidence, per guardrail, at which a canary goes back.
pub const ROLL_BACK_AT: f64 = 100.0;
/// The evidence, per guardrail, at which it waits and somebody is called.
pub const HOLD_AT: f64 = 20.0;
/// Without so many failing canary users nothing goes back.
pub const LEAST_FAILING: u64 = 5;

/// What is asked of a canary before it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardPolicy {
    /// The guardrails, by name, at least one.
    pub guardrails: Vec<String>,
    /// The largest failure rate that is bearable, 0 to 1; without one a canary never goes on.
    pub max_failure_rate: Option<f64>,
}

/// What to do with a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardVerdict {
    /// It harms: exit code 1.
    RollBack,
    /// The arms are not what they should be: exit code 4.
    Unhealthy,
    /// Wait: exit code 3.
    Hold,
    /// It may go on: exit code 0.
    Promote,
}

/// One guardrail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardrailReport {
    /// Its name.
    pub name: String,
    /// The evidence now, as its natural logarithm.
    pub ln_e: f64,
    /// The largest evidence ever, as its natural logarithm.
    pub largest_ln_e: f64,
    /// Canary users whose first failure was in the canary: what the evidence counts.
    pub canary_failing: u64,
    /// Production users that failed, each counted once.
    pub production_failing: u64,
    /// Those of both that no exposure is recorded of. They count, because a version may fail before it says whom it was served to; where they
    /// are many, failures that have nothing to do with the prompt hide those that have.
    pub failing_unexposed: u64,
    /// Canary users of whom an outcome in the canary is known: exposed ones, and failing ones in any case.
    pub canary_known: u64,
    /// Those of them that failed there, also where they had failed in production before.
    pub canary_failed: u64,
    /// The upper end of the failure rate of those that are known, at 95 %; `None` where only failures are known.
    pub failure_rate_at_most: Option<f64>,
}

/// Everything that is known about a canary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardReport {
    /// What to do.
    pub verdict: GuardVerdict,
    /// Why; the first reason decided.
    pub reasons: Vec<String>,
    /// The moment that it is about.
    pub at: Timestamp,
    /// The share of users that the canary has at that moment, in [0, 1]; 0 where it has expired.
    pub share: f64,
    /// Users that were served the canary, in all steps.
    pub canary_exposed: u64,
    /// Users that were served production, in all steps; whoever was served the canary later is among them.
    pub production_exposed: u64,
    /// The guardrails.
    pub guardrails: Vec<GuardrailReport>,
    /// How soon harm shows at the share of that moment; `None` where the canary has expired.
    pub would_show: Option<WouldShow>,
}

/// Why a canary cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to guard by.
    #[error("no guardrail is named, so nothing guards the canary")]
    NoGuardrail,
    /// A share is not between 0 and 1.
    #[error("the canary's steps make no sense: {0}")]
    Undefined(#[from] Undefined),
}

#[derive(Default)]
struct Seen {
    canary_units: HashSet<Vec<u8>>,
    production_units: HashSet<Vec<u8>>,
    /// By step: exposed units, canary and production.
    exposed: BTreeMap<u32, [u64; 2]>,
    /// Units that were exposed in the last step, canary and production.
    exposed_last: [HashSet<Vec<u8>>; 2],
    /// By guardrail: the first failure of each unit.
    failures: HashMap<String, HashMap<Vec<u8>, Timestamp>>,
    /// By guardrail: units of the canary with an outcome, and whether one of theirs was a failure.
    known: HashMap<String, HashMap<Vec<u8>, bool>>,
    /// By guardrail: units with an outcome in the last step, canary and production. What is known of one guardrail says nothing of another.
    answered: HashMap<String, [HashSet<Vec<u8>>; 2]>,
    /// The guardrails of which an outcome that is no failure was seen: else nobody knows whether outcomes are lost.
    with_good_outcomes: HashSet<String>,
    /// What the policy does not name, with how many outcomes: only guardrails are recorded of a canary, so each was one.
    unguarded: BTreeMap<String, u64>,
}

/// Users of the canary of whom something is known, and those of them that failed in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) users: u64,
    pub(super) failed: u64,
}

impl Seen {
    /// What is known of canary users in a guardrail. A failing one counts also where nothing says that it was exposed: that can only make
    /// the rate larger.
    fn known_of(&self, guardrail: &str) -> Known {
        let units = self.known.get(guardrail).into_iter().flatten();
        let mut known = Known::default();
        for (_, failed) in units.filter(|(unit, failed)| **failed || self.canary_units.contains(*unit)) {
            known.users += 1;
            known.failed += u64::from(*failed);
        }
        known
    }

    fn failing_unexposed(&self, guardrail: &str) -> u64 {
        let failing = self.failures.get(guardrail).into_iter().flatten();
        let is_exposed = |unit| self.canary_units.contains(unit) || self.production_units.contains(unit);
        failing.filter(|(unit, _)| !is_exposed(*unit)).count() as u64
    }
}

/// Judges a canary as of `now`.
pub fn check(
    canary: &Canary,
    policy: &GuardPolicy,
    store: &mut dyn Store,
    now: Timestamp,
) -> Result<GuardReport, GuardError> {
    if policy.guardrails.is_empty() {
        return Err(GuardError::NoGuardrail);
    }
    let seen = read(canary, policy, store, now)?;
    let exposed = seen.canary_units.len() as u64;
    let guardrails = policy
        .guardrails
        .iter()
        .map(|name| {
            let mut guardrail = guardrail(canary, name, seen.failures.get(name), seen.known_of(name))?;
            guardrail.report.failing_unexposed = seen.failing_unexposed(name);
            Ok(guardrail)
        })
        .collect::<Result<Vec<_>, Undefined>>()?;
    let count = policy.guardrails.len() as f64;
    let (mut reasons, verdict);
    if let Some(harmed) = guardrails.iter().find(|report| report.rolls_back(count)) {
        verdict = GuardVerdict::RollBack;
        let (inside, outside) = (harmed.report.canary_failing, harmed.report.production_failing);
        let evidence = text::evidence(harmed.largest_with_enough);
        reasons = vec![format!(
            "`{}` fails more often in the canary: {inside} of {} failing users; evidence {evidence}, and {:.0} rolls back",
            harmed.report.name,
            inside + outside,
            ROLL_BACK_AT * count
        )];
    } else {
        reasons = unhealthy(canary, policy, &seen)?;
        if reasons.is_empty() {
            reasons = why_wait(canary, policy, &seen, &guardrails, now);
            verdict = if reasons.is_empty() { GuardVerdict::Promote } else { GuardVerdict::Hold };
        } else {
            verdict = GuardVerdict::Unhealthy;
        }
    }
    if reasons.is_empty() {
        reasons.push(format!("{exposed} users were served the canary, and no guardrail speaks against it"));
    }
    let guardrails = guardrails.into_iter().map(|guardrail| guardrail.report).collect();
    let basis_points = canary.step(now).map_or(0, |(_, step)| step.basis_points);
    let share = f64::from(basis_points) / 10_000.0;
    let would_show = if basis_points > 0 { Some(WouldShow::at(share, count)?) } else { None };
    Ok(GuardReport {
        verdict,
        reasons,
        at: now,
        share,
        canary_exposed: exposed,
        production_exposed: seen.production_units.len() as u64,
        guardrails,
        would_show,
    })
}

fn read(
    canary: &Canary,
    policy: &GuardPolicy,
    store: &mut dyn Store,
    now: Timestamp,
) -> Result<Seen, StoreError> {
    let mut seen = Seen::default();
    let last = canary.steps.len();
    store.events(&canary.store_name(), &mut |event| match event {
        Event::Exposure(exposure) if exposure.at <= now => {
            // Derived again: what was written down may come from another time.
            let Some(((step, _), arm)) =
                canary.step(exposure.at).zip(canary.arm(&exposure.unit, exposure.at))
            else {
                return;
            };
            seen.exposed.entry(step).or_default()[usize::from(arm == Arm::Production)] += 1;
            if step as usize == last {
                seen.exposed_last[usize::from(arm == Arm::Production)].insert(exposure.unit.clone());
            }
            let units = match arm {
                Arm::Canary => &mut seen.canary_units,
                Arm::Production => &mut seen.production_units,
            };
            units.insert(exposure.unit);
        }
        Event::Outcome(outcome) if outcome.at <= now && !policy.guardrails.contains(&outcome.series) => {
            *seen.unguarded.entry(outcome.series).or_default() += 1;
        }
        Event::Outcome(outcome) if outcome.at <= now => {
            let Some(((step, _), arm)) = canary.step(outcome.at).zip(canary.arm(&outcome.unit, outcome.at))
            else {
                return;
            };
            if arm == Arm::Canary {
                let known = seen.known.entry(outcome.series.clone()).or_default();
                *known.entry(outcome.unit.clone()).or_default() |= outcome.value != 0.0;
            }
            if step as usize == last {
                let answered = seen.answered.entry(outcome.series.clone()).or_default();
                answered[usize::from(arm == Arm::Production)].insert(outcome.unit.clone());
            }
            if outcome.value == 0.0 {
                seen.with_good_outcomes.insert(outcome.series);
            } else {
                let failures = seen.failures.entry(outcome.series).or_default();
                let first = failures.entry(outcome.unit).or_insert(outcome.at);
                *first = outcome.at.min(*first);
            }
        }
        Event::Exposure(_) | Event::Outcome(_) => {}
    })?;
    Ok(seen)
}

pub(super) struct Guardrail {
    report: GuardrailReport,
    /// The largest ln of the evidence while enough canary users had failed.
    largest_with_enough: f64,
}

impl Guardrail {
    pub(super) fn rolls_back(&self, guardrails: f64) -> bool {
        self.largest_with_enough >= (ROLL_BACK_AT * guardrails).ln()
    }
}

pub(super) fn guardrail(
    canary: &Canary,
    name: &str,
    failures: Option<&HashMap<Vec<u8>, Timestamp>>,
    known: Known,
) -> Result<Guardrail, Undefined> {
    let mut in_order: Vec<(Timestamp, &[u8])> =
        failures.into_iter().flatten().map(|(unit, at)| (*at, unit.as_slice())).collect();
    in_order.sort_unstable();
    let mut evidence: Vec<StepEvidence> = canary
        .steps
        .iter()
        .map(|step| StepEvidence {
            share: f64::from(step.basis_points) / 10_000.0,
            canary_failing: 0,
            production_failing: 0,
        })
        .collect();
    let mut ln_e = canary_ln_e_value(&evidence)?;
    let (mut largest, mut largest_with_enough) = (ln_e, f64::NEG_INFINITY);
    let (mut inside, mut outside) = (0, 0);
    for (at, unit) in in_order {
        let Some(((step, _), arm)) = canary.step(at).zip(canary.arm(unit, at)) else { continue };
        let Some(step) = evidence.get_mut(step as usize - 1) else { continue };
        match arm {
            Arm::Canary => {
                step.canary_failing += 1;
                inside += 1;
            }
            Arm::Production => {
                step.production_failing += 1;
                outside += 1;
            }
        }
        ln_e = canary_ln_e_value(&evidence)?;
        largest = largest.max(ln_e);
        if inside >= LEAST_FAILING {
            largest_with_enough = largest_with_enough.max(ln_e);
        }
    }
    let rate = clopper_pearson(known.failed, known.users, Confidence::each_end(0.95)?);
    let report = GuardrailReport {
        name: name.to_owned(),
        ln_e,
        largest_ln_e: largest,
        canary_failing: inside,
        production_failing: outside,
        failing_unexposed: 0,
        canary_known: known.users,
        canary_failed: known.failed,
        // Of failures alone nobody knows how many they are of.
        failure_rate_at_most: rate.ok().filter(|_| known.users > known.failed).map(|interval| interval.upper),
    };
    Ok(Guardrail { report, largest_with_enough })
}
