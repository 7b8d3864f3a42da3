//! Recorded replies that no plan of their prompt would ever look for.

use std::collections::HashSet;

use promptassay_registry::version::Version;

use super::{RecordedReplies, ReplyKey};
use crate::suite::Suite;

/// A row that answers no question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// Its line, from 1.
    pub line: usize,
    /// Why: what of its key there is not.
    pub why: String,
}

impl RecordedReplies {
    /// The rows that no version of the prompt, no case of its suite and none of these model rows would ever ask for, by line.
    pub fn unused<'a>(
        &self,
        suite: &Suite,
        versions: &[Version],
        models: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Unused> {
        let cases: HashSet<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        let known =
            Known { cases, versions, models: models.into_iter().collect(), repeat: suite.most_repeats() };
        let mut unused: Vec<Unused> = self
            .rows
            .iter()
            .filter_map(|(key, row)| Some(Unused { line: row.line, why: known.lacks(key)? }))
            .collect();
        unused.sort_by_key(|unused| unused.line);
        unused
    }
}

/// What a plan can ask for.
struct Known<'a> {
    cases: HashSet<&'a str>,
    versions: &'a [Version],
    models: Vec<&'a str>,
    repeat: u32,
}

impl Known<'_> {
    /// What of a key there is not; `None` where a plan can ask for it.
    fn lacks(&self, key: &ReplyKey) -> Option<String> {
        if !self.cases.contains(key.case.as_str()) {
            return Some(format!("the suite has no case `{}`", key.case));
        }
        if !self.versions.contains(&key.version) {
            return Some(format!("the prompt has no version {}", key.version));
        }
        if !self.models.contains(&key.model.as_str()) {
            return Some(format!("there is no model row `{}`", key.model));
        }
        (key.repeat == 0 || key.repeat > self.repeat)
            .then(|| format!("it is repeat {}, and the suite asks for {} at most", key.repeat, self.repeat))
    }
}
