//! Loader's saddle-point pieces: they keep the density prefactors accurate for large shapes, where subtracting
//! log-gamma values would lose most digits.
//!
//! Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000).

use std::f64::consts::PI;

/// ln(1 + u) − u without cancellation, for u > −1.
pub(super) fn log1p_minus(u: f64) -> f64 {
    if !(-0.6..=1.5).contains(&u) {
        return libm::log1p(u) - u;
    }
    // With r = u / (2 + u), ln(1 + u) = 2 atanh(r); the leading term of the series cancels against u exactly.
    let r = u / (2.0 + u);
    let r2 = r * r;
    let mut sum = 0.0;
    let mut power = 1.0;
    for k in 0..60_u32 {
        let term = power / f64::from(2 * k + 3);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
        power *= r2;
    }
    r * (2.0 * r2 * sum - u)
}

/// The error of Stirling's formula: ln Γ(a + 1) − (a + ½) ln a + a − ½ ln 2π, for a > 0.
pub(super) fn stirling_error(a: f64) -> f64 {
    if a < 16.0 {
        return libm::lgamma(a + 1.0) - (a + 0.5) * a.ln() + a - 0.5 * (2.0 * PI).ln();
    }
    let s = 1.0 / (a * a);
    // Bernoulli numbers B₂ₖ / (2k (2k − 1)).
    let tail = 1.0 / 12.0
        - s * (1.0 / 360.0
            - s * (1.0 / 1260.0
                - s * (1.0 / 1680.0 - s * (1.0 / 1188.0 - s * (691.0 / 360_360.0 - s / 156.0)))));
    tail / a
}

/// a − (a + b) x with x + y = 1: how far x lies below the mean, from whichever coordinate is the more exact
/// one.
pub(super) fn excess_over_mean(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= y { a - (a + b) * x } else { (a + b) * y - b }
}

/// ln of xᵃ yᵇ / B(a, b) with x + y = 1: the density of the beta distribution times x y.
pub(super) fn log_beta_kernel(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let h = excess_over_mean(a, b, x, y);
    let exponent = deviance_term(a, -h, x, n) + deviance_term(b, h, y, n);
    let correction = stirling_error(n) - stirling_error(a) - stirling_error(b);
    0.5 * (a.ln() + b.ln() - n.ln() - (2.0 * PI).ln()) + correction + exponent
}

/// a (ln(1 + h/a) − h/a), where 1 + h/a = n x / a; computed from n x / a when that is far from 1.
fn deviance_term(a: f64, h: f64, x: f64, n: f64) -> f64 {
    let u = h / a;
    if (-0.6..=1.5).contains(&u) { a * log1p_minus(u) } else { a * (n * x / a).ln() - h }
}

/// ln of xᵃ e⁻ˣ / Γ(a): the density of the gamma distribution times x.
pub(super) fn log_gamma_kernel(a: f64, x: f64) -> f64 {
    let u = (x - a) / a;
    let deviance = if (-0.6..=1.5).contains(&u) { a * log1p_minus(u) } else { a * (x / a).ln() - (x - a) };
    deviance + 0.5 * (a / (2.0 * PI)).ln() - stirling_error(a)
}
