//! Which versions of a prompt are evaluated, and why.

use promptassay_registry::problem::{Problem, did_you_mean};
use promptassay_registry::version::Version;

/// What the caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionRequest {
    /// The version to compare with; `None`: the active one.
    pub baseline: Option<Version>,
    /// The versions to judge; empty: the newest one, where it is newer than the baseline.
    pub candidates: Vec<Version>,
}

/// What is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenVersions {
    /// What candidates are compared with; `None` where a version is evaluated alone.
    pub baseline: Option<Version>,
    /// What is judged; never empty.
    pub candidates: Vec<Version>,
    /// Why these, in a sentence.
    pub why: String,
}

/// Chooses among `versions` (in semver order, never empty) of a prompt whose active version is `active`. Without a candidate the
/// baseline itself is judged, alone.
pub fn choose(
    prompt: &str,
    versions: &[Version],
    active: &Version,
    request: &VersionRequest,
) -> Result<ChosenVersions, Vec<Problem>> {
    let unknown: Vec<Problem> = request
        .baseline
        .iter()
        .chain(&request.candidates)
        .filter(|version| !versions.contains(version))
        .map(|version| unknown_version(prompt, version, versions))
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let baseline = request.baseline.as_ref().unwrap_or(active);
    let origin = if request.baseline.is_some() { "asked for" } else { "active" };
    if !request.candidates.is_empty() {
        let mut candidates: Vec<Version> =
            request.candidates.iter().filter(|&version| version != baseline).cloned().collect();
        candidates.sort();
        candidates.dedup();
        return Ok(if candidates.is_empty() {
            alone(baseline, format!("{baseline} is {origin}; there is nothing to compare it with"))
        } else {
            let why = format!("{} asked for; baseline {baseline} is {origin}", list(&candidates));
            ChosenVersions { baseline: Some(baseline.clone()), candidates, why }
        });
    }
    Ok(match versions.last() {
        Some(newest) if newest > baseline => ChosenVersions {
            baseline: Some(baseline.clone()),
            candidates: vec![newest.clone()],
            why: format!("{newest} is the newest; baseline {baseline} is {origin}"),
        },
        _ => alone(baseline, format!("{baseline} is {origin} and the newest; evaluated alone")),
    })
}

fn alone(version: &Version, why: String) -> ChosenVersions {
    ChosenVersions { baseline: None, candidates: vec![version.clone()], why }
}

fn list(versions: &[Version]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn unknown_version(prompt: &str, version: &Version, versions: &[Version]) -> Problem {
    let known: Vec<String> = versions.iter().map(ToString::to_string).collect();
    let help = did_you_mean(&version.to_string(), known.iter().map(String::as_str), "versions");
    // Versions are so alike that the closest one is often a wrong guess: the list stands beside it.
    let help =
        if help.starts_with("did") { format!("{help} known versions: {}", known.join(", ")) } else { help };
    Problem::error("plan::unknown_version", format!("{prompt} has no version {version}")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn check(versions: &[&str], active: &str, baseline: Option<&str>, candidates: &[&str]) -> String {
        let versions: Vec<Version> = versions.iter().map(|text| v(text)).collect();
        let request = VersionRequest {
            baseline: baseline.map(v),
            candidates: candidates.iter().map(|text| v(text)).collect(),
        };
        match choose("p", &versions, &v(active), &request) {
            Ok(chosen) => {
                let baseline = chosen.baseline.map(|version| version.to_string()).unwrap_or_default();
                format!("{baseline} < {} ({})", list(&chosen.candidates), chosen.why)
            }
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    #[test]
    fn the_newest_is_judged_against_the_active_one() {
        insta::assert_snapshot!(check(&["1.9.0", "1.10.0"], "1.9.0", None, &[]), @"v1.9.0 < v1.10.0 (v1.10.0 is the newest; baseline v1.9.0 is active)");
        insta::assert_snapshot!(check(&["1.9.0", "1.10.0"], "1.10.0", None, &[]), @"< v1.10.0 (v1.10.0 is active and the newest; evaluated alone)");
    }

    #[test]
    fn what_is_asked_for_goes_first() {
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0", "1.2.0"], "1.1.0", None, &["1.2.0", "1.0.0", "1.2.0"]), @"v1.1.0 < v1.0.0, v1.2.0 (v1.0.0, v1.2.0 asked for; baseline v1.1.0 is active)");
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0"], "1.1.0", Some("1.0.0"), &[]), @"v1.0.0 < v1.1.0 (v1.1.0 is the newest; baseline v1.0.0 is asked for)");
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0"], "1.1.0", None, &["1.1.0"]), @"< v1.1.0 (v1.1.0 is active; there is nothing to compare it with)");
    }

    #[test]
    fn an_unknown_version_is_named_with_those_that_exist() {
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0"], "1.1.0", Some("3.0.0"), &["1.1.1"]), @"");
    }
}
