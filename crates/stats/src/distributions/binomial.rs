//! The binomial distribution, for up to 10¹⁰ trials.

use super::incomplete_beta::regularised_beta;
use super::loader::log_beta_kernel;
use super::{LARGEST_SHAPE, closed_probability};
use crate::Undefined;

/// The probability of exactly `k` successes in `n` trials with success probability `p`.
pub fn pmf(k: u64, n: u64, p: f64) -> Result<f64, Undefined> {
    let p = closed_probability(p)?;
    let count = trials(n)?;
    if k > n {
        return Ok(0.0);
    }
    let q = 1.0 - p;
    Ok(if n == 0 {
        1.0
    } else if k == 0 {
        (count * libm::log1p(-p)).exp()
    } else if k == n {
        (count * p.ln()).exp()
    } else if p == 0.0 || q == 0.0 {
        0.0
    } else {
        let (k, n) = (k as f64, count);
        // C(n, k) pᵏ qⁿ⁻ᵏ = pᵏ qⁿ⁻ᵏ / B(k, n − k) · n / (k (n − k))
        log_beta_kernel(k, n - k, p, q).exp() * (n / (k * (n - k)))
    })
}

/// The probability of at most `k` successes in `n` trials with success probability `p`.
pub fn cdf(k: u64, n: u64, p: f64) -> Result<f64, Undefined> {
    tails(k, n, p).map(|(at_most, _)| at_most)
}

/// The probability of more than `k` successes in `n` trials with success probability `p`; accurate in the far
/// tail.
pub fn sf(k: u64, n: u64, p: f64) -> Result<f64, Undefined> {
    tails(k, n, p).map(|(_, more)| more)
}

/// The smallest number of successes whose `cdf` reaches `probability`, 0 ≤ probability ≤ 1.
pub fn quantile(probability: f64, n: u64, p: f64) -> Result<u64, Undefined> {
    let probability = closed_probability(probability)?;
    // A cdf that equals the probability but for its last digits has reached it.
    smallest(n, p, |at_most, _| at_most >= probability * (1.0 - ROUNDING))
}

/// The smallest number of successes whose `sf` is at most `probability`, 0 ≤ probability ≤ 1.
pub fn upper_quantile(probability: f64, n: u64, p: f64) -> Result<u64, Undefined> {
    let probability = closed_probability(probability)?;
    smallest(n, p, |_, more| more <= probability * (1.0 + ROUNDING))
}

/// The exact two-sided p-value of `k` successes in `n` trials with success probability `p`: the summed
/// probability of every outcome that is at most as probable as the observed one.
///
/// Source: the minimum-likelihood method, as in R's `binom.test` and SciPy's `binomtest`. O(log n).
pub fn two_sided_test(k: u64, n: u64, p: f64) -> Result<f64, Undefined> {
    if k > n {
        return Err(Undefined::OutsideDomain);
    }
    // Outcomes whose probability differs only by rounding count as equally probable.
    let observed = pmf(k, n, p)? * (1.0 + 1e-7);
    let mode = to_count((n as f64 + 1.0) * p, n);
    let at_most_as_likely = |count: u64| pmf(count, n, p).map(|probability| probability <= observed);
    if k == mode {
        return Ok(1.0);
    }
    if k < mode {
        let lower = cdf(k, n, p)?;
        // On the far side of the mode the probability falls: find where it reaches the observed one.
        let (mut low, mut high) = (mode, n + 1);
        while low < high {
            let middle = low.midpoint(high);
            if at_most_as_likely(middle)? { high = middle } else { low = middle + 1 }
        }
        let upper = if low > n { 0.0 } else { sf(low - 1, n, p)? };
        return Ok((lower + upper).min(1.0));
    }
    let upper = sf(k - 1, n, p)?;
    let (mut low, mut high) = (0, mode);
    while low < high {
        let middle = low.midpoint(high);
        if at_most_as_likely(middle)? { low = middle + 1 } else { high = middle }
    }
    // `low` is the first count that is more likely than the observed one.
    let lower = if low == 0 { 0.0 } else { cdf(low - 1, n, p)? };
    Ok((lower + upper).min(1.0))
}

/// The relative rounding error of the tails, generously.
const ROUNDING: f64 = 1e-12;

/// The smallest count whose two tails satisfy a condition that never turns false again as the count grows.
fn smallest(n: u64, p: f64, reached: impl Fn(f64, f64) -> bool) -> Result<u64, Undefined> {
    let (mut low, mut high) = (0, n);
    // Look around the centre first: there the answer usually is, and each evaluation costs most.
    let centre = (n as f64 * closed_probability(p)?).round().min(n as f64);
    let sd = (n as f64 * p * (1.0 - p)).sqrt();
    for distance in [-8.0, 8.0] {
        let probe = to_count(centre + distance * sd, n);
        let (at_most, more) = tails(probe, n, p)?;
        if reached(at_most, more) {
            high = high.min(probe);
        } else {
            low = low.max(probe.saturating_add(1).min(n));
        }
    }
    while low < high {
        let middle = low.midpoint(high);
        let (at_most, more) = tails(middle, n, p)?;
        if reached(at_most, more) { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=n just before")]
fn to_count(value: f64, n: u64) -> u64 {
    (value.clamp(0.0, n as f64) as u64).min(n)
}

fn trials(n: u64) -> Result<f64, Undefined> {
    let n = n as f64;
    if n < LARGEST_SHAPE { Ok(n) } else { Err(Undefined::OutsideDomain) }
}

/// P(X ≤ k) and P(X > k).
fn tails(k: u64, n: u64, p: f64) -> Result<(f64, f64), Undefined> {
    let p = closed_probability(p)?;
    let count = trials(n)?;
    if k >= n {
        return Ok((1.0, 0.0));
    }
    let k = k as f64;
    let more = regularised_beta(k + 1.0, count - k, p, 1.0 - p);
    Ok((more.upper, more.lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trial_has_one_outcome() {
        for p in [0.0, 0.3, 1.0] {
            assert_eq!(pmf(0, 0, p), Ok(1.0));
            assert_eq!(two_sided_test(0, 0, p), Ok(1.0));
            assert_eq!(quantile(0.5, 0, p), Ok(0));
        }
    }

    #[test]
    fn certain_trials_have_certain_outcomes() {
        assert_eq!(pmf(7, 7, 1.0), Ok(1.0));
        assert_eq!(pmf(3, 7, 1.0), Ok(0.0));
        assert_eq!(cdf(0, 7, 0.0), Ok(1.0));
        assert_eq!(sf(6, 7, 1.0), Ok(1.0));
    }

    #[test]
    fn masses_sum_to_one_and_build_the_tail() {
        let mut sum = 0.0;
        for k in 0..=40 {
            sum += pmf(k, 40, 0.37).unwrap();
            assert!((cdf(k, 40, 0.37).unwrap() - sum).abs() < 1e-13);
        }
    }

    #[test]
    fn quantiles_are_the_first_count_that_reaches_the_probability() {
        for n in [1, 9, 50] {
            for i in 1..20 {
                let probability = f64::from(i) / 20.0;
                let k = quantile(probability, n, 0.3).unwrap();
                assert!(cdf(k, n, 0.3).unwrap() >= probability - 1e-12);
                assert!(k == 0 || cdf(k - 1, n, 0.3).unwrap() < probability);
            }
        }
    }

    #[test]
    fn a_fair_coin_test_doubles_the_tail() {
        assert!((two_sided_test(2, 10, 0.5).unwrap() - 112.0 / 1024.0).abs() < 1e-13);
        assert!((two_sided_test(8, 10, 0.5).unwrap() - 112.0 / 1024.0).abs() < 1e-13);
    }
}
