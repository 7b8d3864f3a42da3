//! Which versions of a prompt are evaluated, and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use promptassay_registry::problem::Problem;
use promptassay_registry::version::{Version, meant_version};

/// What the caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionRequest {
    /// The version to compare with; `None`: the one in production, else the active one.
    pub baseline: Option<Version>,
    /// What is in production, where somebody keeps a book about that.
    pub production: Option<Version>,
    /// Versions that are never served again, where somebody keeps a book about that: judged only where they are asked for.
    pub archived: Vec<Version>,
    /// The versions to judge; empty: the newest one that is not archived, where it is newer than the baseline.
    pub candidates: Vec<Version>,
    /// Exactly these, each alone and compared with nothing; nothing else is looked at then.
    pub only: Vec<Version>,
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

/// What changed of a prompt since some commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptChange {
    /// The version that was active at that commit; `None` where the prompt did not exist.
    pub active_before: Option<Version>,
    /// Versions whose files were added or changed, and the version that a moved pointer names now.
    pub versions: BTreeSet<Version>,
    /// What changed, a few words each; never empty.
    pub reasons: Vec<String>,
}

/// Chooses among `versions` (in semver order, never empty) of a prompt whose active version is `active`. Without a candidate the
/// baseline itself is judged, alone.
pub fn choose(
    prompt: &str,
    versions: &[Version],
    active: &Version,
    request: &VersionRequest,
) -> Result<ChosenVersions, Vec<Problem>> {
    check_known(prompt, versions, request)?;
    if let Some(chosen) = only(request) {
        return Ok(chosen);
    }
    let (baseline, origin) = in_use(active, request);
    if !request.candidates.is_empty() {
        return Ok(match against(baseline, request.candidates.iter().cloned()) {
            candidates if candidates.is_empty() => {
                alone(baseline, format!("{baseline} is {origin}; there is nothing to compare it with"))
            }
            candidates => {
                let why = format!("{} asked for; baseline {baseline} is {origin}", list(&candidates));
                ChosenVersions { baseline: Some(baseline.clone()), candidates, why }
            }
        });
    }
    Ok(match versions.iter().rev().find(|version| !request.archived.contains(version)) {
        Some(newest) if newest > baseline => ChosenVersions {
            baseline: Some(baseline.clone()),
            candidates: vec![newest.clone()],
            why: format!("{newest} is the newest; baseline {baseline} is {origin}"),
        },
        _ => alone(baseline, format!("{baseline} is {origin} and the newest; evaluated alone")),
    })
}

/// What candidates are compared with, and why that.
fn in_use<'a>(active: &'a Version, request: &'a VersionRequest) -> (&'a Version, &'static str) {
    match (&request.baseline, &request.production) {
        (Some(asked), _) => (asked, "asked for"),
        (None, Some(production)) => (production, "in production"),
        (None, None) => (active, "active"),
    }
}

/// Chooses among the versions of a prompt that changed since `reference` (a commit, as the caller names it). What changed is judged
/// against the version that was active then: a change of the pointer cannot choose its own baseline. Where no version changed, the
/// baseline is judged, alone; a prompt that did not exist then has nothing to be compared with.
pub fn choose_changed(
    prompt: &str,
    versions: &[Version],
    active: &Version,
    request: &VersionRequest,
    change: &PromptChange,
    reference: &str,
) -> Result<ChosenVersions, Vec<Problem>> {
    check_known(prompt, versions, request)?;
    if let Some(chosen) = only(request) {
        return Ok(chosen);
    }
    let is_asked = !request.candidates.is_empty();
    let changed = change.versions.iter().filter(|version| versions.contains(version)).cloned();
    // What is archived is served to nobody, unless a file that was edited by hand says so: then it is judged.
    let is_served = |version: &Version| version == active || request.production.as_ref() == Some(version);
    let (given_up, changed): (Vec<Version>, Vec<Version>) =
        changed.partition(|version| request.archived.contains(version) && !is_served(version));
    let (candidates, given_up) =
        if is_asked { (request.candidates.clone(), Vec::new()) } else { (changed, given_up) };
    let mut reasons = listed(&change.reasons);
    if !given_up.is_empty() {
        let are = if given_up.len() == 1 { "is" } else { "are" };
        // Writing to a string cannot fail.
        let _ = write!(reasons, "; {} {are} archived, and not judged", list(&given_up));
    }
    let before = change.active_before.as_ref();
    let (baseline, origin) = match (&request.baseline, before) {
        (Some(asked), _) => (asked, "asked for".to_owned()),
        (None, Some(before)) if versions.contains(before) => (before, format!("active at {reference}")),
        (None, Some(before)) => {
            let (version, origin) = in_use(active, request);
            (version, format!("{origin}; {before}, active at {reference}, is gone"))
        }
        (None, None) if candidates.is_empty() => {
            let (version, origin) = in_use(active, request);
            (version, origin.to_owned())
        }
        (None, None) => {
            let candidates = sorted(candidates);
            let why =
                format!("{}: {reasons}; new since {reference}, nothing to compare with", list(&candidates));
            return Ok(ChosenVersions { baseline: None, candidates, why });
        }
    };
    let candidates = against(baseline, candidates);
    Ok(if candidates.is_empty() {
        alone(baseline, format!("{reasons}; {baseline} is {origin}; evaluated alone"))
    } else {
        let because = if is_asked { "asked for".to_owned() } else { reasons };
        let why = format!("{}: {because}; baseline {baseline} is {origin}", list(&candidates));
        ChosenVersions { baseline: Some(baseline.clone()), candidates, why }
    })
}

/// The first few, and how many more.
fn listed(reasons: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = reasons.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match reasons.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn check_known(prompt: &str, versions: &[Version], request: &VersionRequest) -> Result<(), Vec<Problem>> {
    let asked = request.baseline.iter().chain(&request.candidates).chain(&request.only);
    let named = asked.chain(&request.production);
    let unknown = named.filter(|version| !versions.contains(version));
    let unknown: Vec<Problem> = unknown.map(|version| unknown_version(prompt, version, versions)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

fn only(request: &VersionRequest) -> Option<ChosenVersions> {
    let candidates = sorted(request.only.clone());
    let why = match candidates.as_slice() {
        [] => return None,
        [one] => format!("{one} asked for, alone"),
        several => format!("{} asked for, each alone", list(several)),
    };
    Some(ChosenVersions { baseline: None, candidates, why })
}

/// The candidates in order, each once, without the baseline.
fn against(baseline: &Version, candidates: impl IntoIterator<Item = Version>) -> Vec<Version> {
    sorted(candidates.into_iter().filter(|version| version != baseline).collect())
}

fn sorted(mut versions: Vec<Version>) -> Vec<Version> {
    versions.sort();
    versions.dedup();
    versions
}

fn alone(version: &Version, why: String) -> ChosenVersions {
    ChosenVersions { baseline: None, candidates: vec![version.clone()], why }
}

fn list(versions: &[Version]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn unknown_version(prompt: &str, version: &Version, versions: &[Version]) -> Problem {
    Problem::error("plan::unknown_version", format!("{prompt} has no version {version}"))
        .help(meant_version(version, versions))
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
            ..VersionRequest::default()
        };
        shown(choose("p", &versions, &v(active), &request))
    }

    fn shown(chosen: Result<ChosenVersions, Vec<Problem>>) -> String {
        match chosen {
            Ok(chosen) => {
                let baseline = chosen.baseline.map(|version| version.to_string()).unwrap_or_default();
                format!("{baseline} < {} ({})", list(&chosen.candidates), chosen.why).trim_start().to_owned()
            }
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }

    fn check_changed(request: &VersionRequest, before: Option<&str>, changed: &[&str]) -> String {
        let versions = [v("1.0.0"), v("1.1.0"), v("1.2.0")];
        let reasons = if changed.is_empty() {
            vec!["the suite changed".to_owned()]
        } else {
            changed.iter().map(|version| format!("v{version}.txt changed")).collect()
        };
        let change = PromptChange {
            active_before: before.map(v),
            versions: changed.iter().map(|text| v(text)).collect(),
            reasons,
        };
        shown(choose_changed("p", &versions, &v("1.1.0"), request, &change, "main"))
    }

    #[test]
    fn what_changed_is_judged_against_what_was_active_then() {
        let none = VersionRequest::default();
        let archived = VersionRequest { archived: vec![v("1.2.0")], ..VersionRequest::default() };
        let archived_and_asked = VersionRequest { candidates: vec![v("1.2.0")], ..archived.clone() };
        let archived_and_active = VersionRequest { archived: vec![v("1.1.0")], ..VersionRequest::default() };
        let archived_and_live = VersionRequest { production: Some(v("1.2.0")), ..archived.clone() };
        let asked = VersionRequest {
            candidates: vec![v("1.1.0")],
            baseline: Some(v("1.2.0")),
            ..VersionRequest::default()
        };
        insta::assert_snapshot!(
            [
                check_changed(&none, Some("1.0.0"), &["1.2.0"]),
                check_changed(&none, Some("1.0.0"), &[]),
                check_changed(&none, Some("1.2.0"), &["1.2.0"]),
                check_changed(&none, Some("0.9.0"), &["1.2.0"]),
                check_changed(&none, None, &["1.1.0", "1.0.0"]),
                check_changed(&none, None, &[]),
                check_changed(&asked, Some("1.0.0"), &["1.2.0"]),
                check_changed(&none, Some("1.0.0"), &["3.0.0"]),
                check_changed(&archived, Some("1.0.0"), &["1.1.0", "1.2.0"]),
                check_changed(&archived, Some("1.0.0"), &["1.2.0"]),
                check_changed(&archived, None, &["1.2.0"]),
                check_changed(&archived_and_asked, Some("1.0.0"), &["1.2.0"]),
                check_changed(&archived_and_active, Some("1.0.0"), &["1.1.0"]),
                check_changed(&archived_and_live, Some("1.0.0"), &["1.2.0"]),
            ]
            .join("\n")
        );
    }

    #[test]
    fn exactly_these_are_judged_alone() {
        let only = |versions: &[&str]| VersionRequest {
            only: versions.iter().map(|text| v(text)).collect(),
            ..VersionRequest::default()
        };
        insta::assert_snapshot!(
            [
                check_changed(&only(&["1.2.0", "1.0.0", "1.2.0"]), Some("1.0.0"), &[]),
                check_changed(&only(&["1.2.0"]), Some("1.0.0"), &[]),
                check_changed(&only(&["9.9.9"]), Some("1.0.0"), &[]),
            ]
            .join("\n")
        );
    }

    #[test]
    fn the_newest_is_judged_against_the_active_one() {
        insta::assert_snapshot!(check(&["1.9.0", "1.10.0"], "1.9.0", None, &[]), @"v1.9.0 < v1.10.0 (v1.10.0 is the newest; baseline v1.9.0 is active)");
        insta::assert_snapshot!(check(&["1.9.0", "1.10.0"], "1.10.0", None, &[]), @"< v1.10.0 (v1.10.0 is active and the newest; evaluated alone)");
    }

    #[test]
    fn what_is_in_production_goes_before_what_is_active() {
        let versions = [v("1.0.0"), v("1.1.0"), v("1.2.0")];
        let request = |production: &str| VersionRequest {
            production: Some(v(production)),
            ..VersionRequest::default()
        };
        let chosen = |request: &VersionRequest| shown(choose("p", &versions, &v("1.1.0"), request));
        insta::assert_snapshot!(chosen(&request("1.0.0")), @"v1.0.0 < v1.2.0 (v1.2.0 is the newest; baseline v1.0.0 is in production)");
        insta::assert_snapshot!(chosen(&request("1.2.0")), @"< v1.2.0 (v1.2.0 is in production and the newest; evaluated alone)");
        insta::assert_snapshot!(check_changed(&request("1.0.0"), Some("0.9.0"), &["1.2.0"]), @"v1.0.0 < v1.2.0 (v1.2.0: v1.2.0.txt changed; baseline v1.0.0 is in production; v0.9.0, active at main, is gone)");
        let archived = VersionRequest { archived: vec![v("1.2.0")], ..request("1.0.0") };
        insta::assert_snapshot!(chosen(&archived), @"v1.0.0 < v1.1.0 (v1.1.0 is the newest; baseline v1.0.0 is in production)");
        let only_archived = VersionRequest { archived: vec![v("1.2.0"), v("1.1.0")], ..request("1.0.0") };
        insta::assert_snapshot!(chosen(&only_archived), @"< v1.0.0 (v1.0.0 is in production and the newest; evaluated alone)");
        let asked = VersionRequest { baseline: Some(v("1.1.0")), ..request("1.0.0") };
        insta::assert_snapshot!(chosen(&asked), @"v1.1.0 < v1.2.0 (v1.2.0 is the newest; baseline v1.1.0 is asked for)");
    }

    #[test]
    fn what_is_asked_for_goes_first() {
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0", "1.2.0"], "1.1.0", None, &["1.2.0", "1.0.0", "1.2.0"]), @"v1.1.0 < v1.0.0, v1.2.0 (v1.0.0, v1.2.0 asked for; baseline v1.1.0 is active)");
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0"], "1.1.0", Some("1.0.0"), &[]), @"v1.0.0 < v1.1.0 (v1.1.0 is the newest; baseline v1.0.0 is asked for)");
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0"], "1.1.0", None, &["1.1.0"]), @"< v1.1.0 (v1.1.0 is active; there is nothing to compare it with)");
    }

    #[test]
    fn an_unknown_version_is_named_with_those_that_exist() {
        insta::assert_snapshot!(check(&["1.0.0", "1.1.0"], "1.1.0", Some("3.0.0"), &["1.1.1"]), @"p has no version v3.0.0 (help: its versions are `v1.1.0`, `v1.0.0`); p has no version v1.1.1 (help: did you mean `v1.1.0`?)");
    }
}
