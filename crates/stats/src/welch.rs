//! The difference of two means without assuming equal variances: the default for one value per user.

use crate::distributions::student_t;
use crate::moments::Moments;
use crate::undefined::computed;
use crate::{Confidence, Undefined};

/// A difference of means, treatment − baseline, with test and interval of the same method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// Treatment mean − baseline mean.
    pub difference: f64,
    /// The standard error of the difference.
    pub standard_error: f64,
    /// The difference in standard errors.
    pub t: f64,
    /// Welch–Satterthwaite degrees of freedom.
    pub degrees_of_freedom: f64,
    /// The two-sided p-value of "no difference".
    pub p_two_sided: f64,
    /// The p-value against "treatment is greater".
    pub p_greater: f64,
    /// The p-value against "treatment is less".
    pub p_less: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// The upper end of the interval.
    pub upper: f64,
}

/// Welch's t test and interval of `treatment` − `baseline`; undefined where neither arm varies.
///
/// Source: Welch, Biometrika 34 (1947) 28–35. One value per user: events of the same user are not independent.
pub fn welch(baseline: &Moments, treatment: &Moments, confidence: Confidence) -> Result<Welch, Undefined> {
    let distance = Distance::of(baseline, treatment)?;
    let Distance { difference, standard_error, degrees_of_freedom } = distance;
    let t = computed(difference / standard_error)?;
    let [lower, upper] = distance.interval(confidence)?;
    Ok(Welch {
        difference,
        standard_error,
        t,
        degrees_of_freedom,
        p_two_sided: student_t::two_sided(t, degrees_of_freedom)?,
        p_greater: student_t::sf(t, degrees_of_freedom)?,
        p_less: student_t::cdf(t, degrees_of_freedom)?,
        lower,
        upper,
    })
}

/// How far two means are apart, and how much is known of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distance {
    difference: f64,
    standard_error: f64,
    degrees_of_freedom: f64,
}

impl Distance {
    pub(crate) fn of(baseline: &Moments, treatment: &Moments) -> Result<Self, Undefined> {
        let (a, b) = (baseline.variance_of_mean(), treatment.variance_of_mean());
        let difference = computed(treatment.mean - baseline.mean)?;
        let standard_error = computed((a + b).sqrt())?;
        if standard_error == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        if baseline.count < 2 || treatment.count < 2 {
            return Err(Undefined::TooFew { needed: 2 });
        }
        // Shares of the variance instead of squares of it: neither overflows.
        let (share_a, share_b) = (a / (a + b), b / (a + b));
        let uncertainty = share_a * share_a / (baseline.count as f64 - 1.0)
            + share_b * share_b / (treatment.count as f64 - 1.0);
        Ok(Self { difference, standard_error, degrees_of_freedom: computed(1.0 / uncertainty)? })
    }

    /// The ends of the interval.
    pub(crate) fn interval(self, confidence: Confidence) -> Result<[f64; 2], Undefined> {
        let half =
            student_t::upper_quantile(confidence.tail(), self.degrees_of_freedom)? * self.standard_error;
        Ok([computed(self.difference - half)?, computed(self.difference + half)?])
    }
}
