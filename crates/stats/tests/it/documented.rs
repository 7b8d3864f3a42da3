//! The worked examples of `docs/statistics.md`, so that the page cannot drift from the code.

use promptassay_stats::canary::{CanaryStep, DetectionPlan, canary_detection, canary_ln_e_value};
use promptassay_stats::chance_to_pass::{CaseCounts, NextTime, chance_to_pass};
use promptassay_stats::feasibility::{margin_within_reach, units_needed};
use promptassay_stats::moments::Moments;
use promptassay_stats::newcombe::{Successes, newcombe_difference, newcombe_lift};
use promptassay_stats::power::{
    PairedDesign, cases_for_mcnemar, cases_for_paired_difference, smallest_detectable_difference,
    units_to_decide, users_for_means, users_for_proportions,
};
use promptassay_stats::proportion::{clopper_pearson, wilson};
use promptassay_stats::quantile::quantile_interval;
use promptassay_stats::ratio::ratio_moments;
use promptassay_stats::repeats::{flaky_probability, pass_at_k, pass_hat_k, variance_components};
use promptassay_stats::sample_ratio::sample_ratio;
use promptassay_stats::score::ScoreSample;
use promptassay_stats::sequential::asymptotic_confidence_sequence;
use promptassay_stats::{Confidence, Undefined, fieller, holm, mcnemar, welch};

fn gate() -> Confidence {
    Confidence::each_end(0.95).expect("a level")
}

fn printed() -> Confidence {
    Confidence::two_sided(0.95).expect("a level")
}

/// As many digits as the page shows.
#[track_caller]
fn shows(got: f64, page: f64, decimals: i32) {
    assert!((got - page).abs() <= 0.5 * 10_f64.powi(-decimals), "the page says {page}, the code {got}");
}

fn fixed_and_broken() -> ScoreSample {
    let differences = [vec![1.0; 8], vec![-1.0; 1], vec![0.0; 31]].concat();
    ScoreSample::of_differences(&differences).expect("valid")
}

#[test]
fn the_intervals_and_p_values_of_the_page_are_computed() {
    let interval = fixed_and_broken().interval(gate());
    shows(interval.estimate, 0.175, 6);
    shows(interval.lower, 0.061, 3);
    shows(interval.upper, 0.303, 3);
    shows(fixed_and_broken().p_two_sided(0.0).expect("defined"), 0.020, 3);

    let one_broke = ScoreSample::of_differences(&[vec![-1.0; 1], vec![0.0; 29]].concat()).expect("valid");
    let interval = one_broke.interval(gate());
    shows(interval.estimate, -0.033, 3);
    shows(interval.lower, -0.136, 3);
    shows(interval.upper, 0.052, 3);
    shows(units_to_decide(&one_broke, -0.10, gate(), 0.5).expect("defined").ceil(), 55.0, 0);
    shows(units_to_decide(&one_broke, -0.10, gate(), 0.8).expect("defined").ceil(), 126.0, 0);
}

#[test]
fn what_the_page_says_beside_the_interval_is_computed() {
    let rate = wilson(37, 40, gate()).expect("defined");
    shows(rate.lower, 0.827, 3);
    shows(rate.upper, 0.970, 3);
    let exact = clopper_pearson(37, 40, gate()).expect("defined");
    shows(exact.lower, 0.817, 3);
    shows(exact.upper, 0.979, 3);
    let test = mcnemar::mcnemar(1, 8).expect("defined");
    shows(test.exact_p, 0.039, 3);
    shows(test.mid_p, 0.021, 3);
    assert_eq!(units_needed(0.10, 0.95), Ok(29));
    shows(margin_within_reach(30, 0.95).expect("defined"), 0.095, 3);
    let square = fixed_and_broken().mean_square();
    shows(smallest_detectable_difference(40, square, gate(), 0.8).expect("defined"), 0.182, 3);
    shows(smallest_detectable_difference(40, 0.0, gate(), 0.8).expect("defined"), 0.147, 3);
    let design = |repeats| PairedDesign {
        between: 0.01,
        within_baseline: 0.1,
        within_candidate: 0.1,
        repeats_baseline: repeats,
        repeats_candidate: repeats,
    };
    for (repeats, cases) in [(1, 660.0), (3, 241.0), (5, 157.0)] {
        let needed = cases_for_paired_difference(&design(repeats), 0.05, printed(), 0.8).expect("defined");
        shows(needed.ceil(), cases, 0);
    }
    shows(cases_for_mcnemar(0.2, 0.1, printed(), 0.8).expect("defined").ceil(), 155.0, 0);
}

#[test]
fn flakiness_is_as_the_page_says() {
    let case = |passed, asked| vec![CaseCounts { passed, asked }];
    let cases = [vec![case(3, 3); 24], vec![case(2, 3); 4], vec![case(1, 3); 2]].concat();
    for (margin, chance) in [(0.10, 0.66), (0.15, 0.96)] {
        // 2,000 draws have a standard error of one point.
        let got = chance_to_pass(&cases, NextTime::default(), margin, gate(), 2000, 1)
            .expect("defined")
            .probability;
        assert!((got - chance).abs() < 0.03, "{margin}: {got}");
    }
    shows(pass_at_k(10, 7, 3).expect("defined"), 0.992, 3);
    shows(pass_hat_k(10, 7, 3).expect("defined"), 0.292, 3);
    shows(flaky_probability(0.9, 3).expect("defined"), 0.27, 2);
    let scores = [[1, 1, 0], [1, 1, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1]];
    let parts = variance_components(&scores.map(|case| case.map(f64::from))).expect("defined");
    shows(parts.within, 0.167, 3);
    shows(parts.between, 0.085, 3);
    shows(parts.intraclass_correlation, 0.34, 2);
    shows(parts.design_effect, 1.68, 2);
}

#[test]
fn quantiles_are_as_the_page_says() {
    let latencies = [
        403.7, 482.6, 342.2, 236.4, 307.1, 222.5, 418.3, 901.6, 300.3, 278.0, 541.3, 499.8, 429.8, 230.8,
        396.4, 612.3, 180.1, 306.6, 128.9, 186.1,
    ];
    let median = quantile_interval(&latencies, 0.5, printed()).expect("defined");
    shows(median.estimate, 324.65, 2);
    assert_eq!((median.lower, median.upper), (Ok(236.4), Ok(429.8)));
    let p95 = quantile_interval(&latencies, 0.95, printed()).expect("defined");
    shows(p95.estimate, 626.8, 1);
    assert_eq!((p95.lower, p95.upper), (Ok(499.8), Err(Undefined::TooFewForQuantile)));
}

#[test]
fn the_examples_of_experiments_are_as_the_page_says() {
    let a = Moments::of(&[0.82, 0.75, 0.91, 0.66, 0.78, 0.85, 0.79]).expect("defined");
    let b = Moments::of(&[0.71, 0.69, 0.88, 0.6, 0.73, 0.77, 0.7, 0.65, 0.81]).expect("defined");
    let test = welch::welch(&a, &b, printed()).expect("defined");
    shows(test.difference, -0.068, 3);
    shows(test.lower, -0.156, 3);
    shows(test.upper, 0.021, 3);
    shows(test.p_two_sided, 0.12, 2);

    let (baseline, treatment) =
        (Successes { successes: 48, users: 80 }, Successes { successes: 56, users: 70 });
    let difference = newcombe_difference(baseline, treatment, printed()).expect("defined");
    shows(difference.lower, 0.052, 3);
    shows(difference.upper, 0.334, 3);
    let lift = newcombe_lift(baseline, treatment, printed()).expect("defined");
    shows(lift.lift, 0.333, 3);
    shows(lift.lower, 0.078, 3);
    shows(lift.upper, 0.663, 3);

    let a = Moments::from_parts(100, 10.0, 10.101_010_101).expect("defined");
    let b = Moments::from_parts(120, 10.833_333_333, 11.904_761_905).expect("defined");
    let lift = fieller::welch_lift(&a, &b, printed()).expect("defined");
    shows(lift.lift, 0.083, 3);
    shows(lift.lower, -0.005, 3);
    shows(lift.upper, 0.180, 3);

    let ratio =
        ratio_moments(&[1.0, 0.0, 3.0, 0.0, 2.0, 1.0], &[4.0, 2.0, 5.0, 1.0, 8.0, 3.0]).expect("defined");
    shows(ratio.mean, 0.304, 3);
    shows(ratio.standard_error(), 0.081, 3);
    assert_eq!(holm::holm(&[0.01, 0.04, 0.03]), Ok(vec![0.03, 0.06, 0.06]));
    let srm = sample_ratio(&[821_588, 815_482], &[0.5, 0.5]).expect("defined");
    shows(srm.p_value.expect("defined") * 1e6, 1.8, 1);
    let sequence = asymptotic_confidence_sequence(0.05, 0.02, 1000, 5000, printed()).expect("defined");
    shows(sequence.lower, -0.017, 3);
    shows(sequence.upper, 0.117, 3);
    shows(users_for_proportions(0.10, 0.12, 0.5, printed(), 0.8).expect("defined").ceil(), 7682.0, 0);
    shows(users_for_means(0.1, 1.0, 0.5, printed(), 0.8).expect("defined").ceil(), 3140.0, 0);
}

#[test]
fn evidence_and_detection_times_are_as_the_page_says() {
    let first = CanaryStep { share: 0.05, canary_failing: 4, production_failing: 21 };
    let second = CanaryStep { share: 0.25, canary_failing: 12, production_failing: 14 };
    shows(canary_ln_e_value(&[first]).expect("defined").exp(), 4.5, 1);
    shows(canary_ln_e_value(&[first, second]).expect("defined").exp(), 40.8, 1);
    for (failure_ratio, median, ninetieth) in [(1.5, 327, 730), (2.0, 100, 213), (3.0, 37, 77), (5.0, 15, 32)]
    {
        let plan = DetectionPlan {
            share: 0.2,
            failure_ratio,
            threshold: 100.0,
            least_canary_failing: 5,
            most_failing: 5000,
        };
        let seen = canary_detection(&plan, 4000, 1).expect("defined");
        assert_eq!((seen.median, seen.ninetieth), (Ok(median), Ok(ninetieth)));
    }
}
