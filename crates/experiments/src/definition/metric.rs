//! What is measured: how a unit's outcomes become a value, and what that value decides.

use jiff::SignedDuration;
use serde::Serialize;

/// What a metric decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one that must become better.
    Primary,
    /// One more that may become better.
    Success,
    /// One that must not become worse by its margin.
    Guardrail,
    /// One that is only reported.
    Descriptive,
}

/// Where better lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

impl Direction {
    /// A difference so turned that more is better.
    pub fn turn(self, difference: f64) -> f64 {
        match self {
            Self::Higher => difference,
            Self::Lower => -difference,
        }
    }

    /// How much worse a rate can become at most.
    pub(crate) fn room_of(self, rate: f64) -> f64 {
        match self {
            Self::Higher => rate,
            Self::Lower => 1.0 - rate,
        }
    }
}

/// How a unit's outcomes become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PerUnit {
    /// Their mean; a unit without an outcome has no value.
    Mean,
    /// Their sum; 0 without an outcome.
    Sum,
    /// Their number; 0 without an outcome.
    Count,
}

/// What a unit's value is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MetricKind {
    /// One number per unit.
    Mean {
        /// How outcomes become it.
        per_unit: PerUnit,
        /// The largest value that counts.
        cap: Option<f64>,
        /// The series recorded before the exposure whose influence is taken out.
        covariate: Option<String>,
    },
    /// Whether a 1 was recorded. Outcomes are 0 or 1; a unit without one counts as no.
    Binary,
    /// A sum over units divided by another sum over units.
    Ratio {
        /// What is summed above the line.
        numerator: String,
        /// What is summed below the line; `None` stands for the number of recorded numerators.
        denominator: Option<String>,
    },
}

impl MetricKind {
    /// The word in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mean { .. } => "mean",
            Self::Binary => "binary",
            Self::Ratio { .. } => "ratio",
        }
    }
}

/// How much the values of units differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Of a rate: the rate, strictly between 0 and 1.
    Baseline(f64),
    /// Of a mean or a ratio: the standard deviation of a unit's value; more than 0.
    Sd(f64),
}

impl Noise {
    /// The standard deviation of a unit's value.
    pub fn sd(self) -> f64 {
        match self {
            Self::Baseline(rate) => (rate * (1.0 - rate)).sqrt(),
            Self::Sd(sd) => sd,
        }
    }
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name, unique in the experiment.
    pub name: String,
    /// What a unit's value is made of.
    pub kind: MetricKind,
    /// What it decides.
    pub role: Role,
    /// Where better lies; every metric that decides has one.
    pub direction: Option<Direction>,
    /// How much worse a guardrail may become, in the metric's unit; more than 0, and there for every guardrail.
    pub margin: Option<f64>,
    /// How a guardrail's values vary today, where somebody said it.
    pub noise: Option<Noise>,
    /// How long after the first exposure outcomes count.
    pub window: Option<SignedDuration>,
    /// What it is.
    pub description: Option<String>,
}

/// Whether a margin is no less than a room of at most 1, by the decimals that people write: 1 − 0.85 is 0.15, and not the number a little
/// above it that floating point makes of it. What is written is off by half an ulp of itself and the difference by half of its own, together
/// less than one ulp of 1; two bound it, and nobody writes decimals that differ by so little.
pub(crate) fn covers(margin: f64, room: f64) -> bool {
    margin >= room - 2.0 * f64::EPSILON
}

impl Metric {
    /// Whether it takes part in the decision.
    pub fn decides(&self) -> bool {
        self.role != Role::Descriptive
    }

    /// How much worse a rate can become at most, where its margin is no less than that: then it bounds nothing, the guardrail would hold
    /// whatever happens, and so it never counts as one that holds. In (0, 1].
    pub fn room_within_margin(&self) -> Option<f64> {
        if self.kind != MetricKind::Binary || self.role != Role::Guardrail {
            return None;
        }
        let margin = self.margin?;
        let room = match (self.noise, self.direction) {
            (Some(Noise::Baseline(rate)), Some(direction)) => direction.room_of(rate),
            _ => 1.0,
        };
        // With a margin of 1 or more nothing depends on what somebody took for today's rate.
        let room = if covers(margin, 1.0) { 1.0 } else { room };
        (room > 0.0 && covers(margin, room)).then_some(room)
    }

    /// The names under which its outcomes are recorded.
    pub fn series(&self) -> Vec<&str> {
        match &self.kind {
            MetricKind::Mean { covariate, .. } => {
                std::iter::once(self.name.as_str()).chain(covariate.as_deref()).collect()
            }
            MetricKind::Binary => vec![&self.name],
            MetricKind::Ratio { numerator, denominator } => {
                std::iter::once(numerator.as_str()).chain(denominator.as_deref()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(direction: Direction, baseline: &str, margin: &str) -> Option<f64> {
        let guardrail = Metric {
            name: "m".to_owned(),
            kind: MetricKind::Binary,
            role: Role::Guardrail,
            direction: Some(direction),
            margin: Some(margin.parse().unwrap()),
            noise: Some(Noise::Baseline(baseline.parse().unwrap())),
            window: None,
            description: None,
        };
        guardrail.room_within_margin()
    }

    #[test]
    fn a_margin_is_held_against_the_room_as_both_are_written() {
        for thousandths in 1..1000 {
            let written = |thousandths: u32| format!("0.{thousandths:03}");
            let [rate, rest] = [thousandths, 1000 - thousandths].map(written);
            for (direction, room_of) in [(Direction::Lower, &rest), (Direction::Higher, &rate)] {
                assert!(room(direction, &rate, room_of).is_some(), "{direction:?} {rate} {room_of}");
                let less = room_of.clone() + "0";
                let less = format!("{:.4}", less.parse::<f64>().unwrap() - 0.0001);
                assert_eq!(room(direction, &rate, &less), None, "{direction:?} {rate} {less}");
            }
        }
    }
}
