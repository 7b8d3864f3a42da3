//! What is to be said of the phases that exposures of a table are of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use promptassay_experiments::definition::Experiment;
use promptassay_experiments::event::Event;
use promptassay_experiments::store::Store;
use promptassay_registry::problem::Problem;

use crate::experiments::store_failed;
use crate::failure::Failure;

/// The exposures of a table, counted by phase. Nothing is said where no experiment is named.
#[derive(Default)]
pub(super) struct Phases<'a> {
    experiment: Option<&'a Experiment>,
    /// When each phase was started that was.
    started: BTreeMap<u32, Timestamp>,
    seen: BTreeMap<u32, Seen>,
}

#[derive(Default)]
struct Seen {
    exposures: u64,
    before_start: u64,
}

impl<'a> Phases<'a> {
    pub(super) fn of(experiment: &'a Experiment, store: &mut dyn Store) -> Result<Self, Failure> {
        let phases = store.phases(experiment.name.as_str()).map_err(|error| store_failed(&error))?;
        let started = phases.into_iter().map(|phase| (phase.phase, phase.started_at)).collect();
        Ok(Self { experiment: Some(experiment), started, seen: BTreeMap::new() })
    }

    pub(super) fn note(&mut self, event: &Event) {
        let Event::Exposure(exposure) = event else { return };
        let is_before = self.started.get(&exposure.phase).is_some_and(|started| exposure.at < *started);
        let seen = self.seen.entry(exposure.phase).or_default();
        seen.exposures += 1;
        seen.before_start += u64::from(is_before);
    }

    pub(super) fn warnings(&self) -> Vec<Problem> {
        let Some(experiment) = self.experiment else { return Vec::new() };
        self.to_come(experiment).into_iter().chain(self.before_start(experiment)).collect()
    }

    /// Exposures of a phase that the file does not know yet, which may be a slip of the pen: nobody is shown them before it is there.
    fn to_come(&self, experiment: &Experiment) -> Option<Problem> {
        let of_file = experiment.allocation.phase;
        let later = || self.seen.iter().filter(|(phase, _)| **phase > of_file);
        let rows: u64 = later().map(|(_, seen)| seen.exposures).sum();
        let numbers: Vec<String> = later().map(|(phase, _)| phase.to_string()).collect();
        (rows > 0).then(|| {
            let message = format!(
                "{rows} {} of a later phase ({}) than the file of `{}` has, {of_file}",
                if rows == 1 { "exposure is" } else { "exposures are" },
                numbers.join(", "),
                experiment.name
            );
            Problem::warning("import::phase", message).help(
                "they are kept, and `analyze` shows them with `--phase`, or once the file says that phase",
            )
        })
    }

    /// Exposures from before their phase was started: `analyze` gives no verdict on a win where most are.
    fn before_start(&self, experiment: &Experiment) -> Vec<Problem> {
        let early = self.seen.iter().filter(|(_, seen)| seen.before_start > 0);
        early
            .filter_map(|(phase, seen)| {
                let (rows, all, started) = (seen.before_start, seen.exposures, self.started.get(phase)?);
                let message = format!(
                    "{rows} of {all} {} from before phase {phase} of `{}` was started at {started}: its plan may have been made with them in view, and where most units are such, `analyze` says no winner",
                    if all == 1 { "exposure is" } else { "exposures are" },
                    experiment.name
                );
                let next = phase + 1;
                Some(Problem::warning("import::before_start", message).help(format!(
                    "if their times are right, write `phase: {next}`, start that, and import what was served since"
                )))
            })
            .collect()
    }
}
