//! Pass rates by tag: where to look, never what to decide by. With many tags some look bad by chance.

use std::collections::BTreeMap;

use super::{CaseSummary, mean, unit_means};
use crate::suite::Suite;

/// The cases of one tag.
#[derive(Debug, Clone, PartialEq)]
pub struct TagSummary {
    /// The tag.
    pub tag: String,
    /// How many cases have it.
    pub cases: usize,
    /// The mean pass rate of its units; `None` where none was judged.
    pub pass_rate: Option<f64>,
    /// The pass rates of its units.
    pub units: Vec<f64>,
}

/// The tags of these cases, by name.
pub(super) fn summarise(suite: &Suite, cases: &[CaseSummary]) -> Vec<TagSummary> {
    let mut by_tag: BTreeMap<&str, Vec<&CaseSummary>> = BTreeMap::new();
    for case in cases {
        for tag in &suite.cases[case.case].tags {
            by_tag.entry(tag).or_default().push(case);
        }
    }
    let cluster = |case: &CaseSummary| suite.cases[case.case].cluster.as_deref();
    by_tag
        .into_iter()
        .map(|(tag, cases)| {
            let units = unit_means(cases.iter().copied(), cluster, CaseSummary::pass_rate);
            TagSummary { tag: tag.to_owned(), cases: cases.len(), pass_rate: mean(&units), units }
        })
        .collect()
}
