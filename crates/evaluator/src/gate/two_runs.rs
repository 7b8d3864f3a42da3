//! The gate over two sides whose plans are not at hand: runs of other texts than today's.

use std::collections::BTreeSet;

use promptassay_registry::problem::Problem;

use super::conditions::{Candidate, Reference};
use super::preflight::{Refusal, refused};
use super::{Rule, Verdict, decide};
use crate::comparison::{Comparison, Side};
use crate::policy::Policy;

/// A candidate of another run.
#[derive(Debug, Clone)]
pub struct CandidateOfRun<'a> {
    /// Its results.
    pub side: &'a Side,
    /// The names of the cases of which every repeat must pass.
    pub must_pass: BTreeSet<&'a str>,
    /// Questions for which the run lacked what asking needs.
    pub gaps: usize,
    /// Why not all was asked, where the run was stopped.
    pub cut_short: Option<String>,
}

/// What the gate says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What it says.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Rule,
    /// Whether it stands in the way.
    pub blocks: bool,
    /// Why, in one line.
    pub reason: String,
    /// The comparison that it stands on.
    pub comparison: Comparison,
}

/// What the gate said of a candidate of a kept run: beside the baseline that it was compared with, where there was one.
pub fn verdict_of_run(baseline: Option<&Side>, candidate: &CandidateOfRun<'_>, policy: &Policy) -> Verdict {
    let reference = baseline.map_or(Reference::None, Reference::Side);
    decide(&conditions_of(candidate), reference, policy).rule.verdict()
}

fn conditions_of<'a>(candidate: &CandidateOfRun<'a>) -> Candidate<'a> {
    Candidate {
        side: candidate.side,
        must_pass: candidate.must_pass.clone(),
        gaps: candidate.gaps,
        cut_short: candidate.cut_short.clone(),
        errors: None,
    }
}

/// Judges a candidate against a baseline by `policy`. An error is row 0: not even identical replies would prove anything; its message begins
/// with `name`.
pub fn judge_sides(
    name: &str,
    baseline: &Side,
    candidate: &CandidateOfRun<'_>,
    policy: &Policy,
) -> Result<Judged, Box<Problem>> {
    if let Some(Refusal { code, message, help, .. }) = refused(baseline, candidate.side, policy) {
        return Err(Box::new(Problem::error(code, format!("{name}: {message}")).help(help)));
    }
    let candidate = conditions_of(candidate);
    let decided = decide(&candidate, Reference::Side(baseline), policy);
    let comparison =
        decided.comparison.unwrap_or_else(|| crate::comparison::compare(baseline, candidate.side, policy));
    Ok(Judged {
        verdict: decided.rule.verdict(),
        rule: decided.rule,
        blocks: decided.blocks,
        reason: decided.reason,
        comparison,
    })
}
