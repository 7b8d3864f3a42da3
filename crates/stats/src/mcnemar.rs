//! McNemar's test: did as many cases break as were fixed? Only for one repeat per case; cases that did not
//! change say nothing to it.

use crate::Undefined;
use crate::distributions::binomial;

/// The exact test and its mid-p variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Cases that changed: broken plus fixed.
    pub discordant: u64,
    /// The exact two-sided p-value: never rejects more often than promised.
    pub exact_p: f64,
    /// The mid-p value: half of the observed outcome's probability; close to its promise on average.
    pub mid_p: f64,
    /// Set where no case changed: both values are then 1 by definition, and carry no information.
    pub caveat: Option<Undefined>,
}

/// McNemar's test of `broken` cases (only the baseline passed) against `fixed` cases (only the candidate
/// passed).
///
/// Source: McNemar, Psychometrika 12 (1947) 153–157; mid-p: Fagerland, Lydersen, Laake, BMC Medical Research
/// Methodology 13:91 (2013). Up to 10¹⁰ cases.
pub fn mcnemar(broken: u64, fixed: u64) -> Result<McNemar, Undefined> {
    let discordant = broken.checked_add(fixed).ok_or(Undefined::OutsideDomain)?;
    if discordant == 0 {
        return Ok(McNemar {
            discordant,
            exact_p: 1.0,
            mid_p: 1.0,
            caveat: Some(Undefined::NoDiscordantPairs),
        });
    }
    let fewer = broken.min(fixed);
    let at_most = binomial::cdf(fewer, discordant, 0.5)?;
    let exactly = binomial::pmf(fewer, discordant, 0.5)?;
    let mid_p = if broken == fixed { 1.0 } else { (2.0 * at_most - exactly).min(1.0) };
    Ok(McNemar { discordant, exact_p: (2.0 * at_most).min(1.0), mid_p, caveat: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_fixed_and_one_broken() {
        let test = mcnemar(1, 8).unwrap();
        assert!((test.exact_p - 0.039_062_5).abs() < 1e-12);
        assert!((test.mid_p - (0.039_062_5 - 9.0 / 512.0)).abs() < 1e-12);
    }

    #[test]
    fn no_changed_case_is_named() {
        assert_eq!(mcnemar(0, 0).unwrap().caveat, Some(Undefined::NoDiscordantPairs));
        assert_eq!(mcnemar(u64::MAX, 1), Err(Undefined::OutsideDomain));
    }
}
