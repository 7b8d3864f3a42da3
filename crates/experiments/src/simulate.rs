//! Tries an experiment out before it starts: how often would it find something that is not there, and something that is?
//!
//! Units are spread by the experiment's own assignment and judged by the code that judges real ones.

use promptassay_stats::proportion::wilson;
use promptassay_stats::{Confidence, Undefined};
use serde::Serialize;

use crate::analysis::trial::{Trial, TrialUnit};
use crate::assignment::Assignment;
use crate::definition::{Experiment, Metric, MetricKind, Noise, NotReady, Role, planned_units};

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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulation {
    /// How many experiments.
    pub experiments: u32,
    /// The planned units of each.
    pub units: u64,
    /// The true difference.
    pub effect: f64,
    /// How often one looked before the planned end.
    pub looks: u32,
    /// The seed by which the same happens again.
    pub seed: u64,
    /// The share in which the interval at the planned end left out 0 for some treatment.
    pub significant_at_end: f64,
    /// The share in which the interval of some look before the end did.
    pub significant_early: f64,
    /// The share that ended with a better treatment.
    pub better_at_end: f64,
    /// The share in which the sample ratio blocked, wrongly.
    pub sample_ratio_blocked: f64,
    /// The guardrails, which nothing harmed.
    pub guardrails: Vec<GuardrailSeen>,
    /// The share that ended with `ship`: a better treatment of which every guardrail was shown to hold. `None` where a guardrail could not be
    /// tried.
    pub shipped_at_end: Option<f64>,
}

/// A guardrail that nothing harmed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardrailSeen {
    /// Its name.
    pub metric: String,
    /// The treatment for which it was shown least often; `None` where the definition does not say how its values vary.
    pub treatment: Option<String>,
    /// The share in which it was shown at the planned end that it holds for this treatment.
    pub holds_at_end: Option<f64>,
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
    let mut guardrails: Vec<Guardrail<'_>> = experiment
        .metrics
        .iter()
        .filter(|metric| metric.role == Role::Guardrail)
        .zip(1_u64..)
        // Each has a generator of its own, so that it takes no numbers from the primary metric.
        .map(|(metric, number)| Guardrail {
            metric,
            random: SplitMix64(SplitMix64(settings.seed ^ number).next_u64()),
            holds: experiment
                .treatments()
                .map(|index| (experiment.variants[index].name.as_str(), 0))
                .collect(),
        })
        .collect();
    let all_tried = guardrails.iter().all(|guardrail| guardrail.metric.noise.is_some());
    let mut counts = [0_u32; 5];
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
        let mut shippable = seen.better_at_end.clone();
        for guardrail in &mut guardrails {
            let Some(noise) = guardrail.metric.noise else { continue };
            let holds = guardrail.try_on(experiment, noise, &made)?;
            shippable.retain(|variant| holds.contains(variant));
        }
        let found = [
            seen.significant_at_end,
            seen.significant_early,
            !seen.better_at_end.is_empty(),
            seen.sample_ratio_blocked,
            !shippable.is_empty(),
        ];
        for (count, found) in counts.iter_mut().zip(found) {
            *count += u32::from(found);
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(settings.experiments.max(1));
    let [at_end, early, better, blocked, shipped] = counts.map(share);
    let of_guardrail = |guardrail: Guardrail<'_>| {
        let tried = guardrail.metric.noise.is_some();
        let least = guardrail.holds.into_iter().filter(|_| tried).min_by_key(|(_, count)| *count);
        GuardrailSeen {
            metric: guardrail.metric.name.clone(),
            treatment: least.map(|(treatment, _)| treatment.to_owned()),
            holds_at_end: least.map(|(_, count)| share(count)),
        }
    };
    Ok(Simulation {
        experiments: settings.experiments,
        units,
        effect: settings.effect,
        looks: settings.looks,
        seed: settings.seed,
        significant_at_end: at_end,
        significant_early: early,
        better_at_end: better,
        sample_ratio_blocked: blocked,
        guardrails: guardrails.into_iter().map(of_guardrail).collect(),
        shipped_at_end: all_tried.then_some(shipped),
    })
}

/// A guardrail, and how often it was shown to hold for each treatment so far.
struct Guardrail<'a> {
    metric: &'a Metric,
    random: SplitMix64,
    holds: Vec<(&'a str, u32)>,
}

impl Guardrail<'_> {
    /// The treatments of one experiment in which it was shown to hold, when its values are alike in all variants.
    fn try_on(
        &mut self,
        experiment: &Experiment,
        noise: Noise,
        made: &[TrialUnit],
    ) -> Result<Vec<String>, Undefined> {
        let value = |random: &mut SplitMix64| match noise {
            Noise::Baseline(rate) => f64::from(u8::from(random.next_unit() < rate)),
            Noise::Sd(sd) => sd * random.next_normal(),
        };
        let units: Vec<TrialUnit> = made
            .iter()
            .map(|unit| TrialUnit { variant: unit.variant, value: value(&mut self.random) })
            .collect();
        let holds = Trial { experiment, metric: self.metric, units: &units }.holds_at_end()?;
        for (treatment, count) in &mut self.holds {
            *count += u32::from(holds.iter().any(|held| held == treatment));
        }
        Ok(holds)
    }
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
    use crate::definition::{GuardrailPlan, Owner, guardrail_plans};

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

    /// What [`guardrail_plans`] says of 800 units, 20 % of them in the treatment, and a guardrail `m` of this kind.
    fn guarded(guardrail: &str) -> (Experiment, GuardrailPlan) {
        let text = format!(
            "name: e\nvariants:\n- {{name: a, version: 1.0.0, weight: 80}}\n- {{name: b, version: 1.0.0, weight: 20}}\nseed: 000102030405060708090a0b0c0d0e0f\nwindow: 1d\nmetrics:\n  p: {{kind: mean, role: primary, direction: higher}}\n  m: {guardrail}\nplan: {{smallest_effect: 1, sd: 1, units: 800}}\n"
        );
        let mut problems = Vec::new();
        let document = Document::parse("e.yaml", text, &mut problems).unwrap();
        let owner = Owner { prompt: &"p".parse().unwrap(), versions: &["1.0.0".parse().unwrap()] };
        let experiment = Experiment::read(&document, owner, &mut problems).unwrap();
        let plan = guardrail_plans(&experiment, 800).unwrap().remove(0);
        (experiment, plan)
    }

    /// In what share of so many simulated experiments a guardrail that nothing harms is shown to hold.
    fn shown(guardrail: &str, noise: &str, experiments: u32) -> f64 {
        let (experiment, _) = guarded(&format!("{{{guardrail}, {noise}}}"));
        let settings = SimulationSettings { experiments, effect: 0.0, looks: 0, seed: 5 };
        simulate(&experiment, &settings).unwrap().guardrails[0].holds_at_end.unwrap()
    }

    #[test]
    fn what_is_said_of_a_mean_is_what_the_analysis_shows() {
        for (direction, kind) in [("lower", "mean"), ("higher", "ratio, numerator: n")] {
            let guardrail = format!("kind: {kind}, role: guardrail, direction: {direction}, margin: 0.5");
            let sd = guarded(&format!("{{{guardrail}}}")).1.largest_sd.unwrap();
            let seen = shown(&guardrail, &format!("sd: {sd}"), 300);
            assert!((seen - 0.8).abs() < 0.08, "{guardrail}: {seen}");
            let [more, less] = [1.4, 0.6].map(|times| shown(&guardrail, &format!("sd: {}", times * sd), 60));
            assert!(more < 0.7 && less > 0.9, "{guardrail}: {more} {less}");
        }
    }

    #[test]
    fn what_is_said_of_a_rate_is_what_the_analysis_shows() {
        for direction in ["lower", "higher"] {
            let guardrail = format!("kind: binary, role: guardrail, direction: {direction}, margin: 0.12");
            let rates = guarded(&format!("{{{guardrail}}}")).1.rates.unwrap();
            let &[[rarest, most], [fewest, most_frequent]] = rates.as_slice() else { panic!("{rates:?}") };
            for rate in [most, fewest] {
                let seen = shown(&guardrail, &format!("baseline: {rate}"), 200);
                assert!((seen - 0.8).abs() < 0.1, "{guardrail} at {rate}: {seen}");
            }
            // At the other ends it is the number of successes or failures, which is there almost always.
            for rate in [rarest, most_frequent] {
                let seen = shown(&guardrail, &format!("baseline: {rate}"), 60);
                assert!(seen > 0.7, "{guardrail} at {rate}: {seen}");
            }
            for rate in [0.6 * rarest, 1.0 - 0.6 * rarest] {
                let seen = shown(&guardrail, &format!("baseline: {rate}"), 60);
                assert!(seen < 0.5, "{guardrail} at {rate}: {seen}");
            }
        }
    }

    #[test]
    fn a_rate_that_leaves_little_room_takes_units_that_show_it() {
        for (direction, nearer) in [("lower", 0.78), ("higher", 0.22)] {
            let guardrail = format!("kind: binary, role: guardrail, direction: {direction}, margin: 0.2");
            let rates = guarded(&format!("{{{guardrail}}}")).1.rates.unwrap();
            let &[[low, high]] = rates.as_slice() else { panic!("{rates:?}") };
            let [best, worst] = if direction == "lower" { [low, high] } else { [high, low] };
            for (rate, holds) in [(best, true), (worst, true), (nearer, false)] {
                let seen = shown(&guardrail, &format!("baseline: {rate}"), 100);
                assert!(if holds { seen > 0.7 } else { seen < 0.5 }, "{guardrail} at {rate}: {seen}");
            }
            let (_, plan) = guarded(&format!("{{{guardrail}, baseline: {nearer}}}"));
            let needed = plan.needed_units.unwrap();
            assert!((5_000..50_000).contains(&needed), "{guardrail} {needed}");
            let (_, plan) = guarded(&format!(
                "{{{guardrail}, baseline: {}}}",
                if nearer > 0.5 { 0.799_999 } else { 0.200_001 }
            ));
            assert_eq!(plan.needed_units, None, "{guardrail}");
        }
    }

    #[test]
    fn the_units_that_a_guardrail_needs_are_those_that_show_it() {
        for metric in ["kind: mean, margin: 0.5, sd: 4", "kind: binary, margin: 0.05, baseline: 0.2"] {
            let (experiment, plan) = guarded(&format!("{{role: guardrail, direction: lower, {metric}}}"));
            assert!(!plan.is_within_reach());
            let needed = plan.needed_units.unwrap();
            let again = guardrail_plans(&experiment, needed).unwrap().remove(0);
            assert!(again.is_within_reach());
            let fewer = guardrail_plans(&experiment, needed - 1).unwrap().remove(0);
            let shows = |plan: &GuardrailPlan| match plan.noise {
                Some(Noise::Sd(sd)) => plan.largest_sd.is_some_and(|largest| largest >= sd),
                Some(Noise::Baseline(rate)) => {
                    plan.rates.iter().flatten().any(|[from, to]| *from <= rate && rate <= *to)
                }
                None => false,
            };
            assert!(shows(&again) && !shows(&fewer), "{again:?} {fewer:?}");
        }
    }

    #[test]
    fn a_margin_that_no_rate_lets_these_units_show() {
        let guardrail = "{kind: binary, role: guardrail, direction: lower, margin: 0.01}";
        let (experiment, plan) = guarded(guardrail);
        assert_eq!(plan.rates, Some(Vec::new()));
        assert!(!plan.is_within_reach());
        let needed = plan.needed_units.unwrap();
        let at_once = guardrail_plans(&experiment, needed + 10).unwrap().remove(0);
        assert!(at_once.rates.is_some_and(|rates| !rates.is_empty()), "{needed}");
        let before = guardrail_plans(&experiment, needed * 99 / 100).unwrap().remove(0);
        assert_eq!(before.rates, Some(Vec::new()));
    }

    #[test]
    fn a_margin_that_bounds_nothing_is_shown_by_no_number_of_units() {
        for margin in [
            "margin: 1",
            "margin: 1, baseline: 0.5",
            "margin: 0.2, baseline: 0.85",
            "margin: 0.15, baseline: 0.85",
        ] {
            let guardrail = format!("{{kind: binary, role: guardrail, direction: lower, {margin}}}");
            let (experiment, plan) = guarded(&guardrail);
            assert_eq!((plan.needed_units, plan.rates.as_deref()), (None, Some(&[][..])), "{margin}");
            let many = guardrail_plans(&experiment, 1_000_000).unwrap().remove(0);
            assert!(!many.is_within_reach(), "{margin}");
        }
        let seen =
            shown("kind: binary, role: guardrail, direction: lower, margin: 0.2", "baseline: 0.85", 20);
        assert!(seen.abs() < f64::EPSILON, "{seen}");
    }

    #[test]
    fn a_plan_holds_as_many_units_as_an_interval_takes() {
        let few = experiment("{kind: mean, role: primary, direction: higher}", "{smallest_effect: 2, sd: 1}");
        let units = planned_units(&few).unwrap();
        assert_eq!(units.for_effect, 8);
        assert!((220..=250).contains(&units.total), "{units:?}");
        let rare = experiment(
            "{kind: binary, role: primary, direction: higher}",
            "{smallest_effect: 0.2, baseline: 0.01}",
        );
        let units = planned_units(&rare).unwrap();
        assert!(units.for_effect < 200 && units.total > 5000, "{units:?}");
        for experiment in [few, rare] {
            let seen = run(&experiment, 40, experiment.plan.smallest_effect.unwrap(), 3);
            assert!(seen.better_at_end > 0.9, "{seen:?}");
        }
    }

    #[test]
    fn what_is_shipped_is_better_and_guarded() {
        let (experiment, _) =
            guarded("{kind: mean, role: guardrail, direction: lower, margin: 0.5, sd: 3.5}");
        let settings = SimulationSettings { experiments: 200, effect: 1.0, looks: 0, seed: 5 };
        let seen = simulate(&experiment, &settings).unwrap();
        assert_eq!(seen.shipped_at_end, seen.guardrails[0].holds_at_end, "{seen:?}");
        assert!(seen.better_at_end > 0.99, "{seen:?}");
        let (unknown, _) = guarded("{kind: mean, role: guardrail, direction: lower, margin: 0.5}");
        let seen = simulate(&unknown, &settings).unwrap();
        assert_eq!((seen.shipped_at_end, seen.guardrails[0].holds_at_end), (None, None));
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

    #[test]
    fn a_plan_of_more_units_than_there_are_is_refused_for_that() {
        let planned = |effect: &str| {
            let plan = format!("{{smallest_effect: {effect}, sd: 100}}");
            planned_units(&experiment("{kind: mean, role: primary, direction: higher}", &plan))
        };
        assert!(planned("0.02").unwrap().total > 700_000_000);
        for (effect, units) in [("0.001", "3.1e11"), ("1e-9", "3.1e23")] {
            let refused = planned(effect).unwrap_err();
            let expected = format!("the plan takes {units} units; more than 10⁹ cannot be planned");
            assert_eq!(refused.to_string(), expected);
        }
    }
}
