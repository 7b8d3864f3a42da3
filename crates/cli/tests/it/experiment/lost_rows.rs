//! What somebody recorded, and would lose without a word.

use insta::assert_snapshot;

use super::{TRIAL, sandbox};

#[test]
fn a_dash_is_no_id_where_nothing_is_read_from_standard_input() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.session(&[
        &["experiment", "start", "trial"],
        &["expose", "trial", "-"],
        &["record", "trial", "-", "resolved", "1"],
    ]));
}

#[test]
fn a_value_without_a_metric_is_not_lost() {
    let sandbox = sandbox();
    sandbox.write("rows.csv", "unit,variant,metric,value,at\nu1,control,,1,2026-01-02T00:00:00Z\nu2,control,,,2026-01-02T00:00:00Z\n");
    sandbox.write(
        "rows.jsonl",
        "{\"unit\": \"u1\", \"variant\": \"control\", \"value\": 1, \"at\": \"2026-01-02T00:00:00Z\"}\n",
    );
    assert_snapshot!(
        sandbox.session(&[&["import", "trial", "rows.csv"], &["import", "trial", "rows.jsonl"]])
    );
}

#[test]
fn what_is_no_table_or_an_empty_one_is_said_to_be_that() {
    let sandbox = sandbox();
    let row = "unit,variant,at\nu1,control,2026-01-02T00:00:00Z\n";
    let list = r#"["u1",null,1,"control",null,null,"2026-01-02T00:00:00Z",null,null]"#;
    sandbox.write("semicolons.csv", row.replace(',', ";")).write("tabs.csv", row.replace(',', "\t"));
    sandbox.write("lists.jsonl", format!("{list}\n[]\n")).write("table.jsonl", row);
    sandbox.write("header.csv", "unit,variant,at\n").write("empty.jsonl", "");
    let names = ["semicolons.csv", "tabs.csv", "lists.jsonl", "table.jsonl", "header.csv", "empty.jsonl"];
    assert_snapshot!(
        sandbox.session(&names.map(|name| ["import", "trial", name]).each_ref().map(|command| &command[..]))
    );
}

#[test]
fn a_directory_is_no_store() {
    let sandbox = sandbox();
    std::fs::create_dir(sandbox.path("data")).unwrap();
    let at = ["--store", "data"];
    assert_snapshot!(sandbox.session(&[
        &[&["experiment", "list"][..], &at].concat(),
        &[&["record", "trial", "u1", "resolved", "1"][..], &at].concat(),
    ]));
}

#[test]
fn an_exposure_of_a_phase_that_is_still_to_come_is_pointed_out() {
    let sandbox = sandbox();
    let rows = "unit,phase,variant,at\nu1,1,control,2026-01-02T00:00:00Z\nu2,9,control,2026-01-02T00:00:00Z\nu3,9,other,2026-01-02T00:00:00Z\n";
    sandbox.write("rows.csv", rows);
    assert_snapshot!(
        "of_a_phase_to_come",
        sandbox.session(&[&["import", "trial", "rows.csv"], &["import", "trial", "data", "--as", "csv"],])
    );
    sandbox.edit(TRIAL, "window:", "phase: 9\nwindow:");
    sandbox.edit("rows.csv", "other", "treatment");
    let seen = sandbox.run(&["import", "trial", "rows.csv"]);
    assert!(seen.code == Some(0) && seen.stderr.is_empty(), "{}", seen.shown());
}

#[test]
fn exposures_of_before_the_start_are_pointed_out_when_they_are_brought() {
    let sandbox = sandbox();
    sandbox.write(
        "rows.csv",
        "unit,variant,at\nu1,control,2026-01-02T00:00:00Z\nu2,control,2026-01-02T00:00:00Z\n",
    );
    assert_snapshot!(sandbox.session(&[
        &["import", "trial", "rows.csv"],
        &["experiment", "start", "trial"],
        &["import", "trial", "rows.csv"],
    ]));
}

#[test]
fn a_table_without_a_row_is_said_to_be_that_beside_other_warnings() {
    let seen = sandbox().run_with_input(&["import", "trial", "-", "--as", "csv"], "unit,variant,at,foo\n");
    assert!(
        seen.stderr.contains("`foo`") && seen.stderr.contains("there is no row in it"),
        "{}",
        seen.shown()
    );
}

/// Both within the second, as a script has it.
#[test]
fn whoever_was_exposed_right_before_the_stop_is_in() {
    let sandbox = sandbox();
    let exposed = |unit: &str| assert_eq!(sandbox.run(&["expose", "trial", unit]).code, Some(0));
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    exposed("u1");
    sandbox.edit(TRIAL, "window:", "phase: 2\nwindow:");
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    exposed("u2");
    assert_eq!(sandbox.run(&["experiment", "stop", "trial", "--reason", "Enough"]).code, Some(0));
    for phase in ["1", "2"] {
        let seen = sandbox.run(&["analyze", "trial", "--phase", phase, "--json"]);
        let analysis: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
        assert_eq!(analysis["progress"]["units"], 1, "phase {phase} {}", seen.shown());
        assert_eq!(analysis["health"]["findings"], serde_json::json!([]), "phase {phase} {}", seen.shown());
    }
}
