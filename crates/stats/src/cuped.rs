//! Less noise from what was known before the experiment began (CUPED).

use crate::Undefined;
use crate::moments::{Moments, covariance, mean};
use crate::undefined::computed;

/// Both arms after adjustment; compare them as any two means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cuped {
    /// How much of the covariate is subtracted: cov(Y, X) / var(X) over all users of both arms; 0 where X is
    /// constant.
    pub theta: f64,
    /// The baseline, adjusted to the covariate mean of all users.
    pub baseline: Moments,
    /// The treatment, adjusted to the covariate mean of all users.
    pub treatment: Moments,
}

/// One arm: the outcome of each user, and the same user's value before the experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CupedArm<'a> {
    /// One outcome per user.
    pub outcomes: &'a [f64],
    /// One value per user from strictly before the first exposure, in the same order.
    pub covariates: &'a [f64],
}

/// Subtracts θ · (X − mean X) from every outcome.
///
/// The covariate must come from before the exposure, else the effect itself is subtracted.
/// Source: Deng, Xu, Kohavi and Walker, WSDM 2013.
pub fn cuped(baseline: CupedArm<'_>, treatment: CupedArm<'_>) -> Result<Cuped, Undefined> {
    for arm in [baseline, treatment] {
        if arm.outcomes.len() != arm.covariates.len() {
            return Err(Undefined::LengthMismatch);
        }
    }
    let outcomes = [baseline.outcomes, treatment.outcomes].concat();
    let covariates = [baseline.covariates, treatment.covariates].concat();
    let spread = covariance(&covariates, &covariates)?;
    let theta = if spread > 0.0 { computed(covariance(&outcomes, &covariates)? / spread)? } else { 0.0 };
    let centre = mean(&covariates)?;
    let adjusted = |arm: CupedArm<'_>| {
        let values: Vec<f64> =
            arm.outcomes.iter().zip(arm.covariates).map(|(y, x)| y - theta * (x - centre)).collect();
        Moments::of(&values)
    };
    Ok(Cuped { theta, baseline: adjusted(baseline)?, treatment: adjusted(treatment)? })
}
