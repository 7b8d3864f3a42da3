//! What the rules of the gate ask, answered with yes and no; and the first rule that applies.

use std::collections::BTreeSet;

use super::Rule;
use crate::comparison::{CaseResult, Comparison, Side, UNITS_THAT_SHOW_A_CHANGE};
use crate::policy::{Policy, ServedModel};

/// A rate that equals its limit is within it, whatever the last bit of a division says.
const ROUNDING: f64 = 1e-12;

/// The candidate of a gate.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) side: &'a Side,
    /// The names of the cases that must pass.
    pub(super) must_pass: BTreeSet<&'a str>,
    /// Questions for which the run lacked what asking needs.
    pub(super) gaps: usize,
    /// Why not all was asked, where the run was stopped.
    pub(super) cut_short: Option<String>,
    /// Why questions could not be asked, and how many, where that is known and some could not.
    pub(super) errors: Option<String>,
}

/// What the candidate is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reference<'a> {
    /// Nothing: it is judged alone.
    None,
    /// A baseline was asked for, and there is none.
    Absent,
    /// This.
    Side(&'a Side),
    /// This, of another run, where comparing is all that is asked for: without anything to compare there is no verdict.
    Run(&'a Side),
}

impl<'a> Candidate<'a> {
    pub(super) fn asked(&self) -> u64 {
        self.side.cases.iter().map(|case| u64::from(case.asked)).sum()
    }

    pub(super) fn missing(&self) -> u64 {
        self.side.cases.iter().map(|case| u64::from(case.missing())).sum()
    }

    /// The cases that must pass and are like this.
    pub(super) fn critical(&self, wanted: fn(&CaseResult) -> bool) -> Vec<&'a str> {
        let critical = self.side.cases.iter().filter(|case| self.must_pass.contains(case.name.as_str()));
        critical.filter(|case| wanted(case)).map(|case| case.name.as_str()).collect()
    }

    /// The share of trials that passed, each case counting the same and missing trials counting as failed.
    pub(super) fn observed_pass_rate(&self) -> Option<f64> {
        let cases = &self.side.cases;
        let rates: f64 = cases.iter().map(|case| f64::from(case.passed) / f64::from(case.asked.max(1))).sum();
        (!cases.is_empty()).then(|| rates / cases.len() as f64)
    }

    pub(super) fn cases_passed(&self) -> usize {
        self.side.cases.iter().filter(|case| case.passes_by_majority() == Some(true)).count()
    }
}

/// What the rules ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the rows of a decision table")]
pub struct Conditions {
    /// No question was to be asked.
    pub nothing_asked: bool,
    /// No question has a verdict.
    pub nothing_judged: bool,
    /// The run was stopped before all was asked.
    pub cut_short: bool,
    /// What asking needs was not there.
    pub could_not_be_asked: bool,
    /// More trials lack a verdict than the policy allows.
    pub too_many_missing: bool,
    /// A baseline was asked for and is not there, or nothing of it was judged.
    pub baseline_absent: bool,
    /// More than a fifth of the baseline's cases have no partner.
    pub too_few_partners: bool,
    /// The policy asks for the same models on both sides, and they differ.
    pub other_models: bool,
    /// A case that must pass lacks a verdict.
    pub critical_missing: bool,
    /// The candidate passes nothing.
    pub nothing_passed: bool,
    /// A case that must pass failed a repeat.
    pub critical_failed: bool,
    /// Whether the pass rate is below the smallest that passes; `None` where none is set.
    pub below_minimum: Option<bool>,
    /// Every case passes by the majority of its repeats.
    pub every_case_passes: bool,
    /// What the comparison says, where there is one and a margin turns it on.
    pub ends: Option<Ends>,
}

/// What the ends of the gating intervals say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Every pessimistic lower end is above −margin.
    pub not_worse: bool,
    /// Some optimistic upper end is below 0, and enough units changed.
    pub worse: bool,
}

impl Conditions {
    pub(super) fn of(
        candidate: &Candidate<'_>,
        reference: Reference<'_>,
        comparison: Option<&Comparison>,
        policy: &Policy,
    ) -> Self {
        let (asked, missing) = (candidate.asked(), candidate.missing());
        let judges_a_margin = policy.margin.value.is_set() && comparison.is_some();
        let too_many = |share: f64| share > policy.max_missing.value + ROUNDING;
        let of_baseline = comparison.and_then(|comparison| comparison.missing.0);
        // Without a margin nothing is decided by the baseline, so what it lacks is not missed.
        let of_baseline = of_baseline.filter(|_| judges_a_margin);
        let judged = candidate.side.is_judged();
        // Where a comparison alone is asked for, and there is none: whether no case is the same, or no unit was judged on both sides.
        let of_runs = comparison.filter(|_| matches!(reference, Reference::Run(_)));
        let (nothing_paired, nothing_judged_on_both) = of_runs.map_or((false, false), |comparison| {
            let nothing_paired = comparison.pairing.cases == 0;
            (nothing_paired, !nothing_paired && comparison.is_of_nothing())
        });
        Self {
            nothing_asked: asked == 0,
            nothing_judged: !judged,
            cut_short: candidate.cut_short.is_some(),
            could_not_be_asked: candidate.gaps > 0,
            too_many_missing: asked > 0 && too_many(missing as f64 / asked as f64)
                || of_baseline.is_some_and(too_many),
            baseline_absent: match reference {
                Reference::None => false,
                Reference::Absent => true,
                Reference::Side(baseline) => judges_a_margin && !baseline.is_judged(),
                Reference::Run(_) => nothing_judged_on_both,
            },
            too_few_partners: nothing_paired
                || comparison.is_some_and(|comparison| comparison.pairing.unpaired().is_too_much()),
            other_models: policy.served_model.value == ServedModel::Same
                && comparison.is_some_and(|comparison| {
                    !(comparison.served_models.is_empty() && comparison.judges.is_empty())
                }),
            critical_missing: !candidate.critical(|case| case.missing() > 0).is_empty(),
            nothing_passed: candidate.side.cases.iter().all(|case| case.passed == 0),
            critical_failed: !candidate.critical(|case| case.failed > 0).is_empty(),
            below_minimum: policy.min_pass_rate.value.map(|minimum| {
                candidate.observed_pass_rate().is_none_or(|observed| observed < minimum - ROUNDING)
            }),
            every_case_passes: candidate.cases_passed() == candidate.side.cases.len(),
            ends: comparison.filter(|_| judges_a_margin).map(Ends::of),
        }
    }

    /// The first rule that applies.
    pub fn rule(&self) -> Rule {
        let broken = [
            (self.cut_short, Rule::CutShort),
            (self.nothing_asked, Rule::NothingAsked),
            (self.nothing_judged, Rule::NothingJudged),
            (self.could_not_be_asked, Rule::CouldNotBeAsked),
            (self.too_many_missing, Rule::TooManyMissing),
            (self.baseline_absent, Rule::BaselineAbsent),
            (self.too_few_partners, Rule::TooFewPartners),
            (self.other_models, Rule::OtherModels),
            (self.critical_missing, Rule::CriticalMissing),
            (self.nothing_passed, Rule::NothingPassed),
        ];
        if let Some((_, rule)) = broken.into_iter().find(|(applies, _)| *applies) {
            return rule;
        }
        if self.critical_failed {
            return Rule::CriticalFailed;
        }
        match (self.below_minimum, self.ends) {
            (Some(true), _) => Rule::BelowMinimum,
            (Some(false), None) => Rule::MinimumReached,
            (None, None) if self.every_case_passes => Rule::EveryCasePassed,
            (None, None) => Rule::CaseFailed,
            (_, Some(Ends { not_worse: true, .. })) => Rule::NotWorse,
            (_, Some(Ends { worse: true, .. })) => Rule::Worse,
            (_, Some(_)) => Rule::CannotTell,
        }
    }
}

impl Ends {
    fn of(comparison: &Comparison) -> Self {
        let not_worse = comparison.margin.is_some_and(|margin| {
            comparison
                .gating()
                .all(|metric| metric.pessimistic.as_ref().is_ok_and(|interval| interval.lower > -margin))
        });
        let worse = comparison.gating().any(|metric| {
            metric.optimistic_upper.as_ref().is_ok_and(|upper| *upper < 0.0)
                && metric.units_changed() >= UNITS_THAT_SHOW_A_CHANGE
        });
        // A comparison without a gating metric proves nothing.
        Self { not_worse: not_worse && comparison.gating().next().is_some(), worse }
    }
}
