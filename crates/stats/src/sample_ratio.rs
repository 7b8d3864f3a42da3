//! Sample ratio: do the arms hold as many users as their shares say? If not, nothing else about the
//! experiment counts.

use crate::Undefined;
use crate::distributions::{binomial, chi_square};
use crate::undefined::{computed, finite};

/// The test of observed users against shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio {
    /// The p-value of "the users follow the shares"; undefined with fewer than two arms that have a share.
    pub p_value: Result<f64, Undefined>,
    /// Σ (observed − expected)² / expected over the arms with a share.
    pub chi_square: f64,
    /// Arms with a share, minus one.
    pub degrees_of_freedom: u64,
    /// How the p-value was computed.
    pub method: SampleRatioMethod,
    /// Users seen in arms whose share is zero: any at all is a hard failure, whatever the p-value.
    pub users_without_share: u64,
}

/// How a sample ratio p-value was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleRatioMethod {
    /// Pearson's chi-square: every expected count is at least 5.
    ChiSquare,
    /// Exact, over every possible outcome.
    Exact,
    /// Exact per arm against the rest, times the number of arms: for outcomes too many to enumerate. Never
    /// too small.
    ExactPerArm,
}

/// Below this expected count the chi-square approximation is not trusted.
const SMALLEST_EXPECTED: f64 = 5.0;
/// The most outcomes that are enumerated.
const MOST_OUTCOMES: f64 = 200_000.0;
/// The most arms over which outcomes are enumerated.
const MOST_ARMS: usize = 32;

/// Tests the users observed per arm against the arms' *effective* shares, in the same order; shares may have
/// any scale.
///
/// Source: Pearson 1900; exact p-values sum all outcomes that are at most as probable as the observed one.
pub fn sample_ratio(observed: &[u64], shares: &[f64]) -> Result<SampleRatio, Undefined> {
    if observed.len() != shares.len() {
        return Err(Undefined::LengthMismatch);
    }
    let mut total_share = 0.0;
    for share in shares {
        if finite(*share)? < 0.0 {
            return Err(Undefined::OutsideDomain);
        }
        total_share += share;
    }
    if computed(total_share)? <= 0.0 {
        return Err(Undefined::NoData);
    }
    let mut arms = Vec::with_capacity(observed.len());
    let (mut users, mut users_without_share) = (0_u64, 0_u64);
    for (&count, share) in observed.iter().zip(shares) {
        let share = share / total_share;
        let sum = if share > 0.0 { &mut users } else { &mut users_without_share };
        *sum = sum.checked_add(count).ok_or(Undefined::Overflow)?;
        if share > 0.0 {
            arms.push((count, share));
        }
    }
    let n = users as f64;
    let expected = || arms.iter().map(|(_, share)| n * share);
    let chi_square =
        arms.iter().map(|&(count, share)| (count as f64 - n * share).powi(2) / (n * share)).sum::<f64>();
    let degrees_of_freedom = (arms.len() - 1) as u64;
    let method = if expected().all(|count| count >= SMALLEST_EXPECTED) {
        SampleRatioMethod::ChiSquare
    } else if arms.len() == 2 || arms.len() <= MOST_ARMS && outcomes(users, arms.len()) <= MOST_OUTCOMES {
        SampleRatioMethod::Exact
    } else {
        SampleRatioMethod::ExactPerArm
    };
    let p_value = if users == 0 {
        Err(Undefined::NoData)
    } else if arms.len() < 2 {
        Err(Undefined::TooFew { needed: 2 })
    } else {
        match method {
            SampleRatioMethod::ChiSquare => chi_square::sf(chi_square, degrees_of_freedom as f64),
            SampleRatioMethod::Exact => exact(&arms, users),
            SampleRatioMethod::ExactPerArm => exact_per_arm(&arms, users),
        }
    };
    let chi_square = if users == 0 { 0.0 } else { computed(chi_square)? };
    Ok(SampleRatio { p_value, chi_square, degrees_of_freedom, method, users_without_share })
}

/// The number of ways to spread the users over the arms.
fn outcomes(users: u64, arms: usize) -> f64 {
    (1..arms).fold(1.0, |ways, i| ways * (users as f64 + i as f64) / i as f64)
}

fn exact(arms: &[(u64, f64)], users: u64) -> Result<f64, Undefined> {
    if let [(first, share), _] = arms {
        return binomial::two_sided_test(*first, users, *share);
    }
    let log_shares: Vec<f64> = arms.iter().map(|(_, share)| share.ln()).collect();
    let log_probability: f64 = libm::lgamma(users as f64 + 1.0)
        + arms.iter().zip(&log_shares).map(|((count, _), log_share)| term(*count, *log_share)).sum::<f64>();
    // Outcomes whose probability differs only by rounding count as equally probable.
    let threshold = log_probability + 1e-7;
    let mut sum = 0.0;
    add_outcomes(&log_shares, users, libm::lgamma(users as f64 + 1.0), threshold, &mut sum);
    Ok(sum.min(1.0))
}

/// ln of shareᶜ / c!
fn term(count: u64, log_share: f64) -> f64 {
    count as f64 * log_share - libm::lgamma(count as f64 + 1.0)
}

/// Adds the probability of every way to spread `left` users over the remaining arms that is at most as
/// probable as the threshold; `log_so_far` belongs to the arms already filled. As deep as there are arms, at
/// most 32.
fn add_outcomes(log_shares: &[f64], left: u64, log_so_far: f64, threshold: f64, sum: &mut f64) {
    let Some((first, rest)) = log_shares.split_first() else { return };
    if rest.is_empty() {
        let log_probability = log_so_far + term(left, *first);
        if log_probability <= threshold {
            *sum += log_probability.exp();
        }
        return;
    }
    for count in 0..=left {
        add_outcomes(rest, left - count, log_so_far + term(count, *first), threshold, sum);
    }
}

fn exact_per_arm(arms: &[(u64, f64)], users: u64) -> Result<f64, Undefined> {
    let mut smallest: f64 = 1.0;
    for (count, share) in arms {
        smallest = smallest.min(binomial::two_sided_test(*count, users, *share)?);
    }
    Ok((smallest * arms.len() as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_without_share_takes_no_part_but_is_counted() {
        let test = sample_ratio(&[5021, 4979, 3], &[0.5, 0.5, 0.0]).unwrap();
        assert_eq!((test.degrees_of_freedom, test.users_without_share), (1, 3));
        assert!((test.chi_square - 0.1764).abs() < 1e-12);
    }

    #[test]
    fn small_counts_are_exact_and_agree_with_themselves() {
        let two = sample_ratio(&[1, 7], &[1.0, 1.0]).unwrap();
        assert_eq!(two.method, SampleRatioMethod::Exact);
        assert!((two.p_value.unwrap() - 18.0 / 256.0).abs() < 1e-12);
        let three = sample_ratio(&[3, 0, 0], &[1.0, 1.0, 1.0]).unwrap();
        assert!((three.p_value.unwrap() - 3.0 / 27.0).abs() < 1e-12);
    }

    #[test]
    fn many_arms_with_few_users_still_answer() {
        let test = sample_ratio(&[40; 40], &[1.0; 40]).unwrap();
        assert_eq!(test.method, SampleRatioMethod::ChiSquare);
        let test = sample_ratio(&[2; 40], &[1.0; 40]).unwrap();
        assert_eq!(test.method, SampleRatioMethod::ExactPerArm);
        assert!((test.p_value.unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_tested_is_named() {
        assert_eq!(sample_ratio(&[1], &[1.0, 1.0]), Err(Undefined::LengthMismatch));
        assert_eq!(sample_ratio(&[1, 1], &[0.0, 0.0]), Err(Undefined::NoData));
        assert_eq!(sample_ratio(&[], &[]), Err(Undefined::NoData));
        assert_eq!(sample_ratio(&[0, 0], &[0.5, 0.5]).unwrap().p_value, Err(Undefined::NoData));
        assert_eq!(sample_ratio(&[9, 1], &[1.0, 0.0]).unwrap().p_value, Err(Undefined::TooFew { needed: 2 }));
    }
}
