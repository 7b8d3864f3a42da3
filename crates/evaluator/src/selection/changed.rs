//! What changed since a commit, prompt by prompt. Whoever knows the version control gives the paths and where pointers stood.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use promptassay_registry::files::matches_path;
use promptassay_registry::tree::version_of_file;
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;
use serde_json::Value;

use crate::plan::PromptChange;

/// A prompt, as far as changes concern it. All paths are relative to the repository.
#[derive(Debug, Clone)]
pub struct PromptFiles<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its directory.
    pub directory: &'a Path,
    /// What it is asked, judged and answered by beside its directory: files of datasets, programs, recorded replies, and the links on the way
    /// to them. Of a directory everything in it counts.
    pub files: &'a [PathBuf],
    /// The patterns that they were found by, with `/` between the parts and without `..`: a file that is gone was found by one.
    pub dataset_patterns: &'a [String],
    /// The version that is active now.
    pub active: Option<&'a Version>,
    /// The version that was active where the changes began: the last commit that both sides share.
    pub active_at_fork: Option<Version>,
    /// The version that is active at the commit that is compared with: the baseline.
    pub active_at_reference: Option<Version>,
    /// The versions with the bytes of where the changes began that are read in another template format since, by `prompt.lock`.
    pub reread: &'a [Version],
}

/// The paths that differ, relative to the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// Files, and the links that lead to a file that differs.
    pub files: Vec<PathBuf>,
    /// Repositories within the repository, of which only that they differ is known: everything in them may.
    pub submodules: Vec<PathBuf>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// No prompt: there is nothing to evaluate, and that is no mistake.
    Nothing,
    /// These prompts, by name.
    Prompts(BTreeMap<String, PromptChange>),
}

/// The prompts that these changed paths and the changed parts of registry.yaml concern:
///
/// - a version file: its version is to be judged;
/// - a row of prompt.lock by which a version is read in another template format: it says something else;
/// - a pointer that moved: the version that it names now is to be judged;
/// - `prompt.yaml`, the suite, any file in `tests/`, a dataset, wherever it lies, a submodule with one of these: the prompt is evaluated;
/// - registry.yaml, as far as [`registry_changes`] finds something: every prompt is evaluated.
///
/// Other files (a README, experiments, the ledger, what else the lock says) change no answer.
pub fn changed_prompts(paths: &Paths, registry: &[String], prompts: &[PromptFiles<'_>]) -> Changed {
    let mut changed = BTreeMap::new();
    let files: BTreeSet<&Path> = paths.files.iter().map(PathBuf::as_path).collect();
    for prompt in prompts {
        let mut change =
            PromptChange { active_before: prompt.active_at_reference.clone(), ..PromptChange::default() };
        for path in near(&files, prompt) {
            add(&mut change, prompt, path);
        }
        for submodule in paths.submodules.iter().filter(|submodule| may_hold_files_of(submodule, prompt)) {
            change.reasons.push(format!("{} changed", submodule.display()));
        }
        let moved = prompt.active_at_fork.as_ref().zip(prompt.active).filter(|(before, now)| before != now);
        if let Some((before, now)) = moved {
            change.versions.insert(now.clone());
            change.reasons.push(format!("the active version moved from {before}"));
        }
        for version in prompt.reread {
            change.versions.insert(version.clone());
            change.reasons.push(format!("{version} is read in another template format"));
        }
        if !registry.is_empty() {
            change.reasons.push(format!("registry.yaml changed ({})", registry.join(", ")));
        }
        if !change.reasons.is_empty() {
            changed.insert(prompt.name.to_owned(), change);
        }
    }
    if changed.is_empty() { Changed::Nothing } else { Changed::Prompts(changed) }
}

/// The parts of registry.yaml that change no question, no reply and no verdict: what they say is about moves, traffic and its store.
const NEITHER_ASKED_NOR_JUDGED: [&str; 3] = ["schema", "lifecycle", "store"];

/// The keys of registry.yaml under which something else stands now, among those that an evaluation may depend on. What is written
/// otherwise and says the same changes nothing; a file that cannot be read says nothing.
pub fn registry_changes(then: Option<&Document>, now: Option<&Document>) -> Vec<String> {
    let keys = |document: Option<&Document>| -> BTreeSet<String> {
        let keys = document.map(|document| document.keys_at(&[])).unwrap_or_default();
        keys.into_iter().map(|(key, _)| key.to_owned()).collect()
    };
    let value = |document: Option<&Document>, key: &str| document?.read_at::<Value>(&[key])?.value;
    let all = &keys(then) | &keys(now);
    let asked = all.into_iter().filter(|key| !NEITHER_ASKED_NOR_JUDGED.contains(&key.as_str()));
    asked.filter(|key| value(then, key) != value(now, key)).collect()
}

/// The paths that may concern a prompt, by where they lie: many prompts and many changed files must not be compared each with each.
fn near<'p>(files: &BTreeSet<&'p Path>, prompt: &PromptFiles<'_>) -> BTreeSet<&'p Path> {
    let literal = |pattern: &String| -> PathBuf {
        pattern.split('/').take_while(|part| !part.contains(['*', '?'])).collect()
    };
    let places = prompt.files.iter().cloned().chain(prompt.dataset_patterns.iter().map(literal));
    let mut found = BTreeSet::new();
    for place in places.chain([prompt.directory.to_owned()]) {
        // Paths are ordered by their parts, so what is in a directory stands together behind it.
        let from = files.range::<Path, _>((Bound::Included(place.as_path()), Bound::Unbounded));
        found.extend(from.take_while(|path| path.starts_with(&place)));
    }
    found
}

fn add(change: &mut PromptChange, prompt: &PromptFiles<'_>, path: &Path) {
    // What the prompt itself lies in is no program of it.
    let is_in = |file: &PathBuf| path.starts_with(file) && !prompt.directory.starts_with(file);
    if prompt.files.iter().any(|file| file == path || is_in(file)) || was_dataset(prompt, path) {
        change.reasons.push(format!("{} changed", path.display()));
        return;
    }
    let inside = path.strip_prefix(prompt.directory).ok();
    let inside = inside.map(|path| path.components().map(|part| part.as_os_str().to_string_lossy()));
    let parts: Vec<_> = inside.into_iter().flatten().collect();
    let name = parts.join("/");
    match parts.as_slice() {
        [file] if file == "prompt.yaml" => change.reasons.push(format!("{file} changed")),
        [file] => {
            if let Some(version) = version_of_file(file) {
                change.versions.insert(version);
                change.reasons.push(format!("{file} changed"));
            }
        }
        [first, _, ..] if first == "tests" => change.reasons.push(format!("{name} changed")),
        _ => {}
    }
}

/// Whether files of a prompt are in a submodule, or were.
fn may_hold_files_of(submodule: &Path, prompt: &PromptFiles<'_>) -> bool {
    let holds = |path: &Path| path.starts_with(submodule);
    let depth = submodule.components().count();
    let held_then = prompt.dataset_patterns.iter().any(|pattern| {
        let parts: Vec<&str> = pattern.split('/').take(depth).collect();
        parts.contains(&"**") || matches_path(&parts.join("/"), &slashed(submodule))
    });
    holds(prompt.directory) || prompt.files.iter().any(|file| holds(file)) || held_then
}

/// Whether a path that git names would have been found as a dataset.
fn was_dataset(prompt: &PromptFiles<'_>, path: &Path) -> bool {
    let path = slashed(path);
    prompt.dataset_patterns.iter().any(|pattern| matches_path(pattern, &path))
}

fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
