//! The plan: what must be decided before an experiment starts, so that its end is not chosen by its results.

use jiff::{SignedDuration, Timestamp};
use promptassay_stats::distributions::binomial;
use promptassay_stats::power::{users_for_means, users_for_proportions};
use promptassay_stats::{Confidence, Undefined};
use serde::Serialize;

use super::{Experiment, Metric, MetricKind};

/// The confidence of both ends of an interval together.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// The chance to see the smallest effect worth having, and that a guardrail holds which nothing harms.
pub(super) const POWER: f64 = 0.8;
/// Below so many units in a variant the normal approximation is not trusted, so there is no interval.
pub const LEAST_UNITS: u64 = 100;
/// Below so many successes or failures in a variant neither.
pub const LEAST_SUCCESSES: u64 = 25;
/// How sure it is that the planned units reach these counts: chance spreads the units, and brings the successes.
pub(super) const SURE_OF_COUNTS: f64 = 0.99;
/// Whole weeks hold all days of the week.
pub(crate) const LEAST_DURATION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was decided before the start, as far as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The smallest difference of the primary metric that is worth having, in its unit; more than 0.
    pub smallest_effect: Option<f64>,
    /// The rate of a binary primary metric today, strictly between 0 and 1.
    pub baseline: Option<f64>,
    /// The standard deviation of a unit's value of the primary metric; more than 0.
    pub sd: Option<f64>,
    /// The units in all variants together after which the experiment is decided.
    pub units: Option<u64>,
}

/// How many units a plan needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PlannedUnits {
    /// In all variants together, rounded up.
    pub total: u64,
    /// Those of them that the smallest effect takes; fewer than `total` where there is no interval yet after so few.
    pub for_effect: u64,
}

/// A plan with nothing left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyPlan {
    /// The units after which it is decided.
    pub units: u64,
    /// The units that the smallest effect needs.
    pub needed: u64,
    /// When it ends.
    pub end: Timestamp,
}

/// What an experiment lacks before it may start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotReady {
    /// Nothing must become better.
    #[error("no metric is primary, so nothing could decide")]
    NoPrimary,
    /// The smallest effect is open.
    #[error("the plan does not say which difference of `{metric}` is worth having")]
    NoSmallestEffect {
        /// The primary metric.
        metric: String,
    },
    /// How much units differ is open.
    #[error("the plan does not say {what} of `{metric}`, so nobody knows how many units it takes")]
    NoNoise {
        /// The primary metric.
        metric: String,
        /// What is missing, for a reader.
        what: &'static str,
        /// The key to write.
        key: &'static str,
    },
    /// The size cannot be computed from these numbers.
    #[error("no number of units follows from the plan: {reason}")]
    Impossible {
        /// Why.
        reason: Undefined,
    },
    /// More units than any experiment gets.
    #[error("the plan takes {needed:.1e} units; more than 10⁹ cannot be planned")]
    TooMany {
        /// What the smallest effect needs.
        needed: f64,
    },
    /// No number of units was planned.
    #[error("the plan does not say after how many units it is decided")]
    NoUnits {
        /// What the smallest effect needs.
        needed: u64,
    },
    /// Fewer than the smallest effect needs.
    #[error("{planned} units are planned, but the plan needs {needed}")]
    TooFewUnits {
        /// What the plan says.
        planned: u64,
        /// What it needs.
        needed: u64,
    },
    /// The end is open.
    #[error("there is no `end`")]
    NoEnd,
    /// It would end before a week is over.
    #[error("it would end at {end}, before seven full days are over")]
    TooShort {
        /// The end in the file.
        end: Timestamp,
        /// The earliest one.
        earliest: Timestamp,
    },
    /// Outcomes of a metric would count for ever.
    #[error("`{metric}` has no `window`: sums that grow for ever break what is promised about looking early")]
    NoWindow {
        /// The metric.
        metric: String,
    },
    /// A guardrail that would hold whatever happens.
    #[error("{}", no_bound(metric, *room))]
    NoBound {
        /// The guardrail, which is a rate.
        metric: String,
        /// How much worse it can become at most, in (0, 1].
        room: f64,
    },
}

/// What is wrong with the margin of a rate that can become worse by so much at most.
pub(crate) fn no_bound(metric: &str, room: f64) -> String {
    if room < 1.0 {
        let points = 100.0 * room;
        return format!(
            "from its `baseline` `{metric}` can become worse by {points:.2} points at most, which is within its margin"
        );
    }
    format!("the margin of `{metric}` bounds nothing: a rate is never worse by 1 or more")
}

impl NotReady {
    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::NoPrimary => "give exactly one metric `role: primary`".to_owned(),
            Self::NoSmallestEffect { .. } => {
                "write `smallest_effect:` under `plan:`: a smaller difference would change nothing you do".to_owned()
            }
            Self::NoNoise { key, .. } => format!("write `{key}:` under `plan:`, from data of the last weeks"),
            Self::Impossible { .. } => "check `smallest_effect` and `baseline`".to_owned(),
            Self::TooMany { .. } => "write a larger `smallest_effect`: so small a difference cannot be shown".to_owned(),
            Self::NoUnits { needed } => format!("write `units: {needed}` under `plan:`, or more"),
            Self::TooFewUnits { needed, .. } => {
                format!("write `units: {needed}`, or a larger `smallest_effect`")
            }
            Self::NoEnd => "write `end:`, at least seven days after the start".to_owned(),
            Self::TooShort { earliest, .. } => format!("write `end: {earliest}`, or later"),
            Self::NoWindow { .. } => {
                "write `window: 7d` for the experiment or the metric: how long after the first exposure outcomes count"
                    .to_owned()
            }
            Self::NoBound { room, .. } if *room < 1.0 => {
                "write a smaller margin, or mend the `baseline`: with these it would hold whatever happens, so it never counts as one that holds".to_owned()
            }
            Self::NoBound { .. } => "write 0.05 for 5 points".to_owned(),
        }
    }
}

/// The confidence of one comparison: with several treatments the primary metric gets one share of the 5 % for each.
pub(crate) fn confidence(comparisons: usize) -> Result<Confidence, Undefined> {
    Confidence::two_sided(1.0 - (1.0 - CONFIDENCE) / comparisons.max(1) as f64)
}

/// The units in all variants together that show the smallest effect with 80 % probability at two-sided 5 %, for the smallest variant.
pub fn planned_units(experiment: &Experiment) -> Result<PlannedUnits, NotReady> {
    let metric = experiment.primary().ok_or(NotReady::NoPrimary)?;
    let effect = experiment
        .plan
        .smallest_effect
        .ok_or_else(|| NotReady::NoSmallestEffect { metric: metric.name.clone() })?;
    let shares = experiment.effective_shares();
    let control = shares.get(experiment.control).copied().unwrap_or_default();
    let treatments: Vec<usize> = experiment.treatments().collect();
    let confidence = confidence(treatments.len()).map_err(|reason| NotReady::Impossible { reason })?;
    let mut for_effect = 0.0_f64;
    let mut smallest = control;
    for index in treatments {
        let both = control + shares[index];
        let units = pair_units(experiment, metric, effect, shares[index] / both, confidence)?;
        for_effect = for_effect.max(units / both);
        smallest = smallest.min(shares[index]);
    }
    if for_effect > MOST_UNITS as f64 {
        return Err(NotReady::TooMany { needed: for_effect });
    }
    let for_effect = rounded_up(for_effect);
    let rate = experiment.plan.baseline.filter(|_| metric.kind == MetricKind::Binary);
    let for_counts = units_for_counts(smallest, rate).map_err(|reason| NotReady::Impossible { reason })?;
    Ok(PlannedUnits { total: for_effect.max(for_counts), for_effect })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; `as` saturates")]
pub(super) fn rounded_up(units: f64) -> u64 {
    units.ceil() as u64
}

/// The units in all variants together after which a variant with this share has enough of them for an interval, and of a rate enough
/// successes and failures, with a probability of 99 % each.
pub(super) fn units_for_counts(share: f64, rate: Option<f64>) -> Result<u64, Undefined> {
    let mut most = units_for_count(LEAST_UNITS, share)?;
    if let Some(rate) = rate {
        most = most.max(units_for_count(LEAST_SUCCESSES, share * rate.min(1.0 - rate))?);
    }
    Ok(most)
}

/// The fewest units of which `count` are of a kind that each is with this probability.
fn units_for_count(count: u64, probability: f64) -> Result<u64, Undefined> {
    fewest(count, |units| reaches(count, units, probability))
}

/// The fewest units, `least` or more, of which a condition holds that holds of all larger numbers too.
pub(super) fn fewest(least: u64, holds: impl Fn(u64) -> Result<bool, Undefined>) -> Result<u64, Undefined> {
    let (mut low, mut high) = (least.saturating_sub(1), least.max(1));
    while !holds(high)? {
        if high > MOST_UNITS {
            return Err(Undefined::OutsideDomain);
        }
        (low, high) = (high, high * 2);
    }
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if holds(middle)? { high = middle } else { low = middle }
    }
    Ok(high)
}

/// No plan is larger; the binomial distribution is known up to 10¹⁰.
pub(super) const MOST_UNITS: u64 = 1_000_000_000;

/// Whether so many units hold `count` of a kind that each is with this probability.
pub(super) fn reaches(count: u64, units: u64, probability: f64) -> Result<bool, Undefined> {
    Ok(binomial::sf(count - 1, units, probability)? >= SURE_OF_COUNTS)
}

fn pair_units(
    experiment: &Experiment,
    metric: &Metric,
    effect: f64,
    share: f64,
    confidence: Confidence,
) -> Result<f64, NotReady> {
    let missing = |what, key| NotReady::NoNoise { metric: metric.name.clone(), what, key };
    let plan = &experiment.plan;
    let units = match metric.kind {
        MetricKind::Binary => {
            let baseline = plan.baseline.ok_or_else(|| missing("today's rate", "baseline"))?;
            let turned = metric.direction.map_or(effect, |direction| direction.turn(effect));
            users_for_proportions(baseline, baseline + turned, share, confidence, POWER)
        }
        MetricKind::Mean { .. } | MetricKind::Ratio { .. } => {
            let sd = plan.sd.ok_or_else(|| missing("the standard deviation", "sd"))?;
            users_for_means(effect, sd, share, confidence, POWER)
        }
    };
    units.map_err(|reason| NotReady::Impossible { reason })
}

impl Experiment {
    /// The plan with nothing left open, or everything that is missing. `start` is when it would begin.
    pub fn ready(&self, start: Timestamp) -> Result<ReadyPlan, Vec<NotReady>> {
        let mut missing = Vec::new();
        let needed = planned_units(self).map_err(|error| missing.push(error)).ok();
        let units = match (self.plan.units, needed) {
            (None, Some(PlannedUnits { total: needed, .. })) => {
                missing.push(NotReady::NoUnits { needed });
                None
            }
            (Some(planned), Some(PlannedUnits { total: needed, .. })) if planned < needed => {
                missing.push(NotReady::TooFewUnits { planned, needed });
                None
            }
            (planned, needed) => planned.zip(needed),
        };
        let earliest = start.saturating_add(LEAST_DURATION).unwrap_or(Timestamp::MAX);
        match self.end {
            None => missing.push(NotReady::NoEnd),
            Some(end) if end < earliest => missing.push(NotReady::TooShort { end, earliest }),
            Some(_) => {}
        }
        missing.extend(
            self.metrics
                .iter()
                .filter(|metric| metric.decides() && metric.window.is_none())
                .map(|metric| NotReady::NoWindow { metric: metric.name.clone() }),
        );
        missing.extend(self.metrics.iter().filter_map(|metric| {
            let room = metric.room_within_margin()?;
            Some(NotReady::NoBound { metric: metric.name.clone(), room })
        }));
        match (units, self.end) {
            (Some((units, needed)), Some(end)) if missing.is_empty() => {
                Ok(ReadyPlan { units, needed: needed.total, end })
            }
            _ => Err(missing),
        }
    }
}
