use super::*;

fn gate() -> Confidence {
    Confidence::each_end(0.95).unwrap()
}

#[test]
fn identical_replies_reach_as_far_as_tango_says() {
    let z2 = gate().z().powi(2);
    for n in [1, 2, 30, 1000] {
        let interval = score_interval_of_differences(&vec![0.0; n], gate()).unwrap();
        let reach = z2 / (n as f64 + z2);
        assert!((interval.lower + reach).abs() < 1e-14, "{n}");
        assert!((interval.upper - reach).abs() < 1e-14, "{n}");
    }
}

#[test]
fn one_case_of_thirty_breaking_entirely_is_not_within_ten_points() {
    let mut differences = vec![0.0; 29];
    differences.push(-1.0);
    let interval = score_interval_of_differences(&differences, gate()).unwrap();
    assert!((interval.lower - -0.136_404_142_151_817_23).abs() < 1e-12);
    assert!((interval.upper - 0.052_148_451_729_269_31).abs() < 1e-12);
}

#[test]
fn the_end_of_the_range_is_reached_but_never_passed() {
    let interval = score_interval_of_means(&[1.0; 7], gate()).unwrap();
    assert!((interval.upper - 1.0).abs() < 1e-15);
    let z2 = gate().z().powi(2);
    assert!((interval.lower - 7.0 / (7.0 + z2)).abs() < 1e-14);
}

#[test]
fn values_outside_the_range_are_named_not_clipped() {
    assert_eq!(ScoreSample::of_means(&[0.5, 1.1]), Err(Undefined::OutsideDomain));
    assert_eq!(ScoreSample::of_differences(&[f64::NAN]), Err(Undefined::NotFinite));
    assert_eq!(ScoreSample::of_differences(&[]), Err(Undefined::NoData));
    let sample = ScoreSample::of_differences(&[0.0]).unwrap();
    assert_eq!(sample.z_at(1.0), Err(Undefined::OutsideDomain));
}

#[test]
fn hypotheses_right_beside_the_end_are_answered() {
    let ceiling = ScoreSample::of_means(&[1.0]).unwrap();
    assert!(ceiling.z_at(5e-324).unwrap().is_finite());
    assert!(ceiling.p_two_sided(5e-324).unwrap() < 1e-12);
    let floor = ScoreSample::of_means(&[0.0, 5e-324, 1e-300]).unwrap();
    let interval = floor.interval(gate());
    assert!(interval.lower >= 0.0 && interval.upper < 0.5 && interval.upper > interval.estimate);
}

/// The units sum to what their squares sum to, and one lies at the end of the range: there the first guess lies beside a pole.
#[test]
fn the_p_of_a_sample_is_that_of_its_mirror_image_beside_a_pole_too() {
    let thirds = [1.0 / 3.0, 1.0 - 2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0 - 1.0 / 3.0];
    let differences = [&[-1.0][..], &thirds, &[2.0 / 3.0; 5]].concat();
    let mirrored: Vec<f64> = differences.iter().map(|difference| -difference).collect();
    for sample in [differences, mirrored] {
        let p = ScoreSample::of_differences(&sample).unwrap().p_two_sided(0.0).unwrap();
        assert!((p - 0.108_723_784_726_996).abs() < 1e-12, "{p}");
    }
}
