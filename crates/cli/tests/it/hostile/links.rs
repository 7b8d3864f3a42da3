//! Links out of the repository. Who writes them is whoever opens a pull request; what they lead to is the runner's.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::{OFFLINE_MODEL, sandbox};
use crate::live::{KEY, Mock};
use crate::sandbox::{EXPERIMENT, Sandbox, Seen};

const SECRET: &str = "5up3r";

/// Files of somebody else, and what they hold.
struct Outside {
    directory: TempDir,
}

impl Outside {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// Puts a link in the place of a file.
fn link(sandbox: &Sandbox, file: &str, to: &std::path::Path) {
    let file = sandbox.path(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    if file.symlink_metadata().is_ok() {
        if file.is_dir() { fs::remove_dir_all(&file).unwrap() } else { fs::remove_file(&file).unwrap() }
    }
    symlink(to, file).unwrap();
}

#[test]
fn no_file_that_is_a_link_out_is_read_shown_or_written() {
    let outside = Outside::new();
    let yaml = format!("{SECRET}: {SECRET}\n");
    let places: [(&str, String); 10] = [
        ("prompts/registry.yaml", yaml.clone()),
        ("prompts/greet/prompt.yaml", yaml.clone()),
        ("prompts/greet/prompt.lock", yaml.clone()),
        ("prompts/greet/v1.1.0.txt", format!("{SECRET} {{name}}")),
        ("prompts/greet/v1.2.0.yaml", yaml.clone()),
        ("prompts/greet/lifecycle.jsonl", String::new()),
        ("prompts/greet/tests/test_cases.yaml", yaml.clone()),
        ("prompts/greet/tests/baseline.json", yaml.clone()),
        ("prompts/greet/experiments/trial.yaml", EXPERIMENT.replace("name: trial", SECRET)),
        ("replies/greet.jsonl", format!("{{\"case\":\"{SECRET}\"}}\n")),
    ];
    let mut refused = String::new();
    for (index, (place, text)) in places.iter().enumerate() {
        let sandbox = sandbox(OFFLINE_MODEL);
        let target = outside.file(&format!("file-{index}"), text);
        link(&sandbox, place, &target);
        let mut codes = Vec::new();
        for arguments in [
            &["check"][..],
            &["eval", "--offline", "-v"],
            &["eval", "--offline", "--against-baseline"],
            &["replies", "prune"],
            &["adopt", "greet", "1.0.0", "--by", "Ada"],
            &["register", "greet", "1.1.0", "-m", "x", "--by", "Ada"],
            &["activate", "greet", "1.1.0"],
            &["experiment", "list"],
            &["baseline", "bless", "latest", "--force"],
            &["show", "greet"],
            &["status", "greet"],
            &["verify"],
        ] {
            let seen = sandbox.run(arguments);
            assert!(!seen.shown().contains(SECRET), "{place}: {arguments:?}\n{}", seen.shown());
            codes.push(seen.code.unwrap());
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), *text, "{place} was written to");
        assert_eq!(codes[..3], [2, 2, 2], "{place}");
        let shown = sandbox.run(&["eval", "--offline"]).stderr;
        let lines: Vec<&str> = shown.lines().skip_while(|line| !line.contains("leads out")).take(3).collect();
        let outside = outside.directory.path().display().to_string();
        refused += &(lines.join("\n").replace(&outside, "[OUTSIDE]") + "\n");
    }
    assert_snapshot!(refused);
}

#[test]
fn no_directory_that_is_a_link_out_is_entered() {
    for place in ["prompts/greet", "prompts/greet/tests", "prompts/greet/experiments", "replies"] {
        let outside = Outside::new();
        let donor = sandbox(OFFLINE_MODEL);
        donor.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
        let sandbox = sandbox(OFFLINE_MODEL);
        let target = outside.directory.path().join("donor");
        crate::sandbox::copy(&donor.path(place), &target);
        link(&sandbox, place, &target);
        let seen = sandbox.run(&["eval", "--offline"]);
        assert_eq!(seen.code, Some(2), "{place}: {}", seen.shown());
        assert!(seen.stderr.contains("leads out of the "), "{place}: {}", seen.shown());
        assert!(!sandbox.path(".promptassay/runs").exists(), "{place}");
    }
}

#[test]
fn data_that_prompts_share_within_the_repository_may_be_linked() {
    let sandbox = sandbox(OFFLINE_MODEL);
    sandbox.write("shared/cases.csv", "name,name_of\n");
    sandbox.write("shared/replies.jsonl", sandbox.read("replies/greet.jsonl"));
    link(&sandbox, "prompts/greet/tests/cases.csv", &sandbox.path("shared/cases.csv"));
    link(&sandbox, "replies/greet.jsonl", &sandbox.path("shared/replies.jsonl"));
    let seen = sandbox.run(&["eval", "--offline"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[test]
fn replies_are_not_recorded_through_a_link_and_nothing_is_asked_for_them() {
    let (mock, outside) = (Mock::polite(), Outside::new());
    for file in ["replies/greet.jsonl", "replies/greet.judge.jsonl"] {
        let sandbox = sandbox(&mock.row());
        let target = outside.file("mine", "");
        link(&sandbox, file, &target);
        let seen = Seen::of(sandbox.command(&["eval", "--record"]).env("TEST_KEY", KEY));
        assert_eq!(seen.code, Some(2), "{}", seen.shown());
        assert!(seen.stderr.contains("this link leads out of the repository"), "{}", seen.shown());
        assert_eq!(fs::read_to_string(&target).unwrap(), "");
    }
    mock.counters().assert_calls(0);
}

#[test]
fn what_is_ours_is_neither_made_nor_looked_for_through_a_link() {
    let outside = Outside::new();
    let sandbox = sandbox(OFFLINE_MODEL);
    // Who writes is written down in the lock.
    let precious = outside.file("precious", "precious");
    link(&sandbox, "prompts/.promptassay.lock", &precious);
    let adopted = sandbox.run(&["adopt", "greet", "1.0.0", "--by", "Ada", "--reason", "Live"]);
    assert_eq!(adopted.code, Some(4), "{}", adopted.shown());
    assert!(adopted.stderr.contains("it is a link; remove it"), "{}", adopted.shown());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    // Runs and what models said.
    for place in [".promptassay", ".promptassay/runs"] {
        link(&sandbox, place, outside.directory.path());
        let seen = sandbox.run(&["eval", "--offline"]);
        assert_eq!(seen.code, Some(2), "{place}: {}", seen.shown());
        assert!(seen.stderr.contains("leads out of the repository"), "{place}: {}", seen.shown());
        fs::remove_file(sandbox.path(place)).unwrap();
    }
    let kept: Vec<_> = fs::read_dir(outside.directory.path()).unwrap().flatten().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}
