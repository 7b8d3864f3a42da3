//! The gate over two sides whose plans are not at hand: runs of other texts than today's.

use std::collections::BTreeSet;

use promptassay_registry::problem::Problem;

use super::conditions::{Candidate, Reference};
use super::preflight::{Refusal, refused_by_answers};
use super::{Rule, Verdict, decide};
use crate::comparison::{Comparison, Side, pairing_of};
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
/// with `name`. Where nothing is compared the verdict is broken.
pub fn judge_sides(
    name: &str,
    baseline: &Side,
    candidate: &CandidateOfRun<'_>,
    policy: &Policy,
) -> Result<Judged, Box<Problem>> {
    // Another margin makes nothing of what has no case in common.
    let compares_cases = pairing_of(baseline, candidate.side).cases > 0;
    let refusal = compares_cases.then(|| refused_by_answers(baseline, candidate.side, policy)).flatten();
    if let Some(Refusal { code, message, help, .. }) = refusal {
        return Err(Box::new(Problem::error(code, format!("{name}: {message}")).help(help)));
    }
    let candidate = conditions_of(candidate);
    let decided = decide(&candidate, Reference::Run(baseline), policy);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::MetricMean;
    use crate::comparison::tests::side;
    use crate::policy::{Margin, Metric, Sourced};

    /// 32 cases, of which so many have the metric; the candidate lacks every answer from this case on, as a journal tells it.
    fn judged(with_hours: usize, lacking: usize, max_missing: f64) -> String {
        let of = |answered: usize| {
            let word = |case: usize| format!("c{case:02}:{}", if case < answered { "p" } else { "n" });
            let mut side = side(&(0..32).map(word).collect::<Vec<_>>().join(" "));
            for case in side.cases.iter_mut().take(with_hours.min(answered)) {
                case.validators.insert("hours".to_owned(), MetricMean { mean: 1.0, trials: 1 });
            }
            side
        };
        let metrics = vec![Metric::PassRate, Metric::from("hours".to_owned())];
        let policy = Policy {
            margin: Sourced::default(Margin::Share(0.15)),
            metrics: Sourced::default(metrics),
            max_missing: Sourced::default(max_missing),
            ..Policy::default()
        };
        let (baseline, after) = (of(32), of(32 - lacking));
        let candidate = CandidateOfRun { side: &after, must_pass: BTreeSet::new(), gaps: 0, cut_short: None };
        match judge_sides("p v1.1.0", &baseline, &candidate, &policy) {
            Ok(judged) => format!("{}: {}", judged.verdict.as_str(), judged.reason),
            Err(problem) => format!("refused: {problem}"),
        }
    }

    #[test]
    fn what_lacks_an_answer_is_not_what_lacks_a_metric() {
        let lines = [
            judged(25, 25, 0.02),
            judged(25, 32, 0.02),
            judged(20, 2, 0.1),
            judged(25, 0, 0.02),
            judged(11, 0, 0.02),
            judged(11, 25, 0.02),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
