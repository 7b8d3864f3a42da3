//! What somebody recorded, and would lose without a word.

use insta::assert_snapshot;

use super::sandbox;

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
