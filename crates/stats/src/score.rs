//! The score interval: one interval for pass rates, graded scores and paired differences, at any number of
//! units.
//!
//! It must be defined wherever there is at least one unit: at the ceiling, at zero variance, at both ends.
//!
//! # Formula
//!
//! The units are values dᵢ in a known range [low, high], with mean d̄. For a hypothetical mean δ, Z(δ) = (d̄
//! − δ) √n / √V(δ), where V(δ) is the variance under the maximum-likelihood weights on the dᵢ plus the two
//! ends of the range, constrained to mean δ. The interval is every δ with |Z(δ)| < z.
//!
//! With a Lagrange multiplier λ the weights are 1 / (n + λ (dᵢ − δ)), what is missing to 1 lies on the end of
//! the range that δ leans to, and n + λ (high − δ) ≥ 0 ≤ n + λ (low − δ). Two facts make this cheap and
//! total:
//!
//! - V(δ) = n (d̄ − δ) / λ, so Z(δ)² = λ (d̄ − δ). Along δ, λ rises monotonically (it is the slope of a concave profile
//!   likelihood), so Z falls monotonically and the interval really is an interval.
//! - At a bound Z² = z², so δ = d̄ − z² / λ, and λ solves Σ 1 / (n + z² + λ (dᵢ − d̄)) = 1: one equation, no nesting. Where
//!   its root would break the constraint at the end of the range, the bound is
//!   high − (high − d̄) n / (n + z²), and likewise below.
//!
//! For units in {−1, 0, 1} this is the interval of Tango (Statistics in Medicine 17, 1998, 891–908), for
//! units in {0, 1} that of Wilson (JASA 22, 1927, 209–212). The weights are those of the empirical likelihood
//! (Owen 1988) of a bounded mean.

mod solve;

use crate::distributions::normal;
use crate::undefined::finite;
use crate::{Confidence, Undefined};
use solve::{Offset, multiplier_at_mean, share_at_bound};

/// Units prepared for the score method: sorted and counted, so that their order changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreSample {
    values: Vec<Counted>,
    units: u64,
    mean: f64,
    low: f64,
    high: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Counted {
    value: f64,
    count: f64,
}

/// An estimate with its score interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreInterval {
    /// The mean of the units.
    pub estimate: f64,
    /// The lower end; at least the lower end of the range.
    pub lower: f64,
    /// The upper end; at most the upper end of the range.
    pub upper: f64,
    /// The number of units.
    pub units: u64,
}

impl ScoreSample {
    /// Paired differences of units, candidate − baseline, each in [−1, 1].
    pub fn of_differences(differences: &[f64]) -> Result<Self, Undefined> {
        Self::in_range(differences, -1.0, 1.0)
    }

    /// Unit means of one version, each in [0, 1].
    pub fn of_means(means: &[f64]) -> Result<Self, Undefined> {
        Self::in_range(means, 0.0, 1.0)
    }

    fn in_range(values: &[f64], low: f64, high: f64) -> Result<Self, Undefined> {
        let mut sorted = values.to_vec();
        for value in &mut sorted {
            // −0 and 0 are one value.
            *value = finite(*value)? + 0.0;
            if !(low..=high).contains(value) {
                return Err(Undefined::OutsideDomain);
            }
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let counted = sorted
            .chunk_by(|a, b| a.total_cmp(b).is_eq())
            .filter_map(|equal| equal.first().map(|&value| (value, equal.len() as u64)));
        Self::from_counts(counted, low, high)
    }

    /// From distinct values in ascending order, with how often each was seen.
    pub(crate) fn from_counts(
        counted: impl Iterator<Item = (f64, u64)>,
        low: f64,
        high: f64,
    ) -> Result<Self, Undefined> {
        let mut values = Vec::new();
        let mut units = 0;
        for (value, count) in counted.filter(|(_, count)| *count > 0) {
            units += count;
            values.push(Counted { value, count: count as f64 });
        }
        if units == 0 {
            return Err(Undefined::NoData);
        }
        let n = units as f64;
        // A second pass over the residuals removes the rounding error of the first.
        let rough = values.iter().map(|v| v.count * v.value).sum::<f64>() / n;
        let correction = values.iter().map(|v| v.count * (v.value - rough)).sum::<f64>() / n;
        let mean = (rough + correction).clamp(low, high);
        Ok(Self { values, units, mean, low, high })
    }

    /// The number of units.
    pub const fn units(&self) -> u64 {
        self.units
    }

    /// The mean of the units.
    pub const fn estimate(&self) -> f64 {
        self.mean
    }

    /// The mean of the squared units: for differences, how much changed, in either direction.
    pub fn mean_square(&self) -> f64 {
        self.values.iter().map(|v| v.count * v.value * v.value).sum::<f64>() / self.units as f64
    }

    /// How many units are below 0: for differences, the units that got worse.
    pub fn units_below_zero(&self) -> u64 {
        self.count(|value| value < 0.0)
    }

    /// How many units are above 0: for differences, the units that got better.
    pub fn units_above_zero(&self) -> u64 {
        self.count(|value| value > 0.0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sums of counts that were integers"
    )]
    fn count(&self, which: impl Fn(f64) -> bool) -> u64 {
        self.values.iter().filter(|v| which(v.value)).map(|v| v.count).sum::<f64>() as u64
    }

    /// The score interval at the given confidence. O(distinct values); defined for every sample.
    pub fn interval(&self, confidence: Confidence) -> ScoreInterval {
        let z2 = confidence.z() * confidence.z();
        ScoreInterval {
            estimate: self.mean,
            lower: (self.mean - self.reach(-1.0, z2)).clamp(self.low, self.mean),
            upper: (self.mean + self.reach(1.0, z2)).clamp(self.mean, self.high),
            units: self.units,
        }
    }

    /// How far the bound lies from the mean, towards `direction`.
    fn reach(&self, direction: f64, z2: f64) -> f64 {
        let n = self.units as f64;
        let room = self.room(direction);
        if room < f64::MIN_POSITIVE {
            return room;
        }
        // The share is |λ| · room / (n + z²), at most 1.
        let share = share_at_bound(|| self.offsets(self.mean, direction), room, z2).unwrap_or(1.0);
        room * (z2 / (share * (n + z2)))
    }

    /// The distance from the mean to the end of the range in `direction`.
    fn room(&self, direction: f64) -> f64 {
        if direction > 0.0 { self.high - self.mean } else { self.mean - self.low }
    }

    /// The units as offsets from `center`, counted positive towards `direction`.
    fn offsets(&self, center: f64, direction: f64) -> impl Iterator<Item = Offset> {
        self.values.iter().map(move |v| Offset { offset: direction * (v.value - center), count: v.count })
    }

    /// The score statistic Z(δ) for the hypothesis that the mean is `delta`: negative where `delta` is above
    /// the estimate.
    ///
    /// `delta` must lie inside the range; at its very ends the statistic is infinite or 0 / 0.
    pub fn z_at(&self, delta: f64) -> Result<f64, Undefined> {
        if !(finite(delta)? > self.low && delta < self.high) {
            return Err(Undefined::OutsideDomain);
        }
        let distance = delta - self.mean;
        if distance == 0.0 {
            return Ok(0.0);
        }
        let direction = distance.signum();
        // The reciprocal of a subnormal number would overflow.
        let room =
            (if direction > 0.0 { self.high - delta } else { delta - self.low }).max(f64::MIN_POSITIVE);
        // |λ| / n, at most 1 / room.
        let multiplier = multiplier_at_mean(|| self.offsets(delta, direction), room);
        Ok(-direction * multiplier.sqrt() * (self.units as f64 * distance.abs()).sqrt())
    }

    /// The two-sided p-value of the hypothesis that the mean is `delta`.
    ///
    /// It is below 2 · (1 − c) exactly when the interval whose ends each hold at c excludes `delta`.
    pub fn p_two_sided(&self, delta: f64) -> Result<f64, Undefined> {
        self.z_at(delta).map(|z| (2.0 * normal::upper_tail(z.abs())).min(1.0))
    }
}

/// The score interval of paired unit differences, each in [−1, 1].
pub fn score_interval_of_differences(
    differences: &[f64],
    confidence: Confidence,
) -> Result<ScoreInterval, Undefined> {
    ScoreSample::of_differences(differences).map(|sample| sample.interval(confidence))
}

/// The score interval of the unit means of one version, each in [0, 1].
pub fn score_interval_of_means(means: &[f64], confidence: Confidence) -> Result<ScoreInterval, Undefined> {
    ScoreSample::of_means(means).map(|sample| sample.interval(confidence))
}

#[cfg(test)]
mod tests;
