//! Whether an experiment runs, and as it was started: its file beside what the store knows.

use jiff::Timestamp;
use promptassay_experiments::definition::{Change, Experiment};
use promptassay_experiments::store::Phase;
use promptassay_registry::problem::{Place, Problem};

use super::Found;

/// What is with an experiment at a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// Nobody started the phase of the file, and no other one runs.
    NotStarted,
    /// Another phase runs than that of the file.
    OtherPhase(u32),
    /// The phase of the file was started, and the file says something else by now.
    Changed(Vec<Change>),
    /// It begins later.
    Later(Timestamp),
    /// It was stopped, and why.
    Stopped(Timestamp, String),
    /// It runs as it was started.
    Runs,
}

impl Standing {
    /// What is with this experiment, whose phases these are, the first one first.
    pub(crate) fn of(experiment: &Experiment, phases: &[Phase], at: Timestamp) -> Self {
        let number = experiment.allocation.phase;
        let runs = |phase: &&Phase| phase.stopped.is_none() && phase.started_at <= at;
        if let Some(other) = phases.last().filter(runs).filter(|last| last.phase != number) {
            return Self::OtherPhase(other.phase);
        }
        let Some(phase) = phases.iter().find(|phase| phase.phase == number) else { return Self::NotStarted };
        if let Some((stopped, reason)) = phase.stopped.as_ref().filter(|(stopped, _)| at >= *stopped) {
            return Self::Stopped(*stopped, reason.clone());
        }
        let changes = experiment.changes_since(phase);
        if !changes.is_empty() {
            Self::Changed(changes)
        } else if at < phase.started_at {
            Self::Later(phase.started_at)
        } else {
            Self::Runs
        }
    }

    /// Whether somebody started it, and nobody stopped it.
    pub(crate) fn is_begun(&self) -> bool {
        match self {
            Self::OtherPhase(_) | Self::Changed(_) | Self::Later(_) | Self::Runs => true,
            Self::NotStarted | Self::Stopped(..) => false,
        }
    }

    /// Whether units that were started to be served would be served something else by the file.
    pub(crate) fn moves_units(&self) -> bool {
        match self {
            Self::OtherPhase(_) => true,
            Self::Changed(changes) => changes.iter().any(|change| change.moves_units()),
            Self::NotStarted | Self::Later(_) | Self::Stopped(..) | Self::Runs => false,
        }
    }
}

impl Found {
    /// What is wrong with a running experiment whose file was changed; an error but for a phase that is to come next.
    pub(crate) fn changed(&self, standing: &Standing) -> Option<Problem> {
        let Experiment { name, allocation, .. } = &self.experiment;
        let number = allocation.phase;
        let restore =
            format!("undo the change: `git restore {}`, where it is not committed", self.file.display());
        let stop = format!("`promptassay experiment stop {name} --reason WHY` ends it");
        let code = "experiment::changed";
        let (problem, help) = match standing {
            Standing::Changed(changes) => (
                Problem::error(
                    code,
                    format!("the file of `{name}` was changed while it runs: {}", listed(changes)),
                ),
                format!("{restore}; {stop}; or write `phase: {}` and start that, if it is meant", number + 1),
            ),
            Standing::OtherPhase(running) if number == running + 1 => (
                Problem::warning(
                    code,
                    format!(
                        "phase {running} of `{name}` runs; its file says phase {number}, which was not started"
                    ),
                ),
                format!(
                    "`promptassay experiment start {name}` begins phase {number} and ends the other; {restore}"
                ),
            ),
            Standing::OtherPhase(running) => (
                Problem::error(
                    code,
                    format!("phase {running} of `{name}` runs, but its file says phase {number}"),
                ),
                format!("{restore}; {stop}; or write `phase: {}` and start that", running + 1),
            ),
            Standing::NotStarted | Standing::Later(_) | Standing::Stopped(..) | Standing::Runs => {
                return None;
            }
        };
        Some(problem.at(Place::whole_file(self.file.as_path())).help(help))
    }
}

/// All changes in one sentence.
fn listed(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
