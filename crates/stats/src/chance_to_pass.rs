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

/// Simulates comparisons of an unchanged prompt with itself, and counts those whose lower score bound is
/// above −`margin`.
///
/// Both versions are asked again, as often per case as observed. A case's pass probability is drawn from what
/// its own counts leave open, under a beta prior fitted to all cases: centred at the mean pass rate, and as
/// concentrated as makes its expected within-case variance equal the observed one (unbiased, K/(K − 1) · p̂(1
/// − p̂)). Where no case was flaky, no flakiness is assumed. Cases are the units; time is proportional to
/// `draws` × cases. At least one case needs two repeats. The beta-binomial model is that of Skellam, JRSS B
/// 10 (1948) 257–261, fitted by moments.
pub fn chance_to_pass(
    cases: &[CaseCounts],
    margin: f64,
    confidence: Confidence,
    draws: u32,
    seed: u64,
) -> Result<ChanceToPass, Undefined> {
    chance_to_pass_of(cases, NextTime::default(), margin, confidence, draws, seed)
}

/// What is asked the next time; without a number, what was asked before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NextTime {
    /// How many cases, of the kinds that were seen in the shares that were seen.
    pub cases: Option<u64>,
    /// How often each, 1 to 100.
    pub repeats: Option<u64>,
}

/// The same for a suite of another size: more cases like those that were seen, or other numbers of repeats.
pub fn chance_to_pass_of(
    cases: &[CaseCounts],
    next: NextTime,
    margin: f64,
    confidence: Confidence,
    draws: u32,
    seed: u64,
) -> Result<ChanceToPass, Undefined> {
    let out_of_range = |repeats: u64| repeats == 0 || repeats > MOST_REPEATS;
    if next.repeats.is_some_and(out_of_range) || next.cases == Some(0) {
        return Err(Undefined::OutsideDomain);
    }
    if !(finite(margin)? > 0.0 && margin < 1.0) || draws == 0 {
        return Err(Undefined::OutsideDomain);
    }
    let prior = Prior::fit(cases)?;
    let outcomes = Outcomes::of(cases, prior, next)?;
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
    fn fit(cases: &[CaseCounts]) -> Result<Self, Undefined> {
        let (mut rates, mut within, mut repeated) = (0.0, 0.0, 0.0);
        for case in cases {
            if case.asked == 0 {
                return Err(Undefined::NoData);
            }
            if case.passed > case.asked || case.asked > MOST_REPEATS {
                return Err(Undefined::OutsideDomain);
            }
            let (k, rate) = (case.asked as f64, case.passed as f64 / case.asked as f64);
            rates += rate;
            if case.asked > 1 {
                within += k / (k - 1.0) * rate * (1.0 - rate);
                repeated += 1.0;
            }
        }
        if cases.is_empty() {
            return Err(Undefined::NoData);
        }
        if repeated == 0.0 {
            return Err(Undefined::NeedsRepeats);
        }
        let mean = rates / cases.len() as f64;
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

/// Every difference that a case can show, and for each kind of case how likely each is.
#[derive(Debug)]
struct Outcomes {
    /// Ascending.
    differences: Vec<f64>,
    groups: Vec<(Group, u64)>,
}

/// Cases with the same counts: indices into the differences, with cumulative probabilities.
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
    fn of(cases: &[CaseCounts], prior: Prior, next: NextTime) -> Result<Self, Undefined> {
        let again = |asked: u64| next.repeats.unwrap_or(asked);
        let mut kinds: Vec<(u64, u64)> = cases.iter().map(|case| (case.asked, case.passed)).collect();
        kinds.sort_unstable();
        let mut differences: Vec<f64> = kinds
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|same| same.first())
            .flat_map(|(asked, _)| (0..=2 * again(*asked)).map(move |j| difference(j, again(*asked))))
            .collect();
        differences.sort_unstable_by(f64::total_cmp);
        differences.dedup();
        let sizes: Vec<u64> = kinds.chunk_by(|a, b| a == b).map(|same| same.len() as u64).collect();
        let sizes = scaled(&sizes, next.cases.unwrap_or(cases.len() as u64));
        let groups = kinds
            .chunk_by(|a, b| a == b)
            .filter_map(|same| same.first())
            .zip(sizes)
            .map(|(&(asked, passed), size)| {
                let mut sum = 0.0;
                let cumulative = probabilities(asked, passed, prior, again(asked))
                    .into_iter()
                    .enumerate()
                    .map(|(j, probability)| {
                        sum += probability;
                        let value = difference(j as u64, again(asked));
                        (sum, differences.partition_point(|d| *d < value))
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

/// The `j`-th difference of two means of `asked` repeats, from −1 (j = 0) to 1 (j = 2 · asked).
fn difference(j: u64, asked: u64) -> f64 {
    (j as f64 - asked as f64) / asked as f64
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

    #[test]
    fn steady_cases_pass_whenever_the_margin_is_within_reach() {
        let steady = [CaseCounts { passed: 3, asked: 3 }; 30];
        let chance = chance_to_pass(&steady, 0.10, gate(), 50, 1).unwrap();
        assert!((chance.probability - 1.0).abs() < 1e-12);
        let few = [CaseCounts { passed: 3, asked: 3 }; 10];
        assert!(chance_to_pass(&few, 0.10, gate(), 50, 1).unwrap().probability < 1e-12);
    }

    #[test]
    fn flaky_cases_pass_less_often_and_repeats_help() {
        let case = |passed, asked| CaseCounts { passed, asked };
        let few: Vec<_> = (0..40).map(|i| if i % 2 == 0 { case(2, 2) } else { case(1, 2) }).collect();
        let many: Vec<_> = (0..40).map(|i| if i % 2 == 0 { case(20, 20) } else { case(10, 20) }).collect();
        let with_two = chance_to_pass(&few, 0.10, gate(), 2000, 7).unwrap();
        let with_twenty = chance_to_pass(&many, 0.10, gate(), 2000, 7).unwrap();
        assert!(with_two.probability < 0.8, "{with_two:?}");
        assert!(with_twenty.probability > with_two.probability + 0.1, "{with_two:?} {with_twenty:?}");
    }

    #[test]
    fn the_next_time_may_be_larger() {
        let seen: Vec<_> =
            (0..20).map(|i| CaseCounts { passed: if i % 4 == 0 { 2 } else { 3 }, asked: 3 }).collect();
        let chance = |cases, repeats| {
            let next = NextTime { cases, repeats };
            chance_to_pass_of(&seen, next, 0.10, gate(), 2000, 3).unwrap().probability
        };
        let same = chance_to_pass(&seen, 0.10, gate(), 2000, 3).unwrap().probability;
        assert!((chance(None, None) - same).abs() < 1e-12);
        assert!((chance(Some(20), Some(3)) - same).abs() < 1e-12);
        assert!(chance(Some(80), None) > same + 0.1, "more cases");
        assert!(chance(Some(80), Some(9)) > chance(Some(80), Some(1)), "more repeats");
        let once = NextTime { cases: None, repeats: Some(0) };
        assert_eq!(chance_to_pass_of(&seen, once, 0.1, gate(), 10, 1), Err(Undefined::OutsideDomain));
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
        let once = chance_to_pass(&cases, 0.15, gate(), 300, 9);
        assert_eq!(once, chance_to_pass(&cases, 0.15, gate(), 300, 9));
    }

    #[test]
    fn one_repeat_cannot_show_flakiness() {
        let once = [CaseCounts { passed: 1, asked: 1 }];
        assert_eq!(chance_to_pass(&once, 0.1, gate(), 10, 1), Err(Undefined::NeedsRepeats));
        assert_eq!(chance_to_pass(&[], 0.1, gate(), 10, 1), Err(Undefined::NoData));
    }
}
