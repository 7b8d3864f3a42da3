//! Help for a version that is not there.

use super::Version;

/// So many versions are listed.
const SHOWN: usize = 5;

/// The version that was probably meant, else the newest ones. `known` in rising order.
///
/// Versions are so alike that most are one letter apart; `v1.0.0` for `v7.0.0` would be a guess, and a wrong one more often than not.
/// Near is only what a slip of the hand explains.
pub fn meant_version<'a>(
    wanted: &Version,
    known: impl IntoIterator<Item = &'a Version, IntoIter: DoubleEndedIterator>,
) -> String {
    let known: Vec<&Version> = known.into_iter().rev().collect();
    if known.is_empty() {
        return "it has no versions".to_owned();
    }
    if let Some(near) = known.iter().find(|version| is_near(wanted, version)) {
        return format!("did you mean `{near}`?");
    }
    let shown: Vec<String> = known.iter().take(SHOWN).map(|version| format!("`{version}`")).collect();
    match known.len() {
        1 => format!("its only version is {}", shown.concat()),
        2..=SHOWN => format!("its versions are {}", shown.join(", ")),
        more => format!("the newest of its {more} versions are {}", shown.join(", ")),
    }
}

/// Whether one is the other one mistyped: one of the three numbers is the neighbour of the other's or has a digit too many or too few
/// or two in the wrong order, or the prereleases of the same release are nearly alike.
fn is_near(one: &Version, other: &Version) -> bool {
    let (one, other) = (&one.0, &other.0);
    let numbers = [(one.major, other.major), (one.minor, other.minor), (one.patch, other.patch)];
    let mut different = numbers.into_iter().filter(|(one, other)| one != other);
    match (different.next(), different.next()) {
        (None, _) => strsim::damerau_levenshtein(&one.pre, &other.pre) <= 2,
        (Some((a, b)), None) => one.pre == other.pre && is_slip(a, b),
        (Some(_), Some(_)) => false,
    }
}

fn is_slip(one: u64, other: u64) -> bool {
    let (a, b) = (one.to_string(), other.to_string());
    let is_swapped = || a.len() == b.len() && is_permutation(&a, &b);
    one.abs_diff(other) == 1
        || strsim::damerau_levenshtein(&a, &b) == 1 && (a.len() != b.len() || is_swapped())
}

fn is_permutation(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(wanted: &str, known: &[&str]) -> String {
        let known: Vec<Version> = known.iter().map(|version| version.parse().unwrap()).collect();
        meant_version(&wanted.parse().unwrap(), &known)
    }

    #[test]
    fn what_a_slip_of_the_hand_explains_is_suggested() {
        for (wanted, meant) in [
            ("1.0.1", "1.0.0"),
            ("1.3.0", "1.2.0"),
            ("1.1.0", "1.10.0"),
            ("1.21.0", "1.12.0"),
            ("2.0.0-rc1", "2.0.0-rc.1"),
            ("2.0.0", "2.0.0-a"),
        ] {
            assert_eq!(help(wanted, &[meant]), format!("did you mean `v{meant}`?"));
            assert_eq!(help(meant, &[wanted]), format!("did you mean `v{wanted}`?"));
        }
        // Of two neighbours the newer one.
        assert_eq!(help("1.1.0", &["1.0.0", "1.2.0"]), "did you mean `v1.2.0`?");
    }

    #[test]
    fn what_is_far_away_is_no_slip_and_the_list_has_an_end() {
        for wanted in ["7.0.0", "1.7.0", "2.1.0", "1.0.9", "1.0.0-rc.1"] {
            assert_eq!(help(wanted, &["1.0.0"]), "its only version is `v1.0.0`", "{wanted}");
        }
        assert_eq!(help("7.0.0", &["1.0.0", "1.1.0"]), "its versions are `v1.1.0`, `v1.0.0`");
        let many: Vec<String> = (1..=40).map(|minor| format!("1.{minor}.0")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            help("7.0.0", &many),
            "the newest of its 40 versions are `v1.40.0`, `v1.39.0`, `v1.38.0`, `v1.37.0`, `v1.36.0`"
        );
        assert_eq!(help("7.0.0", &[]), "it has no versions");
    }
}
