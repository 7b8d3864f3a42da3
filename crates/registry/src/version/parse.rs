//! Reading a version, and saying what is wrong with one that cannot be read.

use crate::excerpt::excerpt;

/// The most characters of a version: it is part of a file name.
const MAX_LENGTH: usize = 128;

/// The text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a version: {reason}", excerpt(.text))]
pub struct InvalidVersion {
    text: String,
    reason: &'static str,
    help: String,
}

impl InvalidVersion {
    /// What to write instead.
    pub fn help(&self) -> &str {
        &self.help
    }
}

pub(super) fn parse(text: &str) -> Result<semver::Version, InvalidVersion> {
    let number = text.strip_prefix('v').unwrap_or(text);
    match semver::Version::parse(number) {
        Ok(version) if version.build.is_empty() && text.len() <= MAX_LENGTH => Ok(version),
        _ => Err(refuse(text)),
    }
}

fn refuse(text: &str) -> InvalidVersion {
    let (reason, meant) = explain(text).unwrap_or(("it is not of the form major.minor.patch", None));
    let help = match meant.filter(|candidate| is_version(candidate)) {
        Some(candidate) => format!("write `{candidate}`"),
        None => {
            "a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`".to_owned()
        }
    };
    InvalidVersion { text: text.to_owned(), reason, help }
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    semver::Version::parse(number).is_ok_and(|version| version.build.is_empty())
}

/// The first thing that is wrong, and a version that may have been meant.
fn explain(text: &str) -> Option<(&'static str, Option<String>)> {
    let meant = text.trim();
    if text.is_empty() {
        return Some(("it is empty", None));
    }
    if text.len() > MAX_LENGTH {
        return Some(("it is longer than 128 characters", None));
    }
    if text.contains(char::is_whitespace) {
        return Some(("it has white space", Some(meant.to_owned())));
    }
    if let Some(ascii) = with_ascii_digits(text) {
        return Some(("its digits are not the ASCII digits 0 to 9", Some(ascii)));
    }
    if text == "latest" {
        return Some(("`latest` is not a number, and one is needed here", None));
    }
    if text.starts_with('V') {
        return Some(("the letter before a version is a lower-case v", Some(text.replacen('V', "v", 1))));
    }
    if text.starts_with("vv") {
        return Some(("it has more than one v", Some(format!("v{}", text.trim_start_matches('v')))));
    }
    if let Some((version, _)) = text.split_once('+') {
        return Some(("build metadata (after the +) is not accepted", Some(version.to_owned())));
    }
    explain_numbers(text)
}

fn explain_numbers(text: &str) -> Option<(&'static str, Option<String>)> {
    let number = text.strip_prefix('v').unwrap_or(text);
    let (core, prerelease) = number.split_once('-').map_or((number, None), |(core, rest)| (core, Some(rest)));
    let parts: Vec<&str> = core.split('.').collect();
    if !parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let suffix = prerelease.map(|rest| format!("-{rest}")).unwrap_or_default();
    let with_core = |parts: Vec<&str>| Some(format!("v{}{suffix}", parts.join(".")));
    if parts.len() < 3 {
        let padded = parts.into_iter().chain(["0", "0"]).take(3).collect();
        return Some(("it needs three numbers: major.minor.patch", with_core(padded)));
    }
    if parts.len() > 3 {
        return Some(("it has more than three numbers", None));
    }
    if parts.iter().any(|part| has_leading_zero(part)) {
        return Some((
            "a number has a leading zero",
            with_core(parts.into_iter().map(without_zeros).collect()),
        ));
    }
    if parts.iter().any(|part| part.parse::<u64>().is_err()) {
        return Some(("a number is larger than 18446744073709551615", None));
    }
    let identifiers: Vec<&str> = prerelease?.split('.').collect();
    if identifiers.iter().any(|identifier| identifier.is_empty()) {
        return Some(("the prerelease (after the -) has an empty part", None));
    }
    let numeric = |identifier: &&&str| identifier.bytes().all(|byte| byte.is_ascii_digit());
    if identifiers.iter().filter(numeric).any(|identifier| has_leading_zero(identifier)) {
        return Some(("a number of the prerelease has a leading zero", None));
    }
    Some(("a prerelease (after the -) has only ASCII letters, digits, `-` and `.`", None))
}

fn has_leading_zero(part: &str) -> bool {
    part.len() > 1 && part.starts_with('0')
}

fn without_zeros(part: &str) -> &str {
    let rest = part.trim_start_matches('0');
    if rest.is_empty() { "0" } else { rest }
}

/// The text with full-width digits made plain, if it has some.
fn with_ascii_digits(text: &str) -> Option<String> {
    let foreign = |character: &char| character.is_numeric() && !character.is_ascii();
    text.chars().find(foreign)?;
    let plain = |character: char| match character {
        '０'..='９' => char::from_digit(u32::from(character) - u32::from('０'), 10).unwrap_or(character),
        other => other,
    };
    Some(text.chars().map(plain).collect())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn every_refusal_says_why_and_what_to_write() {
        let wrong = [
            "",
            "1",
            "v1",
            "1.0",
            "v1.0-rc.1",
            "V1.0.0",
            "vv1.0.0",
            "1.0.0+build",
            "01.0.0",
            "1.00.0",
            "1.0.0-01",
            "1.0.0-",
            "1.0.0-a..b",
            "1.0.0-ä",
            "1.0.0..",
            "1.0.0.0",
            " 1.0.0",
            "1.0.0\n",
            "１.0.0",
            "latest",
            "18446744073709551616.0.0",
            "../1.0.0",
            "one",
        ];
        let mut table = String::new();
        for text in wrong {
            let error = parse(text).unwrap_err();
            writeln!(table, "{error} → {}", error.help()).unwrap();
        }
        insta::assert_snapshot!(table, @r#"
`` is not a version: it is empty → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`1` is not a version: it needs three numbers: major.minor.patch → write `v1.0.0`
`v1` is not a version: it needs three numbers: major.minor.patch → write `v1.0.0`
`1.0` is not a version: it needs three numbers: major.minor.patch → write `v1.0.0`
`v1.0-rc.1` is not a version: it needs three numbers: major.minor.patch → write `v1.0.0-rc.1`
`V1.0.0` is not a version: the letter before a version is a lower-case v → write `v1.0.0`
`vv1.0.0` is not a version: it has more than one v → write `v1.0.0`
`1.0.0+build` is not a version: build metadata (after the +) is not accepted → write `1.0.0`
`01.0.0` is not a version: a number has a leading zero → write `v1.0.0`
`1.00.0` is not a version: a number has a leading zero → write `v1.0.0`
`1.0.0-01` is not a version: a number of the prerelease has a leading zero → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`1.0.0-` is not a version: the prerelease (after the -) has an empty part → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`1.0.0-a..b` is not a version: the prerelease (after the -) has an empty part → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`1.0.0-ä` is not a version: a prerelease (after the -) has only ASCII letters, digits, `-` and `.` → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`1.0.0..` is not a version: it is not of the form major.minor.patch → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`1.0.0.0` is not a version: it has more than three numbers → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
` 1.0.0` is not a version: it has white space → write `1.0.0`
`1.0.0\n` is not a version: it has white space → write `1.0.0`
`１.0.0` is not a version: its digits are not the ASCII digits 0 to 9 → write `1.0.0`
`latest` is not a version: `latest` is not a number, and one is needed here → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`18446744073709551616.0.0` is not a version: a number is larger than 18446744073709551615 → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`../1.0.0` is not a version: it is not of the form major.minor.patch → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
`one` is not a version: it is not of the form major.minor.patch → a version is three numbers such as `v1.0.0`, or a prerelease such as `v1.1.0-rc.1`
"#);
    }

    #[test]
    fn a_version_too_long_for_a_file_name_is_refused() {
        let error = parse(&format!("1.0.0-{}", "a".repeat(200))).unwrap_err();
        assert_eq!(error.reason, "it is longer than 128 characters");
        assert!(parse(&format!("1.0.0-{}", "a".repeat(100))).is_ok());
    }

    #[test]
    fn the_suggestion_is_a_version() {
        for text in ["1.0", "V1.0.0", "01.0.0", "１.0.0", " v1.0.0 ", "1.0.0+b"] {
            let help = parse(text).unwrap_err().help;
            let candidate = help.strip_prefix("write `").and_then(|rest| rest.strip_suffix('`')).unwrap();
            assert!(parse(candidate).is_ok(), "{candidate}");
        }
    }
}
