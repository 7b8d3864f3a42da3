//! The relative change of a mean, with the noise of the baseline taken seriously.

use crate::moments::Moments;
use crate::undefined::computed;
use crate::{Confidence, Undefined};

/// A relative change of a mean: treatment / baseline − 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanLift {
    /// The relative change; 0.1 is ten percent more.
    pub lift: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// Fieller's interval of the relative change between two independent means, at the normal point of
/// `confidence`.
///
/// Undefined where the baseline's own interval touches 0: every relative change is then possible.
/// Source: Fieller, JRSS B 16 (1954) 175–185.
pub fn fieller_lift(
    baseline: &Moments,
    treatment: &Moments,
    confidence: Confidence,
) -> Result<MeanLift, Undefined> {
    if baseline.mean == 0.0 {
        return Err(Undefined::ZeroBaseline);
    }
    let z = confidence.z();
    let ratio = computed(treatment.mean / baseline.mean)?;
    // Standard errors relative to the baseline mean.
    let a = baseline.standard_error() / baseline.mean.abs();
    let b = treatment.standard_error() / baseline.mean.abs();
    let g = z * z * a * a;
    if g.is_nan() || g >= 1.0 {
        return Err(Undefined::BaselineNotClearlyNonzero);
    }
    let centre = ratio / (1.0 - g);
    let half = z / (1.0 - g) * (b * b * (1.0 - g) + ratio * ratio * a * a).sqrt();
    Ok(MeanLift {
        lift: ratio - 1.0,
        lower: computed(centre - half - 1.0)?,
        upper: computed(centre + half - 1.0)?,
    })
}
