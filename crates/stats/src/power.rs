//! How many units a question needs, and which difference a number of units can show.
//!
//! Sizes are returned unrounded, so that they can be added and compared; round up before use.

use crate::distributions::normal;
use crate::score::ScoreSample;
use crate::undefined::{computed, finite};
use crate::{Confidence, Undefined};

/// What drives the noise of a comparison of two versions on the same cases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedDesign {
    /// The variance between cases of the true differences.
    pub between: f64,
    /// The variance of repeats within a case, baseline.
    pub within_baseline: f64,
    /// The variance of repeats within a case, candidate.
    pub within_candidate: f64,
    /// Repeats per case, baseline.
    pub repeats_baseline: u64,
    /// Repeats per case, candidate.
    pub repeats_candidate: u64,
}

impl PairedDesign {
    /// The variance of one case's observed difference.
    fn variance(&self) -> Result<f64, Undefined> {
        let parts = [self.between, self.within_baseline, self.within_candidate];
        for part in parts {
            if finite(part)? < 0.0 {
                return Err(Undefined::OutsideDomain);
            }
        }
        if self.repeats_baseline == 0 || self.repeats_candidate == 0 {
            return Err(Undefined::OutsideDomain);
        }
        let noise = self.within_baseline / self.repeats_baseline as f64;
        computed(self.between + noise + self.within_candidate / self.repeats_candidate as f64)
    }
}

/// The cases needed to show a mean difference of `effect` with probability `power`: (z + z₁₋ᵦ)² · variance /
/// effect².
///
/// Source: Miller, arXiv 2411.00640, section 5.
pub fn cases_for_paired_difference(
    design: &PairedDesign,
    effect: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    let reach = confidence.z() + z_of_power(power)?;
    computed(reach * reach * design.variance()? / squared_effect(effect)?)
}

/// The smallest mean difference that this many cases show with probability `power`: the inverse of
/// [`cases_for_paired_difference`].
pub fn detectable_paired_difference(
    design: &PairedDesign,
    cases: u64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    if cases == 0 {
        return Err(Undefined::NoData);
    }
    computed((confidence.z() + z_of_power(power)?) * (design.variance()? / cases as f64).sqrt())
}

/// The cases needed for McNemar's test to show a difference of `effect` when a share `discordant` of the cases changes;
/// |effect| ≤ discordant ≤ 1.
///
/// Source: Connor, Biometrics 43 (1987) 207–211.
pub fn cases_for_mcnemar(
    discordant: f64,
    effect: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    let squared = squared_effect(effect)?;
    if !(finite(discordant)? >= effect.abs() && discordant <= 1.0) {
        return Err(Undefined::OutsideDomain);
    }
    let reach = confidence.z() * discordant.sqrt() + z_of_power(power)? * (discordant - squared).sqrt();
    computed(reach * reach / squared)
}

/// The smallest difference, in either direction, that a comparison with this many units shows with
/// probability `power`, given how much the units changed: `mean_square` is the mean of the squared
/// differences, as [`ScoreSample::mean_square`] gives it.
///
/// Connor's formula solved for the effect, with two additions that keep it honest. A difference of D on a
/// scale of −1 to 1 needs a mean square of at least D if it is concentrated in few units, so that much is
/// assumed where less was observed: identical replies do not claim that any difference could have been seen.
/// And where even a difference of 1 would not show, the result is [`Undefined::TooFew`].
pub fn smallest_detectable_difference(
    units: u64,
    mean_square: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    if units == 0 {
        return Err(Undefined::NoData);
    }
    if !(0.0..=1.0).contains(&finite(mean_square)?) {
        return Err(Undefined::OutsideDomain);
    }
    let least = units_to_detect(1.0, mean_square, confidence, power)?;
    if least > units as f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "z is at most 39")]
        return Err(Undefined::TooFew { needed: least.ceil() as u64 });
    }
    // A difference whose square is too small for a number takes more units than there are.
    let needed =
        |effect: f64| units_to_detect(effect, mean_square, confidence, power).unwrap_or(f64::INFINITY);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if needed(middle) > units as f64 { low = middle } else { high = middle }
    }
    Ok(high)
}

/// The units needed to show a difference of `effect`, 0 < |effect| ≤ 1, in either direction, with probability `power`:
/// the inverse of [`smallest_detectable_difference`], with the same assumption about units that change.
pub fn units_to_detect(
    effect: f64,
    mean_square: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    if !(0.0..=1.0).contains(&finite(mean_square)?) {
        return Err(Undefined::OutsideDomain);
    }
    cases_for_mcnemar(mean_square.max(effect.abs()), effect, confidence, power)
}

/// The units after which the score interval would exclude `delta` with probability `power`, if further units
/// were like those seen. With `power` = ½ this is where the interval's end meets `delta`.
///
/// The score statistic of a sample repeated m times is √m times as large, so n · ((z + z₁₋ᵦ) / Z(δ))².
pub fn units_to_decide(
    sample: &ScoreSample,
    delta: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    let z = sample.z_at(delta)?;
    if z == 0.0 {
        return Err(Undefined::NoDifference);
    }
    let ratio = (confidence.z() + z_of_power(power)?) / z;
    computed(sample.units() as f64 * ratio * ratio)
}

/// The users needed in both arms together to show a difference in means of `effect`, with `share` of them in
/// the second arm.
///
/// `sd` is the standard deviation of one user's value in either arm. Source: the normal approximation, as in
/// Chow, Shao and Wang, Sample Size Calculations in Clinical Research, section 3.2.
pub fn users_for_means(
    effect: f64,
    sd: f64,
    share: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    if finite(sd)? < 0.0 {
        return Err(Undefined::OutsideDomain);
    }
    let spread = 1.0 / (open_share(share)? * (1.0 - share));
    let reach = (confidence.z() + z_of_power(power)?) * sd;
    computed(reach * reach * spread / squared_effect(effect)?)
}

/// The largest standard deviation of one user's value at which so many users in both arms together show a difference
/// in means of `effect`: the inverse of [`users_for_means`].
///
/// It says as well what is shown to be no worse than `effect`: of two arms that do not differ, that many users leave a
/// loss of `effect` outside the interval with probability `power`.
pub fn largest_sd_for_means(
    effect: f64,
    users: f64,
    share: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    if finite(users)? < 0.0 {
        return Err(Undefined::OutsideDomain);
    }
    let per_spread = users * open_share(share)? * (1.0 - share);
    let reach = confidence.z() + z_of_power(power)?;
    computed((squared_effect(effect)? * per_spread).sqrt() / reach)
}

/// The users needed in both arms together to tell the rates `baseline` and `treatment` apart, with `share` of
/// them in the second arm.
///
/// Pooled variance under "no difference", separate variances under the difference. Source: Fleiss, Levin and
/// Paik, Statistical Methods for Rates and Proportions, section 4.2 (without continuity correction).
pub fn users_for_proportions(
    baseline: f64,
    treatment: f64,
    share: f64,
    confidence: Confidence,
    power: f64,
) -> Result<f64, Undefined> {
    for rate in [baseline, treatment] {
        if !(0.0..=1.0).contains(&finite(rate)?) {
            return Err(Undefined::OutsideDomain);
        }
    }
    let squared = squared_effect(treatment - baseline)?;
    let rest = 1.0 - open_share(share)?;
    let pooled = rest * baseline + share * treatment;
    let under_null = pooled * (1.0 - pooled) / (share * rest);
    let under_effect = baseline * (1.0 - baseline) / rest + treatment * (1.0 - treatment) / share;
    let reach = confidence.z() * under_null.sqrt() + z_of_power(power)? * under_effect.sqrt();
    computed(reach * reach / squared)
}

/// The normal point of a power, ½ ≤ power < 1.
fn z_of_power(power: f64) -> Result<f64, Undefined> {
    if (0.5..1.0).contains(&finite(power)?) { normal::quantile(power) } else { Err(Undefined::OutsideDomain) }
}

fn squared_effect(effect: f64) -> Result<f64, Undefined> {
    let squared = finite(effect)? * effect;
    if squared > 0.0 { computed(squared) } else { Err(Undefined::NoDifference) }
}

fn open_share(share: f64) -> Result<f64, Undefined> {
    if finite(share)? > 0.0 && share < 1.0 { Ok(share) } else { Err(Undefined::OutsideDomain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed() -> Confidence {
        Confidence::two_sided(0.95).unwrap()
    }

    #[test]
    fn millers_worked_numbers() {
        let design = PairedDesign {
            between: 1.0 / 9.0,
            within_baseline: 0.0,
            within_candidate: 0.0,
            repeats_baseline: 1,
            repeats_candidate: 1,
        };
        let cases = cases_for_paired_difference(&design, 0.03, printed(), 0.8).unwrap();
        assert!((cases - 969.0).abs() < 0.5, "{cases}");
        let noisy = PairedDesign { within_baseline: 1.0 / 6.0, within_candidate: 1.0 / 6.0, ..design };
        let once = detectable_paired_difference(&noisy, 198, printed(), 0.8).unwrap();
        assert!((once - 0.133).abs() < 5e-4, "{once}");
    }

    #[test]
    fn identical_replies_could_not_have_hidden_everything() {
        let seen = smallest_detectable_difference(30, 0.0, printed(), 0.8).unwrap();
        assert!(seen > 0.15 && seen < 0.30, "{seen}");
        assert_eq!(
            smallest_detectable_difference(3, 0.0, printed(), 0.8),
            Err(Undefined::TooFew { needed: 4 })
        );
    }

    #[test]
    fn the_detectable_difference_is_connors_formula_backwards() {
        let effect = smallest_detectable_difference(500, 0.2, printed(), 0.8).unwrap();
        let cases = cases_for_mcnemar(0.2, effect, printed(), 0.8).unwrap();
        assert!((cases - 500.0).abs() < 1e-6, "{cases}");
        // More than a fifth has to change for so large a difference.
        let effect = smallest_detectable_difference(20, 0.2, printed(), 0.8).unwrap();
        assert!(effect > 0.2, "{effect}");
        for effect in [effect, -effect] {
            let units = units_to_detect(effect, 0.2, printed(), 0.8).unwrap();
            assert!((units - 20.0).abs() < 1e-6, "{units}");
        }
        assert_eq!(units_to_detect(0.0, 0.2, printed(), 0.8), Err(Undefined::NoDifference));
        assert_eq!(units_to_detect(1.1, 0.2, printed(), 0.8), Err(Undefined::OutsideDomain));
        assert_eq!(units_to_detect(0.1, 1.1, printed(), 0.8), Err(Undefined::OutsideDomain));
    }

    #[test]
    fn the_largest_sd_needs_exactly_these_users() {
        for (effect, share) in [(0.5, 0.5), (0.02, 0.1), (-3.0, 0.8)] {
            let sd = largest_sd_for_means(effect, 1234.0, share, printed(), 0.8).unwrap();
            let users = users_for_means(effect, sd, share, printed(), 0.8).unwrap();
            assert!((users - 1234.0).abs() < 1e-6, "{users}");
        }
        assert_eq!(largest_sd_for_means(0.0, 1234.0, 0.5, printed(), 0.8), Err(Undefined::NoDifference));
        assert_eq!(largest_sd_for_means(0.1, -1.0, 0.5, printed(), 0.8), Err(Undefined::OutsideDomain));
    }

    #[test]
    fn units_to_decide_is_where_the_bound_meets_the_margin() {
        let gate = Confidence::each_end(0.95).unwrap();
        let differences: Vec<f64> = [vec![0.0; 24], vec![-1.0; 2], vec![1.0; 4]].concat();
        let sample = ScoreSample::of_differences(&differences).unwrap();
        let needed = units_to_decide(&sample, 0.0, gate, 0.5).unwrap();
        let times = (1..1000).find(|times| 30.0 * *times as f64 >= needed).unwrap();
        let more = ScoreSample::of_differences(&differences.repeat(times)).unwrap();
        let fewer = ScoreSample::of_differences(&differences.repeat(times - 1)).unwrap();
        assert!(more.interval(gate).lower > 0.0);
        assert!(fewer.interval(gate).lower < 0.0);
    }
}
