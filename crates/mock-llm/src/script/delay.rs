//! How long an answer takes: distributions as values, drawn from numbers that come in.

use std::f64::consts::TAU;
use std::time::Duration;

/// The longest delay that a script may ask for.
pub(crate) const LONGEST: Duration = Duration::from_hours(1);

/// 95 % quantile of the standard normal distribution.
const NORMAL_Q95: f64 = 1.644_853_626_951_472_2;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Delay {
    Fixed(Duration),
    Uniform { from: Duration, to: Duration },
    Lognormal { median: Duration, sigma: f64, max: Duration },
}

impl Delay {
    /// A log-normal distribution by its median and its 95 % quantile: `ln x` is normal with mean `ln median` and
    /// standard deviation `ln(p95 / median) / 1.645`.
    pub(crate) fn lognormal(median: Duration, p95: Duration, max: Duration) -> Self {
        let sigma = (p95.as_secs_f64() / median.as_secs_f64()).ln() / NORMAL_Q95;
        Self::Lognormal { median, sigma, max }
    }

    /// The delay that two independent uniform draws from [0, 1) give.
    pub(crate) fn sample(self, first: f64, second: f64) -> Duration {
        match self {
            Self::Fixed(duration) => duration,
            Self::Uniform { from, to } => from + to.saturating_sub(from).mul_f64(first),
            Self::Lognormal { median, sigma, max } => {
                // Box and Muller (1958); `1 - first` keeps the logarithm finite.
                let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (TAU * second).cos();
                let seconds = median.as_secs_f64() * (sigma * normal).exp();
                Duration::try_from_secs_f64(seconds).unwrap_or(max).min(max)
            }
        }
    }
}

/// Reads an integer with its unit, as everywhere else: `250ms`, `2s`, `1m`, `1h`; at most one hour. This crate knows no other one, so a test of
/// the binary holds all readers of durations together: `durations.rs`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let milliseconds = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let duration = Duration::from_millis(number.checked_mul(milliseconds)?);
    (duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn durations_need_a_unit_and_stay_below_an_hour() {
        let good = [("0ms", 0), ("250ms", 250), ("2s", 2_000), ("1m", 60_000), ("1h", 3_600_000)];
        for (text, milliseconds) in good {
            assert_eq!(parse_duration(text), Some(ms(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "1 s", "2h", "99999999999999999999s", "1d", "１s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn uniform_reaches_from_one_end_to_the_other() {
        let delay = Delay::Uniform { from: ms(100), to: ms(300) };
        assert_eq!(delay.sample(0.0, 0.3), ms(100));
        assert_eq!(delay.sample(0.5, 0.3), ms(200));
        assert!(delay.sample(0.999_999, 0.3) < ms(300));
    }

    #[test]
    fn lognormal_has_the_quantiles_that_were_asked_for() {
        let delay = Delay::lognormal(ms(800), ms(1_900), LONGEST);
        let steps = 400_u32;
        let part = |index: u32| (f64::from(index) + 0.5) / f64::from(steps);
        let mut delays: Vec<Duration> = (0..steps)
            .flat_map(|first| (0..steps).map(move |second| delay.sample(part(first), part(second))))
            .collect();
        delays.sort_unstable();
        let quantile = |percent: usize| delays[delays.len() * percent / 100].as_secs_f64();
        assert!((quantile(50) - 0.8).abs() < 0.01, "{}", quantile(50));
        assert!((quantile(95) - 1.9).abs() < 0.02, "{}", quantile(95));
    }

    #[test]
    fn lognormal_never_exceeds_its_maximum() {
        let delay = Delay::lognormal(ms(800), ms(1_900), ms(1_000));
        assert_eq!(delay.sample(0.999_999_999, 0.0), ms(1_000));
    }
}
