//! The scenarios of `fixtures/golden/gate.json`: counts for each case, judged by the real gate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use promptassay_registry::digest::Digest;
use serde::Deserialize;

use super::super::conditions::{Candidate, Reference};
use super::super::preflight::refused;
use super::*;
use crate::comparison::{CaseResult, Origin, SideLabel};
use crate::policy::{Margin, Metric, Sourced};

#[derive(Deserialize)]
struct Golden {
    tolerance: Tolerance,
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Tolerance {
    abs: f64,
}

#[derive(Deserialize)]
struct Scenario {
    id: String,
    data: Data,
    checks: Vec<Check>,
    #[serde(default)]
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Data {
    names: Vec<String>,
    baseline_asked: Vec<u32>,
    baseline_passed: Vec<u32>,
    baseline_missing: Option<Vec<u32>>,
    candidate_asked: Vec<u32>,
    candidate_passed: Vec<u32>,
    candidate_missing: Option<Vec<u32>>,
    clusters: Option<Vec<Option<String>>>,
    #[serde(default)]
    must_pass: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Variant {
    change: Change,
    #[serde(flatten)]
    check: Check,
}

#[derive(Deserialize)]
struct Change {
    must_pass: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Check {
    policy: GoldenPolicy,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenPolicy {
    confidence: f64,
    inconclusive: OnInconclusive,
    max_missing: f64,
    margin: Margin,
    min_pass_rate: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    units: u64,
    units_worse: u64,
    units_better: u64,
    units_compared: u64,
    estimate: f64,
    lower: f64,
    upper: f64,
    verdict: String,
    reason: String,
    exit: u8,
}

fn side(data: &Data, asked: &[u32], passed: &[u32], missing: Option<&Vec<u32>>) -> Side {
    let case = |(index, name): (usize, &String)| {
        let missing = missing.map_or(0, |missing| missing[index]);
        let judged = asked[index] - missing;
        CaseResult {
            name: name.clone(),
            digest: Digest::of(name),
            cluster: data.clusters.as_ref().and_then(|clusters| clusters[index].clone()),
            asked: asked[index],
            passed: passed[index],
            failed: judged - passed[index],
            score: (judged > 0).then(|| f64::from(passed[index]) / f64::from(judged)),
            validators: BTreeMap::new(),
        }
    };
    Side {
        label: SideLabel {
            version: "1.0.0".parse().unwrap(),
            model: "default".into(),
            origin: Origin::ThisRun,
        },
        served_models: BTreeSet::new(),
        judges: BTreeSet::new(),
        cases: data.names.iter().enumerate().map(case).collect(),
    }
}

fn exit(decided: &Decided) -> u8 {
    match decided.rule.verdict() {
        _ if !decided.blocks => 0,
        Verdict::Passed => 0,
        Verdict::Failed => 1,
        Verdict::Inconclusive => 3,
        Verdict::Broken => 4,
    }
}

fn check(id: &str, data: &Data, must_pass: &BTreeMap<String, String>, check: &Check, tolerance: f64) {
    let Check { policy, expected } = check;
    let policy = Policy {
        confidence: Sourced::default(policy.confidence),
        inconclusive: Sourced::default(policy.inconclusive),
        max_missing: Sourced::default(policy.max_missing),
        margin: Sourced::default(policy.margin),
        min_pass_rate: Sourced::default(policy.min_pass_rate),
        ..Policy::default()
    };
    let baseline = side(data, &data.baseline_asked, &data.baseline_passed, data.baseline_missing.as_ref());
    let side = side(data, &data.candidate_asked, &data.candidate_passed, data.candidate_missing.as_ref());
    if expected.exit == 2 {
        assert!(refused(&baseline, &side, &policy).is_some(), "{id}: refused before the first call");
        return;
    }
    assert_eq!(refused(&baseline, &side, &policy), None, "{id}: not refused");
    let candidate = Candidate {
        side: &side,
        must_pass: must_pass.keys().map(String::as_str).collect(),
        gaps: 0,
        cut_short: None,
        errors: None,
    };
    let decided = decide(&candidate, Reference::Side(&baseline), &policy);
    let comparison = decided.comparison.as_ref().unwrap();
    let metric = comparison.metric(&Metric::PassRate).unwrap();
    let difference = metric.difference.as_ref().unwrap();
    assert_eq!(comparison.units, expected.units, "{id}");
    assert_eq!(metric.units_worse, expected.units_worse, "{id}");
    assert_eq!(metric.units_better, expected.units_better, "{id}");
    assert_eq!(difference.units, expected.units_compared, "{id}");
    for (got, wanted) in [
        (difference.estimate, expected.estimate),
        (difference.lower, expected.lower),
        (difference.upper, expected.upper),
    ] {
        assert!((got - wanted).abs() <= tolerance, "{id}: {got} is not {wanted}");
    }
    assert_eq!(decided.rule.verdict().as_str().to_lowercase(), expected.verdict, "{id}");
    assert_eq!(decided.rule.code(), expected.reason, "{id}");
    assert_eq!(exit(&decided), expected.exit, "{id}");
}

#[test]
fn every_golden_scenario_comes_to_what_it_should() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/gate.json");
    let golden: Golden = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut checked = 0;
    for scenario in &golden.scenarios {
        let Scenario { id, data, checks, variants } = scenario;
        for one in checks {
            check(id, data, &data.must_pass, one, golden.tolerance.abs);
            checked += 1;
        }
        for variant in variants {
            check(id, data, &variant.change.must_pass, &variant.check, golden.tolerance.abs);
            checked += 1;
        }
    }
    assert_eq!(checked, 6, "every check of every scenario");
}

#[test]
fn the_preflight_is_the_golden_formula() {
    // Units needed: the smallest n with (1 − margin)^n ≤ 1 − confidence, by multiplying, not by a logarithm.
    for (margin, confidence) in
        [(0.05, 0.95), (0.1, 0.95), (0.15, 0.95), (0.2, 0.95), (0.1, 0.9), (0.3, 0.99)]
    {
        let mut needed = 0;
        let mut survives = 1.0_f64;
        while survives > 1.0 - confidence {
            survives *= 1.0 - margin;
            needed += 1;
        }
        for units in 1..needed + 20 {
            let words: Vec<String> = (0..units).map(|unit| format!("c{unit}:p")).collect();
            let side = crate::comparison::tests::side(&words.join(" "));
            let policy = Policy {
                margin: Sourced::default(Margin::Share(margin)),
                confidence: Sourced::default(confidence),
                ..Policy::default()
            };
            assert_eq!(
                refused(&side, &side, &policy).is_some(),
                units < needed,
                "{margin} {confidence} {units}"
            );
        }
    }
}
