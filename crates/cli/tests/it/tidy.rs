//! The rules of the house, read off the manifests and the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on, for production code. Nothing else knows it.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "promptassay",
        &[
            "promptassay-registry",
            "promptassay-stats",
            "promptassay-llm",
            "promptassay-mock-llm",
            "promptassay-evaluator",
            "promptassay-experiments",
            "promptassay-lifecycle",
        ],
    ),
    ("promptassay-evaluator", &["promptassay-registry", "promptassay-llm", "promptassay-stats"]),
    ("promptassay-experiments", &["promptassay-registry", "promptassay-stats"]),
    ("promptassay-lifecycle", &["promptassay-registry", "promptassay-stats"]),
    (
        "promptassay-testing",
        &[
            "promptassay-registry",
            "promptassay-stats",
            "promptassay-llm",
            "promptassay-mock-llm",
            "promptassay-evaluator",
        ],
    ),
    ("promptassay-registry", &[]),
    ("promptassay-stats", &[]),
    ("promptassay-llm", &[]),
    ("promptassay-mock-llm", &[]),
];

/// Files that may be longer than [`MAX_LINES`], and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Production lines that a file may have.
const MAX_LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn crates_know_only_what_they_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let allowed =
            allowed.get(name).unwrap_or_else(|| panic!("`{name}` has no row in the dependency rule"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let target = dependency["name"].as_str().unwrap();
            // Tests may use the scripted model; production code may not.
            let is_test = dependency["kind"] == "dev" && target == "promptassay-mock-llm";
            if target.starts_with("promptassay") && !is_test {
                assert!(allowed.contains(target), "`{name}` must not know `{target}`");
            }
        }
    }
}

/// Neither crate may know the other, and what one refuses as a secret the other does not show.
#[test]
fn what_is_a_secret_is_said_alike() {
    let text = |path: &str| fs::read_to_string(root().join("crates").join(path)).unwrap();
    let [refused, hidden] =
        ["llm/src/config/secrets/vocabulary.rs", "registry/src/problem/secret/vocabulary.rs"].map(text);
    assert!(refused == hidden, "copy the vocabulary that you changed over the other one");
}

#[test]
fn every_crate_inherits_the_lints() {
    for package in metadata()["packages"].as_array().unwrap() {
        let manifest = fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        let inherits = manifest
            .split("[lints]")
            .nth(1)
            .is_some_and(|rest| rest.trim_start().starts_with("workspace = true"));
        assert!(inherits, "{} does not inherit the workspace's lints", package["name"]);
    }
}

/// What nothing in the workspace calls is code without a caller, or is there for programs that build on the crate, which it says.
#[test]
fn what_stats_has_for_other_programs_alone_is_listed() {
    let mut files = Vec::new();
    collect(&root().join("crates"), &mut files);
    let production = files.iter().filter(|path| path.components().any(|part| part.as_os_str() == "src"));
    let (mut words, mut public) = (BTreeMap::new(), BTreeSet::new());
    for path in production.filter(|path| !path.ends_with("tests.rs")) {
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for word in line.split(|letter: char| !letter.is_alphanumeric() && letter != '_') {
                *words.entry(word.to_owned()).or_insert(0) += 1;
            }
            let function = line.strip_prefix("pub fn ").and_then(|rest| rest.split(['(', '<']).next());
            if path.starts_with(root().join("crates/stats")) {
                public.extend(function.map(str::to_owned));
            }
        }
    }
    assert!(public.len() > 30, "{public:?}");
    let uncalled: BTreeSet<&str> =
        public.iter().filter(|name| words[*name] == 1).map(String::as_str).collect();
    let about = fs::read_to_string(root().join("crates/stats/src/lib.rs")).unwrap();
    let (_, list) = about.split_once("programs that build on this crate alone").unwrap();
    let list = list.split("//!\n").next().unwrap();
    let listed = list.split('`').skip(1).step_by(2).map(|path| path.rsplit("::").next().unwrap());
    assert_eq!(uncalled, listed.collect());
}

#[test]
fn no_mod_rs_and_no_long_file() {
    let mut files = Vec::new();
    collect(&root().join("crates"), &mut files);
    assert!(files.len() > 50, "the tree was not found");
    let mut long = Vec::new();
    for path in &files {
        let shown = path.strip_prefix(root().join("crates")).unwrap().display().to_string();
        assert!(!path.ends_with("mod.rs"), "{shown}: use `name.rs` beside `name/`");
        if !shown.split('/').any(|part| part == "tests" || part == "benches" || part == "examples") {
            let text = fs::read_to_string(path).unwrap();
            let lines = production_lines(&text);
            if lines > MAX_LINES {
                long.push((shown, lines));
            }
        }
    }
    let excused: BTreeSet<&str> = LONG_FILES.iter().map(|(file, _)| *file).collect();
    let unexcused: Vec<_> = long.iter().filter(|(file, _)| !excused.contains(file.as_str())).collect();
    assert!(unexcused.is_empty(), "longer than {MAX_LINES} production lines: {unexcused:?}");
    for excuse in excused {
        assert!(
            long.iter().any(|(file, _)| file == excuse),
            "{excuse} is short again: strike it off the list"
        );
    }
}

/// The lines of a formatted file, without items that only tests have: such an item ends at the first line that stands as far in as its
/// attribute and ends something.
fn production_lines(text: &str) -> usize {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let (mut production, mut test_item) = (0, None);
    for line in text.lines() {
        match test_item {
            None if line.trim_start().starts_with("#[cfg(test)]") => test_item = Some(indentation(line)),
            None => production += 1,
            Some(depth) if indentation(line) == depth && line.ends_with([';', '}', ',']) => test_item = None,
            Some(_) => {}
        }
    }
    production
}

#[test]
fn what_only_tests_have_is_no_production_and_what_follows_is() {
    let text = "\
use a;
#[cfg(test)]
use b;
#[cfg(test)]
#[path = \"x.rs\"]
mod tests;

struct S {
    #[cfg(test)]
    seen: u32,
    x: u32,
}

impl S {
    #[cfg(test)]
    fn only() {
        if true {
        }
    }
    fn both() {}
}

#[cfg(test)]
mod tests {
    fn a() {}
}
const AFTER: u32 = 1;
";
    assert_eq!(production_lines(text), 11);
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("snapshots") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
