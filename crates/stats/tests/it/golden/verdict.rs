//! The score interval and what stands beside it.

use promptassay_stats::Confidence;
use promptassay_stats::mcnemar::mcnemar;
use promptassay_stats::proportion::{clopper_pearson, wilson};
use promptassay_stats::score::{ScoreSample, score_interval_of_differences, score_interval_of_means};

use super::{Row, named, numbers, parity};

fn differences(broken: u64, fixed: u64, unchanged: u64) -> Vec<f64> {
    let repeat = |value: f64, count: u64| vec![value; usize::try_from(count).expect("small")];
    [repeat(-1.0, broken), repeat(1.0, fixed), repeat(0.0, unchanged)].concat()
}

#[test]
fn score_interval_follows_its_definition() {
    parity(&["score_differences", "score_means"], |row| {
        let confidence = Confidence::each_end(row.number("each_end")).expect("a level");
        let (sample, interval) = if row.method == "score_differences" {
            let values = row.numbers("differences");
            (ScoreSample::of_differences(&values), score_interval_of_differences(&values, confidence))
        } else {
            let values = row.numbers("means");
            (ScoreSample::of_means(&values), score_interval_of_means(&values, confidence))
        };
        let (sample, interval) = (named(row, sample)?, named(row, interval)?);
        row.check("estimate", interval.estimate)?;
        row.check("lower", interval.lower)?;
        row.check("upper", interval.upper)?;
        if row.expects("z") {
            for (delta, expected) in row.numbers("deltas").iter().zip(numbers(&row.expected["z"])) {
                row.compare("z", named(row, sample.z_at(*delta))?, expected)?;
            }
        }
        Ok(())
    });
}

#[test]
fn score_interval_of_one_repeat_is_tangos() {
    parity(&["tango"], |row| {
        let (broken, fixed) = (row.count("broken"), row.count("fixed"));
        let values = differences(broken, fixed, row.count("n") - broken - fixed);
        let confidence = Confidence::each_end(row.number("each_end")).expect("a level");
        let interval = named(row, score_interval_of_differences(&values, confidence))?;
        row.check("lower", interval.lower)?;
        row.check("upper", interval.upper)
    });
    parity(&["paired_proportion_diff"], |row| {
        let unchanged = row.count("a_both_pass") + row.count("d_both_fail");
        let values = differences(row.count("b_a_only"), row.count("c_b_only"), unchanged);
        let sample = named(row, ScoreSample::of_differences(&values))?;
        let interval = sample.interval(Confidence::two_sided(row.number("confidence")).expect("a level"));
        row.check("diff_b_minus_a", interval.estimate)?;
        row.check("tango_lower", interval.lower)?;
        row.check("tango_upper", interval.upper)?;
        row.check("tango_ni_z", named(row, sample.z_at(-row.number("ni_margin")))?)
    });
}

#[test]
fn score_interval_of_pass_and_fail_is_wilsons() {
    parity(&["proportion_ci"], |row| {
        let (passed, trials) = (row.count("k"), row.count("n"));
        let confidence = Confidence::two_sided(row.number("confidence")).expect("a level");
        let by_formula = named(row, wilson(passed, trials, confidence))?;
        row.check("p", by_formula.estimate)?;
        row.check_pair("wilson", by_formula.lower, by_formula.upper)?;
        let exact = named(row, clopper_pearson(passed, trials, confidence))?;
        row.check_pair("clopper_pearson", exact.lower, exact.upper)?;
        if trials <= 1000 {
            let values: Vec<f64> = (0..trials).map(|i| f64::from(u8::from(i < passed))).collect();
            let by_score = named(row, score_interval_of_means(&values, confidence))?;
            row.compare("score lower", by_score.lower, by_formula.lower)?;
            row.compare("score upper", by_score.upper, by_formula.upper)?;
        }
        Ok(())
    });
}

#[test]
fn mcnemar_agrees_with_statsmodels() {
    parity(&["mcnemar"], |row| {
        let test = named(row, mcnemar(row.count("b_a_only"), row.count("c_b_only")))?;
        row.check("p_exact", test.exact_p)?;
        row.check("p_mid", test.mid_p)
    });
}

/// The pooled gate scenarios: unit differences of case means, at the gate's confidence.
#[test]
fn gate_scenarios_get_their_bounds() {
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../fixtures/golden/gate_bounds.json")).expect("JSON");
    let scenarios = document["scenarios"].as_array().expect("scenarios");
    assert!(scenarios.len() >= 2);
    for scenario in scenarios {
        let values = numbers(&scenario["differences"]);
        let interval = score_interval_of_differences(&values, Confidence::each_end(0.95).expect("a level"))
            .expect("defined");
        let row = Row {
            name: scenario["id"].to_string(),
            method: String::new(),
            inputs: serde_json::Value::Null,
            expected: scenario["expected"].clone(),
            relative: 0.0,
            absolute: 1e-12,
        };
        for (field, got) in
            [("estimate", interval.estimate), ("lower", interval.lower), ("upper", interval.upper)]
        {
            row.check(field, got).expect("parity");
        }
    }
}
