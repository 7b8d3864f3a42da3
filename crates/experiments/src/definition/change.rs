//! What a file says otherwise than the phase that was started from it.

use super::{Allocation, Experiment};
use crate::assignment::Exposure;
use crate::store::Phase;

/// A difference between a phase and the file of its experiment that may not be while it runs.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Change {
    /// Other units would get other variants.
    #[error("phase {phase} runs with other variants, weights or seed, and changing them would move units")]
    Allocation {
        /// The phase that runs.
        phase: u32,
    },
    /// Units that take part would not any more. Both are shares of the units.
    #[error("the exposure would shrink from {from} to {to}, and units would lose their variant")]
    Narrower {
        /// What the phase runs with.
        from: f64,
        /// What the file says.
        to: f64,
    },
    /// It would be judged otherwise.
    #[error(
        "phase {phase} runs with other metrics, margins, windows, directions or another control; changing these lets the results choose how they are judged"
    )]
    Rules {
        /// The phase that runs.
        phase: u32,
    },
    /// It would be judged after another number of units.
    #[error(
        "phase {phase} is planned for {planned} units, and the file says {written}; changing that while it runs lets the results choose the end"
    )]
    Units {
        /// The phase that runs.
        phase: u32,
        /// What it is planned for.
        planned: u64,
        /// What the file says.
        written: u64,
    },
}

impl Change {
    /// Whether units that the phase serves would be served something else.
    pub fn moves_units(self) -> bool {
        match self {
            Self::Allocation { .. } | Self::Narrower { .. } => true,
            Self::Rules { .. } | Self::Units { .. } => false,
        }
    }
}

impl Experiment {
    /// The same definition in another phase, for which it spreads units anew.
    #[must_use]
    pub fn in_phase(&self, phase: u32) -> Self {
        let allocation = Allocation { phase, ..self.allocation.clone() };
        // Of the same weights one was built before.
        let assigner = Self::build_assigner(&self.name, &allocation, &self.variants)
            .unwrap_or_else(|_| self.assigner.clone());
        Self { allocation, assigner, ..self.clone() }
    }

    /// The definition that this phase was started with, whichever phase the file says; `None` where that had other variants, weights or
    /// another seed. Of an exposure that was widened the last one is known.
    pub fn as_started(&self, started: &Phase) -> Option<Self> {
        if started.allocation != self.allocation_digest() {
            return None;
        }
        let exposure = Exposure::from_share(f64::from(started.exposure_millionths) / 1e6)?;
        let allocation = Allocation { exposure, ..self.allocation.clone() };
        Some(Self { allocation, ..self.clone() }.in_phase(started.phase))
    }

    /// What differs between this file and the phase that was started from it, and may not, whichever phase the file says. A wider exposure
    /// may.
    pub fn changes_since(&self, started: &Phase) -> Vec<Change> {
        let phase = started.phase;
        let exposure = self.allocation.exposure;
        let planned = started.planned_units;
        let mut changes = Vec::new();
        if started.allocation != self.allocation_digest() {
            changes.push(Change::Allocation { phase });
        }
        if exposure.millionths() < started.exposure_millionths {
            let from = f64::from(started.exposure_millionths) / 1e6;
            changes.push(Change::Narrower { from, to: exposure.share() });
        }
        if started.rules.is_some_and(|rules| rules != self.rules_digest()) {
            changes.push(Change::Rules { phase });
        }
        if let Some(written) = self.plan.units.filter(|units| *units != planned) {
            changes.push(Change::Units { phase, planned, written });
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use promptassay_registry::yaml::Document;

    use super::*;
    use crate::definition::Owner;

    const TEXT: &str = "\
name: trial
variants:
  - {name: control, version: v1.0.0, weight: 50}
  - {name: treatment, version: v1.1.0, weight: 50}
seed: 000102030405060708090a0b0c0d0e0f
exposure: 0.5
window: 1d
metrics:
  resolved: {kind: binary, role: primary, direction: higher}
  cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}
plan: {smallest_effect: 0.1, baseline: 0.4, units: 800}
end: 2099-01-01T00:00:00Z
";

    fn read(text: &str) -> Experiment {
        let mut problems = Vec::new();
        let document = Document::parse("trial.yaml", text.to_owned(), &mut problems).unwrap();
        let versions = ["1.0.0", "1.1.0"].map(|version| version.parse().unwrap());
        let owner = Owner { prompt: &"greet".parse().unwrap(), versions: &versions };
        let read = Experiment::read(&document, owner, &mut problems);
        assert_eq!(problems, []);
        read.unwrap()
    }

    #[test]
    fn what_may_not_change_is_seen_and_what_may_is_not() {
        let experiment = read(TEXT);
        let started = Phase {
            phase: 1,
            allocation: experiment.allocation_digest(),
            rules: Some(experiment.rules_digest()),
            exposure_millionths: experiment.allocation.exposure.millionths(),
            planned_units: 800,
            prompt: None,
            started_at: Timestamp::UNIX_EPOCH,
            stopped: None,
        };
        let after = |from: &str, to: &str| {
            assert!(TEXT.contains(from), "{from}");
            read(&TEXT.replace(from, to)).changes_since(&started)
        };
        assert_eq!(after("weight: 50}\nseed", "weight: 10}\nseed"), [Change::Allocation { phase: 1 }]);
        assert_eq!(after("exposure: 0.5", "exposure: 0.25"), [Change::Narrower { from: 0.5, to: 0.25 }]);
        assert_eq!(after("margin: 0.5", "margin: 5"), [Change::Rules { phase: 1 }]);
        assert_eq!(
            after("units: 800", "units: 900"),
            [Change::Units { phase: 1, planned: 800, written: 900 }]
        );
        let both = read(&TEXT.replace("margin: 0.5", "margin: 5").replace("exposure: 0.5", "exposure: 0.25"));
        assert_eq!(both.changes_since(&started).len(), 2);
        for (from, to) in [
            ("name: trial", "name: trial"),
            ("exposure: 0.5", "exposure: 1.0"),
            ("end: 2099", "end: 2098"),
            ("metrics:", "description: why\nmetrics:"),
            ("metrics:", "metrics:\n  tokens: {kind: mean, role: descriptive}"),
        ] {
            assert_eq!(after(from, to), [], "{to}");
        }
        // An older program kept no rules; who gets what is known all the same.
        let older = Phase { rules: None, ..started };
        assert_eq!(read(&TEXT.replace("margin: 0.5", "margin: 5")).changes_since(&older), []);
    }
}
