//! Recorded replies that no plan of their prompt would ever look for.

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
        let models: Vec<&str> = models.into_iter().collect();
        let mut unused: Vec<Unused> = self
            .rows
            .iter()
            .filter_map(|(key, row)| {
                Some(Unused { line: row.line, why: why(key, suite, versions, &models)? })
            })
            .collect();
        unused.sort_by_key(|unused| unused.line);
        unused
    }
}

fn why(key: &ReplyKey, suite: &Suite, versions: &[Version], models: &[&str]) -> Option<String> {
    if !suite.cases.iter().any(|case| case.name == key.case) {
        return Some(format!("the suite has no case `{}`", key.case));
    }
    if !versions.contains(&key.version) {
        return Some(format!("the prompt has no version {}", key.version));
    }
    if !models.contains(&key.model.as_str()) {
        return Some(format!("there is no model row `{}`", key.model));
    }
    (key.repeat == 0 || key.repeat > suite.repeat)
        .then(|| format!("it is repeat {}, and the suite asks for {}", key.repeat, suite.repeat))
}
