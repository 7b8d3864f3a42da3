//! `md5-10000-v1`: the scheme that plain scripts have used for years, with its arithmetic kept bit for bit.

use md5::{Digest as _, Md5};

use super::InvalidWeights;

/// The number of buckets that ids are hashed into.
const BUCKETS: u32 = 10_000;

/// The scheme for one experiment.
#[derive(Debug, Clone)]
pub(super) struct Classic {
    /// MD5 over `experiment:`, waiting for the unit.
    prefix: Md5,
    /// For each variant, the first bucket that is no longer below its cumulative weight.
    ends: Box<[u32]>,
}

impl Classic {
    pub(super) fn new(experiment: &str, weights: &[f64]) -> Result<Self, InvalidWeights> {
        if weights.is_empty() {
            return Err(InvalidWeights::None);
        }
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(InvalidWeights::NotFinite);
        }
        if weights.iter().any(|weight| *weight < 0.0) {
            return Err(InvalidWeights::Negative);
        }
        // Plain sums from left to right: a compensated sum would move the units of some buckets.
        let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
        if !f64::is_finite(total) {
            return Err(InvalidWeights::NotFinite);
        }
        if total == 0.0 {
            return Err(InvalidWeights::AllZero);
        }
        let mut cumulative = 0.0;
        let ends = weights
            .iter()
            .map(|weight| {
                cumulative += weight / total;
                first_bucket_not_below(cumulative)
            })
            .collect();
        let mut prefix = Md5::new_with_prefix(experiment);
        prefix.update(b":");
        Ok(Self { prefix, ends })
    }

    pub(super) fn variant(&self, unit: &[u8]) -> usize {
        self.of_bucket(self.bucket(unit))
    }

    pub(super) fn bucket(&self, unit: &[u8]) -> u32 {
        let mut hash = self.prefix.clone();
        hash.update(unit);
        let number = u128::from_be_bytes(hash.finalize().into());
        // number % 10,000 in halves, because dividing 128 bits is slow: 2⁶⁴ leaves 1,616.
        #[expect(clippy::cast_possible_truncation, reason = "halves, and a remainder below 10,000")]
        let bucket = {
            let (high, low) = ((number >> 64) as u64, number as u64);
            let buckets = u64::from(BUCKETS);
            ((high % buckets * 1616 + low % buckets) % buckets) as u32
        };
        bucket
    }

    fn of_bucket(&self, bucket: u32) -> usize {
        // What rounding leaves over belongs to the last variant.
        self.ends.iter().position(|end| bucket < *end).unwrap_or(self.ends.len() - 1)
    }

    pub(super) fn shares(&self) -> Vec<f64> {
        let mut counts = vec![0_u32; self.ends.len()];
        for bucket in 0..BUCKETS {
            counts[self.of_bucket(bucket)] += 1;
        }
        counts.into_iter().map(|count| f64::from(count) / f64::from(BUCKETS)).collect()
    }
}

/// The comparison `bucket / 10000 < cumulative` for every bucket, in the floating point numbers that define the scheme.
fn first_bucket_not_below(cumulative: f64) -> u32 {
    (0..BUCKETS).find(|bucket| f64::from(*bucket) / f64::from(BUCKETS) >= cumulative).unwrap_or(BUCKETS)
}

#[cfg(test)]
mod tests {
    use promptassay_registry::digest::canonical_json;
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::assignment::{Assigner, Assignment};

    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
        python_version_sensitive: Vec<Case>,
        must_reject_at_configuration: Vec<Rejected>,
    }

    #[derive(Deserialize)]
    struct Case {
        experiment: String,
        user_id: String,
        weights: Vec<f64>,
        hash_input_utf8_hex: String,
        bucket: u32,
        #[serde(alias = "expected_index_python_le_3_11")]
        expected_index: usize,
    }

    #[derive(Deserialize)]
    struct Rejected {
        weights: Vec<Value>,
        why: String,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../../../fixtures/golden/assignment.json")).unwrap()
    }

    #[test]
    fn golden_assignments_hold_bit_for_bit() {
        let golden = golden();
        assert!(golden.cases.len() > 50 && golden.python_version_sensitive.len() > 3);
        for case in golden.cases.iter().chain(&golden.python_version_sensitive) {
            let input = format!("{}:{}", case.experiment, case.user_id);
            let hexadecimal: Vec<String> = input.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hexadecimal.concat(), case.hash_input_utf8_hex);
            let unit = case.user_id.as_bytes();
            let classic = Classic::new(&case.experiment, &case.weights).unwrap();
            assert_eq!(classic.bucket(unit), case.bucket, "{input}");
            let assigner = Assigner::classic(&case.experiment, &case.weights).unwrap().allowing_empty(true);
            let shown = format!("{input} {:?}", case.weights);
            assert_eq!(assigner.assign(unit), Ok(Assignment::Variant(case.expected_index)), "{shown}");
        }
    }

    #[test]
    fn weights_that_choose_nobody_are_refused() {
        for rejected in golden().must_reject_at_configuration {
            let number = |value: &Value| match value {
                Value::String(text) => text.parse().unwrap(),
                other => other.as_f64().unwrap(),
            };
            let weights: Vec<f64> = rejected.weights.iter().map(number).collect();
            let shown = canonical_json(&rejected.weights.clone().into());
            assert!(Classic::new("e", &weights).is_err(), "{shown}: {}", rejected.why);
        }
        assert!(matches!(Classic::new("e", &[f64::MAX, f64::MAX]), Err(InvalidWeights::NotFinite)));
    }

    #[test]
    fn effective_shares_are_what_the_buckets_say() {
        let shares = |weights: &[f64]| Classic::new("e", weights).unwrap().shares();
        assert_eq!(shares(&[1.0, 1.0]), [0.5, 0.5]);
        // 0.1 + 0.2 is a little more than 0.3, so one bucket more.
        assert_eq!(shares(&[0.1, 0.2, 0.7]), [0.1, 0.2001, 0.6999]);
        assert_eq!(shares(&[1.0, 1.0, 1.0]), [0.3334, 0.3333, 0.3333]);
        assert_eq!(shares(&[0.000_05, 0.999_95]), [0.0001, 0.9999]);
        assert_eq!(shares(&[0.0, 1.0, 0.0]), [0.0, 1.0, 0.0]);
    }
}
