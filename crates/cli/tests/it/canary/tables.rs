//! What a table brings of a canary's users.

use std::fmt::Write as _;

use insta::assert_snapshot;
use jiff::Timestamp;
use promptassay_experiments::store::{Phase, SqliteStore, Store as _};

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

/// What an import into a store of its own leaves there: what it printed, and exposures and failures of the canary and of production.
fn brought(sandbox: &Sandbox, name: &str, rows: &[String], is_piped: bool) -> (String, [u64; 4]) {
    let (file, store) = (format!("{name}.csv"), format!("{name}.db"));
    let table = HEADER.to_owned() + &rows.concat();
    sandbox.write(&file, &table);
    let arguments = ["import", "--canary", "greet", "--as", "csv", "--store", &store];
    let seen = if is_piped {
        sandbox.run_with_input(&[&arguments[..], &["-"]].concat(), table)
    } else {
        sandbox.run(&[&arguments[..], &[&file]].concat())
    };
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    let checked = sandbox.run(&["canary", "check", "greet", "--json", "--store", &store]);
    let report: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    let error = &report["guardrails"][0];
    let numbers = [
        &report["canary_exposed"],
        &report["production_exposed"],
        &error["canary_failing"],
        &error["production_failing"],
    ];
    (seen.shown(), numbers.map(|number| number.as_u64().unwrap()))
}

/// A service that never read the canary serves everybody production, and what fails then is no failure of the canary.
#[test]
fn what_became_of_users_whom_something_else_served_is_left_out_with_them() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    let canary = canary(&sandbox);
    let (at, later) = (hours(&canary, 1), hours(&canary, 2));
    let is_of_canary =
        |unit: usize| canary.arm(format!("u{unit}").as_bytes(), at).unwrap().name() == "canary";
    let others = (0..400).filter(|unit| is_of_canary(*unit)).count() as u64;
    let failed = |unit: usize| u8::from(is_of_canary(unit));
    let together: Vec<String> =
        (0..400).map(|unit| format!("u{unit},production,error,{},{at}\n", failed(unit))).collect();
    let outcomes = (0..400).map(|unit| format!("u{unit},,error,{},{later}\n", failed(unit)));
    let exposures = (0..400).map(|unit| format!("u{unit},production,,,{at}\n"));
    let apart: Vec<String> = outcomes.chain(exposures).collect();
    for (name, rows) in [("together", together), ("apart", apart)] {
        for is_piped in [false, true] {
            let name = format!("{name}-{is_piped}");
            let (said, seen) = brought(&sandbox, &name, &rows, is_piped);
            assert_eq!(seen, [0, 400 - others, 0, 0], "{said}");
            let taken = format!("imported {0} exposures and {0} outcomes;", 400 - others);
            let left_out = format!("{} events are left out: the canary gives another arm", 2 * others);
            assert!(said.contains(&taken) && said.contains(&left_out), "{said}");
        }
    }
}

#[test]
fn an_outcome_counts_for_what_its_user_was_served_last() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    let canary = canary(&sandbox);
    let unit = (0..100)
        .map(|unit| format!("u{unit}"))
        .find(|unit| canary.arm(unit.as_bytes(), hours(&canary, 1)).unwrap().name() == "canary");
    let unit = unit.unwrap();
    let exposed = |hour, arm: &str| format!("{unit},{arm},,,{}\n", hours(&canary, hour));
    let failed = |hour| format!("{unit},,error,1,{}\n", hours(&canary, hour));
    for (name, rows, failing) in [
        ("before", [failed(1), exposed(2, "production"), exposed(3, "canary")], 1),
        ("between", [exposed(1, "production"), failed(2), exposed(3, "canary")], 0),
        ("after", [exposed(1, "production"), exposed(2, "canary"), failed(3)], 1),
        ("other", [exposed(1, "canary"), exposed(2, "production"), failed(3)], 0),
    ] {
        let (said, seen) = brought(&sandbox, name, &rows, false);
        assert_eq!(seen, [1, 0, failing, 0], "{name} {said}");
    }
}

/// The experiment `trial`, whose phase 1 ran from the first hour of the canary to the sixth, and phase 2 from then on.
fn two_phases(sandbox: &Sandbox) {
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    let started = sandbox.run(&["experiment", "start", "trial"]);
    assert_eq!(started.code, Some(0), "{}", started.shown());
    let canary = canary(sandbox);
    let mut store = SqliteStore::open(&sandbox.path("data/experiments.db")).unwrap();
    let started = store.phases("trial").unwrap().remove(0);
    let stopped = Some((hours(&canary, 6), "phase 2 began".to_owned()));
    let first = Phase { started_at: hours(&canary, 1), stopped, ..started.clone() };
    let second = Phase { phase: 2, started_at: hours(&canary, 6), ..started };
    store.put_phase("trial", &first).unwrap();
    store.put_phase("trial", &second).unwrap();
    sandbox.edit("prompts/greet/experiments/trial.yaml", "window:", "phase: 2\nwindow:");
}

#[test]
fn whom_an_earlier_phase_served_no_canary_served() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    two_phases(&sandbox);
    let canary = canary(&sandbox);
    let import = |hour: i64| {
        let at = hours(&canary, hour);
        let row = |unit: String| {
            format!("{unit},{},error,1,{at}\n", canary.arm(unit.as_bytes(), at).unwrap().name())
        };
        let rows: String = (0..20).map(|unit| row(format!("u{hour}-{unit}"))).collect();
        sandbox
            .run_with_input(&["import", "--canary", "greet", "-", "--as", "csv"], HEADER.to_owned() + &rows)
    };
    let then = hours(&canary, 3).to_string();
    let resolved = sandbox.json(&["resolve", "greet", "--unit", "u1", "--at", &then]);
    assert_eq!(
        (&resolved["decision"]["by"], &resolved["decision"]["experiment"]),
        (&"experiment".into(), &"trial".into())
    );
    assert_eq!(sandbox.run(&["expose", "--canary", "greet", "u1", "--at", &then]).stdout, "-\n");
    let record = ["record", "--canary", "greet", "u1", "error", "1", "--at", &then];
    assert_eq!(sandbox.json(&record)["recorded"], false);
    let mut seen = String::new();
    let mut look = |what: &str, hour: i64| {
        writeln!(seen, "## {what}\n{}", import(hour).shown()).unwrap();
    };
    look("in phase 1", 3);
    look("in phase 2", 7);
    // What is another experiment by now says of neither phase whom it served.
    sandbox.edit("prompts/greet/experiments/trial.yaml", "v1.1.0, weight: 50", "v1.1.0, weight: 60");
    look("in phase 1, changed since", 4);
    look("in phase 2, changed since", 8);
    let resolved = sandbox.run(&["resolve", "greet", "--unit", "u1", "--at", &then]);
    std::fs::remove_file(sandbox.path("prompts/greet/experiments/trial.yaml")).unwrap();
    look("in phase 2, gone", 9);
    look("in phase 1, gone", 5);
    let stopped = sandbox.run(&["experiment", "stop", "trial", "--reason", "over"]);
    assert_eq!(stopped.code, Some(0), "{}", stopped.shown());
    look("in phase 2, stopped and gone", 10);
    look("before phase 1", 0);
    writeln!(seen, "## resolve, changed since\n{}", resolved.stderr).unwrap();
    assert_snapshot!(sandbox.clean(&seen));
}
