//! One safeguarded Newton iteration for every continuous quantile.

use super::Tails;

/// Newton steps, with bisections where Newton would leave the bracket; a dozen are usual, 60 bisections suffice.
const STEPS: u32 = 200;

/// The tail that a quantile is solved on: always the smaller one, in logarithms, so that 10⁻³⁰⁰ is as exact
/// as ½.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// ln of the probability of lying below.
    Lower(f64),
    /// ln of the probability of lying above.
    Upper(f64),
}

impl Target {
    /// The smaller of two tails.
    pub(super) fn of(tails: Tails) -> Self {
        if tails.lower <= tails.upper { Self::Lower(tails.lower.ln()) } else { Self::Upper(tails.upper.ln()) }
    }

    /// How far ln of this tail is above the target, and its slope, at a point with these tails and density.
    /// Both are signed so that the excess increases.
    fn excess(self, tails: Tails, density: f64) -> (f64, f64) {
        match self {
            Self::Lower(target) => (tails.lower.ln() - target, density / tails.lower),
            Self::Upper(target) => (target - tails.upper.ln(), density / tails.upper),
        }
    }
}

/// The point between `low` and `high` at which the tails that `evaluate` returns meet the target; `evaluate`
/// returns the two tails and the density there. A target that lies beyond an end gives that end.
pub(super) fn invert(
    target: Target,
    start: f64,
    mut low: f64,
    mut high: f64,
    evaluate: impl Fn(f64) -> (Tails, f64),
) -> f64 {
    let mut at = if start > low && start < high { start } else { low.midpoint(high) };
    let mut previous_step = f64::INFINITY;
    for _ in 0..STEPS {
        let (tails, density) = evaluate(at);
        let (excess, slope) = target.excess(tails, density);
        if excess == 0.0 {
            return at;
        }
        if excess > 0.0 {
            high = at;
        } else {
            low = at;
        }
        let newton = at - excess / slope;
        let step = (newton - at).abs();
        // A step that does not shrink by half does not converge: halve the bracket instead.
        let next = if newton > low && newton < high && step < previous_step * 0.75 {
            newton
        } else {
            low.midpoint(high)
        };
        previous_step = if next.to_bits() == newton.to_bits() { step } else { f64::INFINITY };
        let moved = (next - at).abs();
        at = next;
        if moved <= 1e-16 * at.abs().max(1e-2) || high - low <= 1e-16 * at.abs() {
            break;
        }
    }
    at
}
