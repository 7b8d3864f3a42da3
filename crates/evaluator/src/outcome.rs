//! What can come of a check, of a repeat and of a case. A failed check is data; a question that could not be asked is an error,
//! and the two never mix.

use serde::{Deserialize, Serialize};

/// Why a check did not pass, in parts that a report can lay out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What happened: lower case, no full stop.
    pub message: String,
    /// What was expected, where it helps to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

impl Reason {
    /// A reason without expectation.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), expected: None, got: None }
    }

    /// The same reason with what was expected.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// The same reason with what came instead.
    pub fn got(mut self, got: impl Into<String>) -> Self {
        self.got = Some(got.into());
        self
    }
}

/// What a validator says of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// The reply has what was asked for.
    Pass,
    /// It has not.
    Fail(Reason),
    /// The check itself could not be carried out.
    Error(Reason),
    /// A judge's answer could not be read.
    Unscored(Reason),
}

impl CheckOutcome {
    /// Why it did not pass, if it did not.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Pass => None,
            Self::Fail(reason) | Self::Error(reason) | Self::Unscored(reason) => Some(reason),
        }
    }
}

/// One validator's outcome on one reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The validator's name: its own, or its check's.
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
    /// In [0, 1]; meaningful where the outcome is a pass or a fail.
    pub score: f64,
    /// Its share in the score of the repeat.
    pub weight: f64,
    /// Whether it is only reported: it takes no part in outcome and score.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warn: bool,
}

/// What came of asking a case once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatOutcome {
    /// Every check passed.
    Passed,
    /// A check failed.
    Failed,
    /// The model or a check could not be asked.
    Errored,
    /// A judge could not be read.
    Unscored,
}

impl RepeatOutcome {
    /// The outcome of a repeat with these checks: the first that applies of failed, errored, unscored, passed. A failed check
    /// decides even where another check could not be carried out: the reply is wrong either way.
    pub fn of(checks: &[CheckResult]) -> Self {
        let any = |wanted: fn(&CheckOutcome) -> bool| {
            checks.iter().any(|check| !check.warn && wanted(&check.outcome))
        };
        if any(|outcome| matches!(outcome, CheckOutcome::Fail(_))) {
            Self::Failed
        } else if any(|outcome| matches!(outcome, CheckOutcome::Error(_))) {
            Self::Errored
        } else if any(|outcome| matches!(outcome, CheckOutcome::Unscored(_))) {
            Self::Unscored
        } else {
            Self::Passed
        }
    }

    /// The name used in reports, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Unscored => "unscored",
        }
    }

    /// Whether it says something about the reply: passed or failed.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::Passed | Self::Failed)
    }
}

/// The score of a repeat: the weighted mean of its checks' scores, in [0, 1]. Without a check that has weight, passed is 1 and
/// failed is 0. `None` where the repeat was not judged.
pub fn repeat_score(outcome: RepeatOutcome, checks: &[CheckResult]) -> Option<f64> {
    if !outcome.is_judged() {
        return None;
    }
    let scored = || {
        checks.iter().filter(|check| {
            !check.warn && matches!(check.outcome, CheckOutcome::Pass | CheckOutcome::Fail(_))
        })
    };
    let weight: f64 = scored().map(|check| check.weight).sum();
    if weight > 0.0 {
        let score = scored().map(|check| check.weight * check.score).sum::<f64>() / weight;
        Some(score.clamp(0.0, 1.0))
    } else {
        Some(if outcome == RepeatOutcome::Passed { 1.0 } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: CheckOutcome, score: f64, weight: f64, warn: bool) -> CheckResult {
        CheckResult { name: "x".into(), outcome, score, weight, warn }
    }

    fn fail() -> CheckOutcome {
        CheckOutcome::Fail(Reason::new("no"))
    }

    #[test]
    fn the_first_that_applies_decides() {
        let pass = check(CheckOutcome::Pass, 1.0, 1.0, false);
        let failed = check(fail(), 0.0, 1.0, false);
        let error = check(CheckOutcome::Error(Reason::new("broken")), 0.0, 1.0, false);
        let unscored = check(CheckOutcome::Unscored(Reason::new("unread")), 0.0, 1.0, false);
        assert_eq!(
            RepeatOutcome::of(&[unscored.clone(), error.clone(), failed.clone(), pass.clone()]),
            RepeatOutcome::Failed
        );
        assert_eq!(RepeatOutcome::of(&[unscored.clone(), error, pass.clone()]), RepeatOutcome::Errored);
        assert_eq!(RepeatOutcome::of(&[unscored, pass.clone()]), RepeatOutcome::Unscored);
        assert_eq!(RepeatOutcome::of(&[pass]), RepeatOutcome::Passed);
    }

    #[test]
    fn a_warning_takes_no_part() {
        let checks = [check(fail(), 0.0, 5.0, true), check(CheckOutcome::Pass, 1.0, 1.0, false)];
        assert_eq!(RepeatOutcome::of(&checks), RepeatOutcome::Passed);
        assert_eq!(repeat_score(RepeatOutcome::Passed, &checks), Some(1.0));
    }

    #[test]
    fn the_score_is_the_weighted_mean() {
        let checks = [check(fail(), 0.5, 1.0, false), check(CheckOutcome::Pass, 1.0, 3.0, false)];
        assert_eq!(repeat_score(RepeatOutcome::Failed, &checks), Some(0.875));
        assert_eq!(repeat_score(RepeatOutcome::Errored, &checks), None);
        assert_eq!(repeat_score(RepeatOutcome::Failed, &[check(fail(), 0.5, 0.0, false)]), Some(0.0));
    }
}
