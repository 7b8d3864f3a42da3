//! Why a statistic has no value. A method that cannot answer says so in its type; it never answers with NaN,
//! and never with a 0 or a 1 that a reader could take for a result.

/// The reason why a statistic is not defined for the given numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Undefined {
    /// Nothing was observed.
    #[error("nothing was observed")]
    NoData,
    /// Fewer observations than the method needs at all.
    #[error("at least {needed} observations are needed")]
    TooFew {
        /// The smallest number of observations that the method accepts.
        needed: u64,
    },
    /// All values are equal, so the spread that the method divides by is zero.
    #[error("all values are equal, so there is no spread to measure against")]
    ZeroVariance,
    /// No pair differs, so a test that reads only the differing pairs has nothing to read.
    #[error("no case changed between the two versions")]
    NoDiscordantPairs,
    /// A case was asked only once, so its flakiness cannot be seen.
    #[error("cases were asked only once; flakiness needs at least 2 repeats")]
    NeedsRepeats,
    /// The baseline is zero, so nothing can be expressed relative to it.
    #[error("the baseline is zero, so there is no relative change")]
    ZeroBaseline,
    /// The baseline is not distinguishable from zero, so a relative change is unbounded.
    #[error("the baseline is not clearly different from zero, so a relative change is unbounded")]
    BaselineNotClearlyNonzero,
    /// Too few observations to bound this quantile at this confidence.
    #[error("too few observations to bound this quantile")]
    TooFewForQuantile,
    /// The estimate equals the value it is compared with, so no number of units would tell them apart.
    #[error(
        "the estimate lies exactly on the value it is compared with, so more units would not tell them apart"
    )]
    NoDifference,
    /// An input is NaN or infinite.
    #[error("an input is not a finite number")]
    NotFinite,
    /// An input lies outside the range for which the method is defined.
    #[error("an input is outside the range for which the method is defined")]
    OutsideDomain,
    /// Two inputs that belong together have different lengths.
    #[error("inputs that belong together have different lengths")]
    LengthMismatch,
    /// The result is too large for a floating point number.
    #[error("the result is too large to be represented")]
    Overflow,
}

impl Undefined {
    /// The reason as a stable word for machine-readable reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::TooFew { .. } => "too_few",
            Self::ZeroVariance => "zero_variance",
            Self::NoDiscordantPairs => "no_discordant_pairs",
            Self::NeedsRepeats => "needs_repeats",
            Self::ZeroBaseline => "zero_baseline",
            Self::BaselineNotClearlyNonzero => "baseline_not_significantly_nonzero",
            Self::TooFewForQuantile => "n_too_small_for_quantile",
            Self::NoDifference => "no_difference",
            Self::NotFinite => "not_finite",
            Self::OutsideDomain => "outside_domain",
            Self::LengthMismatch => "length_mismatch",
            Self::Overflow => "overflow",
        }
    }
}

/// Passes a finite number on, and names everything else.
pub(crate) fn finite(value: f64) -> Result<f64, Undefined> {
    if value.is_finite() { Ok(value) } else { Err(Undefined::NotFinite) }
}

/// Passes a finite result on; finite inputs that lead to anything else have overflowed.
pub(crate) fn computed(value: f64) -> Result<f64, Undefined> {
    if value.is_finite() { Ok(value) } else { Err(Undefined::Overflow) }
}
