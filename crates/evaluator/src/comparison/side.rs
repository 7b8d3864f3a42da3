//! The results of a version on a model, wherever they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

use crate::policy::Metric;
use crate::runs::RunId;

/// The results of a version on a model: what a comparison knows of either side.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is.
    pub label: SideLabel,
    /// The models that providers say they used; empty where none says.
    pub served_models: BTreeSet<String>,
    /// The models that judged; empty where none did.
    pub judges: BTreeSet<String>,
    /// The cases that were to be asked; each name once.
    pub cases: Vec<CaseResult>,
}

/// What a side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideLabel {
    /// The version.
    pub version: Version,
    /// The name of the model row.
    pub model: String,
    /// Where its results come from.
    pub origin: Origin,
}

/// Where the results of a side come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The run that is judged.
    ThisRun,
    /// Another run.
    Run(RunId),
    /// A blessed file.
    Blessed {
        /// When it was blessed.
        at: Timestamp,
        /// The run that was blessed.
        run: RunId,
    },
}

impl fmt::Display for SideLabel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.version)?;
        match &self.origin {
            Origin::ThisRun => Ok(()),
            Origin::Run(run) => write!(formatter, " of run {run}"),
            Origin::Blessed { at, .. } => write!(formatter, ", blessed {}", at.strftime("%Y-%m-%d")),
        }
    }
}

/// What came of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// [`crate::suite::Case::digest`]: what its answers and their judgement depend on.
    pub digest: Digest,
    /// The cluster that it belongs to.
    pub cluster: Option<String>,
    /// How many trials it was to have; at least `passed` + `failed`.
    pub asked: u32,
    /// Trials whose checks all passed.
    pub passed: u32,
    /// Trials of which a check failed.
    pub failed: u32,
    /// The mean score of the judged trials, in [0, 1]; `None` where none was judged.
    pub score: Option<f64>,
    /// The scores of validators by their names; at most `asked` trials each.
    pub validators: BTreeMap<String, MetricMean>,
}

/// The mean of a metric over those trials of a case that have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricMean {
    /// In [0, 1]; 0 where no trial has it.
    pub mean: f64,
    /// How many trials have it.
    pub trials: u32,
}

impl Side {
    /// The share of trials without a verdict; `None` without trials.
    pub fn missing_share(&self) -> Option<f64> {
        let asked: u64 = self.cases.iter().map(|case| u64::from(case.asked)).sum();
        let missing: u64 = self.cases.iter().map(|case| u64::from(case.missing())).sum();
        (asked > 0).then(|| missing as f64 / asked as f64)
    }

    /// Whether any trial has a verdict.
    pub fn is_judged(&self) -> bool {
        self.cases.iter().any(|case| case.judged() > 0)
    }
}

impl CaseResult {
    /// Trials with a verdict.
    pub fn judged(&self) -> u32 {
        self.passed.saturating_add(self.failed)
    }

    /// Trials without a verdict: errored, unscored or never asked.
    pub fn missing(&self) -> u32 {
        self.asked.saturating_sub(self.judged())
    }

    /// Whether more than half of its trials passed, or at least half failed; `None` where those that are missing could decide.
    pub fn passes_by_majority(&self) -> Option<bool> {
        if 2 * u64::from(self.passed) > u64::from(self.asked) {
            Some(true)
        } else if self.failed > 0 && 2 * u64::from(self.failed) >= u64::from(self.asked) {
            Some(false)
        } else {
            None
        }
    }

    /// The mean of a metric; `None` where this case does not have it at all.
    pub(super) fn mean(&self, metric: &Metric) -> Option<MetricMean> {
        let judged = self.judged();
        match metric {
            Metric::PassRate if judged > 0 => {
                Some(MetricMean { mean: f64::from(self.passed) / f64::from(judged), trials: judged })
            }
            Metric::PassRate => Some(MetricMean { mean: 0.0, trials: 0 }),
            Metric::Score => Some(MetricMean {
                mean: self.score.unwrap_or_default(),
                trials: if self.score.is_some() { judged } else { 0 },
            }),
            Metric::Validator(name) => self.validators.get(name).copied(),
        }
    }
}
