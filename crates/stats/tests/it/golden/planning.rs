//! Repeats, quantiles and power.

use promptassay_stats::Confidence;
use promptassay_stats::power::{
    PairedDesign, cases_for_mcnemar, cases_for_paired_difference, users_for_means, users_for_proportions,
};
use promptassay_stats::quantile::quantile_interval;
use promptassay_stats::repeats::{
    flaky_probability, paired_variance, pass_at_k, pass_hat_k, variance_components,
};

use super::{named, numbers, parity};

fn two_sided(row: &super::Row) -> Confidence {
    Confidence::two_sided(1.0 - row.number("alpha")).expect("a level")
}

#[test]
fn pass_at_k_agrees_with_enumeration() {
    parity(&["pass_at_k"], |row| {
        for (i, k) in row.inputs["k"].as_array().expect("k").iter().enumerate() {
            let (n, c, k) = (row.count("n"), row.count("c"), k.as_u64().expect("count"));
            row.compare(
                "pass_at_k",
                named(row, pass_at_k(n, c, k))?,
                numbers(&row.expected["pass_at_k"])[i],
            )?;
            row.compare(
                "pass_hat_k",
                named(row, pass_hat_k(n, c, k))?,
                numbers(&row.expected["pass_hat_k"])[i],
            )?;
        }
        Ok(())
    });
    parity(&["flaky_probability"], |row| {
        row.check("value", named(row, flaky_probability(row.number("p"), row.count("k")))?)
    });
}

#[test]
fn variance_splits_as_in_the_analysis_of_variance() {
    parity(&["variance_components"], |row| {
        let parts = named(row, variance_components(&row.lists("cases")))?;
        row.check("within", parts.within)?;
        row.check("between", parts.between)?;
        row.check("icc", parts.intraclass_correlation)?;
        row.check("design_effect", parts.design_effect)?;
        row.check("repeats", parts.repeats)
    });
    parity(&["paired_repeats"], |row| {
        let parts = named(row, paired_variance(&row.lists("a"), &row.lists("b")))?;
        row.check("var_case_diffs", parts.of_differences)?;
        row.check("var_within_component", parts.within)?;
        row.check("var_between_component", parts.between)
    });
}

#[test]
fn quantiles_agree_with_scipy() {
    parity(&["quantile_ci"], |row| {
        let confidence = Confidence::two_sided(row.number("confidence")).expect("a level");
        let interval = named(row, quantile_interval(&row.numbers("x"), row.number("p"), confidence))?;
        if row.expects("estimate") {
            row.check("estimate", interval.estimate)?;
        }
        for (field, end) in [("lower", interval.lower), ("upper", interval.upper)] {
            match (row.expected.get(field), end) {
                (Some(value), end) if value.is_null() && end.is_ok() => {
                    return Err(format!("{} {field}", row.name));
                }
                (Some(value), _) if !value.is_null() => row.check(field, named(row, end)?)?,
                _ => {}
            }
        }
        Ok(())
    });
}

#[test]
fn sizes_agree_with_closed_forms_and_statsmodels() {
    parity(&["power_miller"], |row| {
        let design = |repeats| PairedDesign {
            between: row.number("var_between_diff_omega2"),
            within_baseline: row.number("var_within_a"),
            within_candidate: row.number("var_within_b"),
            repeats_baseline: repeats,
            repeats_candidate: repeats,
        };
        let (effect, power) = (row.number("mde"), row.number("power"));
        let once = cases_for_paired_difference(&design(1), effect, two_sided(row), power);
        let ten_times = cases_for_paired_difference(&design(10), effect, two_sided(row), power);
        row.check("n", named(row, once)?)?;
        row.check("n_k10", named(row, ten_times)?)
    });
    parity(&["power_normal_ind"], |row| {
        let total =
            users_for_means(row.number("mde"), row.number("sd"), 0.5, two_sided(row), row.number("power"));
        row.check("n_per_arm", 0.5 * named(row, total)?)
    });
    parity(&["power_proportions"], |row| {
        let (a, b, share) = (row.number("p_a"), row.number("p_b"), row.number("share"));
        row.check(
            "total",
            named(row, users_for_proportions(a, b, share, two_sided(row), row.number("power")))?,
        )
    });
    parity(&["power_mcnemar"], |row| {
        let cases =
            cases_for_mcnemar(row.number("psi"), row.number("delta"), two_sided(row), row.number("power"));
        row.check("n", named(row, cases)?)
    });
}
