//! The draw of a wait: a pure function, so that a run can be repeated and no generator is shared between tasks.

use crate::plan::TrialId;

/// A number in [0, 1) that depends on nothing but its arguments: two rounds of the finaliser of `SplitMix64` (Steele, Lea and
/// Flood 2014).
pub(crate) fn fraction(seed: u64, trial: TrialId, attempt: u32) -> f64 {
    let bits = mix(mix(seed ^ trial.bits()).wrapping_add(u64::from(attempt)));
    // The upper 53 bits are as many as a float's mantissa has.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: u64) -> TrialId {
        format!("{number:016x}").parse().unwrap()
    }

    #[test]
    fn draws_are_spread_evenly_and_do_not_repeat() {
        let draws: Vec<f64> =
            (0..1000).flat_map(|id| (1..=10).map(move |attempt| fraction(7, trial(id), attempt))).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        for tenth in 0..10 {
            let (low, high) = (f64::from(tenth) / 10.0, f64::from(tenth + 1) / 10.0);
            let count = draws.iter().filter(|&&draw| low <= draw && draw < high).count();
            // A binomial count of mean 1000 and standard deviation 30.
            assert!((850..=1150).contains(&count), "{count} of 10000 draws in [{low}, {high})");
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_draw_and_each_of_them_matters() {
        let draw = fraction(1, trial(2), 3);
        assert_eq!(draw.to_bits(), fraction(1, trial(2), 3).to_bits());
        for other in [fraction(2, trial(2), 3), fraction(1, trial(3), 3), fraction(1, trial(2), 4)] {
            assert_ne!(draw.to_bits(), other.to_bits());
        }
    }
}
