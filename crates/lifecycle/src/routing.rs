//! Which user is served what: a pure function of the ledger's settings, the user and the time.

use jiff::Timestamp;
use promptassay_registry::version::Version;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::event::{Canary, Share, WHOLE};
use crate::stage::Stage;

/// The bucket of a user, from 0 to 9999: the first 8 bytes of SHA-256(salt ‖ 0 ‖ unit) as a big-endian number, times 10,000, divided
/// by 2⁶⁴. The same on every machine and in every language.
pub fn bucket(salt: &str, unit: &str) -> u16 {
    let mut hasher = Sha256::new();
    hasher.update(salt.as_bytes());
    hasher.update([0]);
    hasher.update(unit.as_bytes());
    let hash = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    let scaled = (u128::from(u64::from_be_bytes(first)) * u128::from(WHOLE)) >> 64;
    // Less than 10,000 by construction.
    u16::try_from(scaled).unwrap_or(WHOLE - 1)
}

/// Why a user is served what they are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Decision {
    /// There is no ledger: `active_version` names the version.
    ActiveVersion,
    /// No canary runs.
    NoCanary,
    /// Nobody says who is served, so it is production.
    NoUnit,
    /// The canary has run out, so it is production.
    CanaryExpired,
    /// The bucket of the user decided: canary below the share, production from there on.
    Bucket {
        /// The user's bucket.
        bucket: u16,
        /// The canary's share.
        basis_points: Share,
    },
}

/// Decides between canary and production. An empty id is nobody's: all who have none would be one user, whom the guard of the canary, which
/// counts users, does not count.
pub fn decide(canary: Option<&Canary>, unit: Option<&str>, now: Timestamp) -> (Stage, Decision) {
    let (Some(canary), Some(unit)) = (canary, unit.filter(|unit| !unit.is_empty())) else {
        let decision = if canary.is_some() { Decision::NoUnit } else { Decision::NoCanary };
        return (Stage::Production, decision);
    };
    if canary.expired(now) {
        return (Stage::Production, Decision::CanaryExpired);
    }
    let basis_points = canary.basis_points;
    let bucket = bucket(&canary.salt, unit);
    let stage = if bucket < basis_points.basis_points() { Stage::Canary } else { Stage::Production };
    (stage, Decision::Bucket { bucket, basis_points })
}

impl Decision {
    /// The reason in words; `served` is the version.
    pub fn explain(&self, served: &Version) -> String {
        match self {
            Self::ActiveVersion => format!("{served} is the active version; there is no ledger"),
            Self::NoCanary => "no canary runs".to_owned(),
            Self::NoUnit => "a canary runs, and nobody says who is served".to_owned(),
            Self::CanaryExpired => "the canary has expired".to_owned(),
            Self::Bucket { bucket, basis_points } => {
                format!(
                    "bucket {bucket} of 10000; the canary has those below {}",
                    basis_points.basis_points()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canary(share: u16, salt: &str) -> Canary {
        Canary {
            basis_points: share.try_into().unwrap(),
            salt: salt.to_owned(),
            expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        }
    }

    const BEFORE: &str = "2026-11-30T23:59:59Z";

    #[test]
    fn buckets_are_those_of_the_formula() {
        // Reference: int.from_bytes(sha256(b"salt\0unit").digest()[:8], "big") * 10000 >> 64, in Python.
        for (salt, unit, expected) in BUCKETS {
            assert_eq!(bucket(salt, unit), *expected, "{salt} {unit}");
        }
    }

    const BUCKETS: &[(&str, &str, u16)] = &[
        ("salt", "unit", 9264),
        ("", "", 4304),
        ("0123456789abcdef0123456789abcdef", "user-1", 4471),
        ("0123456789abcdef0123456789abcdef", "Zoë", 9296),
        ("a", "😀", 1480),
        ("a", "b\0c", 5456),
    ];

    #[test]
    fn production_is_what_is_left() {
        let now: Timestamp = BEFORE.parse().unwrap();
        let running = canary(9_999, "s");
        assert_eq!(decide(None, Some("u"), now), (Stage::Production, Decision::NoCanary));
        assert_eq!(decide(Some(&running), None, now), (Stage::Production, Decision::NoUnit));
        // A variable that is not set is nobody in particular too, and no guard counts it.
        assert_eq!(decide(Some(&running), Some(""), now), (Stage::Production, Decision::NoUnit));
        let expired = decide(Some(&running), Some("u"), running.expires_at);
        assert_eq!(expired, (Stage::Production, Decision::CanaryExpired));
        assert_eq!(decide(Some(&running), Some("u"), now).0, Stage::Canary);
    }

    #[test]
    fn the_share_is_met_and_salts_are_independent() {
        let share = |salt: &str| {
            let units = (0..20_000).map(|unit| format!("user-{unit}"));
            let running = canary(500, salt);
            let now = BEFORE.parse().unwrap();
            let served: Vec<bool> =
                units.map(|unit| decide(Some(&running), Some(&unit), now).0 == Stage::Canary).collect();
            served
        };
        let (first, second) = (share("a"), share("b"));
        let count = |served: &[bool]| served.iter().filter(|served| **served).count();
        // 1000 expected, standard deviation 31: five of them either way.
        assert!((845..=1155).contains(&count(&first)), "{}", count(&first));
        let both = first.iter().zip(&second).filter(|(a, b)| **a && **b).count();
        // 50 expected, standard deviation 7.
        assert!((15..=85).contains(&both), "{both}");
    }

    proptest! {
        #[test]
        fn widening_only_adds_users(unit in "\\PC{0,12}", a in 1..9_999_u16, b in 1..9_999_u16) {
            let (small, large) = (a.min(b), a.max(b));
            let now = BEFORE.parse().unwrap();
            if decide(Some(&canary(small, "salt")), Some(&unit), now).0 == Stage::Canary {
                prop_assert_eq!(decide(Some(&canary(large, "salt")), Some(&unit), now).0, Stage::Canary);
            }
            prop_assert!(bucket("salt", &unit) < 10_000);
        }
    }
}
