//! What comes of evaluating inside somebody's own test: values to look at, and assertions with the report as their message.

use std::fmt;

use promptassay_evaluator::event::TrialResult;
use promptassay_llm::Reply;
use promptassay_registry::problem::Problem;

use crate::draw::draw_all;

/// What came of one case, on every model and version that was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseOutcome {
    pub(crate) passed: bool,
    pub(crate) report: String,
    pub(crate) results: Vec<TrialResult>,
}

/// What came of a prompt's suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptOutcome {
    pub(crate) passed: bool,
    pub(crate) report: String,
}

/// Files, names or scripts that are wrong. Shown as the command line shows them, in `Debug` too, so that `unwrap` is readable.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong; never empty.
    pub problems: Vec<Problem>,
}

impl CaseOutcome {
    /// Whether every repeat passed, or the majority where one may fail.
    pub fn passed(&self) -> bool {
        self.passed
    }

    /// What the terminal report says of the case; empty where it passed.
    pub fn report(&self) -> &str {
        &self.report
    }

    /// The replies, by model and repeat. Questions without an answer are not among them.
    pub fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.results.iter().filter_map(|result| result.answer.reply())
    }

    /// Every trial's answer and checks.
    pub fn results(&self) -> &[TrialResult] {
        &self.results
    }

    /// Checks that the case passed.
    ///
    /// # Panics
    ///
    /// If it did not, with the report.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed, "the case did not pass\n{}", self.report);
    }
}

impl PromptOutcome {
    /// Whether every gate passed.
    pub fn passed(&self) -> bool {
        self.passed
    }

    /// The whole terminal report.
    pub fn report(&self) -> &str {
        &self.report
    }

    /// Checks that every gate passed.
    ///
    /// # Panics
    ///
    /// If one did not, with the report.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed, "a gate did not pass\n\n{}", self.report);
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&draw_all(&self.problems))
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\n{self}\n")
    }
}

impl std::error::Error for Invalid {}
