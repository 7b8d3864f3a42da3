//! The relative change of a mean, with the noise of the baseline taken seriously.

use crate::distributions::student_t;
use crate::moments::Moments;
use crate::undefined::computed;
use crate::welch::Distance;
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

/// The relative change between two independent means that belongs to [`welch`](crate::welch::welch): Fieller's interval at Student's t,
/// with the degrees of freedom that Welch's test has at each ratio.
///
/// It holds the ratios r at which treatment − r · baseline is not significant, so it excludes "no change" exactly where the interval of
/// the difference excludes 0. Undefined where the baseline's own interval touches 0, at the degrees of freedom of the smaller arm: every
/// relative change is then possible. Source: Fieller, JRSS B 16 (1954) 175–185; the degrees of freedom after Tamhane and Logan, Statistics in Medicine
/// 23 (2004) 2281–2297, at r instead of at its estimate.
pub fn welch_lift(
    baseline: &Moments,
    treatment: &Moments,
    confidence: Confidence,
) -> Result<MeanLift, Undefined> {
    Distance::of(baseline, treatment)?;
    // The ratio of two negative means is that of their sizes.
    let sign = baseline.mean.signum();
    let significance = |ratio: f64| {
        let scaled = Moments {
            mean: sign * ratio * baseline.mean,
            variance: ratio * ratio * baseline.variance,
            ..*baseline
        };
        let treatment = Moments { mean: sign * treatment.mean, ..*treatment };
        Distance::of(&scaled, &treatment)?.interval(confidence)
    };
    // Whatever the ratio, Welch's degrees of freedom lie between those of the smaller arm and those of both.
    let of_smaller = baseline.count.min(treatment.count) as f64 - 1.0;
    let of_both = baseline.count as f64 + treatment.count as f64 - 2.0;
    let ends =
        |df: f64| fieller_ratios(baseline, treatment, student_t::upper_quantile(confidence.tail(), df)?);
    let ([lowest, highest], [low, high]) = (ends(of_smaller)?, ends(of_both)?);
    Ok(MeanLift {
        lift: computed(treatment.mean / baseline.mean)? - 1.0,
        lower: computed(border(lowest, low, |ratio| significance(ratio).map(|[lower, _]| lower))? - 1.0)?,
        upper: computed(border(highest, high, |ratio| significance(ratio).map(|[_, upper]| -upper))? - 1.0)?,
    })
}

/// The ratios at which treatment − ratio · baseline is `point` standard errors away from 0. Undefined where the baseline's own interval
/// touches 0: every relative change is then possible. Source: Fieller, JRSS B 16 (1954) 175–185.
fn fieller_ratios(baseline: &Moments, treatment: &Moments, point: f64) -> Result<[f64; 2], Undefined> {
    if baseline.mean == 0.0 {
        return Err(Undefined::ZeroBaseline);
    }
    let ratio = computed(treatment.mean / baseline.mean)?;
    // Standard errors relative to the baseline mean.
    let a = baseline.standard_error() / baseline.mean.abs();
    let b = treatment.standard_error() / baseline.mean.abs();
    let g = point * point * a * a;
    if g.is_nan() || g >= 1.0 {
        return Err(Undefined::BaselineNotClearlyNonzero);
    }
    let centre = ratio / (1.0 - g);
    let half = point / (1.0 - g) * (b * b * (1.0 - g) + ratio * ratio * a * a).sqrt();
    Ok([computed(centre - half)?, computed(centre + half)?])
}

/// Bisection of the widest bracket would take as many; the secant takes about five.
const STEPS: u32 = 60;

/// The ratio next to `inside` at which `excess` rises above 0, seen from `inside`, where it is not above; `outside` it is.
fn border(
    mut outside: f64,
    mut inside: f64,
    excess: impl Fn(f64) -> Result<f64, Undefined>,
) -> Result<f64, Undefined> {
    // Of a treatment that is always 0 there is but one ratio, and no test at it.
    if outside.total_cmp(&inside).is_eq() {
        return Ok(inside);
    }
    // Before all others: on which side "no change" lies is then known as for the difference, to the last digit.
    if (outside - 1.0) * (inside - 1.0) < 0.0 {
        if excess(1.0)? > 0.0 { outside = 1.0 } else { inside = 1.0 }
    }
    let (mut above, mut below) = (excess(outside)?, excess(inside)?);
    // Rounding, where one of them is the border.
    if above <= 0.0 {
        return Ok(outside);
    }
    let least = 1e-13 * (outside - inside).abs() + 2.0 * f64::EPSILON * outside.abs().max(inside.abs());
    // The secant, with the end that stays weighed less and less ("Illinois"), so that both ends come.
    for _ in 0..STEPS {
        let width = (outside - inside).abs();
        if below > 0.0 || width <= least {
            break;
        }
        let share = (below / (below - above)).clamp(0.5 * least / width, 1.0 - 0.5 * least / width);
        let at = inside + share * (outside - inside);
        let value = excess(at)?;
        if value > 0.0 {
            (outside, above, below) = (at, value, 0.5 * below);
        } else {
            (inside, below, above) = (at, value, 0.5 * above);
        }
    }
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_of_equal_values_have_a_lift_while_there_is_a_difference() {
        let confidence = Confidence::two_sided(0.95).unwrap();
        let moments = |mean, variance| Moments::from_parts(120, mean, variance).unwrap();
        let nothing = welch_lift(&moments(4.0, 9.0), &moments(0.0, 0.0), confidence);
        assert_eq!(nothing, Ok(MeanLift { lift: -1.0, lower: -1.0, upper: -1.0 }));
        let lift = welch_lift(&moments(4.0, 0.0), &moments(5.0, 1.0), confidence).unwrap();
        assert!(lift.lower > 0.0 && lift.upper < 0.3, "{lift:?}");
        let alike = welch_lift(&moments(4.0, 0.0), &moments(5.0, 0.0), confidence);
        assert_eq!(alike, Err(Undefined::ZeroVariance));
        assert_eq!(
            welch_lift(&moments(0.1, 9.0), &moments(5.0, 0.0), confidence),
            Err(Undefined::BaselineNotClearlyNonzero)
        );
    }
}
