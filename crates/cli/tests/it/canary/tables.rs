//! What a table brings of a canary's users.

use std::fmt::Write as _;

use insta::assert_snapshot;
use jiff::Timestamp;

use super::{POLICY, backdate, canary, hours, sandbox};
use crate::sandbox::{EXPERIMENT, Sandbox};

const HEADER: &str = "unit,variant,metric,value,at\n";

fn report(sandbox: &Sandbox) -> serde_json::Value {
    let seen = sandbox.run(&["canary", "check", "greet", "--json"]);
    serde_json::from_str(&seen.stdout).unwrap_or_else(|_| panic!("{}", seen.shown()))
}

#[test]
fn a_table_brings_what_single_events_bring_and_counts_once() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    let canary = canary(&sandbox);
    let at = hours(&canary, 1);
    let (mut table, mut failing) = (HEADER.to_owned(), [0_u64; 2]);
    for unit in 0..200 {
        let arm = canary.arm(format!("u{unit}").as_bytes(), at).unwrap().name();
        let failed = u64::from(unit % 10 == 0);
        failing[usize::from(arm == "production")] += failed;
        writeln!(table, "u{unit},{arm},error,{failed},{at}").unwrap();
    }
    sandbox.write("events.csv", &table);
    let first = sandbox.run(&["import", "--canary", "greet", "events.csv"]);
    assert_eq!(first.stdout, "imported 200 exposures and 200 outcomes; 0 events were there already\n");
    let again = sandbox.run_with_input(&["import", "--canary", "greet", "-", "--as", "csv"], &table);
    assert_snapshot!(again.shown(), @"
    --- stdout
    imported 0 exposures and 0 outcomes; 400 events were there already
    --- exit 0
    ");
    let report = report(&sandbox);
    let exposed = |arm: &str| report[arm].as_u64().unwrap();
    assert_eq!(exposed("canary_exposed") + exposed("production_exposed"), 200, "{report}");
    let seen =
        ["canary_failing", "production_failing"].map(|arm| report["guardrails"][0][arm].as_u64().unwrap());
    assert_eq!(seen, failing, "{report}");
    assert_eq!(report["guardrails"][0]["failing_unexposed"], 0);
}

#[test]
fn what_the_canary_did_not_decide_is_left_out_and_counted() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    let canary = canary(&sandbox);
    let (at, early) = (hours(&canary, 1), hours(&canary, -1));
    let other = match canary.arm(b"u1", at).unwrap().name() {
        "canary" => "production",
        _ => "canary",
    };
    let rows = format!("u1,{other},,,{at}\n,canary,,,{at}\nu2,canary,error,1,{early}\n");
    sandbox.write("events.csv", HEADER.to_owned() + &rows);
    sandbox.write(
        "wrong.csv",
        format!("{HEADER}u1,treatment,,,{at}\nu1,,erorr,1,{at}\nu1,,error,2,{at}\nu1,,error,1,2999-01-01T00:00:00Z\n"),
    );
    assert_snapshot!(sandbox.session(&[
        &["import", "--canary", "greet", "events.csv"],
        &["import", "--canary", "greet", "wrong.csv"],
        &["import", "--canary", "great", "events.csv"],
        &["expose", "--canary", "greet", "-"],
        &["record", "--canary", "greet", "u9", "error", "0"],
        &["record", "--canary", "greet", "u9", "error", "1"],
    ]));
}

#[test]
fn whom_an_experiment_served_a_table_of_a_canary_leaves_out() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    let started = sandbox.run(&["experiment", "start", "trial"]);
    assert_eq!(started.code, Some(0), "{}", started.shown());
    let canary = canary(&sandbox);
    let (before, now) = (hours(&canary, 1), Timestamp::now());
    let arm = |unit: &str, at| canary.arm(unit.as_bytes(), at).unwrap().name();
    let rows = [
        format!("u1,,error,1,{now}\n"),
        format!("u1,{},,,{before}\n", arm("u1", before)),
        format!("u2,{},error,1,{now}\n", arm("u2", now)),
    ];
    let seen = sandbox.run_with_input(
        &["import", "--canary", "greet", "-", "--as", "csv"],
        HEADER.to_owned() + &rows.concat(),
    );
    assert_snapshot!(seen.shown());
    let error = &report(&sandbox)["guardrails"][0];
    let failing = error["canary_failing"].as_u64().unwrap() + error["production_failing"].as_u64().unwrap();
    assert_eq!(failing, 1, "{error}");
}
