//! What the planned units can show of the guardrails: the plan follows from the primary metric alone, and a guardrail that is never
//! shown to hold keeps everything from being shipped.

use promptassay_stats::distributions::normal;
use promptassay_stats::newcombe::newcombe_reach;
use promptassay_stats::power::{largest_sd_for_means, users_for_means};
use promptassay_stats::{Confidence, Undefined};
use serde::Serialize;

use super::plan::{
    CONFIDENCE, MOST_UNITS, POWER, SURE_OF_COUNTS, fewest, reaches, rounded_up, units_for_counts,
};
use super::{Direction, Experiment, LEAST_SUCCESSES, LEAST_UNITS, Metric, MetricKind, Noise, Role};

/// What so many units show of one guardrail that nothing harms, with 80 % probability, as the analysis of the planned end judges it:
/// the two-sided 95 % interval lies within the margin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardrailPlan {
    /// The guardrail.
    pub metric: String,
    /// `mean`, `binary` or `ratio`.
    pub kind: &'static str,
    /// How much worse it may become, in its unit.
    pub margin: f64,
    /// The units in all variants together that this is about.
    pub units: u64,
    /// Of means and ratios: the largest standard deviation of a unit's value with which these units show it; `None` for rates, and where
    /// the variants get too few units for any interval.
    pub largest_sd: Option<f64>,
    /// Of rates: those at which these units show it, from and to, in rising order; empty where there is none, `None` for means and ratios.
    pub rates: Option<Vec<[f64; 2]>>,
    /// What the definition says of its values today.
    pub noise: Option<Noise>,
    /// The units that it takes. Where the definition does not say how the values vary, those that it takes in the best case. `None` where
    /// the margin bounds nothing: no number of units shows it then.
    pub needed_units: Option<u64>,
}

impl GuardrailPlan {
    /// Whether these units show it; without a word on how the values vary, whether they could.
    pub fn is_within_reach(&self) -> bool {
        self.needed_units.is_some_and(|needed| self.units >= needed)
    }
}

/// What so many units show of every guardrail, in the order of the definition. With several treatments it is said of the one about which
/// least is known.
pub fn guardrail_plans(experiment: &Experiment, units: u64) -> Result<Vec<GuardrailPlan>, Undefined> {
    let design = Design::of(experiment)?;
    let guardrails = experiment.metrics.iter().filter(|metric| metric.role == Role::Guardrail);
    guardrails.map(|metric| design.plan(metric, units)).collect()
}

/// How the units are spread over the variants.
struct Design {
    /// The share of the smallest variant that is compared.
    smallest: f64,
    control: f64,
    treatments: Vec<f64>,
    /// Guardrails are not corrected for their number, nor for that of the treatments.
    confidence: Confidence,
    z_of_power: f64,
}

impl Design {
    fn of(experiment: &Experiment) -> Result<Self, Undefined> {
        let shares = experiment.effective_shares();
        let control = shares[experiment.control];
        let treatments: Vec<f64> = experiment.treatments().map(|index| shares[index]).collect();
        Ok(Self {
            smallest: treatments.iter().copied().fold(control, f64::min),
            control,
            treatments,
            confidence: Confidence::two_sided(CONFIDENCE)?,
            z_of_power: normal::quantile(POWER)?,
        })
    }

    fn plan(&self, metric: &Metric, units: u64) -> Result<GuardrailPlan, Undefined> {
        let margin = metric.margin.unwrap_or_default();
        let enough = reaches(LEAST_UNITS, units, self.smallest)?;
        let least = units_for_counts(self.smallest, None)?;
        let of_rate = Rate { design: self, margin, direction: metric.direction };
        let is_rate = metric.kind == MetricKind::Binary;
        // A rate so near to where it has no room that no number of units tells has none.
        let has_room = match metric.noise {
            Some(Noise::Baseline(rate)) => of_rate.has_room(rate, MOST_UNITS)?,
            _ => true,
        };
        let is_bound = metric.room_within_margin().is_none() && has_room;
        Ok(GuardrailPlan {
            metric: metric.name.clone(),
            kind: metric.kind.name(),
            margin,
            units,
            largest_sd: if enough && !is_rate { Some(self.largest_sd(margin, units)?) } else { None },
            rates: match is_rate {
                false => None,
                true if enough && is_bound => Some(of_rate.shown_at(units)?),
                true => Some(Vec::new()),
            },
            noise: metric.noise,
            needed_units: match metric.noise {
                _ if !is_bound => None,
                Some(Noise::Baseline(rate)) => Some(of_rate.units(rate)?),
                Some(Noise::Sd(sd)) => Some(self.units_at_sd(margin, sd)?.max(least)),
                None if is_rate => Some(of_rate.fewest_units()?),
                None => Some(least),
            },
        })
    }

    /// A guardrail holds where the whole interval lies within the margin: the loss of a whole margin must lie outside.
    fn largest_sd(&self, margin: f64, units: u64) -> Result<f64, Undefined> {
        self.treatments.iter().try_fold(f64::INFINITY, |least, treatment| {
            let both = self.control + treatment;
            let users = units as f64 * both;
            let of_pair = largest_sd_for_means(margin, users, treatment / both, self.confidence, POWER)?;
            Ok(least.min(of_pair))
        })
    }

    fn units_at_sd(&self, margin: f64, sd: f64) -> Result<u64, Undefined> {
        self.treatments.iter().try_fold(0, |most, treatment| {
            let both = self.control + treatment;
            let of_pair = users_for_means(margin, sd, treatment / both, self.confidence, POWER)?;
            Ok(rounded_up(of_pair / both).max(most))
        })
    }
}

/// A guardrail that is a rate: its spread follows from it, its interval is not as long on both sides, and rare events are too few for one.
struct Rate<'a> {
    design: &'a Design,
    margin: f64,
    direction: Option<Direction>,
}

impl Rate<'_> {
    /// Whether so many units show at this rate that it holds: the interval ends within the margin, also where chance moves the difference
    /// towards it as far as in one experiment of five.
    fn fits(&self, rate: f64, units: u64) -> Result<bool, Undefined> {
        let Design { control, treatments, confidence, z_of_power, .. } = self.design;
        for treatment in treatments {
            let [a, b] = [control, treatment].map(|share| share * units as f64);
            let (below, above) = newcombe_reach(rate, a, b, *confidence)?;
            let worse = if self.direction == Some(Direction::Higher) { below } else { above };
            if worse + z_of_power * (rate * (1.0 - rate) * (1.0 / a + 1.0 / b)).sqrt() > self.margin {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the control shows that it can become worse by more than the margin, with a probability of 99 %: the end of its Wilson interval
    /// leaves the room. That it is below a rate q is that the rate lies z · √(q (1 − q) / n) or more below q.
    fn has_room(&self, rate: f64, units: u64) -> Result<bool, Undefined> {
        let worse = if self.direction == Some(Direction::Higher) { 1.0 - rate } else { rate };
        let end = 1.0 - self.margin;
        if end <= 0.0 {
            return Ok(false);
        }
        let users = self.design.control * units as f64;
        let spread = |rate: f64| (rate * (1.0 - rate) / users).sqrt();
        let chance = normal::quantile(SURE_OF_COUNTS)? * spread(worse);
        Ok(worse + chance <= end - self.design.confidence.z() * spread(end))
    }

    /// Whether every variant gets enough successes and failures.
    fn comes(&self, rate: f64, units: u64) -> Result<bool, Undefined> {
        reaches(LEAST_SUCCESSES, units, self.design.smallest * rate.min(1.0 - rate))
    }

    /// The rates, from and to: below and above ½, where most of it is left to chance.
    fn shown_at(&self, units: u64) -> Result<Vec<[f64; 2]>, Undefined> {
        // So near to 0, or to 1, as there are enough; and from there to the middle as far as it fits.
        if !self.comes(0.5, units)? {
            return Ok(Vec::new());
        }
        let rarest = halving(0.5, 0.0, |rate| self.comes(rate, units))?;
        let [low, high] = [rarest, 1.0 - rarest];
        // Towards its worse end a rate can become worse by less and less.
        let is_higher = self.direction == Some(Direction::Higher);
        let (best, worst) = if is_higher { (high, low) } else { (low, high) };
        let has_room = |rate: f64| self.has_room(rate, units);
        if !has_room(best)? {
            return Ok(Vec::new());
        }
        let worst = if has_room(worst)? { worst } else { halving(best, worst, has_room)? };
        let (low, high) = (best.min(worst), best.max(worst));
        let middle = 0.5_f64.clamp(low, high);
        let end = |from: f64| -> Result<Option<f64>, Undefined> {
            if self.fits(from, units)? {
                halving(from, middle, |rate| self.fits(rate, units)).map(Some)
            } else {
                Ok(None)
            }
        };
        if self.fits(middle, units)? {
            return Ok(vec![[low, high]]);
        }
        let ranges = [end(low)?.map(|to| [low, to]), end(high)?.map(|from| [from, high])];
        Ok(ranges.into_iter().flatten().collect())
    }

    fn units(&self, rate: f64) -> Result<u64, Undefined> {
        let counts = units_for_counts(self.design.smallest, Some(rate))?;
        fewest(counts, |units| Ok(self.fits(rate, units)? && self.has_room(rate, units)?))
    }

    /// Those of the rate that takes the fewest: rarer ones take more for 25 successes, more frequent ones more for the margin.
    fn fewest_units(&self) -> Result<u64, Undefined> {
        let least = units_for_counts(self.design.smallest, Some(0.5))?;
        fewest(least, |units| Ok(!self.shown_at(units)?.is_empty()))
    }
}

/// How far a condition that holds at `from` holds on the way to `to`.
fn halving(from: f64, to: f64, holds: impl Fn(f64) -> Result<bool, Undefined>) -> Result<f64, Undefined> {
    let (mut inside, mut outside) = (from, to);
    for _ in 0..40 {
        let middle = f64::midpoint(inside, outside);
        if holds(middle)? { inside = middle } else { outside = middle }
    }
    Ok(inside)
}
