//! One treatment against the control in one metric: one estimate and one interval.

use promptassay_stats::fieller::{MeanLift, welch_lift};
use promptassay_stats::moments::Moments;
use promptassay_stats::newcombe::{newcombe_difference, newcombe_lift, newcombe_p};
use promptassay_stats::proportion::wilson;
use promptassay_stats::sequential::asymptotic_confidence_sequence;
use promptassay_stats::welch::welch;
use promptassay_stats::{Confidence, Undefined};
use serde::Serialize;

use super::decision::Guard;
use super::sample::{Sample, moments};
use super::{AnalysisError, ArmReport, MetricReport, Progress};
use crate::definition::{
    Direction, Experiment, LEAST_SUCCESSES, LEAST_UNITS, Metric, MetricKind, Role, confidence, covers,
};
use crate::duration;

/// How an interval was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Holds at every look: the asymptotic confidence sequence.
    AlwaysValid,
    /// Welch's interval of the planned population.
    Welch,
    /// Newcombe's interval of the planned population.
    Newcombe,
}

/// An interval in the metric's unit, treatment − control.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// The confidence of both ends together.
    pub confidence: f64,
    /// How it was computed.
    pub method: Method,
    /// The p-value that belongs to it: the interval excludes 0 exactly when it is below 1 − confidence.
    pub p_value: f64,
}

/// A relative change, shown beside the interval of the planned population. It has the sign of the difference: of a control below 0 it is
/// relative to its size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The relative change; 0.1 is ten percent more.
    pub lift: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

impl Estimate {
    fn of_mean(control: &Moments, lift: MeanLift) -> Self {
        let MeanLift { lift, lower, upper } = lift;
        if control.mean < 0.0 {
            // Subtracted, for a negative 0 would be shown as such.
            Self { lift: 0.0 - lift, lower: 0.0 - upper, upper: 0.0 - lower }
        } else {
            Self { lift, lower, upper }
        }
    }
}

/// Why there is no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NoInterval {
    /// An arm has too few units.
    TooFewUnits {
        /// The units of the smaller arm.
        units: u64,
        /// The units that it needs.
        needed: u64,
    },
    /// An arm has too few successes or failures.
    TooFewSuccesses {
        /// The smallest of the four counts.
        count: u64,
        /// What each of them needs.
        needed: u64,
    },
    /// Outcomes count for ever, so looking before the end is not allowed.
    NoWindow,
    /// No number of units was planned, so no interval can be tuned to it.
    NoPlan,
    /// The method is not defined for these numbers.
    Undefined {
        /// Why.
        why: &'static str,
    },
}

/// A treatment against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The treatment.
    pub variant: String,
    /// Treatment − control, in the metric's unit; `None` where an arm has no value.
    pub difference: Option<f64>,
    /// The interval around it.
    pub interval: Option<Interval>,
    /// Why there is none.
    pub no_interval: Option<NoInterval>,
    /// Where the treatment looks better because one arm has not one outcome of the metric, in which nothing counts as 0: the units of the other
    /// arm that have one. Rather it is not recorded there, so it is no win and no guardrail holds by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_in_one_arm: Option<u64>,
    /// Where values are missing in one arm so much more often than in the other that chance does not explain it: the p-value. Those that
    /// are there may not be alike, so it is no win and no guardrail holds by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_unevenly: Option<f64>,
    /// Where the control cannot become worse by the margin of a guardrail, which is a rate: by how much it can at most, at that end of the
    /// interval of its own rate where it is least. What bounds nothing there would hold whatever the treatment does, so nothing holds by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_within_margin: Option<f64>,
    /// The relative change, at the planned end only.
    pub lift: Option<Estimate>,
    /// The p-value corrected for the further success metrics and treatments; for success metrics only.
    pub corrected_p: Option<f64>,
    /// What a guardrail says of the treatment; `None` for other metrics, and where there is no interval.
    pub guard: Option<Guard>,
}

pub(super) struct Settings<'a> {
    pub(super) role: Role,
    pub(super) progress: &'a Progress,
    /// The units of the population, whether their window has closed or not.
    pub(super) everyone: u64,
    /// Whether the end in the file is over.
    pub(super) ended: bool,
}

pub(super) fn report(
    experiment: &Experiment,
    metric: &Metric,
    samples: &[Sample],
    settings: &Settings<'_>,
) -> Result<MetricReport, AnalysisError> {
    let undefined = |reason| AnalysisError::Undefined { metric: metric.name.clone(), reason };
    let treatments: Vec<usize> = experiment.treatments().collect();
    // The primary metric decides, so several treatments share its 5 %.
    let sharing = if settings.role == Role::Primary { treatments.len() } else { 1 };
    let confidence = confidence(sharing).map_err(undefined)?;
    let control = &samples[experiment.control];
    let comparisons = treatments
        .iter()
        .map(|index| {
            let share = pair_share(experiment, *index);
            let share_of_control = experiment.effective_shares()[experiment.control];
            let treatment = &samples[*index];
            let pair = Pair { metric, control, treatment, confidence, share, share_of_control };
            pair.compare(&experiment.variants[*index].name, settings)
        })
        .collect();
    let arms = experiment.variants.iter().zip(samples).map(|(variant, sample)| ArmReport {
        variant: variant.name.clone(),
        units: sample.units,
        with_value: sample.with_value(),
        estimate: plain_estimate(&metric.kind, sample),
    });
    Ok(MetricReport {
        name: metric.name.clone(),
        kind: metric.kind.name(),
        role: settings.role,
        direction: metric.direction,
        margin: metric.margin,
        window: metric.window.map(duration::show),
        waiting: settings.everyone.saturating_sub(samples.iter().map(|sample| sample.units).sum()),
        adjusted_by: match &metric.kind {
            MetricKind::Mean { covariate, .. } => {
                covariate.clone().filter(|_| samples.iter().any(Sample::has_covariate))
            }
            MetricKind::Binary | MetricKind::Ratio { .. } => None,
        },
        arms: arms.collect(),
        comparisons,
    })
}

fn pair_share(experiment: &Experiment, treatment: usize) -> f64 {
    let shares = experiment.effective_shares();
    shares[experiment.control] + shares[treatment]
}

fn plain_estimate(kind: &MetricKind, sample: &Sample) -> Option<f64> {
    let sum: f64 = sample.values.iter().sum();
    let below = match kind {
        MetricKind::Ratio { .. } => sample.beside.iter().sum(),
        MetricKind::Mean { .. } | MetricKind::Binary => sample.values.len() as f64,
    };
    (below != 0.0).then(|| sum / below)
}

struct Pair<'a> {
    metric: &'a Metric,
    control: &'a Sample,
    treatment: &'a Sample,
    confidence: Confidence,
    /// The share of all units that these two arms get.
    share: f64,
    /// That of the control.
    share_of_control: f64,
}

impl Pair<'_> {
    fn compare(&self, variant: &str, settings: &Settings<'_>) -> Comparison {
        let moments = moments(&self.metric.kind, self.control, self.treatment);
        let difference = match moments {
            Ok((control, treatment)) => Some(treatment.mean - control.mean),
            Err(_) => None,
        };
        let at_horizon =
            settings.progress.at_horizon || (settings.ended && settings.progress.planned_units.is_none());
        let interval = self.enough().and_then(|()| {
            if at_horizon {
                self.fixed()
            } else if self.metric.window.is_none() && settings.role != Role::Descriptive {
                Err(NoInterval::NoWindow)
            } else {
                self.always_valid(settings.progress.planned_units)
            }
        });
        let lift = if interval.is_ok() && at_horizon { self.lift() } else { None };
        let looks_better = self
            .metric
            .direction
            .zip(difference)
            .is_some_and(|(direction, difference)| direction.turn(difference) > 0.0);
        let recorded_in_one_arm =
            Sample::recorded_in_one(&self.metric.kind, self.control, self.treatment).filter(|_| looks_better);
        let missing_unevenly = Sample::missing_unevenly(&[self.control, self.treatment]);
        let (mut guard, mut room_within_margin) = (None, None);
        if let (Role::Guardrail, Some(direction), Some(margin), Ok(interval)) =
            (settings.role, self.metric.direction, self.metric.margin, &interval)
        {
            let by_interval = Guard::of(direction, margin, interval);
            let planned = settings.progress.planned_units.filter(|_| !at_horizon);
            let room = self.room_within(margin, direction, planned);
            let is_told = recorded_in_one_arm.is_none() && missing_unevenly.is_none();
            let is_bound = self.metric.room_within_margin().is_none() && room.is_none();
            let is_known = by_interval != Guard::Holds || (is_told && is_bound);
            guard = Some(if is_known { by_interval } else { Guard::Open });
            // While little is known that is no news, unless the rate itself says it.
            let is_news =
                by_interval == Guard::Holds || covers(margin, direction.room_of(self.control.share()));
            room_within_margin = room.filter(|_| is_news);
        }
        Comparison {
            variant: variant.to_owned(),
            difference,
            interval: interval.ok(),
            no_interval: interval.err(),
            recorded_in_one_arm,
            missing_unevenly,
            room_within_margin,
            lift,
            corrected_p: None,
            guard,
        }
    }

    fn enough(&self) -> Result<(), NoInterval> {
        let units = self.control.with_value().min(self.treatment.with_value());
        if units < LEAST_UNITS {
            return Err(NoInterval::TooFewUnits { units, needed: LEAST_UNITS });
        }
        if self.metric.kind == MetricKind::Binary {
            let counts = [self.control, self.treatment]
                .map(|sample| sample.successes.min(sample.with_value() - sample.successes));
            let count = counts[0].min(counts[1]);
            if count < LEAST_SUCCESSES {
                return Err(NoInterval::TooFewSuccesses { count, needed: LEAST_SUCCESSES });
            }
        }
        Ok(())
    }

    fn fixed(&self) -> Result<Interval, NoInterval> {
        let confidence = self.confidence.of_both_ends();
        if self.metric.kind == MetricKind::Binary {
            let difference = newcombe_difference(self.control.rate(), self.treatment.rate(), self.confidence)
                .map_err(undefined)?;
            return Ok(Interval {
                lower: difference.lower,
                upper: difference.upper,
                confidence,
                method: Method::Newcombe,
                p_value: newcombe_p(self.control.rate(), self.treatment.rate()).map_err(undefined)?,
            });
        }
        let (control, treatment) =
            moments(&self.metric.kind, self.control, self.treatment).map_err(undefined)?;
        let welch = welch(&control, &treatment, self.confidence).map_err(undefined)?;
        Ok(Interval {
            lower: welch.lower,
            upper: welch.upper,
            confidence,
            method: Method::Welch,
            p_value: welch.p_two_sided,
        })
    }

    /// How much worse the control's rate can become at most, where that is within the margin. By the end of its interval, Wilson's at the
    /// planned end and before that one for every look: what it may be leaves no more room than what was seen. `planned` are the units of
    /// the plan before its end.
    fn room_within(&self, margin: f64, direction: Direction, planned: Option<u64>) -> Option<f64> {
        if self.metric.kind != MetricKind::Binary {
            return None;
        }
        let (users, rate) = (self.control.with_value(), self.control.share());
        let ends = match planned {
            None => {
                wilson(self.control.successes, users, self.confidence).map(|ends| [ends.lower, ends.upper])
            }
            Some(planned) => {
                let error = (rate * (1.0 - rate) / users as f64).sqrt();
                let planned = share_of(planned, self.share_of_control);
                asymptotic_confidence_sequence(rate, error, users, planned, self.confidence)
                    .map(|sequence| [sequence.lower, sequence.upper])
            }
        };
        // Without an interval nothing is known of the room, and nothing holds by it.
        let [lower, upper] = ends.unwrap_or([0.0, 1.0]);
        let room = direction.room_of(lower).min(direction.room_of(upper)).max(0.0);
        covers(margin, room).then_some(room)
    }

    fn always_valid(&self, planned: Option<u64>) -> Result<Interval, NoInterval> {
        let planned = planned.ok_or(NoInterval::NoPlan)?;
        let (control, treatment) =
            moments(&self.metric.kind, self.control, self.treatment).map_err(undefined)?;
        let error = (control.variance_of_mean() + treatment.variance_of_mean()).sqrt();
        let planned = share_of(planned, self.share);
        let sequence = asymptotic_confidence_sequence(
            treatment.mean - control.mean,
            error,
            control.count + treatment.count,
            planned,
            self.confidence,
        )
        .map_err(undefined)?;
        Ok(Interval {
            lower: sequence.lower,
            upper: sequence.upper,
            confidence: self.confidence.of_both_ends(),
            method: Method::AlwaysValid,
            p_value: sequence.p_value,
        })
    }

    fn lift(&self) -> Option<Estimate> {
        if self.metric.kind == MetricKind::Binary {
            let lift = newcombe_lift(self.control.rate(), self.treatment.rate(), self.confidence).ok()?;
            return Some(Estimate { lift: lift.lift, lower: lift.lower, upper: lift.upper });
        }
        let (control, treatment) = moments(&self.metric.kind, self.control, self.treatment).ok()?;
        let lift = welch_lift(&control, &treatment, self.confidence).ok()?;
        Some(Estimate::of_mean(&control, lift))
    }
}

/// So many of the planned units, one at least.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
fn share_of(planned: u64, share: f64) -> u64 {
    ((planned as f64 * share).round() as u64).max(1)
}

fn undefined(reason: Undefined) -> NoInterval {
    NoInterval::Undefined { why: reason.code() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_change_has_the_sign_of_the_difference() {
        let confidence = confidence(1).unwrap();
        let arm = |mean| Moments::from_parts(400, mean, 1.0).unwrap();
        for (control, treatment, expected) in [(4.0, 5.0, 0.25), (-4.0, -3.0, 0.25), (-4.0, -5.0, -0.25)] {
            let (control, treatment) = (arm(control), arm(treatment));
            let lift = Estimate::of_mean(&control, welch_lift(&control, &treatment, confidence).unwrap());
            assert!((lift.lift - expected).abs() < 1e-12, "{lift:?}");
            assert!(lift.lower < lift.lift && lift.lift < lift.upper, "{lift:?}");
            assert!(lift.lower * expected > 0.0 && lift.upper * expected > 0.0, "{lift:?}");
        }
        let same = Estimate::of_mean(&arm(-4.0), welch_lift(&arm(-4.0), &arm(-4.0), confidence).unwrap());
        assert!(same.lift.is_sign_positive());
    }
}
