//! The rules of the gate, in the order in which they are asked.

use serde::{Serialize, Serializer};

use super::Verdict;

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The run was stopped before all was asked.
    CutShort,
    /// No question was to be asked.
    NothingAsked,
    /// No question has a verdict.
    NothingJudged,
    /// What the run needs to ask is not there.
    CouldNotBeAsked,
    /// Too many trials lack a verdict.
    TooManyMissing,
    /// The baseline that was asked for is not there, or nothing of it was judged.
    BaselineAbsent,
    /// More than a fifth of the baseline's cases have no partner.
    TooFewPartners,
    /// Other models answered or judged than on the other side.
    OtherModels,
    /// A case that must pass lacks a verdict.
    CriticalMissing,
    /// The candidate passes nothing.
    NothingPassed,
    /// A case that must pass failed.
    CriticalFailed,
    /// The pass rate is below the smallest that passes.
    BelowMinimum,
    /// No smallest pass rate is set, and a case failed by the majority of its repeats.
    CaseFailed,
    /// The pass rate is at least the smallest that passes; nothing else is asked for.
    MinimumReached,
    /// Every case passed by the majority of its repeats; nothing else is asked for.
    EveryCasePassed,
    /// Every gating metric is not worse by the margin.
    NotWorse,
    /// A gating metric is worse.
    Worse,
    /// None of the others.
    CannotTell,
}

impl Rule {
    /// Every rule, in the order in which they are asked, for tests.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 18] = [
        Self::CutShort,
        Self::NothingAsked,
        Self::NothingJudged,
        Self::CouldNotBeAsked,
        Self::TooManyMissing,
        Self::BaselineAbsent,
        Self::TooFewPartners,
        Self::OtherModels,
        Self::CriticalMissing,
        Self::NothingPassed,
        Self::CriticalFailed,
        Self::BelowMinimum,
        Self::CaseFailed,
        Self::MinimumReached,
        Self::EveryCasePassed,
        Self::NotWorse,
        Self::Worse,
        Self::CannotTell,
    ];

    /// The row of the table in `docs/gating.md`. Row 0 refuses before the first question and is none of these.
    pub const fn row(self) -> u8 {
        match self {
            Self::NothingAsked
            | Self::NothingJudged
            | Self::CutShort
            | Self::CouldNotBeAsked
            | Self::TooManyMissing
            | Self::BaselineAbsent
            | Self::TooFewPartners
            | Self::OtherModels
            | Self::CriticalMissing
            | Self::NothingPassed => 1,
            Self::CriticalFailed => 2,
            Self::BelowMinimum | Self::CaseFailed | Self::MinimumReached | Self::EveryCasePassed => 3,
            Self::NotWorse => 4,
            Self::Worse => 5,
            Self::CannotTell => 6,
        }
    }

    /// What the row looks at, for people who do not have the table at hand.
    pub const fn row_in_words(self) -> &'static str {
        match self.row() {
            1 => "whether it can be judged",
            2 => "cases that must pass",
            3 => "the pass rate",
            4 => "not worse than the margin",
            5 => "worse than the baseline",
            _ => "cannot tell",
        }
    }

    /// What it comes to.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::CriticalFailed | Self::BelowMinimum | Self::CaseFailed | Self::Worse => Verdict::Failed,
            Self::MinimumReached | Self::EveryCasePassed | Self::NotWorse => Verdict::Passed,
            Self::CannotTell => Verdict::Inconclusive,
            _ => Verdict::Broken,
        }
    }

    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NothingAsked => "nothing_asked",
            Self::NothingJudged => "nothing_judged",
            Self::CutShort => "cut_short",
            Self::CouldNotBeAsked => "could_not_be_asked",
            Self::TooManyMissing => "too_many_missing",
            Self::BaselineAbsent => "baseline_absent",
            Self::TooFewPartners => "too_few_partners",
            Self::OtherModels => "other_models",
            Self::CriticalMissing => "critical_case_missing",
            Self::NothingPassed => "nothing_passed",
            Self::CriticalFailed => "critical_case",
            Self::BelowMinimum => "below_min_pass_rate",
            Self::CaseFailed => "case_failed",
            Self::MinimumReached => "min_pass_rate_reached",
            Self::EveryCasePassed => "every_case_passed",
            Self::NotWorse => "not_worse_than_margin",
            Self::Worse => "regression_proven",
            Self::CannotTell => "cannot_tell",
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
