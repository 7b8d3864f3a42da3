//! Clocks that were set back or ahead between two commands. What stands in files is moved instead of the clock.

use std::fs;

use jiff::{SignedDuration, Timestamp};

use super::{OFFLINE_MODEL, sandbox};
use crate::canary::backdate;
use crate::sandbox::{EXPERIMENT, Sandbox, Seen};

fn done(sandbox: &Sandbox, arguments: &[&str]) -> Seen {
    let seen = sandbox.run(arguments);
    assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
    seen
}

fn with_canary() -> Sandbox {
    let sandbox = sandbox(OFFLINE_MODEL);
    done(&sandbox, &["adopt", "greet", "1.0.0", "--by", "Ada"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"]);
    done(&sandbox, &["eval", "--offline"]);
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "50", "--evidence", "latest", "--by", "Ada"]);
    sandbox
}

/// How many of a hundred users get the canary.
fn served(sandbox: &Sandbox) -> usize {
    let served = |unit: usize| {
        let unit = format!("u{unit}");
        done(sandbox, &["resolve", "greet", "--unit", &unit, "--format", "json"]).stdout.contains("1.1.0")
    };
    (0..20).filter(|unit| served(*unit)).count()
}

#[test]
fn a_ledger_from_tomorrow_is_read_and_gone_on_with_and_its_order_stays() {
    let sandbox = with_canary();
    // As if the clock had been set back by two days since.
    backdate(&sandbox, -48);
    let verified = sandbox.run(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.shown());
    let moved = sandbox.run(&["rollback", "greet", "--reason", "Wrong", "--by", "Ada"]);
    let aborted = sandbox.run(&["abort", "greet", "--reason", "Wrong", "--by", "Ada"]);
    assert!([moved.code, aborted.code].contains(&Some(0)), "{}\n{}", moved.shown(), aborted.shown());
    // The order of the lines is what counts, and that the times go back is said.
    let verified = sandbox.run(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.shown());
    assert!(verified.stderr.contains("warning:"), "{}", verified.shown());
    assert_eq!(sandbox.json(&["status", "greet"])["canary"], serde_json::Value::Null);
    assert_eq!(served(&sandbox), 0);
}

#[test]
fn a_canary_is_served_until_it_expires_whichever_way_the_clock_jumps() {
    let sandbox = with_canary();
    let at_first = served(&sandbox);
    assert!(at_first > 0);
    // Set back by an hour: the canary began in the future, and the same users get it.
    backdate(&sandbox, -1);
    assert_eq!(served(&sandbox), at_first);
    // Set ahead by a month: it is over, for everybody.
    backdate(&sandbox, 1 + 31 * 24);
    assert_eq!(served(&sandbox), 0);
    let promoted = sandbox.run(&[
        "promote",
        "greet",
        "1.1.0",
        "--to",
        "production",
        "--evidence",
        "latest",
        "--by",
        "Ada",
    ]);
    assert_eq!(promoted.code, Some(1), "{}", promoted.shown());
}

/// The latest run as if it had been made so many hours later.
fn postpone(sandbox: &Sandbox, hours: i64) -> String {
    let runs = sandbox.path(".promptassay/runs");
    let run = fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let id = run.file_name().unwrap().to_str().unwrap().to_owned();
    // The first 48 bits of a version 7 UUID are milliseconds.
    let milliseconds =
        i64::from_str_radix(&(id[..8].to_owned() + &id[9..13]), 16).unwrap() + hours * 3_600_000;
    let digits = format!("{milliseconds:012x}");
    let later = format!("{}-{}{}", &digits[..8], &digits[8..], &id[13..]);
    let now = Timestamp::from_millisecond(milliseconds).unwrap();
    let started = now.checked_sub(SignedDuration::from_hours(hours)).unwrap();
    for file in ["run.json", "evidence.json"] {
        let path = run.join(file);
        let text = fs::read_to_string(&path).unwrap().replace(&id, &later);
        let day = |time: Timestamp| time.to_string()[..10].to_owned();
        fs::write(&path, text.replace(&day(started), &day(now))).unwrap();
    }
    fs::rename(&run, runs.join(&later)).unwrap();
    later
}

#[test]
fn the_latest_run_is_the_one_that_was_made_last() {
    let sandbox = sandbox(OFFLINE_MODEL);
    done(&sandbox, &["eval", "--offline"]);
    // As if the clock had been set back by two days since.
    let from_the_future = postpone(&sandbox, 48);
    assert!(done(&sandbox, &["runs", "list"]).stdout.contains(&from_the_future[..13]));
    sandbox.edit("replies/greet.jsonl", "Thank you", "No");
    let seen = sandbox.run(&["eval", "--offline"]);
    assert_eq!(seen.code, Some(4), "nothing passes: {}", seen.shown());
    let again = sandbox.run(&["report"]);
    assert_eq!((again.code, &again.stdout), (seen.code, &seen.stdout));
    let listed = sandbox.json(&["runs", "list"]);
    assert_eq!(listed.as_array().map_or(2, Vec::len), 2, "{listed}");
}

#[test]
fn evidence_from_the_future_proves_nothing() {
    let sandbox = sandbox(OFFLINE_MODEL);
    done(&sandbox, &["adopt", "greet", "1.0.0", "--by", "Ada"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"]);
    done(&sandbox, &["eval", "--offline"]);
    postpone(&sandbox, 48);
    let canary = ["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest", "--by", "Ada"];
    let seen = sandbox.run(&canary);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert!(seen.stderr.contains("from the future"), "{}", seen.shown());
    done(&sandbox, &["eval", "--offline"]);
    done(&sandbox, &canary);
}

#[test]
fn an_experiment_that_begins_in_the_future_exposes_nobody() {
    let sandbox = sandbox(OFFLINE_MODEL);
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    for version in ["1.0.0", "1.1.0"] {
        done(&sandbox, &["register", "greet", version, "-m", "To try", "--by", "Ada"]);
    }
    done(&sandbox, &["experiment", "start", "trial"]);
    done(&sandbox, &["expose", "trial", "u1"]);
    let seen = sandbox.run(&["expose", "trial", "u2", "--at", "2001-01-01T00:00:00Z"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(seen.stderr.contains("begins at"), "{}", seen.shown());
}
