//! How sure an interval is: one value for both readings of "95 %", so that a caller cannot mix them up.

use crate::Undefined;
use crate::distributions::normal;

/// The confidence of an interval.
///
/// "Each end at 95 %" and "both ends together at 90 %" are the same interval; the constructor says which is
/// meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    tail: f64,
    z: f64,
}

impl Confidence {
    /// Each end of the interval holds at `level` on its own, ½ < level < 1; both together hold at 2 · level −
    /// 1.
    ///
    /// This is the reading for a gate, which looks at one end.
    pub fn each_end(level: f64) -> Result<Self, Undefined> {
        Self::from_tail(1.0 - level)
    }

    /// Both ends together hold at `level`, 0 < level < 1.
    pub fn two_sided(level: f64) -> Result<Self, Undefined> {
        Self::from_tail(0.5 * (1.0 - level))
    }

    fn from_tail(tail: f64) -> Result<Self, Undefined> {
        if tail.is_nan() {
            return Err(Undefined::NotFinite);
        }
        if !(tail > 0.0 && tail < 0.5) {
            return Err(Undefined::OutsideDomain);
        }
        Ok(Self { tail, z: normal::upper_quantile(tail)? })
    }

    /// The probability of missing beyond one end, 0 < tail < ½.
    pub const fn tail(self) -> f64 {
        self.tail
    }

    /// The probability of missing at all, 0 < alpha < 1.
    pub const fn alpha(self) -> f64 {
        2.0 * self.tail
    }

    /// The standard normal point beyond which `tail` lies.
    pub const fn z(self) -> f64 {
        self.z
    }

    /// The confidence that both ends hold together.
    pub const fn of_both_ends(self) -> f64 {
        1.0 - 2.0 * self.tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_at_95_is_both_ends_at_90() {
        let gate = Confidence::each_end(0.95).unwrap();
        let printed = Confidence::two_sided(0.90).unwrap();
        assert!((gate.z() - printed.z()).abs() < 1e-12);
        assert!((gate.of_both_ends() - 0.9).abs() < 1e-12);
        assert!((gate.z() - 1.644_853_626_951_472).abs() < 1e-12);
    }

    #[test]
    fn levels_that_are_no_confidence_are_refused() {
        assert_eq!(Confidence::each_end(0.5), Err(Undefined::OutsideDomain));
        assert_eq!(Confidence::two_sided(1.0), Err(Undefined::OutsideDomain));
        assert_eq!(Confidence::two_sided(f64::NAN), Err(Undefined::NotFinite));
    }
}
