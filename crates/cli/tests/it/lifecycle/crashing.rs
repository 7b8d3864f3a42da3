//! A command that dies between two writes, or in the middle of one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use insta::assert_snapshot;

use super::{RECORDED, bytes, clean, copy_of, done, sandbox, session, tested};
use crate::sandbox::Sandbox;

const NOTE: &str = "prompts/greet/.lifecycle.pending";
const LOCK: &str = "prompts/greet/prompt.lock";
const LEDGER: &str = "prompts/greet/lifecycle.jsonl";
const PROMPT: &str = "prompts/greet/prompt.yaml";

type Files = BTreeMap<String, Vec<u8>>;

/// The files after each write of a command, from those before and after it: the note, the lock's row, the ledger, the mirror.
fn between(before: &Files, after: &Files, note: &str) -> Vec<(&'static str, Files)> {
    let mut states = Vec::new();
    let mut files = before.clone();
    files.insert(NOTE.to_owned(), note.as_bytes().to_vec());
    states.push(("the note", files.clone()));
    for (what, file) in [("prompt.lock", LOCK), ("the ledger", LEDGER), ("prompt.yaml", PROMPT)] {
        if before.get(file) != after.get(file) {
            files.insert(file.to_owned(), after[file].clone());
            states.push((what, files.clone()));
        }
    }
    states
}

fn put(sandbox: &Sandbox, files: &Files) {
    for file in sandbox.files("prompts") {
        fs::remove_file(sandbox.path(&file)).unwrap();
    }
    for (file, content) in files {
        sandbox.write(file, content);
    }
}

/// The note that a command leaves while it writes.
fn note(before: &Sandbox, command: &str, version: &str) -> String {
    let head = &before.json(&["status", "greet"])["head"];
    format!(
        "{{\"command\":\"{command}\",\"version\":\"{version}\",\"at\":\"2026-11-23T10:00:00Z\",\"head\":{head}}}\n"
    )
}

#[test]
fn what_a_crash_leaves_is_explained_and_finished() {
    let setups: [(&str, Sandbox, &str, &[&str]); 3] = [
        ("adopt", sandbox(RECORDED), "1.0.0", &["adopt", "greet", "1.0.0", "--by", "Ada"]),
        (
            "promote",
            {
                let sandbox = sandbox(RECORDED);
                done(&sandbox, &["adopt", "greet", "1.0.0"]);
                sandbox
            },
            "1.1.0",
            &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"],
        ),
        (
            "promote",
            {
                let sandbox = tested(RECORDED);
                done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest"]);
                sandbox
            },
            "1.1.0",
            &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest", "--by", "Ada"],
        ),
    ];
    let mut story = String::new();
    for (verb, sandbox, version, command) in setups {
        let note = note(&sandbox, verb, version);
        let before = bytes(&sandbox);
        let finished = copy_of(&sandbox);
        done_again(&finished, command);
        let after = bytes(&finished);
        for (what, files) in between(&before, &after, &note) {
            story.extend([format!("--- {} died after it wrote {what}\n", command[..3].join(" "))]);
            // `check` finishes it and says so; nothing is left to finish then.
            put(&sandbox, &files);
            let checked = sandbox.run(&["check"]);
            assert_eq!(checked.code, Some(0), "{what}\n{}", checked.shown());
            story.push_str(&clean(&sandbox, checked.stderr.split("\n\n").next().unwrap()));
            story.push('\n');
            assert!(!sandbox.path(NOTE).exists());
            assert_ne!(sandbox.run(&["verify"]).code, Some(1), "{what}");
            // Whether it happened or not, it can be as if it had.
            if files.get(LEDGER) == before.get(LEDGER) {
                done_again(&sandbox, command);
            }
            let (was, is) = (finished.json(&["status", "greet"]), sandbox.json(&["status", "greet"]));
            assert_eq!(
                (&was["production"], &was["active_version"]),
                (&is["production"], &is["active_version"])
            );
            // The next command does the same.
            put(&sandbox, &files);
            let seen = sandbox.run(&["archive", "greet", "1.2.0", "--reason", "Unused", "--by", "Ada"]);
            // What is served has to be in the ledger first.
            let never_adopted = verb == "adopt" && files.get(LEDGER) == before.get(LEDGER);
            assert_eq!(seen.code, Some(i32::from(never_adopted)), "{what}\n{}", seen.shown());
            assert!(seen.stderr.contains("was interrupted"), "{what}\n{}", seen.shown());
            assert!(!sandbox.path(NOTE).exists());
            // Whoever only looks is told.
            put(&sandbox, &files);
            let status = sandbox.run(&["status", "greet"]);
            assert!(
                status.stderr.contains("a command was interrupted, or is under way"),
                "{}",
                status.shown()
            );
        }
    }
    assert_snapshot!(story);
}

fn done_again(sandbox: &Sandbox, command: &[&str]) {
    let seen = sandbox.run(command);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[test]
fn a_torn_ledger_is_refused_until_it_is_repaired() {
    let sandbox = tested(RECORDED);
    let whole = sandbox.read(LEDGER);
    let cut = whole.rfind("\"policy\"").unwrap();
    sandbox.write(LEDGER, &whole[..cut]);
    let before = bytes(&sandbox);
    assert_snapshot!(session(
        &sandbox,
        &[
            &["archive", "greet", "1.2.0", "--by", "Ada"],
            &["verify"],
            &["resolve", "greet"],
            &["snapshot"],
            &["repair", "greet", "--dry-run"],
        ]
    ));
    assert_eq!(bytes(&sandbox), before);
    let repaired = sandbox.run(&["repair", "greet"]);
    assert_eq!(repaired.code, Some(0), "{}", repaired.shown());
    assert!(repaired.stdout.contains("cut off from line 3"), "{}", repaired.stdout);
    let two: String = whole.split_inclusive('\n').take(2).collect();
    assert_eq!(sandbox.read(LEDGER), two);
    assert_snapshot!(
        "after_the_repair",
        session(
            &sandbox,
            &[
                &["repair", "greet"],
                &["verify"],
                &["promote", "greet", "1.2.0", "--to", "testing", "--by", "Ada"],
            ]
        )
    );
}

/// An editor that takes the last line feed must not undo what is in production.
#[test]
fn a_last_line_without_its_line_feed_happened() {
    let sandbox = tested(RECORDED);
    let whole = sandbox.read(LEDGER);
    sandbox.write(LEDGER, whole.trim_end());
    assert_snapshot!(session(
        &sandbox,
        &[
            &["verify"],
            &["check"],
            &["status", "greet", "-q"],
            &["repair", "greet", "--dry-run"],
            &["repair", "greet"],
            &["verify"],
        ]
    ));
    assert_eq!(sandbox.read(LEDGER), whole);
    sandbox.write(LEDGER, whole.trim_end());
    done(&sandbox, &["archive", "greet", "1.2.0", "--reason", "Unused"]);
    assert!(sandbox.read(LEDGER).starts_with(&whole));
    assert_eq!(sandbox.run(&["verify"]).code, Some(0));
}

#[test]
fn a_repair_hides_nothing() {
    let sandbox = tested(RECORDED);
    sandbox.edit(LEDGER, "Live since spring", "Live since summer");
    let before = bytes(&sandbox);
    assert_snapshot!(session(&sandbox, &[&["repair", "greet"], &["repair", "gret"]]));
    assert_eq!(bytes(&sandbox), before);
}

#[test]
fn a_pointer_that_somebody_moved_by_hand_is_found_and_put_right() {
    let sandbox = tested(RECORDED);
    sandbox.edit(PROMPT, "v1.0.0", "v1.1.0");
    assert_snapshot!(session(
        &sandbox,
        &[&["check"], &["resolve", "greet"], &["status", "greet", "-q"], &["repair", "greet"], &["check"],]
    ));
}

/// The process is killed as soon as it has begun to write: wherever that is, the next command explains and completes it.
#[cfg(unix)]
#[test]
fn killed_while_it_writes_it_is_finished_or_never_happened() {
    let prepared = tested(RECORDED);
    done(&prepared, &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest"]);
    for attempt in 0..30 {
        let sandbox = copy_of(&prepared);
        let promote: &[&str] =
            &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest", "--by", "Ada"];
        let mut child = sandbox.command(promote).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From the note on there is something to interrupt.
        while !sandbox.path(NOTE).exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        for _ in 0..attempt * 20 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let checked = sandbox.run(&["check"]);
        assert_eq!(checked.code, Some(0), "{attempt}\n{}", checked.shown());
        let status = sandbox.json(&["status", "greet"]);
        if status["production"] == "1.0.0" {
            done_again(&sandbox, promote);
        }
        let status = sandbox.json(&["status", "greet"]);
        assert_eq!((&status["production"], &status["active_version"]), (&"1.1.0".into(), &"1.1.0".into()));
        assert_eq!(sandbox.run(&["verify"]).code, Some(0));
    }
}
