//! The canary guard: what users of a canary brought, and whether it should go back, wait or go on.
//!
//! Recorded in the same store as experiments. The arm of a user is never recorded, but derived from salt and share at that time. What
//! a canary is comes in as values; nothing here knows the ledger that it stands in.

mod guard;
mod text;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use guard::{
    GuardError, GuardPolicy, GuardReport, GuardVerdict, GuardrailReport, HOLD_AT, LEAST_EXPOSED,
    LEAST_FAILING, LEAST_LAST_STEP, ROLL_BACK_AT, WouldShow, check,
};
pub use text::terminal;

use crate::event::{Event, Exposure, Outcome};

/// From a moment on, a share of the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The share in basis points, 1 to 9,999.
    pub basis_points: u32,
    /// When it began.
    pub from: Timestamp,
}

/// A canary as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Its id, unique for ever; the salt, which is drawn anew for each canary, will do.
    pub id: String,
    /// What spreads its users.
    pub salt: String,
    /// Its steps, the first one first; the share only grows.
    pub steps: Vec<Step>,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Whether a user is served the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The new version.
    Canary,
    /// The version that was there.
    Production,
}

impl Arm {
    /// The word under which it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Production => "production",
        }
    }
}

/// bucket = (u64be(sha256(salt ‖ 0 ‖ unit)\[0..8\]) · 10000) >> 64
pub fn bucket(salt: &str, unit: &[u8]) -> u32 {
    let mut hash = Sha256::new_with_prefix(salt);
    hash.update([0]);
    hash.update(unit);
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    #[expect(clippy::cast_possible_truncation, reason = "below 10,000")]
    let bucket = ((u128::from(u64::from_be_bytes(first)) * 10_000) >> 64) as u32;
    bucket
}

impl Canary {
    /// The name under which a store keeps it; no experiment has one like it.
    pub fn store_name(&self) -> String {
        format!("canary:{}", self.id)
    }

    /// The step at this time, counted from 1; `None` before the first and from the end on.
    fn step(&self, at: Timestamp) -> Option<(u32, Step)> {
        if at >= self.expires_at {
            return None;
        }
        let number = self.steps.iter().take_while(|step| step.from <= at).count();
        let step = *self.steps.get(number.checked_sub(1)?)?;
        Some((u32::try_from(number).unwrap_or(u32::MAX), step))
    }

    /// Where the user with this id belongs at this time; `None` for nobody in particular, and outside the canary's life.
    pub fn arm(&self, unit: &[u8], at: Timestamp) -> Option<Arm> {
        let (_, step) = self.step(at).filter(|_| !unit.is_empty())?;
        Some(if bucket(&self.salt, unit) < step.basis_points { Arm::Canary } else { Arm::Production })
    }

    /// That a user was served what the canary gave; `None` where it was not for the canary to say.
    pub fn exposure(&self, unit: &[u8], at: Timestamp) -> Option<Event> {
        let (phase, _) = self.step(at)?;
        let variant = self.arm(unit, at)?.name().to_owned();
        Some(Event::Exposure(Exposure {
            experiment: self.store_name(),
            phase,
            unit: unit.to_owned(),
            variant,
            at,
        }))
    }

    /// Whether a guardrail failed for a user; `None` where it was not for the canary to say.
    pub fn outcome(
        &self,
        unit: &[u8],
        guardrail: &str,
        failed: bool,
        at: Timestamp,
        id: Vec<u8>,
    ) -> Option<Event> {
        self.arm(unit, at)?;
        Some(Event::Outcome(Outcome {
            experiment: self.store_name(),
            unit: unit.to_owned(),
            series: guardrail.to_owned(),
            value: f64::from(u8::from(failed)),
            at,
            id,
        }))
    }
}

#[cfg(test)]
mod tests;
