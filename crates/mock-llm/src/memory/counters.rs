//! What a mock counted, for tests, for `GET /counters`, and for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::respond::{Delivery, Origin, Reply};
use crate::script::{Script, fault_name};

/// Counts since the start of a mock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Calls that reached the script.
    pub calls: u64,
    /// Requests that the provider itself would refuse: an unknown path, a wrong method, a malformed body.
    pub refused: u64,
    /// Calls by what answered them: `rate_limit`, `faults[0]`…, the names of the rules, `default`, `unmatched`.
    /// Everything that the script has is listed, with 0 where it was never reached.
    pub answered_by: BTreeMap<String, u64>,
    /// Whole replies by HTTP status, refusals included.
    pub statuses: BTreeMap<u16, u64>,
    /// Connections reset on purpose.
    pub resets: u64,
    /// Bodies cut on purpose.
    pub cut_bodies: u64,
    /// Calls by requested model.
    pub models: BTreeMap<String, u64>,
    /// The most calls that were waiting for their answer at once. Only the raw server knows.
    pub peak_in_flight: Option<u64>,
}

impl Counters {
    /// Checks how many calls reached the script.
    ///
    /// # Panics
    ///
    /// If the number differs.
    #[track_caller]
    pub fn assert_calls(&self, expected: u64) {
        assert_eq!(self.calls, expected, "calls of the mock model differ; it counted {self:#?}");
    }

    /// Checks how many calls were answered by a rule, a fault (`faults[0]`), `default`, `rate_limit` or `unmatched`.
    ///
    /// # Panics
    ///
    /// If the number differs, or if the script has nothing of this name.
    #[track_caller]
    pub fn assert_answered_by(&self, name: &str, expected: u64) {
        let actual = self.answered_by.get(name).copied();
        assert_eq!(actual, Some(expected), "calls answered by `{name}` differ; the mock counted {self:#?}");
    }
}

/// The same by index, cheap to add to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    refused: u64,
    rate_limit: u64,
    faults: Vec<u64>,
    rules: Vec<u64>,
    default: u64,
    unmatched: u64,
    statuses: BTreeMap<u16, u64>,
    resets: u64,
    cut_bodies: u64,
    models: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn record(&mut self, reply: &Reply, status: Option<u16>, model: Option<&str>) {
        match reply.answered_by {
            Origin::Refused => self.refused += 1,
            Origin::RateLimit => self.rate_limit += 1,
            Origin::Fault(index) => add_one(&mut self.faults, index),
            Origin::Rule(index) => add_one(&mut self.rules, index),
            Origin::Default => self.default += 1,
            Origin::Unmatched => self.unmatched += 1,
        }
        match reply.delivery {
            Delivery::Whole(_) => {}
            Delivery::Cut { .. } => self.cut_bodies += 1,
            Delivery::Reset => self.resets += 1,
        }
        if let Some(status) = status {
            *self.statuses.entry(status).or_insert(0) += 1;
        }
        if let Some(model) = model {
            match self.models.get_mut(model) {
                Some(count) => *count += 1,
                None => {
                    self.models.insert(model.to_owned(), 1);
                }
            }
        }
    }

    pub(super) fn counters(&self, script: &Script, calls: u64) -> Counters {
        let count = |counts: &[u64], index: usize| counts.get(index).copied().unwrap_or(0);
        let mut answered_by = BTreeMap::new();
        if script.rate_limit.is_some() {
            answered_by.insert("rate_limit".to_owned(), self.rate_limit);
        }
        for index in 0..script.faults.len() {
            answered_by.insert(fault_name(index), count(&self.faults, index));
        }
        for (index, rule) in script.rules.iter().enumerate() {
            answered_by.insert(rule.name.clone(), count(&self.rules, index));
        }
        let last =
            if script.default.is_some() { ("default", self.default) } else { ("unmatched", self.unmatched) };
        answered_by.insert(last.0.to_owned(), last.1);
        Counters {
            calls,
            refused: self.refused,
            answered_by,
            statuses: self.statuses.clone(),
            resets: self.resets,
            cut_bodies: self.cut_bodies,
            models: self.models.clone(),
            peak_in_flight: None,
        }
    }
}

fn add_one(counts: &mut Vec<u64>, index: usize) {
    if counts.len() <= index {
        counts.resize(index + 1, 0);
    }
    counts[index] += 1;
}
