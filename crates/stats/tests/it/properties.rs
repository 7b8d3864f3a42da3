//! What must hold for any input, whatever the numbers are.

use promptassay_stats::Confidence;
use promptassay_stats::cuped::{CupedArm, cuped};
use promptassay_stats::distributions::student_t;
use promptassay_stats::fieller::welch_lift;
use promptassay_stats::mcnemar::mcnemar;
use promptassay_stats::moments::Moments;
use promptassay_stats::newcombe::{
    RateDifference, Successes, newcombe_difference, newcombe_lift, newcombe_p,
};
use promptassay_stats::ratio::ratio_moments;
use promptassay_stats::score::ScoreSample;
use promptassay_stats::welch::welch;
use proptest::prelude::*;

/// Differences as they come from repeats: multiples of 1/12 in [−1, 1], often 0, often at the ends.
fn differences() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        3 => Just(0.0),
        1 => Just(-1.0),
        1 => Just(1.0),
        4 => (-12_i32..=12).prop_map(|i| f64::from(i) / 12.0),
        2 => -1.0..=1.0_f64,
    ];
    proptest::collection::vec(value, 1..60)
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-100.0..100.0_f64, 3..40)
}

fn confidence() -> impl Strategy<Value = Confidence> {
    (0.51..0.9999_f64).prop_map(|level| Confidence::each_end(level).expect("a level"))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

fn sample(values: &[f64]) -> ScoreSample {
    ScoreSample::of_differences(values).expect("valid differences")
}

proptest! {
    #[test]
    fn swapping_versions_flips_signs_and_keeps_p(d in differences(), confidence in confidence(), delta in -0.99..0.99_f64) {
        let swapped: Vec<f64> = d.iter().map(|x| -x).collect();
        let (one, other) = (sample(&d), sample(&swapped));
        let (a, b) = (one.interval(confidence), other.interval(confidence));
        prop_assert!(close(a.estimate, -b.estimate) && close(a.lower, -b.upper) && close(a.upper, -b.lower));
        prop_assert!(close(one.z_at(delta).unwrap(), -other.z_at(-delta).unwrap()));
        prop_assert!(close(one.p_two_sided(0.0).unwrap(), other.p_two_sided(0.0).unwrap()));
    }

    #[test]
    fn order_of_units_changes_nothing(d in differences(), confidence in confidence(), seed in any::<u64>()) {
        let mut shuffled = d.clone();
        shuffled.sort_by_key(|x| x.to_bits().rotate_left((seed % 64) as u32) ^ seed);
        prop_assert_eq!(sample(&d).interval(confidence), sample(&shuffled).interval(confidence));
    }

    #[test]
    fn interval_excludes_a_value_exactly_when_p_says_so(d in differences(), confidence in confidence(), delta in -0.99..0.99_f64) {
        let sample = sample(&d);
        let interval = sample.interval(confidence);
        let p = sample.p_two_sided(delta).unwrap();
        // Right at the end of the interval rounding may decide either way.
        prop_assume!((delta - interval.lower).abs() > 1e-9 && (delta - interval.upper).abs() > 1e-9);
        let excluded = delta < interval.lower || delta > interval.upper;
        prop_assert_eq!(excluded, p < confidence.alpha(), "{:?} p {}", interval, p);
    }

    #[test]
    fn z_at_a_bound_is_the_normal_point(d in differences(), confidence in confidence()) {
        let sample = sample(&d);
        let interval = sample.interval(confidence);
        for (bound, sign) in [(interval.lower, 1.0), (interval.upper, -1.0)] {
            if bound > -0.999_999 && bound < 0.999_999 && (bound - interval.estimate).abs() > 1e-6 {
                let z = sample.z_at(bound).unwrap();
                prop_assert!((z - sign * confidence.z()).abs() < 1e-6 * confidence.z(), "{} {}", z, confidence.z());
            }
        }
    }

    #[test]
    fn z_falls_along_the_hypothesis(d in differences(), a in -0.999..0.999_f64, b in -0.999..0.999_f64) {
        let sample = sample(&d);
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(sample.z_at(low).unwrap() >= sample.z_at(high).unwrap() - 1e-9);
    }

    #[test]
    fn interval_contains_the_estimate_and_grows_with_confidence(d in differences(), level in 0.51..0.99_f64) {
        let sample = sample(&d);
        let narrow = sample.interval(Confidence::each_end(level).unwrap());
        let wide = sample.interval(Confidence::each_end(level + 0.009).unwrap());
        prop_assert!(wide.lower <= narrow.lower && narrow.lower <= narrow.estimate);
        prop_assert!(narrow.estimate <= narrow.upper && narrow.upper <= wide.upper);
        prop_assert!(wide.lower >= -1.0 && wide.upper <= 1.0);
    }

    #[test]
    fn identical_repeats_equal_one(passes in proptest::collection::vec(any::<(bool, bool)>(), 1..40), repeats in 1_u32..9) {
        let number = |pass: bool| f64::from(u8::from(pass));
        let once: Vec<f64> = passes.iter().map(|(a, b)| number(*b) - number(*a)).collect();
        let mean = |pass: bool| (0..repeats).map(|_| number(pass)).sum::<f64>() / f64::from(repeats);
        let repeated: Vec<f64> = passes.iter().map(|(a, b)| mean(*b) - mean(*a)).collect();
        prop_assert_eq!(sample(&once), sample(&repeated));
    }

    #[test]
    fn score_statistic_at_zero_is_mcnemars(broken in 0_usize..30, fixed in 0_usize..30, same in 0_usize..50) {
        prop_assume!(broken + fixed > 0);
        let d = [vec![-1.0; broken], vec![1.0; fixed], vec![0.0; same]].concat();
        let z = sample(&d).z_at(0.0).unwrap();
        let expected = (fixed as f64 - broken as f64) / ((fixed + broken) as f64).sqrt();
        prop_assert!(close(z, expected), "{} {}", z, expected);
        let test = mcnemar(broken as u64, fixed as u64).unwrap();
        prop_assert!(test.mid_p <= test.exact_p && test.exact_p <= 1.0);
    }

    #[test]
    fn welch_swaps_and_permutes(a in values(), b in values()) {
        let confidence = Confidence::two_sided(0.95).unwrap();
        let one = welch(&Moments::of(&a).unwrap(), &Moments::of(&b).unwrap(), confidence).unwrap();
        let other = welch(&Moments::of(&b).unwrap(), &Moments::of(&a).unwrap(), confidence).unwrap();
        prop_assert!(close(one.difference, -other.difference) && close(one.p_two_sided, other.p_two_sided));
        prop_assert!(close(one.lower, -other.upper));
        prop_assert_eq!(one.lower > 0.0 || one.upper < 0.0, one.p_two_sided < 0.05);
        let reversed: Vec<f64> = a.iter().rev().copied().collect();
        prop_assert!(close(Moments::of(&reversed).unwrap().variance, Moments::of(&a).unwrap().variance));
    }

    #[test]
    fn a_cluster_of_one_equals_a_case(a in values()) {
        let plain = Moments::of(&a).unwrap();
        let clustered = ratio_moments(&a, &vec![1.0; a.len()]).unwrap();
        prop_assert!(close(plain.mean, clustered.mean) && close(plain.variance, clustered.variance));
    }

    #[test]
    fn a_constant_covariate_adjusts_nothing(a in values(), b in values(), constant in -5.0..5.0_f64) {
        let covariates = vec![constant; a.len().max(b.len())];
        let adjusted = cuped(
            CupedArm { outcomes: &a, covariates: &covariates[..a.len()] },
            CupedArm { outcomes: &b, covariates: &covariates[..b.len()] },
        ).unwrap();
        prop_assert!(close(adjusted.baseline.mean, Moments::of(&a).unwrap().mean));
        prop_assert!(close(adjusted.treatment.variance, Moments::of(&b).unwrap().variance));
    }

    #[test]
    fn lift_excludes_no_change_exactly_when_the_difference_does(ka in 1_u64..50, kb in 0_u64..50, extra_a in 0_u64..50, extra_b in 0_u64..50) {
        let confidence = Confidence::two_sided(0.95).unwrap();
        let (a, b) = (Successes { successes: ka, users: ka + extra_a }, Successes { successes: kb, users: kb + extra_b + 1 });
        let difference = newcombe_difference(a, b, confidence).unwrap();
        let lift = newcombe_lift(a, b, confidence).unwrap();
        prop_assume!(difference.lower.abs() > 1e-9 && difference.upper.abs() > 1e-9);
        prop_assert_eq!(difference.lower > 0.0, lift.lower > 0.0);
        prop_assert_eq!(difference.upper < 0.0, lift.upper < 0.0);
        let excludes = |difference: RateDifference| difference.lower > 0.0 || difference.upper < 0.0;
        let p = newcombe_p(a, b).unwrap();
        prop_assert_eq!(excludes(difference), p < 0.05);
        prop_assert!((p - newcombe_p(b, a).unwrap()).abs() <= 1e-12 * p);
        for (factor, excluded) in [(1.0 - 1e-6, false), (1.0 + 1e-6, true)] {
            let level = Confidence::two_sided(1.0 - p * factor);
            // Below that 1 − p has too few digits for a step of a millionth; from 1 on there is no such level.
            if p > 1e-8 && let Ok(level) = level {
                prop_assert_eq!(excludes(newcombe_difference(a, b, level).unwrap()), excluded, "{} {}", p, factor);
            }
        }
        let swapped = newcombe_difference(b, a, confidence).unwrap();
        prop_assert!(close(difference.lower, -swapped.upper));
    }

    #[test]
    fn lift_of_a_mean_excludes_no_change_exactly_when_the_difference_does(
        counts in (2_u64..300, 2_u64..300),
        sds in (prop_oneof![1 => Just(0.0), 9 => 0.01..3.0_f64], 0.01..3.0_f64),
        mean in prop_oneof![1.0..50.0_f64, -50.0..-1.0_f64],
        level in 0.5..0.999_f64,
        beside in prop_oneof![-1e-12..1e-12_f64, -1e-3..1e-3_f64, -1.0..1.0_f64],
        up in any::<bool>(),
    ) {
        let confidence = Confidence::two_sided(level).unwrap();
        let baseline = Moments::from_parts(counts.0, mean, sds.0 * sds.0).unwrap();
        let arm = |mean| Moments::from_parts(counts.1, mean, sds.1 * sds.1).unwrap();
        // A treatment of which one end of the interval is all but 0.
        let reach = welch(&baseline, &arm(mean), confidence).unwrap().upper;
        let treatment = arm(mean + if up { reach } else { -reach } * (1.0 + beside));
        let difference = welch(&baseline, &treatment, confidence).unwrap();
        let Ok(lift) = welch_lift(&baseline, &treatment, confidence) else {
            let own = welch(&Moments { mean: 0.0, variance: 0.0, ..treatment }, &baseline, confidence).unwrap();
            let df = counts.0.min(counts.1) as f64 - 1.0;
            let half = student_t::upper_quantile(confidence.tail(), df).unwrap() * own.standard_error;
            prop_assert!(half >= mean.abs() * (1.0 - 1e-9), "{} {}", half, mean);
            return Ok(());
        };
        prop_assert!(lift.lower <= lift.lift && lift.lift <= lift.upper, "{:?}", lift);
        let (lower, upper) =
            if mean > 0.0 { (difference.lower, difference.upper) } else { (-difference.upper, -difference.lower) };
        prop_assert_eq!((lower > 0.0, upper < 0.0), (lift.lower > 0.0, lift.upper < 0.0), "{:?} {:?}", difference, lift);
        // And each end is a ratio that is all but significant.
        for (end, sign) in [(lift.lower, 1.0), (lift.upper, -1.0)] {
            let ratio = 1.0 + end;
            let scaled = Moments { mean: ratio * mean, variance: ratio * ratio * baseline.variance, ..baseline };
            let test = welch(&scaled, &treatment, confidence).unwrap();
            let end = if sign * mean > 0.0 { test.lower } else { test.upper };
            prop_assert!(end.abs() < 1e-9 * (mean.abs() + treatment.mean.abs()), "{} {:?}", end, lift);
        }
    }
}
