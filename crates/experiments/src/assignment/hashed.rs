//! `sha256-u64-v2`: SHA-256 over length-prefixed fields, integer weights, and exposure drawn apart from the variant.

use sha2::{Digest as _, Sha256};

use super::{Assignment, Exposure, HashedKey, InvalidWeights, MILLION};

/// Separates the two draws. With a unit type of four bytes all that comes before the id fills exactly one block of SHA-256, which
/// is hashed once for all units.
const VARIANT_TAG: &str = "promptassay.v2.0/variant";
const EXPOSURE_TAG: &str = "promptassay.v2.0/exposed";

/// The scheme for one phase of one experiment.
#[derive(Debug, Clone)]
pub(super) struct Hashed {
    variant: Sha256,
    exposed: Sha256,
    /// Running sums of the weights.
    ends: Box<[u64]>,
    total: u64,
    exposure: Exposure,
}

impl Hashed {
    pub(super) fn new(
        key: &HashedKey<'_>,
        weights: &[u32],
        exposure: Exposure,
    ) -> Result<Self, InvalidWeights> {
        if weights.is_empty() {
            return Err(InvalidWeights::None);
        }
        let mut total = 0_u64;
        let ends: Box<[u64]> = weights
            .iter()
            .map(|weight| {
                // A u32 at a time: more weights than memory holds would be needed to overflow.
                total += u64::from(*weight);
                total
            })
            .collect();
        if total == 0 {
            return Err(InvalidWeights::AllZero);
        }
        Ok(Self {
            variant: prefix(VARIANT_TAG, key),
            exposed: prefix(EXPOSURE_TAG, key),
            ends,
            total,
            exposure,
        })
    }

    pub(super) fn assign(&self, unit: &[u8]) -> Assignment {
        if self.exposure < Exposure::EVERYBODY {
            let slot = scaled(draw(&self.exposed, unit), u64::from(MILLION));
            if slot >= u64::from(self.exposure.millionths()) {
                return Assignment::NotExposed;
            }
        }
        let slot = scaled(draw(&self.variant, unit), self.total);
        Assignment::Variant(self.ends.partition_point(|end| *end <= slot))
    }

    pub(super) fn shares(&self) -> Vec<f64> {
        let mut before = 0;
        let widths = self.ends.iter().map(|end| end - std::mem::replace(&mut before, *end));
        widths.map(|width| width as f64 / self.total as f64).collect()
    }
}

/// Everything that is hashed before the unit id.
fn prefix(tag: &str, key: &HashedKey<'_>) -> Sha256 {
    let mut hash = Sha256::new();
    field(&mut hash, tag.as_bytes());
    field(&mut hash, key.seed.as_bytes());
    field(&mut hash, &key.phase.to_be_bytes());
    field(&mut hash, key.unit_type.as_bytes());
    hash
}

/// A field: its length as four bytes, the most significant first, then its bytes. So no two lists of fields hash the same bytes.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(length(bytes));
    hash.update(bytes);
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// The first eight bytes of the digest as a number, the most significant byte first.
fn draw(prefix: &Sha256, unit: &[u8]) -> u64 {
    let mut hash = prefix.clone();
    field(&mut hash, unit);
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// hash · total / 2⁶⁴: spreads evenly over 0..total without a remainder's bias.
fn scaled(hash: u64, total: u64) -> u64 {
    ((u128::from(hash) * u128::from(total)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::assignment::{Assigner, Seed};

    fn key(phase: u32) -> HashedKey<'static> {
        let seed: Seed = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        HashedKey { seed, phase, unit_type: "user" }
    }

    fn hashed(phase: u32, weights: &[u32], exposure: f64) -> Hashed {
        Hashed::new(&key(phase), weights, Exposure::from_share(exposure).unwrap()).unwrap()
    }

    /// The definition, written down a second time without any of the tricks.
    fn plainly(tag: &str, phase: u32, unit_type: &str, unit: &[u8]) -> u64 {
        let seed: Vec<u8> = (0..16).collect();
        let mut bytes = Vec::new();
        for field in [tag.as_bytes(), &seed, &phase.to_be_bytes(), unit_type.as_bytes(), unit] {
            bytes.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            bytes.extend(field);
        }
        u64::from_be_bytes(Sha256::digest(&bytes)[..8].try_into().unwrap())
    }

    #[test]
    fn what_comes_before_the_id_fills_one_block() {
        let fields = [VARIANT_TAG.len(), 16, 4, "user".len()];
        assert_eq!(fields.iter().map(|length| 4 + length).sum::<usize>(), 64);
        assert_eq!(VARIANT_TAG.len(), EXPOSURE_TAG.len());
    }

    #[test]
    fn the_documented_draws_never_change() {
        let shown: Vec<String> = ["u1", "user_123", "", "Ünïcødé"]
            .iter()
            .map(|unit| {
                let hashed = hashed(1, &[50, 30, 20], 0.5);
                let (variant, exposed) =
                    (draw(&hashed.variant, unit.as_bytes()), draw(&hashed.exposed, unit.as_bytes()));
                format!("{unit:?} {variant:016x} {exposed:016x} {:?}", hashed.assign(unit.as_bytes()))
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        seed: String,
        phase: u32,
        unit_type: String,
        weights: Vec<u32>,
        exposure_millionths: u32,
        unit_hex: String,
        variant_draw: String,
        exposure_draw: String,
        variant: Option<usize>,
    }

    /// Written by `reference/assign.py`, which knows the documentation and nothing of this code.
    #[test]
    fn golden_assignments_hold_bit_for_bit() {
        let text = include_str!("../../../../fixtures/golden/assignment_sha256_u64_v2.json");
        let cases: Vec<Golden> = serde_json::from_str(text).unwrap();
        assert_eq!(cases.len(), 40);
        for case in cases {
            let byte = |at: usize| u8::from_str_radix(&case.unit_hex[at..at + 2], 16).unwrap();
            let unit: Vec<u8> = (0..case.unit_hex.len()).step_by(2).map(byte).collect();
            let key =
                HashedKey { seed: case.seed.parse().unwrap(), phase: case.phase, unit_type: &case.unit_type };
            let exposure = Exposure::from_share(f64::from(case.exposure_millionths) / 1e6).unwrap();
            let hashed = Hashed::new(&key, &case.weights, exposure).unwrap();
            assert_eq!(format!("{:016x}", draw(&hashed.variant, &unit)), case.variant_draw);
            assert_eq!(format!("{:016x}", draw(&hashed.exposed, &unit)), case.exposure_draw);
            let expected = case.variant.map_or(Assignment::NotExposed, Assignment::Variant);
            assert_eq!(hashed.assign(&unit), expected, "{} {}", case.unit_hex, case.unit_type);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(unit in proptest::collection::vec(any::<u8>(), 0..200), phase in any::<u32>()) {
            let hashed = hashed(phase, &[1], 1.0);
            prop_assert_eq!(draw(&hashed.variant, &unit), plainly(VARIANT_TAG, phase, "user", &unit));
            prop_assert_eq!(draw(&hashed.exposed, &unit), plainly(EXPOSURE_TAG, phase, "user", &unit));
        }

        #[test]
        fn widening_exposure_moves_nobody(unit in "[a-z0-9]{1,12}", low in 0_u32..=1000, more in 0_u32..=1000) {
            let at = |thousandths: u32| hashed(1, &[50, 50], f64::from(thousandths) / 1000.0).assign(unit.as_bytes());
            let before = at(low);
            if before != Assignment::NotExposed {
                prop_assert_eq!(at((low + more).min(1000)), before);
            }
        }

        #[test]
        fn a_variant_of_weight_zero_gets_nobody(unit in any::<u64>()) {
            let assigned = hashed(1, &[0, 3, 0, 5, 0], 1.0).assign(&unit.to_be_bytes());
            prop_assert!(matches!(assigned, Assignment::Variant(1 | 3)));
        }
    }

    #[test]
    fn shares_come_out_as_they_are_weighted_and_independent_of_exposure() {
        let hashed = hashed(1, &[50, 30, 20], 0.25);
        let (mut counts, mut outside) = ([0_u32; 3], 0);
        for unit in 0..40_000_u32 {
            match hashed.assign(unit.to_string().as_bytes()) {
                Assignment::Variant(index) => counts[index] += 1,
                Assignment::NotExposed => outside += 1,
            }
        }
        let counts: Vec<u64> = counts.into_iter().map(u64::from).collect();
        let ratio = promptassay_stats::sample_ratio::sample_ratio(&counts, &[50.0, 30.0, 20.0]).unwrap();
        assert!(ratio.p_value.unwrap() > 0.001, "{counts:?}");
        assert!((29_700..30_300).contains(&outside), "{outside}");
        assert_eq!(hashed.shares(), [0.5, 0.3, 0.2]);
    }

    #[test]
    fn weights_that_choose_nobody_are_refused() {
        let refused = |weights: &[u32]| Assigner::hashed(&key(1), weights, Exposure::EVERYBODY).err();
        assert_eq!(refused(&[]), Some(InvalidWeights::None));
        assert_eq!(refused(&[0, 0]), Some(InvalidWeights::AllZero));
        assert_eq!(refused(&[u32::MAX; 3]), None);
    }
}
