//! Why the manager did not do what was asked.

use promptassay_registry::memory::{LookupError, RenderFailure};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::Problem;
use promptassay_registry::template::RenderError;
use promptassay_registry::tree::{FindPromptError, UnknownVersion};
use promptassay_registry::variables::ValueProblem;
use promptassay_registry::version::Version;

use crate::analysis::AnalysisError;
use crate::assignment::EmptyUnit;
use crate::recorder::RecordError;
use crate::store::StoreError;

/// Why the manager did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The definition is wrong somewhere.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Definition(Vec<Problem>),
    /// There is an experiment of this name.
    #[error("there is an experiment `{name}` already")]
    Taken {
        /// The name.
        name: String,
    },
    /// The text of a version may still change.
    #[error(
        "{version} of `{prompt}` is not registered: its text may change for users in mid-phase; `promptassay register {prompt} {version} -m MESSAGE` freezes it"
    )]
    Unregistered {
        /// The prompt.
        prompt: PromptName,
        /// The version.
        version: Version,
    },
    /// There is none.
    #[error("there is no experiment `{}`; {help}", name.escape_debug())]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// A close one, or all.
        help: String,
    },
    /// The experiment measures nothing of this name.
    #[error("`{experiment}` does not record `{}`; {help}", series.escape_debug())]
    UnknownMetric {
        /// The experiment.
        experiment: String,
        /// The name that was given.
        series: String,
        /// A close one, or all.
        help: String,
    },
    /// A value that the metric cannot have.
    #[error("{value} is no value of `{series}`: {why}")]
    Value {
        /// The metric.
        series: String,
        /// The value.
        value: f64,
        /// What it must be.
        why: &'static str,
    },
    /// The unit has no id.
    #[error(transparent)]
    EmptyUnit(#[from] EmptyUnit),
    /// The prompt is not there.
    #[error(transparent)]
    Prompt(#[from] FindPromptError),
    /// The version is not there.
    #[error(transparent)]
    Version(#[from] UnknownVersion),
    /// Prompt or version are not in memory.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Values are missing or do not fit.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Values(Vec<ValueProblem>),
    /// The template does not work with these values.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The recorder failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The analysis failed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The recorder's thread cannot be started.
    #[error("the thread that records cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<RenderFailure> for ManagerError {
    fn from(failure: RenderFailure) -> Self {
        match failure {
            RenderFailure::Lookup(error) => Self::Lookup(error),
            RenderFailure::Values(problems) => Self::Values(problems),
            RenderFailure::Template(error) => Self::Render(error),
        }
    }
}
