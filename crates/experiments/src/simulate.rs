//! Tries an experiment out before it starts: how often would it find something that is not there, and something that is?
//!
//! Units are spread by the experiment's own assignment and judged by the code that judges real ones.

use promptassay_stats::proportion::wilson;
use promptassay_stats::{Confidence, Undefined};
use serde::Serialize;

use crate::analysis::trial::{Trial, TrialUnit};
use crate::assignment::Assignment;
use crate::definition::{Experiment, MetricKind, NotReady, planned_units};

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulationSettings {
    /// How many experiments.
    pub experiments: u32,
    /// The true difference of the primary metric in every treatment, in its unit; 0 for A/A.
    pub effect: f64,
    /// How often one looks before the planned end, at equal distances.
    pub looks: u32,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Simulation {
    /// How many experiments.
    pub experiments: u32,
    /// The planned units of each.
    pub units: u64,
    /// The true difference.
    pub effect: f64,
    /// The share in which the interval at the planned end left out 0 for some treatment.
    pub significant_at_end: f64,
    /// The share in which the interval of some look before the end did.
    pub significant_early: f64,
    /// The share that ended with a better treatment.
    pub better_at_end: f64,
    /// The share in which the sample ratio blocked, wrongly.
    pub sample_ratio_blocked: f64,
}

impl Simulation {
    /// The 95 % interval of the probability behind a share of so many experiments, as Wilson has it; `None` without an experiment.
    pub fn interval(&self, share: f64) -> Option<[f64; 2]> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of experiments")]
        let seen = (share * f64::from(self.experiments)).round() as u64;
        let interval = wilson(seen, u64::from(self.experiments), Confidence::two_sided(0.95).ok()?).ok()?;
        Some([interval.lower, interval.upper])
    }
}

/// Why nothing was tried.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SimulateError {
    /// The plan says too little.
    #[error(transparent)]
    Plan(#[from] NotReady),
    /// The true rate would lie outside 0 to 1.
    #[error("with this effect the rate would not lie between 0 and 1")]
    Rate,
    /// A method is not defined for the simulated numbers.
    #[error("a simulated experiment cannot be analysed: {0}")]
    Undefined(#[from] Undefined),
}

/// Runs whole experiments with made-up units; one after the other, repeatable by the seed.
pub fn simulate(experiment: &Experiment, settings: &SimulationSettings) -> Result<Simulation, SimulateError> {
    let needed = planned_units(experiment)?;
    let metric = experiment.primary().ok_or(NotReady::NoPrimary)?;
    let units = experiment.plan.units.unwrap_or(needed.total);
    let turned = metric.direction.map_or(settings.effect, |direction| direction.turn(settings.effect));
    let binary = metric.kind == MetricKind::Binary;
    let (base, sd) = (experiment.plan.baseline.unwrap_or(0.0), experiment.plan.sd.unwrap_or(1.0));
    if binary && !(0.0..=1.0).contains(&(base + turned)) {
        return Err(SimulateError::Rate);
    }
    let mut random = SplitMix64(settings.seed);
    let mut counts = [0_u32; 4];
    for _ in 0..settings.experiments {
        let mut made = Vec::new();
        while (made.len() as u64) < units {
            let unit = random.next_u64().to_be_bytes();
            // The ids are eight bytes, so none is empty.
            let Ok(Assignment::Variant(variant)) = experiment.assign(&unit) else { continue };
            let mean = if variant == experiment.control { base } else { base + turned };
            let value = if binary {
                f64::from(u8::from(random.next_unit() < mean))
            } else {
                mean + sd * random.next_normal()
            };
            made.push(TrialUnit { variant, value });
        }
        let trial = Trial { experiment, metric, units: &made };
        let seen = trial.run(settings.looks)?;
        let found =
            [seen.significant_at_end, seen.significant_early, seen.better_at_end, seen.sample_ratio_blocked];
        for (count, found) in counts.iter_mut().zip(found) {
            *count += u32::from(found);
        }
    }
    let [at_end, early, better, blocked] =
        counts.map(|count| f64::from(count) / f64::from(settings.experiments.max(1)));
    Ok(Simulation {
        experiments: settings.experiments,
        units,
        effect: settings.effect,
        significant_at_end: at_end,
        significant_early: early,
        better_at_end: better,
        sample_ratio_blocked: blocked,
    })
}

/// A small generator of random numbers that never changes. Source: Steele, Lea and Flood, OOPSLA 2014.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// In [0, 1).
    pub(crate) fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * 0.5_f64.powi(53)
    }

    /// Standard normal, by Box and Muller.
    fn next_normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.next_unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.next_unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use promptassay_registry::yaml::Document;

    use super::*;
    use crate::definition::Owner;

    fn experiment(metric: &str, plan: &str) -> Experiment {
        let text = format!(
            "name: e\nvariants:\n- {{name: a, version: 1.0.0}}\n- {{name: b, version: 1.0.0}}\nseed: 000102030405060708090a0b0c0d0e0f\nwindow: 1d\nmetrics:\n  m: {metric}\nplan: {plan}\n"
        );
        let mut problems = Vec::new();
        let document = Document::parse("e.yaml", text, &mut problems).unwrap();
        let owner = Owner { prompt: &"p".parse().unwrap(), versions: &["1.0.0".parse().unwrap()] };
        let experiment = Experiment::read(&document, owner, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        experiment.unwrap()
    }

    fn rates() -> Experiment {
        experiment(
            "{kind: binary, role: primary, direction: lower}",
            "{smallest_effect: 0.1, baseline: 0.4, units: 800}",
        )
    }

    fn means() -> Experiment {
        experiment(
            "{kind: mean, role: primary, direction: higher}",
            "{smallest_effect: 0.2, sd: 1, units: 800}",
        )
    }

    fn run(experiment: &Experiment, experiments: u32, effect: f64, seed: u64) -> Simulation {
        simulate(experiment, &SimulationSettings { experiments, effect, looks: 14, seed }).unwrap()
    }

    /// Four standard errors of a share around 5 %.
    fn room(experiments: u32) -> f64 {
        4.0 * (0.05 * 0.95 / f64::from(experiments)).sqrt()
    }

    #[test]
    fn a_a_finds_nothing_more_often_than_promised() {
        for experiment in [rates(), means()] {
            let seen = run(&experiment, 200, 0.0, 7);
            assert!(seen.significant_at_end <= 0.05 + room(200), "{seen:?}");
            assert!(seen.significant_early <= 0.05 + room(200), "{seen:?}");
            assert!(seen.sample_ratio_blocked <= 0.02, "{seen:?}");
        }
    }

    #[test]
    fn a_b_finds_what_the_plan_promises() {
        for (experiment, effect) in [(rates(), 0.1), (means(), 0.2)] {
            let seen = run(&experiment, 100, effect, 11);
            assert!(seen.better_at_end > 0.65, "{seen:?}");
        }
    }

    /// `cargo test --release -p promptassay-experiments -- --ignored --nocapture two_thousand`
    #[test]
    #[ignore = "two thousand experiments take a while"]
    fn two_thousand_a_a_experiments_have_the_promised_size() {
        for experiment in [rates(), means()] {
            let seen = run(&experiment, 2000, 0.0, 2026);
            assert!((seen.significant_at_end - 0.05).abs() <= room(2000), "{seen:?}");
            assert!(seen.significant_early <= 0.05, "{seen:?}");
        }
    }
}
