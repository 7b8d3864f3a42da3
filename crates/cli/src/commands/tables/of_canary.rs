//! The rows of a canary: the same table as for an experiment, with the arms as variants and the guardrails as metrics.

use std::collections::BTreeMap;

use promptassay_experiments::canary::Arm;
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::manager::check_flag;
use promptassay_experiments::store::Store;
use promptassay_registry::problem::{Problem, did_you_mean};

use crate::canaries::Found;
use crate::experiments::Deciders;
use crate::failure::Failure;

/// What is recorded of a canary, and what is not for it to say.
pub(super) struct CanaryRows<'a> {
    found: &'a Found,
    deciders: &'a Deciders,
    /// Outcomes of users whom an experiment serves: the canary may have served them before, by a row that is yet to come.
    doubtful: Vec<Event>,
    /// How many events were left out, by why.
    left_out: BTreeMap<&'static str, u64>,
}

/// Whether a row can be one of this canary's.
pub(super) fn sound(found: &Found, event: &Event) -> Result<(), String> {
    match event {
        Event::Outcome(Outcome { series, value, .. }) => {
            let guardrails = &found.policy.guardrails;
            if !guardrails.contains(series) {
                let known = guardrails.iter().map(String::as_str);
                let help = did_you_mean(series, known, "guardrails");
                return Err(format!("the policy names no guardrail `{}`; {help}", series.escape_debug()));
            }
            check_flag(series, *value).map_err(|error| error.to_string())
        }
        Event::Exposure(Exposure { variant, .. }) => {
            let arms = [Arm::Canary, Arm::Production].map(Arm::name);
            if arms.contains(&variant.as_str()) {
                return Ok(());
            }
            let help = did_you_mean(variant, arms, "arms");
            Err(format!("a canary has no arm `{}`; {help}", variant.escape_debug()))
        }
    }
}

impl<'a> CanaryRows<'a> {
    pub(super) fn new(found: &'a Found, deciders: &'a Deciders) -> Self {
        Self { found, deciders, doubtful: Vec::new(), left_out: BTreeMap::new() }
    }

    /// What is to be recorded of a row at once.
    pub(super) fn take(&mut self, event: Event) -> Option<Event> {
        let canary = &self.found.canary;
        match event {
            Event::Exposure(Exposure { unit, at, variant, .. }) => {
                if self.deciders.decide(&unit, at) {
                    return self.leave_out(BY_EXPERIMENT);
                }
                let Some(arm) = canary.arm(&unit, at) else { return self.leave_out(NOT_BY_IT) };
                if arm.name() != variant {
                    return self.leave_out(OTHER_ARM);
                }
                canary.exposure(&unit, at)
            }
            Event::Outcome(Outcome { unit, series, value, at, id, .. }) => {
                let Some(outcome) = canary.outcome(&unit, &series, value > 0.0, at, id) else {
                    return self.leave_out(NOT_BY_IT);
                };
                if self.deciders.decide(&unit, at) {
                    self.doubtful.push(outcome);
                    return None;
                }
                Some(outcome)
            }
        }
    }

    fn leave_out(&mut self, why: &'static str) -> Option<Event> {
        *self.left_out.entry(why).or_default() += 1;
        None
    }

    /// What is to be recorded once all exposures are there, and what is to be said of the rest.
    pub(super) fn rest(mut self, store: &mut dyn Store) -> Result<(Vec<Event>, Vec<Problem>), Failure> {
        let mut rest = Vec::new();
        for event in std::mem::take(&mut self.doubtful) {
            let Event::Outcome(outcome) = &event else { continue };
            if self.found.has_served(&outcome.unit, outcome.at, store)? {
                rest.push(event);
            } else {
                self.leave_out(BY_EXPERIMENT);
            }
        }
        let warning = |(why, events): (&str, u64)| {
            let events = if events == 1 { "1 event is".to_owned() } else { format!("{events} events are") };
            Problem::warning("import::left_out", format!("{events} left out: {why}"))
        };
        Ok((rest, self.left_out.into_iter().map(warning).collect()))
    }
}

const NOT_BY_IT: &str = "without an id, or of a time when this canary did not run";
const OTHER_ARM: &str = "the canary gives another arm at that time, so something else served it";
const BY_EXPERIMENT: &str = "an experiment decided then what this user was served";
