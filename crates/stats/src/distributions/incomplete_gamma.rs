//! The regularised incomplete gamma function and its inverse, both tails, for shapes from 0.05 to 10¹⁰.
//!
//! Arguments come validated; nothing here is public.

use super::Tails;
use super::loader::log_gamma_kernel;
use super::root::{Target, invert};

/// More steps than series or fraction need for the largest shape accepted: the count grows with the root of
/// the shape.
const STEPS: u32 = 4_000_000;

/// P(a, x) and Q(a, x).
pub(super) fn regularised_gamma(a: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails::from_lower(0.0);
    }
    if x.is_infinite() {
        return Tails::from_upper(0.0);
    }
    let kernel = log_gamma_kernel(a, x).exp();
    if x < a + 1.0 {
        Tails::from_lower((kernel / a * series(a, x)).min(1.0))
    } else {
        Tails::from_upper((kernel * fraction(a, x)).min(1.0))
    }
}

/// Σ xᵏ / ((a + 1) … (a + k)), so that P(a, x) = kernel / a · series (NIST DLMF 8.7.1).
fn series(a: f64, x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for step in 1..STEPS {
        term *= x / (a + f64::from(step));
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

/// The continued fraction of Q(a, x) without its kernel, by Lentz's method (NIST DLMF 8.9.2).
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / away_from_zero(b);
    let mut value = d;
    for step in 1..STEPS {
        let m = f64::from(step);
        let numerator = -m * (m - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b);
        c = away_from_zero(b + numerator / c);
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < 4.0 * f64::EPSILON {
            break;
        }
    }
    value
}

/// The x at which the two tails are `tails`.
pub(super) fn inverse_regularised_gamma(a: f64, tails: Tails) -> f64 {
    let target = Target::of(tails);
    let start = start_of_inverse(a, tails);
    invert(target, start, -745.0, 709.0, |log_x| {
        let x = log_x.exp();
        (regularised_gamma(a, x), log_gamma_kernel(a, x).exp())
    })
    .exp()
}

/// ln x by the Wilson–Hilferty cube-root approximation, or by the leading power where that is not positive.
fn start_of_inverse(a: f64, tails: Tails) -> f64 {
    let cube_root = 1.0 - 1.0 / (9.0 * a) + super::normal::quantile_of(tails) / (3.0 * a.sqrt());
    if cube_root > 0.1 {
        a.ln() + 3.0 * cube_root.ln()
    } else {
        (tails.lower.ln() + libm::lgamma(a + 1.0)) / a
    }
}
