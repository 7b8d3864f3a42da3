//! Two sides, asked the same cases: what is better, by how much, how sure that is, and which cases to open.
//!
//! A [`Side`] may be a variant of a run, a variant of another run, or a blessed file; [`compare`] does not know which. Cases are
//! paired by name and digest: what was added, removed or edited is listed and never mixed in. A cluster of cases is one unit.

mod blessed;
mod no_value;
mod of_journal;
mod of_variant;
mod pairing;
mod side;
mod statistics;
mod units;

use std::collections::BTreeSet;

use crate::policy::{Metric, Policy};

pub use blessed::{Baseline, BaselineError, BlessedCase, BlessedMean, BlessedVariant, FirstBlessed};
pub use no_value::NoValue;
pub use of_journal::PromptSides;
pub(crate) use of_journal::validator_scores;
pub use pairing::{Pairing, Unpaired};
pub use side::{CaseResult, MetricMean, Origin, Side, SideLabel};
pub use statistics::{Call, MetricComparison, UNITS_THAT_SHOW_A_CHANGE};
pub(crate) use units::WithValidator;

/// A candidate compared with its baseline. All differences are candidate − baseline, in [−1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What the candidate is compared with.
    pub baseline: SideLabel,
    /// The candidate.
    pub candidate: SideLabel,
    /// Which cases were compared, and which could not be.
    pub pairing: Pairing,
    /// The units of the paired cases: a cluster is one, and so is a case without.
    pub units: u64,
    /// How often each paired case was asked, of the baseline and of the candidate; `None` where not all were asked as often.
    pub repeats: Option<(u32, u32)>,
    /// The share of trials without a verdict, of the baseline's and of the candidate's side; `None` without trials.
    pub missing: (Option<f64>, Option<f64>),
    /// Paired cases that the baseline did not pass and the candidate passes, by the majority of their repeats.
    pub fixed: Vec<String>,
    /// Paired cases that the baseline passed and the candidate does not.
    pub broken: Vec<String>,
    /// The exact two-sided p of the test of `McNemar`, where every case was asked once and no cluster joins cases.
    pub mcnemar: Result<f64, NoValue>,
    /// The gating metrics first, in the policy's order, then the others that both sides have.
    pub metrics: Vec<MetricComparison>,
    /// The models that answered one side and not the other; empty where a provider of one side does not say.
    pub served_models: BTreeSet<String>,
    /// The models that judged one side and not the other.
    pub judges: BTreeSet<String>,
    /// The margin that counts, where one is asked for and the number of units has one.
    pub margin: Option<f64>,
}

impl Comparison {
    /// The comparison by this metric.
    pub fn metric(&self, metric: &Metric) -> Option<&MetricComparison> {
        self.metrics.iter().find(|comparison| comparison.metric == *metric)
    }

    /// Whether no unit was judged on both sides, so that nothing was compared.
    pub(crate) fn is_of_nothing(&self) -> bool {
        self.metric(&Metric::PassRate).is_none_or(|metric| metric.difference.is_err())
    }

    /// Whether a case was asked more than once, so that its value may change without its side of the majority.
    pub(crate) fn is_repeated(&self) -> bool {
        self.repeats.is_some_and(|(before, after)| before > 1 || after > 1)
    }

    /// What cases did that are fixed or broken: those that were repeated may change without changing the side of their majority.
    pub(crate) fn verb(&self) -> &'static str {
        if self.is_repeated() { "flipped" } else { "changed" }
    }

    /// The metrics that gate.
    pub fn gating(&self) -> impl Iterator<Item = &MetricComparison> {
        self.metrics.iter().filter(|comparison| comparison.gates)
    }
}

/// Compares `candidate` with `baseline` by the confidence, the margin and the metrics of `policy`. The order of the cases of either
/// side is of no importance.
pub fn compare(baseline: &Side, candidate: &Side, policy: &Policy) -> Comparison {
    let (pairs, pairing) = pairing::pair(baseline, candidate);
    let units = units::count(&pairs);
    let margin = policy.margin.value.at(units).unwrap_or_default();
    let (fixed, broken) = statistics::changed_cases(&pairs);
    Comparison {
        baseline: baseline.label.clone(),
        candidate: candidate.label.clone(),
        units,
        repeats: pairing::repeats(&pairs),
        missing: (baseline.missing_share(), candidate.missing_share()),
        mcnemar: statistics::mcnemar(&pairs),
        metrics: statistics::metrics(&pairs, policy, margin),
        fixed,
        broken,
        served_models: different(&baseline.served_models, &candidate.served_models),
        judges: different(&baseline.judges, &candidate.judges),
        pairing,
        margin,
    }
}

/// The units that a comparison of these sides has, each by its cases of the candidate; none is empty.
pub(crate) fn units_of<'a>(baseline: &'a Side, candidate: &'a Side) -> Vec<Vec<&'a CaseResult>> {
    units::of_candidate(&pairing::pair(baseline, candidate).0)
}

/// How many of these units have a validator of this name.
pub(crate) fn units_with(baseline: &Side, candidate: &Side, validator: &str) -> WithValidator {
    units::with_validator(&pairing::pair(baseline, candidate).0, validator)
}

/// Which cases of these sides are the same.
pub(crate) fn pairing_of(baseline: &Side, candidate: &Side) -> Pairing {
    pairing::pair(baseline, candidate).1
}

/// Whether a cluster joins cases of this side.
pub(crate) fn clustered(side: &Side) -> bool {
    side.cases.iter().any(|case| case.cluster.is_some())
}

/// What is in one set and not in the other, where both are known.
fn different(one: &BTreeSet<String>, other: &BTreeSet<String>) -> BTreeSet<String> {
    if one.is_empty() || other.is_empty() {
        return BTreeSet::new();
    }
    one.symmetric_difference(other).cloned().collect()
}

#[cfg(test)]
pub(crate) mod tests;
