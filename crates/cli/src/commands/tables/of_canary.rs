//! The rows of a canary: the same table as for an experiment, with the arms as variants and the guardrails as metrics.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use promptassay_experiments::canary::Arm;
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::manager::check_flag;
use promptassay_experiments::store::Store;
use promptassay_registry::problem::{Problem, did_you_mean};

use crate::canaries::Found;
use crate::experiments::{Decided, Deciders};
use crate::failure::Failure;

/// What is recorded of a canary, and what is not for it to say.
pub(super) struct CanaryRows<'a> {
    found: &'a Found,
    deciders: &'a Deciders,
    /// The users whom something else served by some row, whose outcomes wait for all of their exposures, wherever these stand. `None` where
    /// nobody has read the table before: then all outcomes wait.
    elsewhere: Option<Elsewhere>,
    /// When those users were exposed, and whether to what the canary gives. Of two at the same time the other arm counts.
    exposed: BTreeMap<Vec<u8>, BTreeMap<Timestamp, bool>>,
    /// Outcomes that may be of what something else served: another program, or an experiment. The canary may have served these users before,
    /// by a row that is yet to come.
    doubtful: Vec<Outcome>,
    /// How many events were left out, by why.
    left_out: BTreeMap<&'static str, u64>,
}

/// Users who, by a row of the table, were once served another arm than the canary gives.
#[derive(Default)]
pub(super) struct Elsewhere(BTreeSet<Vec<u8>>);

impl Elsewhere {
    pub(super) fn note(&mut self, found: &Found, event: &Event) {
        if let Event::Exposure(Exposure { unit, at, variant, .. }) = event
            && found.canary.arm(unit, *at).is_some_and(|arm| arm.name() != variant)
        {
            self.0.insert(unit.clone());
        }
    }
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
    pub(super) fn new(found: &'a Found, deciders: &'a Deciders, elsewhere: Option<Elsewhere>) -> Self {
        Self {
            found,
            deciders,
            elsewhere,
            exposed: BTreeMap::new(),
            doubtful: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// What is to be recorded of a row at once.
    pub(super) fn take(&mut self, event: Event) -> Option<Event> {
        let canary = &self.found.canary;
        match event {
            Event::Exposure(Exposure { unit, at, variant, .. }) => {
                if let Some(why) = self.decided_otherwise(&unit, at) {
                    return self.leave_out(why);
                }
                let Some(arm) = canary.arm(&unit, at) else { return self.leave_out(NOT_BY_IT) };
                let is_by_it = arm.name() == variant;
                if self.must_wait(&unit) {
                    *self.exposed.entry(unit.clone()).or_default().entry(at).or_insert(true) &= is_by_it;
                }
                if is_by_it { canary.exposure(&unit, at) } else { self.leave_out(OTHER_ARM) }
            }
            Event::Outcome(Outcome { unit, series, value, at, id, .. }) => {
                let outcome = canary.outcome(&unit, &series, value > 0.0, at, id);
                let Some(Event::Outcome(outcome)) = outcome else { return self.leave_out(NOT_BY_IT) };
                if self.must_wait(&unit) || self.decided_otherwise(&unit, at).is_some() {
                    self.doubtful.push(outcome);
                    return None;
                }
                Some(Event::Outcome(outcome))
            }
        }
    }

    /// Why it was not for the canary to say what a user was served.
    fn decided_otherwise(&self, unit: &[u8], at: Timestamp) -> Option<&'static str> {
        match self.deciders.decide(unit, at) {
            Decided::Nothing => None,
            Decided::Served => Some(BY_EXPERIMENT),
            Decided::Unknown => Some(UNKNOWN),
        }
    }

    /// Whether what something else served may be what became of this user.
    fn must_wait(&self, unit: &[u8]) -> bool {
        self.elsewhere.as_ref().is_none_or(|elsewhere| elsewhere.0.contains(unit))
    }

    /// Whether the last exposure until then was to another arm than the canary gives: the outcome is of what something else served, and says
    /// nothing of the canary, whichever arm its user would have been in.
    fn was_elsewhere(&self, unit: &[u8], at: Timestamp) -> bool {
        let last = self.exposed.get(unit).and_then(|exposed| exposed.range(..=at).next_back());
        last.is_some_and(|(_, is_by_it)| !is_by_it)
    }

    fn leave_out(&mut self, why: &'static str) -> Option<Event> {
        *self.left_out.entry(why).or_default() += 1;
        None
    }

    /// What is to be recorded once all exposures are there, and what is to be said of the rest.
    pub(super) fn rest(mut self, store: &mut dyn Store) -> Result<(Vec<Event>, Vec<Problem>), Failure> {
        let mut rest = Vec::new();
        for outcome in std::mem::take(&mut self.doubtful) {
            let Outcome { unit, at, .. } = &outcome;
            if self.was_elsewhere(unit, *at) {
                self.leave_out(OTHER_ARM);
                continue;
            }
            match self.decided_otherwise(unit, *at) {
                Some(why) if !self.found.has_served(unit, *at, store)? => {
                    self.leave_out(why);
                }
                _ => rest.push(Event::Outcome(outcome)),
            }
        }
        let warning = |(why, events): (&str, u64)| {
            let events = if events == 1 { "1 event is".to_owned() } else { format!("{events} events are") };
            let problem = Problem::warning(LEFT_OUT, format!("{events} left out: {why}"));
            if why == OTHER_ARM { problem.help(self.found.compare_arms()) } else { problem }
        };
        Ok((rest, self.left_out.iter().map(|(why, events)| (*why, *events)).map(warning).collect()))
    }
}

/// The code of what is said of events that are not for the canary to say.
pub(super) const LEFT_OUT: &str = "import::left_out";

const NOT_BY_IT: &str = "without an id, or of a time when this canary did not run";
const OTHER_ARM: &str = "the canary gives another arm at that time, so something else served it";
const BY_EXPERIMENT: &str = "an experiment that ran then decides what this user is served";
const UNKNOWN: &str = "an experiment ran then that was started otherwise than its file has it by now, or has none any more, so nobody knows whom it served";
