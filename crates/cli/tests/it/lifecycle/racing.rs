//! Two processes at once.

use std::process::{Child, Output, Stdio};

use super::{RECORDED, bytes, tested};
use crate::sandbox::{Sandbox, copy};

const TRIES: usize = 100;

fn promote(sandbox: &Sandbox, version: &str) -> Child {
    sandbox
        .command(&["promote", "greet", version, "--to", "production", "--evidence", "latest", "--by", "Ada"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Both have good evidence against v1.0.0; whoever is later is told that production moved, however much later that is.
#[test]
fn of_two_that_promote_at_once_one_wins_and_one_is_told() {
    let policy = RECORDED.replace('{', "{canary: optional, ");
    let prepared = tested(&policy);
    let mut winners = [0; 2];
    for attempt in 0..TRIES {
        let sandbox = Sandbox::empty();
        for directory in ["prompts", "replies", ".promptassay"] {
            copy(&prepared.path(directory), &sandbox.path(directory));
        }
        let both = ["1.1.0", "1.2.0"].map(|version| promote(&sandbox, version));
        let outputs: Vec<Output> = both.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let codes: Vec<Option<i32>> = outputs.iter().map(|output| output.status.code()).collect();
        let winner = match codes.as_slice() {
            [Some(0), Some(5)] => 0,
            [Some(5), Some(0)] => 1,
            _ => panic!("{codes:?}: {outputs:#?}"),
        };
        winners[winner] += 1;
        let won = ["1.1.0", "1.2.0"][winner];
        let error = String::from_utf8_lossy(&outputs[1 - winner].stderr).into_owned();
        assert!(
            error.contains("somebody else moved the lifecycle first")
                || error.contains("production moved from v1.0.0"),
            "{error}"
        );
        let status = sandbox.json(&["status", "greet"]);
        assert_eq!((&status["production"], &status["active_version"]), (&won.into(), &won.into()));
        // The other one left nothing behind.
        assert!(!bytes(&sandbox).keys().any(|file| file.contains("pending")), "attempt {attempt}");
    }
    assert_eq!(winners.iter().sum::<usize>(), TRIES);
}
