//! What a number of units can prove at all: known before the first call is paid for.
//!
//! If a candidate broke each unit with probability `margin`, it would break none of n with probability (1 −
//! margin)ⁿ. Only where that is at most 1 − confidence can even identical replies prove "not worse by more
//! than the margin".
//! Source: the exact binomial bound for zero events ("rule of three" in its exact form).

use crate::Undefined;
use crate::undefined::finite;

/// Whether `units` identical replies could prove a difference smaller than `margin` at `confidence`.
pub fn is_feasible(units: u64, margin: f64, confidence: f64) -> Result<bool, Undefined> {
    check(margin, confidence).map(|()| reaches(units as f64, margin, confidence))
}

/// The fewest units for which [`is_feasible`] holds; 0 < margin < 1, 0 < confidence < 1.
pub fn units_needed(margin: f64, confidence: f64) -> Result<u64, Undefined> {
    check(margin, confidence)?;
    let estimate = (libm::log1p(-confidence) / libm::log1p(-margin)).ceil();
    if estimate > 1e15 {
        return Err(Undefined::Overflow);
    }
    // The division may round across the whole number that the test itself accepts.
    let candidates = [estimate - 1.0, estimate, estimate + 1.0];
    let needed = candidates.into_iter().find(|&n| n >= 1.0 && reaches(n, margin, confidence));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in 1..=1e15")]
    needed.map(|n| n as u64).ok_or(Undefined::Overflow)
}

/// The smallest margin for which [`is_feasible`] holds with this many units: 1 − (1 − confidence)^(1/n).
pub fn margin_within_reach(units: u64, confidence: f64) -> Result<f64, Undefined> {
    check(0.5, confidence)?;
    if units == 0 {
        return Err(Undefined::NoData);
    }
    Ok(-libm::expm1(libm::log1p(-confidence) / units as f64))
}

fn check(margin: f64, confidence: f64) -> Result<(), Undefined> {
    let inside = |value: f64| value > 0.0 && value < 1.0;
    if inside(finite(margin)?) && inside(finite(confidence)?) {
        Ok(())
    } else {
        Err(Undefined::OutsideDomain)
    }
}

/// (1 − margin)ⁿ ≤ 1 − confidence, forgiving the rounding of either side.
fn reaches(units: f64, margin: f64, confidence: f64) -> bool {
    units * libm::log1p(-margin) <= libm::log1p(-confidence) * (1.0 - 1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ten_point_margin_needs_29_units() {
        assert_eq!(units_needed(0.10, 0.95), Ok(29));
        assert_eq!(units_needed(0.05, 0.95), Ok(59));
        assert_eq!(is_feasible(28, 0.10, 0.95), Ok(false));
        assert_eq!(is_feasible(29, 0.10, 0.95), Ok(true));
    }

    #[test]
    fn an_exact_power_is_not_rounded_up() {
        assert_eq!(units_needed(0.5, 0.75), Ok(2));
        assert_eq!(units_needed(0.1, 0.1), Ok(1));
    }

    #[test]
    fn margin_and_units_are_inverse() {
        for units in [1, 7, 30, 1000] {
            let margin = margin_within_reach(units, 0.95).unwrap();
            assert_eq!(units_needed(margin, 0.95), Ok(units));
        }
    }

    #[test]
    fn impossible_requests_are_named() {
        assert_eq!(units_needed(0.0, 0.95), Err(Undefined::OutsideDomain));
        assert_eq!(units_needed(1e-300, 0.95), Err(Undefined::Overflow));
        assert_eq!(margin_within_reach(0, 0.95), Err(Undefined::NoData));
    }
}
