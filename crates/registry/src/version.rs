//! Versions of a prompt: semantic versions without build metadata, in one canonical form.
//!
//! Order is that of semantic versioning, never that of the text: `v1.10.0` comes after `v1.9.0`.

mod meant;
mod parse;

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use meant::meant_version;
pub use parse::InvalidVersion;

/// A semantic version without build metadata.
///
/// Written `v1.0.0` ([`Display`](fmt::Display): file names, terminal) and `1.0.0` ([`Version::number`], serde: lock rows,
/// JSON); both forms are read, and only these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

impl Version {
    /// A release `major.minor.patch`.
    pub fn release(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The version without the leading `v`: `1.0.0`.
    pub fn number(&self) -> String {
        self.0.to_string()
    }

    /// Whether it is a prerelease such as `v2.0.0-rc.1`. A prerelease is never `latest`.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

/// Which part of the version a change raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// `1.2.3` to `1.2.4`.
    Patch,
    /// `1.2.3` to `1.3.0`.
    Minor,
    /// `1.2.3` to `2.0.0`.
    Major,
}

/// The version to give to the next text.
///
/// `taken` are all versions ever registered and all present, archived and deleted ones too: the result is newer than each of
/// them, so no number is used twice. The first version of a prompt is `v1.0.0`. The result is never a prerelease; after a
/// prerelease, it is the release that the prerelease prepared where that is as large a step as `bump` asks for
/// (`2.0.0-rc.1` with any bump gives `2.0.0`; `2.0.1-rc.1` with minor gives `2.1.0`).
///
/// `None` if a number would be larger than 2⁶⁴ − 1.
pub fn next_version<'a>(bump: Bump, taken: impl IntoIterator<Item = &'a Version>) -> Option<Version> {
    let Some(newest) = taken.into_iter().max() else {
        return Some(Version::release(1, 0, 0));
    };
    let semver::Version { major, minor, patch, .. } = newest.0;
    let prepared = newest.is_prerelease();
    let (major, minor, patch) = match bump {
        Bump::Patch if prepared => (major, minor, patch),
        Bump::Patch => (major, minor, patch.checked_add(1)?),
        Bump::Minor if prepared && patch == 0 => (major, minor, 0),
        Bump::Minor => (major, minor.checked_add(1)?, 0),
        Bump::Major if prepared && minor == 0 && patch == 0 => (major, 0, 0),
        Bump::Major => (major.checked_add(1)?, 0, 0),
    };
    Some(Version::release(major, minor, patch))
}

/// The newest version that is not a prerelease.
pub fn latest<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Option<&'a Version> {
    versions.into_iter().filter(|version| !version.is_prerelease()).max()
}

/// Which version is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum VersionSelector {
    /// The newest version that is not a prerelease. It moves whenever somebody adds a version.
    #[default]
    Latest,
    /// This version and no other.
    Exact(Version),
}

impl From<Version> for VersionSelector {
    fn from(version: Version) -> Self {
        Self::Exact(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("v{}", self.0))
    }
}

impl fmt::Display for VersionSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => formatter.pad("latest"),
            Self::Exact(version) => version.fmt(formatter),
        }
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        parse::parse(text).map(Self)
    }
}

impl FromStr for VersionSelector {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        if text == "latest" { Ok(Self::Latest) } else { text.parse().map(Self::Exact) }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer)
    }
}

impl Serialize for VersionSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latest => serializer.serialize_str("latest"),
            Self::Exact(version) => version.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for VersionSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer)
    }
}

fn deserialize_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = InvalidVersion>,
{
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|error: InvalidVersion| de::Error::custom(format!("{error} (help: {})", error.help())))
}

/// What the JSON Schemas say of a version; looser than the parser where a regular expression cannot say it shortly.
const PATTERN: &str =
    r"^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$";

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": PATTERN,
            "description": "A semantic version without build metadata, such as v1.0.0 or 1.0.0."
        })
    }
}

impl JsonSchema for VersionSelector {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VersionSelector".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let version = generator.subschema_for::<Version>();
        json_schema!({
            "description": "A version, or `latest`: the newest version that is not a prerelease.",
            "anyOf": [{"const": "latest"}, version]
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn versions(texts: &[&str]) -> Vec<Version> {
        texts.iter().map(|text| version(text)).collect()
    }

    #[test]
    fn order_is_semantic_and_not_textual() {
        let ascending = versions(&[
            "0.9.9",
            "1.0.0-1",
            "1.0.0-RC",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.2",
            "1.0.0-rc.10",
            "1.0.0-rc10",
            "1.0.0-rc2",
            "1.0.0",
            "1.2.9",
            "1.2.10",
            "1.9.0",
            "1.10.0",
            "2.0.0",
            "10.0.0",
        ]);
        assert!(ascending.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn both_forms_are_read_and_each_is_written_in_its_place() {
        let version = version("1.2.3-rc.1");
        assert_eq!(version, "v1.2.3-rc.1".parse().unwrap());
        assert_eq!((version.to_string(), version.number()), ("v1.2.3-rc.1".into(), "1.2.3-rc.1".into()));
        assert_eq!(serde_json::to_string(&version).unwrap(), r#""1.2.3-rc.1""#);
        assert_eq!(format!("{:>8}|", super::Version::release(1, 0, 0)), "  v1.0.0|");
    }

    #[test]
    fn latest_is_the_newest_release() {
        let all = versions(&["1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.0"]);
        assert_eq!(latest(&all), Some(&all[1]));
        assert_eq!(latest(&versions(&["1.0.0-rc.1"])), None);
    }

    #[test]
    fn a_selector_is_latest_or_a_version() {
        assert_eq!("latest".parse(), Ok(VersionSelector::Latest));
        assert_eq!("v1.0.0".parse(), Ok(VersionSelector::Exact(version("1.0.0"))));
        assert_eq!(serde_json::to_string(&VersionSelector::Latest).unwrap(), r#""latest""#);
        let error = serde_json::from_str::<VersionSelector>(r#""newest""#).unwrap_err().to_string();
        assert!(error.contains("`newest` is not a version"), "{error}");
    }

    #[test]
    fn a_bump_counts_from_the_newest_version_there_ever_was() {
        let cases = [
            (&["1.2.3", "1.2.10", "1.1.0"][..], ["1.2.11", "1.3.0", "2.0.0"]),
            (&[], ["1.0.0", "1.0.0", "1.0.0"]),
            (&["1.4.2", "2.0.0-rc.1"], ["2.0.0", "2.0.0", "2.0.0"]),
            (&["2.1.0-rc.1"], ["2.1.0", "2.1.0", "3.0.0"]),
            (&["2.0.1-rc.1"], ["2.0.1", "2.1.0", "3.0.0"]),
            (&["2.0.0-rc.1", "2.0.0"], ["2.0.1", "2.1.0", "3.0.0"]),
        ];
        for (taken, expected) in cases {
            let taken = versions(taken);
            for (bump, expected) in [Bump::Patch, Bump::Minor, Bump::Major].into_iter().zip(expected) {
                assert_eq!(next_version(bump, &taken), Some(version(expected)), "{taken:?} {bump:?}");
            }
        }
    }

    #[test]
    fn a_bump_past_the_largest_number_is_none() {
        let largest = Version::release(u64::MAX, 0, 0);
        assert_eq!(next_version(Bump::Major, [&largest]), None);
        assert_eq!(next_version(Bump::Minor, [&largest]), Some(Version::release(u64::MAX, 1, 0)));
    }

    const ANY_VERSION: &str = r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})(-(0|[1-9][0-9]{0,3}|[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,3})(\.(0|[1-9][0-9]{0,3}|[A-Za-z-][0-9A-Za-z-]{0,3})){0,2})?";

    proptest! {
        #[test]
        fn printing_and_parsing_is_the_identity(text in ANY_VERSION) {
            let version = version(&text);
            prop_assert_eq!(version.number(), text.clone());
            prop_assert_eq!(version.to_string(), format!("v{text}"));
            prop_assert_eq!(&version.to_string().parse::<Version>().unwrap(), &version);
            let json = serde_json::to_string(&version).unwrap();
            prop_assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), version);
        }

        #[test]
        fn order_agrees_with_the_semver_crate(a in ANY_VERSION, b in ANY_VERSION) {
            let expected = semver::Version::parse(&a).unwrap().cmp_precedence(&semver::Version::parse(&b).unwrap());
            prop_assert_eq!(version(&a).cmp(&version(&b)), expected);
        }

        #[test]
        fn anything_read_is_a_version_that_the_semver_crate_reads(text in r"v{0,2}[0-9.a-z+ -]{0,12}") {
            if let Ok(version) = text.parse::<Version>() {
                let number = text.strip_prefix('v').unwrap_or(&text);
                prop_assert_eq!(version.number(), number);
                prop_assert!(semver::Version::parse(number).is_ok_and(|version| version.build.is_empty()));
            }
        }

        #[test]
        fn the_next_version_is_a_release_newer_than_all(texts in prop::collection::vec(ANY_VERSION, 0..6)) {
            let taken: Vec<Version> = texts.iter().map(|text| version(text)).collect();
            for bump in [Bump::Patch, Bump::Minor, Bump::Major] {
                let next = next_version(bump, &taken).unwrap();
                prop_assert!(!next.is_prerelease());
                prop_assert!(taken.iter().all(|version| *version < next));
            }
        }
    }
}
