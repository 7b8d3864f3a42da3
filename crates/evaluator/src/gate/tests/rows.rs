//! The rows of the gate as a reader meets them.

use std::collections::BTreeSet;

use super::super::conditions::{Candidate, Reference};
use super::*;
use crate::comparison::tests::side;
use crate::policy::Sourced;

/// One letter a repeat: p passed, f failed, n missing; a word a case; `!` marks what must pass. Judged alone.
fn check(cases: &str, min_pass_rate: Option<f64>) -> String {
    let mut must_pass = BTreeSet::new();
    let names: Vec<String> = (0..200).map(|case| format!("case{case}")).collect();
    let words: Vec<String> = cases
        .split_whitespace()
        .zip(&names)
        .map(|(word, name)| {
            if word.ends_with('!') {
                must_pass.insert(name.as_str());
            }
            format!("{name}:{}", word.trim_end_matches('!'))
        })
        .collect();
    let side = side(&words.join(" "));
    let candidate = Candidate { side: &side, must_pass, gaps: 0, cut_short: None, errors: None };
    let policy = Policy { min_pass_rate: Sourced::default(min_pass_rate), ..Policy::default() };
    let decided = decide(&candidate, Reference::None, &policy);
    assert_eq!(decided.blocks, decided.rule.verdict() != Verdict::Passed);
    format!("{} {}", decided.rule.verdict().as_str(), decided.reason)
}

#[test]
fn nothing_asked_or_judged_is_broken() {
    insta::assert_snapshot!(check("", None), @"BROKEN none of 0 questions was judged");
    insta::assert_snapshot!(check("n n n", Some(0.0)), @"BROKEN none of 3 questions was judged");
}

#[test]
fn why_questions_have_no_verdict_is_said() {
    let said = |cases: &str| {
        let side = side(cases);
        let errors = Some("2 timeout, 1 unreachable".to_owned());
        let candidate =
            Candidate { side: &side, must_pass: BTreeSet::new(), gaps: 0, cut_short: None, errors };
        decide(&candidate, Reference::None, &Policy::default()).reason
    };
    insta::assert_snapshot!(said("a:nnn"), @"none of 3 questions was judged: 2 timeout, 1 unreachable");
    insta::assert_snapshot!(said("a:nnn b:ppp"), @"3 of 6 questions lack a verdict (2 timeout, 1 unreachable): 50.0 %, 2.0 % allowed");
}

#[test]
fn too_many_missing_is_broken() {
    insta::assert_snapshot!(check("p p p n", Some(0.5)), @"BROKEN 1 of 4 questions lack a verdict: 25.0 %, 2.0 % allowed");
    let mut many = "p ".repeat(99);
    many.push('n');
    insta::assert_snapshot!(check(&many, Some(0.99)), @"PASSED 99.0 % of 100 trials passed, 99.0 % needed");
    many.push('!');
    insta::assert_snapshot!(check(&many, Some(0.5)), @"BROKEN a case that must pass lacks a verdict: case99");
}

#[test]
fn nothing_passed_is_broken_rather_than_failed() {
    insta::assert_snapshot!(check("f f", None), @"BROKEN nothing passed: the prompt, the model or the suite is broken");
}

#[test]
fn what_passed_with_the_baseline_is_said_where_nothing_passes() {
    let (baseline, candidate) = (side("a:p b:p c:f"), side("a:f b:f c:f"));
    let candidate =
        Candidate { side: &candidate, must_pass: BTreeSet::new(), gaps: 0, cut_short: None, errors: None };
    let decided = decide(&candidate, Reference::Side(&baseline), &Policy::default());
    assert_eq!(decided.rule, Rule::NothingPassed);
    insta::assert_snapshot!(decided.reason, @"nothing passed, where 2 cases passed with the baseline v1.0.0");
}

#[test]
fn a_case_that_must_pass_needs_every_repeat() {
    insta::assert_snapshot!(check("ppf! ppp", Some(0.1)), @"FAILED a case that must pass failed: case0");
    insta::assert_snapshot!(check("ppp! ppf", Some(0.1)), @"PASSED 83.3 % of 6 trials passed, 10.0 % needed");
}

#[test]
fn what_lacks_hides_no_case_that_must_pass_and_failed() {
    insta::assert_snapshot!(check("f! p p n", None), @"BROKEN 1 of 4 questions lack a verdict: 25.0 %, 2.0 % allowed; and a case that must pass failed: case0");
    insta::assert_snapshot!(check("fn! pp", None), @"BROKEN 1 of 4 questions lack a verdict: 25.0 %, 2.0 % allowed; and a case that must pass failed: case0");
    insta::assert_snapshot!(check("f! f n", None), @"BROKEN 1 of 3 questions lack a verdict: 33.3 %, 2.0 % allowed; and a case that must pass failed: case0");
}

#[test]
fn the_rate_is_plain_arithmetic() {
    insta::assert_snapshot!(check("p p p p p p p p p f", Some(0.9)), @"PASSED 90.0 % of 10 trials passed, 90.0 % needed");
    insta::assert_snapshot!(check("p p p p p p p p f f", Some(0.9)), @"FAILED 80.0 % of 10 trials passed, 90.0 % needed");
    insta::assert_snapshot!(check("ppf ppf ppf", Some(2.0 / 3.0)), @"PASSED 66.7 % of 9 trials passed, 66.7 % needed");
}

#[test]
fn without_a_rate_every_case_passes_by_majority() {
    insta::assert_snapshot!(check("ppf ppp", None), @"PASSED 2 of 2 cases passed, every case must");
    insta::assert_snapshot!(check("pf pp", None), @"FAILED 1 of 2 cases passed, every case must");
}

#[test]
fn the_worst_verdict_counts_and_none_is_broken() {
    use Verdict::{Broken, Failed, Inconclusive, Passed};
    let order = [Passed, Inconclusive, Broken, Failed];
    for (better, one) in order.iter().enumerate() {
        for (worse, other) in order.iter().enumerate() {
            assert_eq!(one.worse(*other), order[better.max(worse)]);
        }
    }
    assert_eq!(worst(&[]), Broken);
    assert_eq!(blocking(&[]), Some(Broken));
}
