//! The regularised incomplete beta function and its inverse, both tails, for shapes from 0.05 to 10¹⁰.
//!
//! Arguments come validated; nothing here is public.

use super::Tails;
use super::loader::{excess_over_mean, log_beta_kernel};
use super::root::{Target, invert};

/// More steps than the fraction needs for the largest shape accepted: the count grows with the root of the
/// shape.
const FRACTION_STEPS: u32 = 2_000_000;

/// I_x(a, b) and 1 − I_x(a, b); `y` is 1 − x, passed beside `x` because only one of the two can be exact.
pub(super) fn regularised_beta(a: f64, b: f64, x: f64, y: f64) -> Tails {
    if x <= 0.0 {
        return Tails::from_lower(0.0);
    }
    if y <= 0.0 {
        return Tails::from_upper(0.0);
    }
    let excess = excess_over_mean(a, b, x, y);
    if excess >= 0.0 {
        Tails::from_lower(left_tail(a, b, x, y, excess))
    } else {
        Tails::from_upper(left_tail(b, a, y, x, -excess))
    }
}

/// I_x(a, b) for x at or below the mean, `excess` being a − (a + b) x.
fn left_tail(a: f64, b: f64, x: f64, y: f64, excess: f64) -> f64 {
    let kernel = log_beta_kernel(a, b, x, y).exp();
    (kernel / fraction(a, b, x, y, excess)).min(1.0)
}

/// The even part of the continued fraction of the incomplete beta function (NIST DLMF 8.17.22), by Lentz's
/// method.
///
/// The distance from the mean enters as such: formed from x inside the fraction it would cancel for skewed
/// shapes. Source of the form: A. DiDonato and A. Morris, ACM TOMS 18 (1992) 360–373, equation 9.
fn fraction(a: f64, b: f64, x: f64, y: f64, excess: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut value = away_from_zero(a * (excess + 1.0) / (a + 1.0));
    let mut c = value;
    let mut d = 0.0;
    for step in 1..FRACTION_STEPS {
        let m = f64::from(step);
        let odd = a + 2.0 * m - 1.0;
        let pull = m * (b - m) * x / odd;
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * x / odd * pull;
        let denominator = m + pull + (a + m) * (excess + 1.0 + m * (1.0 + y)) / (odd + 2.0);
        d = 1.0 / away_from_zero(denominator + numerator * d);
        c = away_from_zero(denominator + numerator / c);
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < 4.0 * f64::EPSILON {
            break;
        }
    }
    value
}

/// The log-odds ln(x / (1 − x)) at which the two tails of I_x(a, b) are `tails`.
///
/// Log-odds keep relative precision at both ends, where x itself would round to 0 or 1.
pub(super) fn inverse_regularised_beta_log_odds(a: f64, b: f64, tails: Tails) -> f64 {
    let target = Target::of(tails);
    // The log-odds of a beta variable are roughly normal with this centre and variance.
    let spread = (1.0 / a + 1.0 / b).sqrt();
    let start = (a / b).ln() + super::normal::quantile_of(tails) * spread;
    invert(target, start, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS, |log_odds| {
        let (x, y) = from_log_odds(log_odds);
        let value = regularised_beta(a, b, x, y);
        (value, log_beta_kernel(a, b, x, y).exp())
    })
}

/// Beyond these log-odds x or 1 − x is smaller than the smallest floating point number.
const LARGEST_LOG_ODDS: f64 = 745.0;

/// x and 1 − x at the given log-odds; the smaller one keeps its digits down to the smallest number.
pub(super) fn from_log_odds(log_odds: f64) -> (f64, f64) {
    let odds = (-log_odds.abs()).exp();
    let (small, large) = (odds / (1.0 + odds), 1.0 / (1.0 + odds));
    if log_odds < 0.0 { (small, large) } else { (large, small) }
}
