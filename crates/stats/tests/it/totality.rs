//! Hostile input: every public function gives a finite value or a named reason, and returns.

use promptassay_stats::distributions::{beta, binomial, chi_square, normal, student_t};
use promptassay_stats::moments::Moments;
use promptassay_stats::newcombe::{
    Successes, newcombe_difference, newcombe_lift, newcombe_p, newcombe_reach,
};
use promptassay_stats::power::{
    PairedDesign, cases_for_mcnemar, cases_for_paired_difference, detectable_paired_difference,
    smallest_detectable_difference, units_to_decide, units_to_detect, users_for_means, users_for_proportions,
};
use promptassay_stats::score::ScoreSample;
use promptassay_stats::{Confidence, Undefined};
use promptassay_stats::{
    canary, chance_to_pass, cuped, feasibility, fieller, holm, mcnemar, proportion, quantile,
};
use promptassay_stats::{ratio, repeats, sample_ratio, sequential, welch};
use proptest::prelude::*;

/// Floats that break things.
fn hostile() -> impl Strategy<Value = f64> {
    let special = proptest::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        0.95,
        1e-300,
        5e-324,
        1e300,
        -1e300,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        1.0 - f64::EPSILON,
        1.0 + f64::EPSILON,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e7,
        1e10,
        1e16,
    ]);
    prop_oneof![3 => special, 2 => any::<f64>(), 3 => 0.0..1.0_f64, 2 => -50.0..50.0_f64, 1 => 1.0..1e9_f64]
}

fn hostile_list() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        proptest::collection::vec(hostile(), 0..8),
        proptest::collection::vec(-1.0..1.0_f64, 0..8),
        proptest::collection::vec(
            proptest::sample::select(vec![0.0, 1.0, 1e-300, 5e-324, 1.0 - f64::EPSILON]),
            0..8
        ),
    ]
}

fn hostile_count() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..10, 0_u64..100_000, Just(u64::MAX), Just(1 << 53), Just(9_999_999_999), any::<u64>()]
}

fn hostile_confidence() -> impl Strategy<Value = Confidence> {
    prop_oneof![hostile(), 0.5..1.0_f64].prop_filter_map("no confidence", |level| {
        Confidence::two_sided(level).or(Confidence::each_end(level)).ok()
    })
}

/// A value must be finite; a reason must have a word and a sentence.
fn total(result: Result<f64, Undefined>) -> Result<(), TestCaseError> {
    match result {
        Ok(value) => prop_assert!(value.is_finite(), "{value}"),
        Err(reason) => prop_assert!(!reason.code().is_empty() && !reason.to_string().is_empty()),
    }
    Ok(())
}

fn all(results: impl IntoIterator<Item = Result<f64, Undefined>>) -> Result<(), TestCaseError> {
    results.into_iter().try_for_each(total)
}

/// All values of a result struct, or its reason.
fn fields<T, const N: usize>(
    result: Result<T, Undefined>,
    read: impl Fn(T) -> [f64; N],
) -> impl Iterator<Item = Result<f64, Undefined>> {
    match result {
        Ok(value) => read(value).map(Ok).to_vec().into_iter(),
        Err(reason) => vec![Err(reason)].into_iter(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn distributions_are_total(x in hostile(), a in hostile(), b in hostile()) {
        all([normal::cdf(x), normal::sf(x), normal::quantile(x), normal::upper_quantile(x)])?;
        all([student_t::cdf(x, a), student_t::sf(x, a), student_t::two_sided(x, a)])?;
        all([student_t::quantile(x, a), student_t::upper_quantile(x, a)])?;
        all([chi_square::cdf(x, a), chi_square::sf(x, a), chi_square::quantile(x, a), chi_square::upper_quantile(x, a)])?;
        all([beta::cdf(x, a, b), beta::sf(x, a, b), beta::quantile(x, a, b), beta::upper_quantile(x, a, b)])?;
    }

    #[test]
    fn probabilities_are_probabilities(x in hostile(), a in 0.05..1e6_f64, b in 0.05..1e6_f64) {
        for p in [normal::cdf(x), student_t::sf(x, a), chi_square::sf(x, a), beta::cdf(x, a, b)].into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&p), "{p}");
        }
    }

    #[test]
    fn quantiles_invert_tails(p in 1e-6..1.0_f64, a in 0.1..1e5_f64, b in 0.1..1e5_f64) {
        prop_assume!(p < 1.0 - 1e-9);
        let t = student_t::quantile(p, a).unwrap();
        prop_assert!((student_t::cdf(t, a).unwrap() - p).abs() < 1e-9 * p);
        let c = chi_square::quantile(p, a).unwrap();
        prop_assert!(c < 1e-290 || (chi_square::cdf(c, a).unwrap() - p).abs() < 1e-9 * p);
        let x = beta::quantile(p, a, b).unwrap();
        // Where x rounds to 0 or 1 the tail cannot come back.
        prop_assert!(x < 1e-290 || 1.0 - x < 1e-3 || (beta::cdf(x, a, b).unwrap() - p).abs() < 1e-9 * p);
    }

    #[test]
    fn binomial_is_total(k in hostile_count(), n in hostile_count(), p in hostile(), q in hostile()) {
        all([binomial::pmf(k, n, p), binomial::cdf(k, n, p), binomial::sf(k, n, p), binomial::two_sided_test(k, n, p)])?;
        for count in [binomial::quantile(q, n, p), binomial::upper_quantile(q, n, p)].into_iter().flatten() {
            prop_assert!(count <= n);
        }
    }

    #[test]
    fn score_is_total(values in hostile_list(), delta in hostile(), confidence in hostile_confidence(), power in hostile()) {
        for sample in [ScoreSample::of_differences(&values), ScoreSample::of_means(&values)].into_iter().flatten() {
            let interval = sample.interval(confidence);
            prop_assert!(interval.lower <= interval.estimate && interval.estimate <= interval.upper, "{interval:?}");
            prop_assert!(sample.mean_square().is_finite());
            all([sample.z_at(delta), sample.p_two_sided(delta), units_to_decide(&sample, delta, confidence, power)])?;
        }
    }

    #[test]
    fn what_stands_beside_is_total(
        k in hostile_count(), n in hostile_count(), m in hostile_count(),
        x in hostile(), y in hostile(), confidence in hostile_confidence(), values in hostile_list(),
    ) {
        all(fields(proportion::wilson(k, n, confidence), |i| [i.estimate, i.lower, i.upper]))?;
        all(fields(proportion::clopper_pearson(k, n, confidence), |i| [i.estimate, i.lower, i.upper]))?;
        all(fields(mcnemar::mcnemar(k, n), |t| [t.exact_p, t.mid_p]))?;
        all([feasibility::margin_within_reach(n, x)])?;
        let _ = (feasibility::is_feasible(n, x, y), feasibility::units_needed(x, y));
        all([repeats::pass_at_k(n, k, m), repeats::pass_hat_k(n, k, m), repeats::flaky_probability(x, n)])?;
        let lists = [values.clone(), values.iter().rev().copied().collect(), vec![x, y]];
        let components = repeats::variance_components(&lists);
        all(fields(components, |c| [c.repeats, c.within, c.between, c.intraclass_correlation, c.design_effect]))?;
        all(fields(repeats::paired_variance(&lists, &lists), |v| [v.of_differences, v.within, v.between]))?;
        if let Ok(interval) = quantile::quantile_interval(&values, x, confidence) {
            all([Ok(interval.estimate), interval.lower, interval.upper])?;
        }
        let counts = chance_to_pass::CaseCounts { passed: k, asked: n };
        let units = [vec![counts], vec![counts, chance_to_pass::CaseCounts { passed: 1, asked: 2 }]];
        let next = chance_to_pass::NextTime::default();
        all(fields(chance_to_pass::chance_to_pass(&units, next, x, confidence, 3, n), |c| [c.probability, c.standard_error]))?;
    }

    #[test]
    fn power_is_total(
        w in hostile(), s in hostile(), e in hostile(), share in hostile(), power in hostile(),
        n in hostile_count(), confidence in hostile_confidence(),
    ) {
        let design =
            PairedDesign { between: w, within_baseline: s, within_candidate: w, repeats_baseline: n, repeats_candidate: 1 };
        all([
            cases_for_paired_difference(&design, e, confidence, power),
            detectable_paired_difference(&design, n, confidence, power),
            cases_for_mcnemar(w, e, confidence, power),
            units_to_detect(w, e, confidence, power),
            smallest_detectable_difference(n, w, confidence, power),
            users_for_means(e, s, share, confidence, power),
            users_for_proportions(w, e, share, confidence, power),
        ])?;
    }

    #[test]
    fn experiments_are_total(
        a in hostile_list(), b in hostile_list(), k in hostile_count(), n in hostile_count(), m in hostile_count(),
        x in hostile(), y in hostile(), confidence in hostile_confidence(),
    ) {
        let arms = [Moments::of(&a), Moments::of(&b), Moments::from_parts(n, x, y), ratio::ratio_moments(&a, &b)];
        for one in arms.iter().flatten() {
            for other in arms.iter().flatten() {
                let test = welch::welch(one, other, confidence);
                all(fields(test, |t| [t.difference, t.standard_error, t.t, t.degrees_of_freedom, t.p_two_sided, t.lower, t.upper]))?;
                all(fields(fieller::welch_lift(one, other, confidence), |l| [l.lift, l.lower, l.upper]))?;
            }
        }
        let (one, other) = (Successes { successes: k, users: n }, Successes { successes: m, users: n });
        all(fields(newcombe_difference(one, other, confidence), |d| [d.difference, d.lower, d.upper]))?;
        all(fields(newcombe_lift(one, other, confidence), |l| [l.lift, l.lower, l.upper]))?;
        all([newcombe_p(one, other)])?;
        all(fields(newcombe_reach(x, y, n as f64, confidence), |(below, above)| [below, above]))?;
        let arm = cuped::CupedArm { outcomes: &a, covariates: &b };
        all(fields(cuped::cuped(arm, arm), |c| [c.theta, c.baseline.mean, c.treatment.variance]))?;
        if let Ok(adjusted) = holm::holm(&a) {
            prop_assert!(adjusted.iter().all(|p| (0.0..=1.0).contains(p)));
        }
        if let Ok(test) = sample_ratio::sample_ratio(&[k, n, m], &[x, y, 0.5]) {
            all([test.p_value, Ok(test.chi_square)])?;
        }
        let sequence = sequential::asymptotic_confidence_sequence(x, y, n, m, confidence);
        all(fields(sequence, |s| [s.lower, s.upper, s.p_value, s.ln_e]))?;
    }

    #[test]
    fn canary_is_total(share in hostile(), k in hostile_count(), n in hostile_count(), ratio in hostile(), threshold in hostile()) {
        let step = canary::CanaryStep { share, canary_failing: k, production_failing: n };
        total(canary::canary_ln_e_value(&[step, step]))?;
        let plan = canary::DetectionPlan {
            share, failure_ratio: ratio, threshold, least_canary_failing: k % 7, most_failing: n % 500,
        };
        all(fields(canary::canary_detection(&plan, 3, k), |d| [d.detected]))?;
    }
}
