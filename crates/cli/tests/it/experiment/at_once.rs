//! Two processes at once: the store decides in one transaction who was first.

use std::process::Stdio;

use super::{TRIAL, sandbox};
use crate::sandbox::{EXPERIMENT, Sandbox, Seen, copy};

const TRIES: usize = 15;

const STOP: [&str; 5] = ["experiment", "stop", "trial", "--reason", "harm"];

/// The same files, its store too.
fn again(prepared: &Sandbox) -> Sandbox {
    let sandbox = Sandbox::empty();
    for directory in ["prompts", "data"].into_iter().filter(|directory| prepared.path(directory).exists()) {
        copy(&prepared.path(directory), &sandbox.path(directory));
    }
    sandbox
}

fn at_once(sandbox: &Sandbox, commands: [&[&str]; 2]) -> [Seen; 2] {
    let begin = |command: &[&str]| {
        sandbox.command(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = commands.map(begin);
    both.map(|child| Seen::from(child.wait_with_output().unwrap()))
}

fn codes(both: &[Seen; 2]) -> [Option<i32>; 2] {
    both.each_ref().map(|seen| seen.code)
}

fn state(sandbox: &Sandbox) -> serde_json::Value {
    sandbox.json(&["experiment", "list"])[0]["state"].clone()
}

#[test]
fn of_two_experiments_of_a_prompt_that_start_at_once_one_is_refused() {
    let prepared = sandbox();
    let other = EXPERIMENT.replace("name: trial", "name: other").replace("0e0f", "0e10");
    prepared.write("prompts/greet/experiments/other.yaml", other);
    // With a store that one of them makes, and with one that is there.
    let with_store = again(&prepared);
    assert_eq!(with_store.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_eq!(with_store.run(&STOP).code, Some(0));
    with_store.edit(TRIAL, "seed:", "phase: 2\nseed:");
    for prepared in [prepared, with_store].iter().cycle().take(TRIES) {
        let sandbox = again(prepared);
        let both = at_once(&sandbox, [&["experiment", "start", "trial"], &["experiment", "start", "other"]]);
        let refused = match codes(&both) {
            [Some(0), Some(2)] => &both[1],
            [Some(2), Some(0)] => &both[0],
            codes => panic!("{codes:?}: {}{}", both[0].shown(), both[1].shown()),
        };
        assert!(refused.stderr.contains("two on one prompt cannot both decide"), "{}", refused.shown());
        assert_eq!(sandbox.run(&["resolve", "greet", "--unit", "u1"]).code, Some(0));
    }
}

#[test]
fn a_stop_beside_a_start_is_not_lost() {
    let prepared = sandbox();
    prepared.edit(TRIAL, "seed:", "exposure: 0.5\nseed:");
    assert_eq!(prepared.run(&["experiment", "start", "trial"]).code, Some(0));
    for round in 0..TRIES {
        let sandbox = again(&prepared);
        // One that widens, and one that finds it running.
        if round % 2 == 0 {
            sandbox.edit(TRIAL, "exposure: 0.5", "exposure: 1");
        }
        let both = at_once(&sandbox, [&["experiment", "start", "trial"], &STOP]);
        assert_eq!(both[1].code, Some(0), "{}", both[1].shown());
        assert_eq!(state(&sandbox), "stopped", "{}{}", both[0].shown(), both[1].shown());
        let refused = "was stopped at";
        assert!(both[0].code == Some(0) || both[0].stderr.contains(refused), "{}", both[0].shown());
    }
}

#[test]
fn of_two_stops_at_once_the_second_is_refused() {
    let prepared = sandbox();
    assert_eq!(prepared.run(&["experiment", "start", "trial"]).code, Some(0));
    for _ in 0..TRIES {
        let sandbox = again(&prepared);
        let both = at_once(&sandbox, [&STOP, &["experiment", "stop", "trial", "--reason", "enough"]]);
        let won = match codes(&both) {
            [Some(0), Some(2)] => "harm",
            [Some(2), Some(0)] => "enough",
            codes => panic!("{codes:?}: {}{}", both[0].shown(), both[1].shown()),
        };
        assert_eq!(sandbox.json(&["experiment", "list"])[0]["phases"][0]["reason"], won);
    }
}
