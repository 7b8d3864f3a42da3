//! The kept inputs of the fuzzer, each through its target: what once broke stays mended, and the targets compile. Their files, entries
//! of the manifest, corpora and dictionaries are those of the targets.

#[expect(unreachable_pub, reason = "it is a library for the fuzzer")]
#[path = "../../../../fuzz/src/lib.rs"]
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use targets::TARGETS;

fn fuzz() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")).unwrap()
}

/// The files or directories in a directory of `fuzz/`, by their names without this end.
fn named(directory: &str, end: &str) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(fuzz().join(directory)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name.strip_suffix(end).unwrap_or(&name).to_owned(), path)
        })
        .collect()
}

fn targets() -> BTreeSet<String> {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "two targets of one name");
    names
}

#[test]
fn every_kept_input_is_read_without_a_panic() {
    for (name, run) in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(fuzz().join("corpus").join(name)).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            run(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "the corpus of `{name}` is empty");
    }
}

#[test]
fn each_target_has_a_corpus_and_a_file_that_calls_it() {
    let corpora: BTreeSet<String> = named("corpus", "").into_keys().collect();
    assert_eq!(corpora, targets(), "corpora and targets");
    let files = named("fuzz_targets", ".rs");
    assert_eq!(files.keys().cloned().collect::<BTreeSet<_>>(), targets(), "files and targets");
    for (name, file) in files {
        let text = fs::read_to_string(&file).unwrap();
        let call = format!("libfuzzer_sys::fuzz_target!(|data: &[u8]| promptassay_fuzz::{name}(data));\n");
        assert_eq!(text, format!("#![no_main]\n\n{call}"), "{}", file.display());
    }
}

#[test]
fn each_target_is_a_binary_of_the_manifest() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(fuzz().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let built = metadata["packages"][0]["targets"].as_array().unwrap();
    let binaries: BTreeMap<&str, &str> = built
        .iter()
        .filter(|target| target["kind"][0] == "bin")
        .map(|target| (target["name"].as_str().unwrap(), target["src_path"].as_str().unwrap()))
        .collect();
    let expected = named("fuzz_targets", ".rs");
    let expected = expected.iter().map(|(name, path)| (name.as_str(), path.to_str().unwrap()));
    assert_eq!(binaries, expected.collect());
}

/// `.ci/fuzz` takes the dictionary whose first line names the target.
#[test]
fn each_dictionary_names_its_targets() {
    let mut named_before = BTreeSet::new();
    for (dictionary, path) in named("dictionaries", ".dict") {
        let text = fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap();
        let (_, list) = first.split_once(" Targets: ").unwrap_or_else(|| panic!("{dictionary}: {first}"));
        for target in list.strip_suffix('.').unwrap().split(", ") {
            assert!(targets().contains(target), "{dictionary}: there is no target `{target}`");
            assert!(named_before.insert(target.to_owned()), "two dictionaries for `{target}`");
        }
    }
    assert!(named_before.len() > 5, "{named_before:?}");
}
