//! An interval that may be looked at as often as one likes, for experiments whose end is not reached yet.

use crate::undefined::{computed, finite};
use crate::{Confidence, Undefined};

/// An interval that holds at every look at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceSequence {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// The always-valid p-value of "no difference": min(1, 1 / e).
    pub p_value: f64,
    /// The natural logarithm of the evidence e against "no difference".
    pub ln_e: f64,
}

/// The asymptotic confidence sequence around a difference of means, tightest near `planned_units`.
///
/// `units` counts both arms together, `standard_error` belongs to `difference`, and `confidence` is that of
/// both ends together. Asymptotic: hold it back until an arm has 100 users, and 25 successes and failures for
/// a rate.
/// Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 52 (2024), arXiv 2103.06476,
/// theorem 2.2 and appendix on tuning.
pub fn asymptotic_confidence_sequence(
    difference: f64,
    standard_error: f64,
    units: u64,
    planned_units: u64,
    confidence: Confidence,
) -> Result<ConfidenceSequence, Undefined> {
    finite(difference)?;
    if finite(standard_error)? < 0.0 {
        return Err(Undefined::OutsideDomain);
    }
    if units == 0 || planned_units == 0 {
        return Err(Undefined::NoData);
    }
    if standard_error == 0.0 {
        return Err(Undefined::ZeroVariance);
    }
    let log_alpha = confidence.alpha().ln();
    let n = units as f64;
    let rho2 = (libm::log1p(-2.0 * log_alpha) - 2.0 * log_alpha) / planned_units as f64;
    let spread = n * rho2 + 1.0;
    let half = standard_error * (2.0 * spread / (n * rho2) * (0.5 * spread.ln() - log_alpha)).sqrt();
    let t = difference / standard_error;
    let ln_e = computed(0.5 * t * t * n * rho2 / spread - 0.5 * spread.ln())?;
    Ok(ConfidenceSequence {
        lower: computed(difference - half)?,
        upper: computed(difference + half)?,
        p_value: (-ln_e).exp().min(1.0),
        ln_e,
    })
}
