//! Experiments and the canary.

use std::collections::BTreeMap;

use promptassay_stats::Confidence;
use promptassay_stats::canary::{CanaryStep, canary_ln_e_value};
use promptassay_stats::cuped::{CupedArm, cuped};
use promptassay_stats::distributions::student_t;
use promptassay_stats::fieller::welch_lift;
use promptassay_stats::holm::holm;
use promptassay_stats::moments::Moments;
use promptassay_stats::newcombe::{Successes, newcombe_difference, newcombe_lift, newcombe_p};
use promptassay_stats::ratio::ratio_moments;
use promptassay_stats::sample_ratio::{SampleRatioMethod, sample_ratio};
use promptassay_stats::sequential::asymptotic_confidence_sequence;
use promptassay_stats::welch::{Welch, welch};

use super::{Row, named, numbers, parity};

fn level(row: &Row) -> Confidence {
    Confidence::two_sided(row.inputs["confidence"].as_f64().unwrap_or(0.95)).expect("a level")
}

fn check_welch(row: &Row, test: &Welch) -> Result<(), String> {
    let fields = [
        ("diff_b_minus_a", test.difference),
        ("diff", test.difference),
        ("se", test.standard_error),
        ("t", test.t),
        ("df", test.degrees_of_freedom),
        ("p_two_sided", test.p_two_sided),
        ("p_greater", test.p_greater),
        ("p_less", test.p_less),
        ("lower", test.lower),
        ("upper", test.upper),
    ];
    fields
        .into_iter()
        .filter(|(field, _)| row.expects(field))
        .try_for_each(|(field, got)| row.check(field, got))
}

#[test]
fn welch_agrees_with_scipy() {
    parity(&["describe"], |row| {
        let moments = named(row, Moments::of(&row.numbers("x")))?;
        row.check("mean", moments.mean)?;
        row.check("variance", moments.variance)
    });
    parity(&["welch_t"], |row| {
        let (a, b) = (Moments::of(&row.numbers("a")), Moments::of(&row.numbers("b")));
        check_welch(row, &named(row, welch(&named(row, a)?, &named(row, b)?, level(row)))?)
    });
    parity(&["welch_t_summary"], |row| {
        let arm = |mean, sd, n| Moments::from_parts(row.count(n), row.number(mean), row.number(sd).powi(2));
        let (a, b) = (arm("mean_a", "sd_a", "n_a"), arm("mean_b", "sd_b", "n_b"));
        check_welch(row, &named(row, welch(&named(row, a)?, &named(row, b)?, level(row)))?)
    });
    parity(&["user_mean_two_arms"], |row| {
        let arm = |name: &str| {
            let users: BTreeMap<String, Vec<f64>> =
                serde_json::from_value(row.inputs[name].clone()).expect("users");
            let means: Vec<f64> = users.values().map(|v| v.iter().sum::<f64>() / v.len() as f64).collect();
            Moments::of(&means)
        };
        check_welch(row, &named(row, welch(&named(row, arm("a"))?, &named(row, arm("b"))?, level(row)))?)
    });
}

#[test]
fn newcombe_agrees_with_statsmodels_and_its_ratio_with_the_root() {
    parity(&["two_proportions"], |row| {
        let a = Successes { successes: row.count("k_a"), users: row.count("n_a") };
        let b = Successes { successes: row.count("k_b"), users: row.count("n_b") };
        let interval = named(row, newcombe_difference(a, b, level(row)))?;
        row.check("diff_b_minus_a", interval.difference)?;
        row.check_pair("newcombe", interval.lower, interval.upper)?;
        if row.expects("lift") {
            let lift = named(row, newcombe_lift(a, b, level(row)))?;
            row.check("lift", lift.lift)?;
            row.check("lift_lower", lift.lower)?;
            row.check("lift_upper", lift.upper)?;
        }
        Ok(())
    });
}

#[test]
fn newcombes_p_is_the_root_of_its_definition_in_the_far_tail_too() {
    parity(&["newcombe_p"], |row| {
        let a = Successes { successes: row.count("k_a"), users: row.count("n_a") };
        let b = Successes { successes: row.count("k_b"), users: row.count("n_b") };
        row.check("p", named(row, newcombe_p(a, b))?)
    });
}

#[test]
fn lift_of_a_mean_is_the_root_of_welchs_test() {
    parity(&["welch_lift"], |row| {
        let arm = |mean, var, n| Moments::from_parts(row.count(n), row.number(mean), row.number(var));
        let (a, b) = (arm("mean_a", "var_a", "n_a"), arm("mean_b", "var_b", "n_b"));
        let lift = named(row, welch_lift(&named(row, a)?, &named(row, b)?, level(row)))?;
        row.check("lift", lift.lift)?;
        row.check_pair("ends", lift.lower, lift.upper)
    });
}

#[test]
fn ratio_has_the_cluster_robust_error() {
    parity(&["ratio_metric"], |row| {
        let moments = named(row, ratio_moments(&row.numbers("numerators"), &row.numbers("denominators")))?;
        row.check("ratio", moments.mean)?;
        row.check("se", moments.standard_error())
    });
    parity(&["clustered_mean"], |row| {
        let mut clusters: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        let names = row.inputs["clusters"].as_array().expect("clusters");
        for (score, cluster) in row.numbers("scores").iter().zip(names) {
            let entry = clusters.entry(cluster.as_str().expect("a name")).or_default();
            entry.0 += score;
            entry.1 += 1.0;
        }
        let (sums, sizes): (Vec<f64>, Vec<f64>) = clusters.into_values().unzip();
        let moments = named(row, ratio_moments(&sums, &sizes))?;
        let (se, df) = (moments.standard_error(), moments.count as f64 - 1.0);
        let half = se * named(row, student_t::upper_quantile(level(row).tail(), df))?;
        row.check("mean", moments.mean)?;
        row.check("se_cr1", se)?;
        row.check("t", moments.mean / se)?;
        row.check("p_two_sided", named(row, student_t::two_sided(moments.mean / se, df))?)?;
        row.check("lower", moments.mean - half)?;
        row.check("upper", moments.mean + half)
    });
}

#[test]
fn cuped_agrees_with_numpy() {
    parity(&["cuped"], |row| {
        let columns = ["y_a", "x_a", "y_b", "x_b"].map(|name| row.numbers(name));
        let [y_a, x_a, y_b, x_b] = &columns;
        let arm = |outcomes, covariates| CupedArm { outcomes, covariates };
        let adjusted = named(row, cuped(arm(y_a, x_a), arm(y_b, x_b)))?;
        row.check("theta", adjusted.theta)?;
        check_welch(row, &named(row, welch(&adjusted.baseline, &adjusted.treatment, level(row)))?)
    });
}

#[test]
fn holm_agrees_with_statsmodels() {
    parity(&["p_adjust"], |row| {
        let adjusted = named(row, holm(&row.numbers("p")))?;
        let expected = numbers(&row.expected["holm"]);
        if adjusted.len() != expected.len() {
            return Err(row.name.clone());
        }
        adjusted.iter().zip(expected).try_for_each(|(got, expected)| row.compare("holm", *got, expected))
    });
}

#[test]
fn sample_ratio_agrees_with_scipy_and_enumeration() {
    let observed =
        |row: &Row| -> Vec<u64> { serde_json::from_value(row.inputs["observed"].clone()).expect("counts") };
    parity(&["srm_chi2"], |row| {
        let test = named(row, sample_ratio(&observed(row), &row.numbers("weights")))?;
        assert_eq!(test.method, SampleRatioMethod::ChiSquare, "{}", row.name);
        row.check("chi2", test.chi_square)?;
        row.check("df", test.degrees_of_freedom as f64)?;
        row.check("p", named(row, test.p_value)?)
    });
    parity(&["srm_exact"], |row| {
        let expected = row.expected["p"].as_f64().expect("p");
        let shares = row.numbers("weights");
        let test = named(row, sample_ratio(&observed(row), &shares))?;
        let total = observed(row).iter().sum::<u64>() as f64;
        // Where every expected count is 5 or more the test is not exact, and the row would compare two methods.
        if shares.iter().any(|share| total * share < 5.0) {
            assert_eq!(test.method, SampleRatioMethod::Exact, "{}", row.name);
            return row.compare("p", named(row, test.p_value)?, expected);
        }
        Ok(())
    });
}

#[test]
fn confidence_sequence_follows_its_formula() {
    parity(&["asymptotic_cs"], |row| {
        let confidence = Confidence::two_sided(1.0 - row.number("alpha")).expect("a level");
        let sequence = asymptotic_confidence_sequence(
            row.number("difference"),
            row.number("se"),
            row.count("n"),
            row.count("planned"),
            confidence,
        );
        let sequence = named(row, sequence)?;
        row.check("lower", sequence.lower)?;
        row.check("upper", sequence.upper)?;
        row.check("p", sequence.p_value)
    });
}

#[test]
fn canary_evidence_follows_its_formula() {
    parity(&["canary_e_value"], |row| {
        let steps: Vec<CanaryStep> = row.inputs["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| CanaryStep {
                share: step["share"].as_f64().expect("share"),
                canary_failing: step["canary"].as_u64().expect("count"),
                production_failing: step["production"].as_u64().expect("count"),
            })
            .collect();
        row.check("ln_e", named(row, canary_ln_e_value(&steps))?)
    });
}
