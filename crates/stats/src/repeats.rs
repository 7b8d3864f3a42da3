//! What repeats of the same case tell: flakiness, pass@k and pass^k, and how much of the spread lies within
//! cases.

use crate::Undefined;
use crate::moments::{Moments, mean};
use crate::undefined::{computed, finite};

/// More trials than any case has; beyond, the products below would take their time.
const MOST_TRIALS: u64 = 1_000_000;

/// The probability that at least one of `k` trials drawn from the observed ones passes: 1 − C(n − c, k) /
/// C(n, k).
///
/// Unbiased for the chance of solving a task in `k` attempts. Needs passed ≤ trials, 1 ≤ k ≤ trials ≤
/// 1,000,000.
/// Source: Chen et al., arXiv 2107.03374, section 2.1.
pub fn pass_at_k(trials: u64, passed: u64, k: u64) -> Result<f64, Undefined> {
    check_draw(trials, passed, k)?;
    Ok(1.0 - chance_of_all(trials, trials - passed, k))
}

/// The probability that all of `k` trials drawn from the observed ones pass: C(c, k) / C(n, k).
///
/// Unbiased for the chance of passing `k` times in a row; (c / n)ᵏ would be too high. Same limits as
/// [`pass_at_k`].
/// Source: Yao et al., tau-bench, arXiv 2406.12045.
pub fn pass_hat_k(trials: u64, passed: u64, k: u64) -> Result<f64, Undefined> {
    check_draw(trials, passed, k)?;
    Ok(chance_of_all(trials, passed, k))
}

fn check_draw(trials: u64, passed: u64, k: u64) -> Result<(), Undefined> {
    if trials == 0 {
        Err(Undefined::NoData)
    } else if k > trials {
        Err(Undefined::TooFew { needed: k })
    } else if passed > trials || k == 0 || trials > MOST_TRIALS {
        Err(Undefined::OutsideDomain)
    } else {
        Ok(())
    }
}

/// C(marked, k) / C(trials, k).
fn chance_of_all(trials: u64, marked: u64, k: u64) -> f64 {
    if k > marked {
        return 0.0;
    }
    (0..k).map(|i| (marked - i) as f64 / (trials - i) as f64).product()
}

/// The probability that `repeats` independent trials of a case with pass probability `p` show it as flaky,
/// with at least one pass and one failure: 1 − pᴷ − (1 − p)ᴷ.
pub fn flaky_probability(p: f64, repeats: u64) -> Result<f64, Undefined> {
    if !(0.0..=1.0).contains(&finite(p)?) {
        return Err(Undefined::OutsideDomain);
    }
    if repeats == 0 {
        return Err(Undefined::NoData);
    }
    let k = repeats as f64;
    Ok((1.0 - p.powf(k) - (1.0 - p).powf(k)).clamp(0.0, 1.0))
}

/// Where the spread of one version's scores comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceComponents {
    /// The number of cases.
    pub cases: u64,
    /// The effective number of repeats per case; their number, where it is the same for all.
    pub repeats: f64,
    /// The variance of repeats around their case's mean: flakiness.
    pub within: f64,
    /// The variance of the true case means: difficulty. Floored at 0.
    pub between: f64,
    /// The intraclass correlation ICC(1) of repeats of one case; may be negative.
    pub intraclass_correlation: f64,
    /// How many times larger the variance of the mean is than if every repeat were a case of its own:
    /// 1 + (repeats − 1) · ICC. Above 1 wherever repeats of a case resemble each other.
    pub design_effect: f64,
}

/// Splits the variance of scores with repeats into within and between cases (one-way analysis of variance).
///
/// Each case is its repeats, at least one; at least two cases, and at least one case with two repeats.
/// Source: Shrout and Fleiss, Psychological Bulletin 86 (1979) 420–428; unequal repeats: Donner 1986.
pub fn variance_components<C: AsRef<[f64]>>(cases: &[C]) -> Result<VarianceComponents, Undefined> {
    let (mut total, mut squared_sizes, mut within_squares) = (0.0, 0.0, 0.0);
    let mut means = Vec::with_capacity(cases.len());
    for case in cases {
        let scores = case.as_ref();
        let case_mean = mean(scores)?;
        let size = scores.len() as f64;
        total += size;
        squared_sizes += size * size;
        within_squares += scores.iter().map(|score| (score - case_mean) * (score - case_mean)).sum::<f64>();
        means.push((case_mean, size));
    }
    let n = means.len() as f64;
    if means.len() < 2 {
        return Err(if means.is_empty() { Undefined::NoData } else { Undefined::TooFew { needed: 2 } });
    }
    if total <= n {
        return Err(Undefined::NeedsRepeats);
    }
    let grand = means.iter().map(|(mean, size)| mean * size).sum::<f64>() / total;
    let between_squares: f64 = means.iter().map(|(mean, size)| size * (mean - grand) * (mean - grand)).sum();
    let within = within_squares / (total - n);
    let mean_square_between = between_squares / (n - 1.0);
    let repeats = (total - squared_sizes / total) / (n - 1.0);
    let spread = mean_square_between + (repeats - 1.0) * within;
    if spread <= 0.0 {
        return Err(Undefined::ZeroVariance);
    }
    let intraclass_correlation = computed((mean_square_between - within) / spread)?;
    Ok(VarianceComponents {
        cases: means.len() as u64,
        repeats,
        within: computed(within)?,
        between: computed((mean_square_between - within) / repeats)?.max(0.0),
        intraclass_correlation,
        design_effect: computed(1.0 + (repeats - 1.0) * intraclass_correlation)?,
    })
}

/// Where the spread of paired case differences comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedVariance {
    /// The number of cases.
    pub cases: u64,
    /// The variance of the case differences as observed, candidate mean − baseline mean.
    pub of_differences: f64,
    /// The part that repeats explain: the mean over cases of s²/K of either version. More repeats shrink it.
    pub within: f64,
    /// The rest, floored at 0: how differently the change acts on different cases. Only more cases shrink its
    /// effect.
    pub between: f64,
}

/// Splits the variance of paired case differences into what more repeats would remove and what they would not.
///
/// Both lists hold the same cases in the same order; every case needs two repeats in both versions.
/// Source: Miller, arXiv 2411.00640, section 4.
pub fn paired_variance<C: AsRef<[f64]>>(
    baseline: &[C],
    candidate: &[C],
) -> Result<PairedVariance, Undefined> {
    if baseline.len() != candidate.len() {
        return Err(Undefined::LengthMismatch);
    }
    let mut differences = Vec::with_capacity(baseline.len());
    let mut within = 0.0;
    for (old, new) in baseline.iter().zip(candidate) {
        let (old, new) = (repeated(old.as_ref())?, repeated(new.as_ref())?);
        differences.push(new.mean - old.mean);
        within += old.variance_of_mean() + new.variance_of_mean();
    }
    let observed = Moments::of(&differences)?;
    let within = computed(within / differences.len() as f64)?;
    Ok(PairedVariance {
        cases: observed.count,
        of_differences: observed.variance,
        within,
        between: (observed.variance - within).max(0.0),
    })
}

fn repeated(scores: &[f64]) -> Result<Moments, Undefined> {
    Moments::of(scores).map_err(|reason| if scores.len() == 1 { Undefined::NeedsRepeats } else { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identical_repeats_carry_as_much_as_one() {
        let cases = [vec![1.0; 4], vec![0.0; 4], vec![1.0; 4]];
        let parts = variance_components(&cases).unwrap();
        assert!((parts.intraclass_correlation - 1.0).abs() < 1e-12);
        assert!((parts.design_effect - 4.0).abs() < 1e-12);
        assert!(parts.within.abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_split_is_named() {
        assert_eq!(variance_components(&[vec![1.0], vec![0.0]]), Err(Undefined::NeedsRepeats));
        assert_eq!(variance_components(&[vec![1.0; 3], vec![1.0; 3]]), Err(Undefined::ZeroVariance));
        assert_eq!(variance_components::<Vec<f64>>(&[]), Err(Undefined::NoData));
        assert_eq!(paired_variance(&[vec![1.0]], &[vec![0.0]]), Err(Undefined::NeedsRepeats));
    }

    #[test]
    fn more_attempts_than_trials_are_refused() {
        assert_eq!(pass_at_k(3, 2, 4), Err(Undefined::TooFew { needed: 4 }));
        assert_eq!(pass_hat_k(0, 0, 1), Err(Undefined::NoData));
    }

    #[test]
    fn three_repeats_see_a_coin_flip_three_times_in_four() {
        assert!((flaky_probability(0.5, 3).unwrap() - 0.75).abs() < 1e-15);
    }
}
