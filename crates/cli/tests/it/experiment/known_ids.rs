//! What comes under an id that is known.

use insta::assert_snapshot;

use super::sandbox;

const HEADER: &str = "unit,variant,metric,value,at,id\n";

#[test]
fn another_value_under_a_known_id_is_counted_apart_and_named() {
    let sandbox = sandbox();
    let rows = |value: &str, at: &str| {
        format!(
            "{HEADER}u1,control,,,{at},\nu1,,cost,{value},2026-01-03T00:00:00Z,pay-1\nu1,,cost,2,2026-01-03T00:00:00Z,pay-2\n"
        )
    };
    sandbox.write("first.csv", rows("1", "2026-01-02T12:00:00Z"));
    sandbox.write("corrected.csv", rows("7", "2026-01-02T00:00:00Z"));
    let bills = (0..30).map(|bill| format!("u1,,cost,{bill},2026-01-03T00:00:00Z,pay-1\n"));
    sandbox.write("bills.csv", HEADER.to_owned() + &bills.collect::<String>());
    let record = ["record", "trial", "u1", "cost", "3", "--id", "pay-2", "--at", "2026-01-03T00:00:00Z"];
    let shown = sandbox.session(&[
        &["import", "trial", "first.csv"],
        &["import", "trial", "corrected.csv"],
        &["import", "trial", "corrected.csv", "--json"],
        &record,
        &[&record[..], &["--json"]].concat(),
        &["analyze", "trial", "--from", "bills.csv", "--quiet"],
    ]);
    assert_snapshot!(shown);
    let many = sandbox.run(&["import", "trial", "bills.csv"]);
    assert_eq!(many.code, Some(0), "{}", many.shown());
    let named = many.stderr.lines().filter(|line| line.starts_with("warning: `cost` of `u1`")).count();
    assert!(named <= 20 && many.stderr.contains("and so are 9 more"), "{}", many.shown());
    // Nothing of it is in the store.
    let kept: Vec<String> = sandbox
        .run(&["export", "trial", "--as", "csv"])
        .stdout
        .lines()
        .filter(|line| line.contains("pay-"))
        .map(|line| line.split(',').find(|cell| cell.parse::<f64>().is_ok()).unwrap().to_owned())
        .collect();
    assert_eq!(kept, ["1", "2"]);
}
