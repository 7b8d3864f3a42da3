//! The gate: from a summary to a verdict, by the first rule that applies. Pure; the same numbers always give the same answer.

use serde::Serialize;

use crate::event::RunEnd;
use crate::plan::{Plan, Role};
use crate::policy::Policy;
use crate::record::Record;
use crate::summary::{VariantSummary, summarise};

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may merge.
    Passed,
    /// It may not merge.
    Failed,
    /// It could not be judged.
    Broken,
}

impl Verdict {
    /// The word that reports print.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Broken => "BROKEN",
        }
    }

    /// The worse of two verdicts: failed, then broken, then passed.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |verdict| match verdict {
            Self::Failed => 2,
            Self::Broken => 1,
            Self::Passed => 0,
        };
        if rank(self) >= rank(other) { self } else { other }
    }
}

/// The gate of one candidate: a prompt, a version, a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Which prompt of the plan.
    pub prompt: usize,
    /// Which variant of the prompt.
    pub variant: usize,
    /// What it says.
    pub verdict: Verdict,
    /// Why, in one line.
    pub reason: String,
}

/// Judges every candidate of a plan, in the plan's order.
pub fn judge(plan: &Plan, record: &Record) -> (Vec<VariantSummary>, Vec<Gate>) {
    let summaries = summarise(plan, record);
    let gates = summaries
        .iter()
        .filter(|summary| plan.prompts()[summary.prompt].variants[summary.variant].role == Role::Candidate)
        .map(|summary| {
            let suite = &plan.prompts()[summary.prompt].suite;
            let must_pass = |case: usize| suite.cases[case].must_pass;
            let name = |case: usize| suite.cases[case].name.as_str();
            let (verdict, reason) = match cut_short(record, &summaries, summary.prompt) {
                Some(reason) => (Verdict::Broken, reason),
                None => decide(summary, &suite.policy, must_pass, name),
            };
            Gate { prompt: summary.prompt, variant: summary.variant, verdict, reason }
        })
        .collect();
    (summaries, gates)
}

/// Why a prompt cannot be judged whose questions were not all asked because the run was stopped.
fn cut_short(record: &Record, summaries: &[VariantSummary], prompt: usize) -> Option<String> {
    // A run that was killed has no end.
    let why = record.end().unwrap_or(RunEnd::Interrupted).reason()?;
    let of_prompt = || summaries.iter().filter(|summary| summary.prompt == prompt);
    let not_asked: usize = of_prompt().map(|summary| summary.counts.not_asked).sum();
    let all: usize = of_prompt().map(|summary| summary.counts.asked).sum();
    (not_asked > 0).then(|| format!("{why}: {not_asked} of {} not asked", plural(all, "question")))
}

/// The worst verdict of all gates. No gate at all is broken: a run that judged nothing is never green.
pub fn worst(gates: &[Gate]) -> Verdict {
    gates.iter().map(|gate| gate.verdict).reduce(Verdict::worse).unwrap_or(Verdict::Broken)
}

/// The first rule that applies.
fn decide<'a>(
    summary: &VariantSummary,
    policy: &Policy,
    must_pass: impl Fn(usize) -> bool,
    name: impl Fn(usize) -> &'a str,
) -> (Verdict, String) {
    let counts = &summary.counts;
    if counts.asked == 0 || counts.judged() == 0 {
        return (Verdict::Broken, format!("none of {} was judged", plural(counts.asked, "question")));
    }
    if summary.gaps > 0 {
        let reason = format!("{} of {} could not be asked", summary.gaps, plural(counts.asked, "question"));
        return (Verdict::Broken, reason);
    }
    let missing = counts.missing() as f64 / counts.asked as f64;
    if missing > policy.max_missing {
        let reason = format!(
            "{} of {} lack a verdict: {}, {} allowed",
            counts.missing(),
            plural(counts.asked, "question"),
            percent(missing),
            percent(policy.max_missing),
        );
        return (Verdict::Broken, reason);
    }
    let critical = |wanted: fn(&crate::summary::CaseSummary) -> bool| {
        summary
            .cases
            .iter()
            .filter(|case| must_pass(case.case) && wanted(case))
            .map(|case| name(case.case))
            .collect::<Vec<_>>()
    };
    let unjudged = critical(|case| case.counts.missing() > 0);
    if !unjudged.is_empty() {
        return (Verdict::Broken, format!("a case that must pass lacks a verdict: {}", unjudged.join(", ")));
    }
    if counts.passed == 0 {
        return (Verdict::Broken, "nothing passed: the prompt, the model or the suite is broken".to_owned());
    }
    let lost = critical(|case| case.counts.failed > 0);
    if !lost.is_empty() {
        return (Verdict::Failed, format!("a case that must pass failed: {}", lost.join(", ")));
    }
    by_pass_rate(summary, policy)
}

fn by_pass_rate(summary: &VariantSummary, policy: &Policy) -> (Verdict, String) {
    let observed = summary.observed_pass_rate().unwrap_or(0.0);
    let cases = plural(summary.cases.len(), "case");
    if let Some(minimum) = policy.min_pass_rate {
        // A rate that equals the minimum passes, whatever the last bit of a division says.
        let verdict = if observed >= minimum - 1e-12 { Verdict::Passed } else { Verdict::Failed };
        return (verdict, format!("{} of {cases} passed, {} needed", percent(observed), percent(minimum)));
    }
    let passed = summary.cases_passed();
    let verdict = if passed == summary.cases.len() { Verdict::Passed } else { Verdict::Failed };
    (verdict, format!("{passed} of {cases} passed, every case must"))
}

/// A share in percent with one decimal; never rounded to 100 % or to 0 % where it is not.
pub(crate) fn percent(share: f64) -> String {
    let rounded = (share * 1000.0).round() / 10.0;
    if share < 1.0 && rounded >= 100.0 {
        return "99.9 %".to_owned();
    }
    if share > 0.0 && rounded <= 0.0 {
        return "0.1 %".to_owned();
    }
    format!("{rounded:.1} %")
}

pub(crate) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{CaseSummary, Counts};

    /// One letter a repeat: p passed, f failed, e errored, u unscored, n never asked; a word a case; `!` marks what must pass.
    fn check(cases: &str, min_pass_rate: Option<f64>) -> String {
        let mut all = Counts::default();
        let mut critical = Vec::new();
        let cases: Vec<CaseSummary> = cases
            .split_whitespace()
            .enumerate()
            .map(|(case, word)| {
                critical.push(word.ends_with('!'));
                let word = word.trim_end_matches('!');
                let count = |letter| word.matches(letter).count();
                let counts = Counts {
                    asked: word.len(),
                    passed: count('p'),
                    failed: count('f'),
                    errored: count('e'),
                    unscored: count('u'),
                    not_asked: count('n'),
                };
                all.asked += counts.asked;
                all.passed += counts.passed;
                all.failed += counts.failed;
                all.errored += counts.errored;
                all.unscored += counts.unscored;
                all.not_asked += counts.not_asked;
                CaseSummary { case, counts, score: None }
            })
            .collect();
        let summary = VariantSummary {
            prompt: 0,
            variant: 0,
            cases,
            counts: all,
            gaps: 0,
            pass_rate: None,
            score: None,
            units: Vec::new(),
            tokens: None,
        };
        let policy = Policy { min_pass_rate, ..Policy::default() };
        let names: Vec<String> = (0..100).map(|case| format!("case{case}")).collect();
        let (verdict, reason) = decide(&summary, &policy, |case| critical[case], |case| &names[case]);
        format!("{} {reason}", verdict.as_str())
    }

    #[test]
    fn nothing_asked_or_judged_is_broken() {
        insta::assert_snapshot!(check("", None), @"BROKEN none of 0 questions was judged");
        insta::assert_snapshot!(check("e n u", Some(0.0)), @"BROKEN none of 3 questions was judged");
    }

    #[test]
    fn too_many_missing_is_broken() {
        insta::assert_snapshot!(check("p p p e", Some(0.5)), @"BROKEN 1 of 4 questions lack a verdict: 25.0 %, 2.0 % allowed");
        let mut many = "p ".repeat(99);
        many.push('e');
        insta::assert_snapshot!(check(&many, Some(0.99)), @"PASSED 99.0 % of 100 cases passed, 99.0 % needed");
        many.push('!');
        insta::assert_snapshot!(check(&many, Some(0.5)), @"BROKEN a case that must pass lacks a verdict: case99");
    }

    #[test]
    fn nothing_passed_is_broken_rather_than_failed() {
        insta::assert_snapshot!(check("f f", None), @"BROKEN nothing passed: the prompt, the model or the suite is broken");
    }

    #[test]
    fn a_case_that_must_pass_needs_every_repeat() {
        insta::assert_snapshot!(check("ppf! ppp", Some(0.1)), @"FAILED a case that must pass failed: case0");
        insta::assert_snapshot!(check("ppp! ppf", Some(0.1)), @"PASSED 83.3 % of 2 cases passed, 10.0 % needed");
    }

    #[test]
    fn the_rate_is_plain_arithmetic() {
        insta::assert_snapshot!(check("p p p p p p p p p f", Some(0.9)), @"PASSED 90.0 % of 10 cases passed, 90.0 % needed");
        insta::assert_snapshot!(check("p p p p p p p p f f", Some(0.9)), @"FAILED 80.0 % of 10 cases passed, 90.0 % needed");
        insta::assert_snapshot!(check("ppf ppf ppf", Some(2.0 / 3.0)), @"PASSED 66.7 % of 3 cases passed, 66.7 % needed");
    }

    #[test]
    fn without_a_rate_every_case_passes_by_majority() {
        insta::assert_snapshot!(check("ppf ppp", None), @"PASSED 2 of 2 cases passed, every case must");
        insta::assert_snapshot!(check("pf pp", None), @"FAILED 1 of 2 cases passed, every case must");
    }

    #[test]
    fn the_worst_verdict_counts_and_none_is_broken() {
        use Verdict::{Broken, Failed, Passed};
        assert_eq!(Passed.worse(Broken), Broken);
        assert_eq!(Broken.worse(Failed), Failed);
        assert_eq!(Failed.worse(Passed), Failed);
        assert_eq!(worst(&[]), Broken);
    }

    #[test]
    fn a_share_is_not_rounded_to_certainty() {
        assert_eq!(percent(0.9996), "99.9 %");
        assert_eq!(percent(0.0001), "0.1 %");
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(percent(0.0), "0.0 %");
    }
}
