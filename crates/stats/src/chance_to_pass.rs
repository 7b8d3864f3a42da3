//! How likely an unchanged prompt passes the gate, given how flaky its cases were: the price of a margin,
//! before it is paid.

use crate::random::Pcg64;
use crate::score::ScoreSample;
use crate::undefined::finite;
use crate::{Confidence, Undefined};

/// How often one case passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseCounts {
    /// Judged repeats that passed; at most `asked`.
    pub passed: u64,
    /// Judged repeats, 1 to 100.
    pub asked: u64,
}

/// The estimated probability that an unchanged prompt passes the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChanceToPass {
    /// The share of simulated comparisons that passed.
    pub probability: f64,
    /// The simulation's own standard error; more draws make it smaller.
    pub standard_error: f64,
    /// The number of simulated comparisons.
    pub draws: u32,
}

/// More repeats than this per case are refused: the table of outcomes grows with their square.
const MOST_REPEATS: u64 = 100;
/// More differences than this are not told apart within a cluster.
const MOST_DIFFERENCES: usize = 5_000;
/// Differences closer than this are the same.
const ROUNDING: f64 = 1e-9;

/// What is asked the next time; without a number, what was asked before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NextTime {
    /// How many units, of the kinds that were seen in the shares that were seen.
    pub units: Option<u64>,
    /// How often each case, 1 to 100.
    pub repeats: Option<u64>,
}

/// Simulates comparisons of an unchanged prompt with itself, and counts those whose lower score bound is
/// above −`margin`.
///
/// A unit is one case, or the cases of one cluster, whose differences are averaged as the gate does. Both
/// versions are asked again, as [`NextTime`] says. A case's pass probability is drawn from what its own counts
/// leave open, under a beta prior fitted to all cases: centred at the mean pass rate, and as concentrated as
/// makes its expected within-case variance equal the observed one (unbiased, K/(K − 1) · p̂(1 − p̂)). Where no
/// case was flaky, no flakiness is assumed. Time is proportional to `draws` × units. At least one case needs
/// two repeats. The beta-binomial model is that of Skellam, JRSS B 10 (1948) 257–261, fitted by moments.
pub fn chance_to_pass(
    units: &[Vec<CaseCounts>],
    next: NextTime,
    margin: f64,
    confidence: Confidence,
    draws: u32,
    seed: u64,
) -> Result<ChanceToPass, Undefined> {
    let out_of_range = |repeats: u64| repeats == 0 || repeats > MOST_REPEATS;
    if next.repeats.is_some_and(out_of_range) || next.units == Some(0) {
        return Err(Undefined::OutsideDomain);
    }
    if !(finite(margin)? > 0.0 && margin < 1.0) || draws == 0 {
        return Err(Undefined::OutsideDomain);
    }
    let prior = Prior::fit(units.iter().flatten())?;
    let outcomes = Outcomes::of(units, prior, next)?;
    let mut random = Pcg64::seeded(seed);
    let mut counts = vec![0_u64; outcomes.differences.len()];
    let mut passed = 0_u32;
    for _ in 0..draws {
        counts.fill(0);
        for (group, size) in &outcomes.groups {
            for _ in 0..*size {
                if let Some(count) = counts.get_mut(group.draw(random.next_unit())) {
                    *count += 1;
                }
            }
        }
        let counted = outcomes.differences.iter().copied().zip(counts.iter().copied());
        let sample = ScoreSample::from_counts(counted, -1.0, 1.0)?;
        // Z falls along δ, so the lower bound is above −margin exactly where Z(−margin) is above z.
        passed += u32::from(sample.z_at(-margin)? > confidence.z());
    }
    let probability = f64::from(passed) / f64::from(draws);
    let standard_error = (probability * (1.0 - probability) / f64::from(draws)).sqrt();
    Ok(ChanceToPass { probability, standard_error, draws })
}

/// The beta distribution of pass probabilities over cases, as pseudo-counts.
#[derive(Debug, Clone, Copy)]
struct Prior {
    passes: f64,
    failures: f64,
}

impl Prior {
    fn fit<'a>(cases: impl Iterator<Item = &'a CaseCounts>) -> Result<Self, Undefined> {
        let (mut rates, mut all, mut within, mut repeated) = (0.0, 0.0, 0.0, 0.0);
        for case in cases {
            if case.asked == 0 {
                return Err(Undefined::NoData);
            }
            if case.passed > case.asked || case.asked > MOST_REPEATS {
                return Err(Undefined::OutsideDomain);
            }
            let (k, rate) = (case.asked as f64, case.passed as f64 / case.asked as f64);
            rates += rate;
            all += 1.0;
            if case.asked > 1 {
                within += k / (k - 1.0) * rate * (1.0 - rate);
                repeated += 1.0;
            }
        }
        if all == 0.0 {
            return Err(Undefined::NoData);
        }
        if repeated == 0.0 {
            return Err(Undefined::NeedsRepeats);
        }
        let mean = rates / all;
        let total = mean * (1.0 - mean);
        let within = within / repeated;
        // E[p (1 − p)] of a beta distribution with mean μ and s pseudo-counts is μ (1 − μ) s / (s + 1).
        let pseudo_counts = if within <= 0.0 {
            0.0
        } else if within < total * (1.0 - 1e-6) {
            within / (total - within)
        } else {
            1e6
        };
        Ok(Self { passes: mean * pseudo_counts, failures: (1.0 - mean) * pseudo_counts })
    }
}

/// Every difference that a unit can show, and for each kind of unit how likely each is.
#[derive(Debug)]
struct Outcomes {
    /// Ascending.
    differences: Vec<f64>,
    groups: Vec<(Group, u64)>,
}

/// Units with the same counts: indices into the differences, with cumulative probabilities.
#[derive(Debug)]
struct Group {
    cumulative: Vec<(f64, usize)>,
}

impl Group {
    fn draw(&self, unit: f64) -> usize {
        let at = self.cumulative.partition_point(|(probability, _)| *probability <= unit);
        self.cumulative.get(at).or(self.cumulative.last()).map_or(0, |(_, index)| *index)
    }
}

impl Outcomes {
    fn of(units: &[Vec<CaseCounts>], prior: Prior, next: NextTime) -> Result<Self, Undefined> {
        let mut kinds: Vec<Vec<(u64, u64)>> = units
            .iter()
            .filter(|unit| !unit.is_empty())
            .map(|unit| {
                let mut kind: Vec<_> = unit.iter().map(|case| (case.asked, case.passed)).collect();
                kind.sort_unstable();
                kind
            })
            .collect();
        kinds.sort_unstable();
        let sizes: Vec<u64> = kinds.chunk_by(|a, b| a == b).map(|same| same.len() as u64).collect();
        let sizes = scaled(&sizes, next.units.unwrap_or(kinds.len() as u64));
        kinds.dedup();
        let of_kinds: Vec<Distribution> =
            kinds.iter().map(|kind| distribution(kind, prior, next.repeats)).collect::<Result<_, _>>()?;
        let mut differences: Vec<f64> = of_kinds.iter().flatten().map(|(value, _)| *value).collect();
        differences.sort_unstable_by(f64::total_cmp);
        differences.dedup_by(|b, a| *b - *a < ROUNDING);
        let groups = of_kinds
            .into_iter()
            .zip(sizes)
            .map(|(distribution, size)| {
                let mut sum = 0.0;
                let cumulative = distribution
                    .into_iter()
                    .map(|(value, probability)| {
                        sum += probability;
                        (sum, differences.partition_point(|known| *known < value - ROUNDING))
                    })
                    .collect();
                if (sum - 1.0_f64).abs() < 1e-6 {
                    Ok((Group { cumulative }, size))
                } else {
                    Err(Undefined::Overflow)
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { differences, groups })
    }
}

/// Differences in ascending order, each with its probability.
type Distribution = Vec<(f64, f64)>;

/// The distribution of the mean difference of a unit whose cases have these counts (asked, passed).
fn distribution(kind: &[(u64, u64)], prior: Prior, repeats: Option<u64>) -> Result<Distribution, Undefined> {
    let mut sum: Distribution = vec![(0.0, 1.0)];
    for same in kind.chunk_by(|a, b| a == b) {
        let Some(&(asked, passed)) = same.first() else { continue };
        let again = repeats.unwrap_or(asked);
        let of_case: Distribution = probabilities(asked, passed, prior, again)
            .into_iter()
            .enumerate()
            .map(|(j, probability)| (difference(j as u64, again), probability))
            .collect();
        for _ in same {
            sum = sum_of(&sum, &of_case);
        }
    }
    let cases = kind.len() as f64;
    let mean = |(value, probability): (f64, f64)| ((value / cases).clamp(-1.0, 1.0), probability);
    if sum.iter().all(|(value, probability)| value.is_finite() && probability.is_finite()) {
        Ok(sum.into_iter().map(mean).collect())
    } else {
        Err(Undefined::Overflow)
    }
}

/// The `j`-th difference of two means of `asked` repeats, from −1 (j = 0) to 1 (j = 2 · asked).
fn difference(j: u64, asked: u64) -> f64 {
    (j as f64 - asked as f64) / asked as f64
}

/// The distribution of the sum of two independent differences. Sums that are equal but for rounding are one value; where there would
/// be too many they are put on a grid.
fn sum_of(one: &Distribution, other: &Distribution) -> Distribution {
    let sums = |grid: f64| {
        let mut sums: Distribution = Vec::with_capacity(one.len() * other.len());
        for (a, p) in one {
            for (b, q) in other {
                let sum = a + b;
                sums.push((if grid > 0.0 { (sum / grid).round() * grid } else { sum }, p * q));
            }
        }
        sums.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        sums.dedup_by(|b, a| {
            let same = b.0 - a.0 < ROUNDING;
            a.1 += if same { b.1 } else { 0.0 };
            same
        });
        sums
    };
    let exact = sums(0.0);
    if exact.len() <= MOST_DIFFERENCES { exact } else { sums(1.0 / 512.0) }
}

/// So many in all, in the same shares: by the largest remainders.
fn scaled(sizes: &[u64], all: u64) -> Vec<u64> {
    let seen: u64 = sizes.iter().sum();
    if seen == 0 || seen == all {
        return sizes.to_vec();
    }
    let wide = |size: u64| u128::from(size) * u128::from(all);
    let mut out: Vec<u64> =
        sizes.iter().map(|size| u64::try_from(wide(*size) / u128::from(seen)).unwrap_or(u64::MAX)).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by_key(|index| {
        let remainder = sizes.get(*index).map_or(0, |size| wide(*size) % u128::from(seen));
        std::cmp::Reverse(remainder)
    });
    let missing = all.saturating_sub(out.iter().sum());
    for (index, _) in by_remainder.into_iter().zip(0..missing) {
        if let Some(size) = out.get_mut(index) {
            *size += 1;
        }
    }
    out
}

/// The probability of each difference for a case with these counts, both versions asked `again` so often.
fn probabilities(asked: u64, passed: u64, prior: Prior, again: u64) -> Vec<f64> {
    let k = again as f64;
    let passes = prior.passes + passed as f64;
    let failures = prior.failures + asked as f64 - passed as f64;
    let mut out: Vec<f64> = (0..=2 * again).map(|_| 0.0).collect();
    for old in 0..=again {
        for new in 0..=again {
            let (a, b) = (old as f64, new as f64);
            let probability = if passes <= 0.0 || failures <= 0.0 {
                let certain = if passes <= 0.0 { 0 } else { again };
                f64::from(u8::from(old == certain && new == certain))
            } else {
                (log_choose(k, a) + log_choose(k, b) + log_beta(passes + a + b, failures + 2.0 * k - a - b)
                    - log_beta(passes, failures))
                .exp()
            };
            let index = usize::try_from(new + again - old).unwrap_or(usize::MAX);
            if let Some(slot) = out.get_mut(index) {
                *slot += probability;
            }
        }
    }
    out
}

fn log_choose(n: f64, k: f64) -> f64 {
    libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
}

fn log_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Confidence {
        Confidence::each_end(0.95).unwrap()
    }

    fn alone(
        cases: &[CaseCounts],
        margin: f64,
        confidence: Confidence,
        draws: u32,
        seed: u64,
    ) -> Result<ChanceToPass, Undefined> {
        let units: Vec<_> = cases.iter().map(|case| vec![*case]).collect();
        chance_to_pass(&units, NextTime::default(), margin, confidence, draws, seed)
    }

    #[test]
    fn steady_cases_pass_whenever_the_margin_is_within_reach() {
        let steady = [CaseCounts { passed: 3, asked: 3 }; 30];
        let chance = alone(&steady, 0.10, gate(), 50, 1).unwrap();
        assert!((chance.probability - 1.0).abs() < 1e-12);
        let few = [CaseCounts { passed: 3, asked: 3 }; 10];
        assert!(alone(&few, 0.10, gate(), 50, 1).unwrap().probability < 1e-12);
    }

    #[test]
    fn flaky_cases_pass_less_often_and_repeats_help() {
        let case = |passed, asked| CaseCounts { passed, asked };
        let few: Vec<_> = (0..40).map(|i| if i % 2 == 0 { case(2, 2) } else { case(1, 2) }).collect();
        let many: Vec<_> = (0..40).map(|i| if i % 2 == 0 { case(20, 20) } else { case(10, 20) }).collect();
        let with_two = alone(&few, 0.10, gate(), 2000, 7).unwrap();
        let with_twenty = alone(&many, 0.10, gate(), 2000, 7).unwrap();
        assert!(with_two.probability < 0.8, "{with_two:?}");
        assert!(with_twenty.probability > with_two.probability + 0.1, "{with_two:?} {with_twenty:?}");
    }

    #[test]
    fn the_next_time_may_be_larger() {
        let seen: Vec<_> =
            (0..20).map(|i| vec![CaseCounts { passed: if i % 4 == 0 { 2 } else { 3 }, asked: 3 }]).collect();
        let chance = |units, repeats| {
            let next = NextTime { units, repeats };
            chance_to_pass(&seen, next, 0.10, gate(), 2000, 3).unwrap().probability
        };
        let same = chance(None, None);
        assert!((chance(Some(20), Some(3)) - same).abs() < 1e-12);
        assert!(chance(Some(80), None) > same + 0.1, "more units");
        assert!(chance(Some(80), Some(9)) > chance(Some(80), Some(1)), "more repeats");
        let never = NextTime { units: None, repeats: Some(0) };
        assert_eq!(chance_to_pass(&seen, never, 0.1, gate(), 10, 1), Err(Undefined::OutsideDomain));
    }

    #[test]
    fn a_cluster_is_one_unit_and_its_cases_are_averaged() {
        let steady = CaseCounts { passed: 3, asked: 3 };
        let chance = |units: &[Vec<CaseCounts>]| {
            chance_to_pass(units, NextTime::default(), 0.10, gate(), 2000, 3).unwrap().probability
        };
        // 30 cases would do, their 24 units do not.
        let joined: Vec<_> = (0..24).map(|i| vec![steady; if i < 6 { 2 } else { 1 }]).collect();
        assert!(chance(&joined) < 1e-12);
        assert!((chance(&vec![vec![steady]; 30]) - 1.0).abs() < 1e-12);
        // Two flaky cases in one unit make half the noise of one, as twice the repeats would.
        let flaky = CaseCounts { passed: 20, asked: 40 };
        let of = |cases: usize, repeats| {
            let units: Vec<_> = (0..40).map(|_| vec![flaky; cases]).collect();
            let next = NextTime { units: None, repeats: Some(repeats) };
            chance_to_pass(&units, next, 0.10, gate(), 4000, 3).unwrap().probability
        };
        assert!((of(2, 3) - of(1, 6)).abs() < 0.04, "{} {}", of(2, 3), of(1, 6));
        assert!(of(2, 3) > of(1, 3) + 0.05, "{} {}", of(2, 3), of(1, 3));
    }

    #[test]
    fn sums_are_distributions_and_stay_small() {
        let coin: Distribution = vec![(-0.1, 0.25), (0.0, 0.5), (0.1, 0.25)];
        let three = sum_of(&sum_of(&coin, &coin), &coin);
        assert_eq!(three.len(), 7, "{three:?}");
        assert!((three.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12);
        let wide: Distribution = (0..200_u32).map(|i| ((f64::from(i) + 0.5).sqrt() / 15.0, 0.005)).collect();
        let sum = sum_of(&wide, &wide);
        assert!(sum.len() <= MOST_DIFFERENCES, "{}", sum.len());
        let mean = |of: &Distribution| of.iter().map(|(value, p)| value * p).sum::<f64>();
        assert!((mean(&sum) - 2.0 * mean(&wide)).abs() < 1e-3);
    }

    #[test]
    fn shares_are_kept_and_the_sum_is_exact() {
        assert_eq!(scaled(&[1, 1, 1], 10), [4, 3, 3]);
        assert_eq!(scaled(&[30, 10], 100), [75, 25]);
        assert_eq!(scaled(&[3, 1], 2), [2, 0]);
        assert_eq!(scaled(&[5], 5), [5]);
    }

    #[test]
    fn the_same_seed_gives_the_same_answer() {
        let cases = [CaseCounts { passed: 2, asked: 3 }; 25];
        let once = alone(&cases, 0.15, gate(), 300, 9);
        assert_eq!(once, alone(&cases, 0.15, gate(), 300, 9));
    }

    #[test]
    fn one_repeat_cannot_show_flakiness() {
        let once = [CaseCounts { passed: 1, asked: 1 }];
        assert_eq!(alone(&once, 0.1, gate(), 10, 1), Err(Undefined::NeedsRepeats));
        assert_eq!(alone(&[], 0.1, gate(), 10, 1), Err(Undefined::NoData));
    }
}
