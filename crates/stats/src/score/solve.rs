//! The two scalar equations of the score method, solved by Newton steps inside a bracket.

/// A value's offset from the hypothetical mean, and how many units have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offset {
    pub(super) offset: f64,
    pub(super) count: f64,
}

/// No solution has been seen to take 20 steps; the cap is for inputs that nobody has seen.
const STEPS: u32 = 300;

/// The t in (0, 1) with t² Σ count · r² / (1 − t · r) = z² for r = offset / room, or nothing where even t = 1
/// is not enough: there the missing weight lies on the end of the range.
///
/// `offsets` are measured from the sample mean; none exceeds `room`. In units of `room` nothing overflows:
/// values whose mean is close to an end are close to it themselves.
pub(super) fn share_at_bound<I: Iterator<Item = Offset>>(
    offsets: impl Fn() -> I,
    room: f64,
    z2: f64,
) -> Option<f64> {
    let ratios = || offsets().map(|v| (v.offset / room, v.count));
    let most: f64 = ratios().map(|(r, count)| if r == 0.0 { 0.0 } else { count * r * r / (1.0 - r) }).sum();
    if most <= z2 {
        return None;
    }
    let spread: f64 = ratios().map(|(r, count)| count * r * r).sum();
    let start = (z2 / spread).sqrt();
    Some(increasing_root(0.0, 1.0, start, |t| {
        let (mut value, mut slope) = (0.0, 0.0);
        for (r, count) in ratios() {
            let square = count * r * r;
            let left = 1.0 - t * r;
            value += square / left;
            slope += square * r / (left * left);
        }
        (t * t * value - z2, t * (2.0 * value + t * slope))
    }))
}

/// The t in (0, 1 / room] with Σ count · offset / (1 − t · offset) = 0, or 1 / room where the sum is still
/// negative there: then the missing weight lies on the end of the range.
///
/// `offsets` are measured from the hypothetical mean, towards which they sum to less than 0; none exceeds
/// `room`.
pub(super) fn multiplier_at_mean<I: Iterator<Item = Offset>>(offsets: impl Fn() -> I, room: f64) -> f64 {
    let limit = 1.0 / room;
    let at_limit: f64 = offsets().map(|v| v.count * v.offset * room / (room - v.offset)).sum();
    if at_limit <= 0.0 {
        return limit;
    }
    let (mut sum, mut spread) = (0.0, 0.0);
    for v in offsets() {
        sum += v.count * v.offset;
        spread += v.count * v.offset * v.offset;
    }
    increasing_root(0.0, limit, -sum / spread, |t| {
        let (mut value, mut slope) = (0.0, 0.0);
        for v in offsets() {
            let left = 1.0 - t * v.offset;
            let ratio = v.offset / left;
            value += v.count * ratio;
            slope += v.count * ratio * ratio;
        }
        (value, slope)
    })
}

/// The root of an increasing function between `low` and `high`; `evaluate` returns value and slope.
fn increasing_root(mut low: f64, mut high: f64, start: f64, evaluate: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut at = if start > low && start < high { start } else { 0.5 * high };
    let mut last_step = f64::INFINITY;
    for _ in 0..STEPS {
        let (value, slope) = evaluate(at);
        if value == 0.0 {
            return at;
        }
        // A pole inside the bracket shows as a value that is not finite: the root is left of it.
        if value > 0.0 || value.is_nan() {
            high = at;
        } else {
            low = at;
        }
        let newton = at - value / slope;
        let step = (newton - at).abs();
        let next =
            if newton > low && newton < high && step < 0.5 * last_step { newton } else { halve(low, high) };
        // Beside a pole the first step is as small as the distance from it, and no sign of a root; the second would be twice as large.
        let is_first = last_step.is_infinite();
        last_step = (next - at).abs();
        at = next;
        if last_step <= 2e-16 * at && !is_first {
            break;
        }
    }
    at
}

/// The geometric middle where the bracket spans orders of magnitude, else the arithmetic one.
fn halve(low: f64, high: f64) -> f64 {
    if low > 0.0 && high > 8.0 * low { low.sqrt() * high.sqrt() } else { 0.5 * low + 0.5 * high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_beside_a_pole_is_no_root() {
        let with_pole = |t: f64| (1.0 / (1.0 - t) - 3.0, (1.0 - t).powi(-2));
        for start in [1.0_f64.next_down(), 1.0 - 1e-15, 0.9, 2.0 / 3.0, 0.1, f64::MIN_POSITIVE] {
            let root = increasing_root(0.0, 1.0, start, with_pole);
            assert!((root - 2.0 / 3.0).abs() < 1e-15, "{start}: {root}");
        }
    }
}
