//! Every number of an analysis against an independent computation in Python (`reference/analyze.py`), from every store.

use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use promptassay_experiments::analysis::{Analysis, Method, analyze};
use promptassay_experiments::definition::{Experiment, Owner};
use promptassay_experiments::event::Event;
use promptassay_experiments::store::{Location, SqliteStore, Store, open};
use promptassay_experiments::table::{TableFormat, read};
use promptassay_registry::yaml::Document;
use serde_json::Value;

use crate::postgres_server::PostgresServer;

const SETS: [(&str, &str); 3] = [
    ("rates", "resolved: {kind: binary, role: primary, direction: higher}"),
    (
        "means",
        "spent: {kind: mean, role: primary, direction: higher, per_unit: sum, cap: 90, covariate: spent_before}",
    ),
    (
        "ratio",
        "error_rate: {kind: ratio, role: primary, direction: lower, numerator: errors, denominator: requests}",
    ),
];

fn experiment(metric: &str, units: u64) -> Experiment {
    let text = format!(
        "name: e\nvariants:\n- {{name: control, version: 1.0.0}}\n- {{name: treatment, version: 1.0.0}}\nseed: 000102030405060708090a0b0c0d0e0f\nwindow: 1d\nmetrics:\n  {metric}\nplan: {{units: {units}}}\n"
    );
    let mut problems = Vec::new();
    let document = Document::parse("e.yaml", text, &mut problems).unwrap();
    let owner = Owner { prompt: &"p".parse().unwrap(), versions: &["1.0.0".parse().unwrap()] };
    let experiment = Experiment::read(&document, owner, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    experiment.unwrap()
}

fn events(set: &str) -> Vec<Event> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("reference/{set}.csv"));
    let mut events = Vec::new();
    let input = BufReader::new(std::fs::File::open(path).unwrap());
    read(TableFormat::Csv, input, "e", 1, &mut |line, event| {
        events.push(event.unwrap_or_else(|reason| panic!("line {line}: {reason}")));
        ControlFlow::Continue(())
    });
    events
}

fn close(actual: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let tolerance = 1e-9 * expected.abs().max(1.0);
    assert!((actual - expected).abs() <= tolerance, "{what}: {actual}, expected {expected}");
}

fn agrees(set: &str, analysis: &Analysis, expected: &Value, at: &str) {
    let metric = &analysis.metrics[0];
    for (index, arm) in metric.arms.iter().enumerate() {
        assert_eq!(arm.with_value, expected["units"][index].as_u64().unwrap(), "{set}");
        close(arm.estimate.unwrap(), &expected["estimates"][index], set);
    }
    let comparison = &metric.comparisons[0];
    let interval = comparison.interval.unwrap();
    assert_eq!(interval.method == Method::AlwaysValid, at == "at_look", "{set}");
    close(comparison.difference.unwrap(), &expected[at]["difference"], set);
    close(interval.lower, &expected[at]["lower"], set);
    close(interval.upper, &expected[at]["upper"], set);
    if let Some(p) = expected[at].get("p_value") {
        close(interval.p_value, p, set);
    }
    if at == "at_end"
        && let Some(lift) = expected.get("lift")
    {
        let seen = comparison.lift.unwrap();
        close(seen.lift, &lift["lift"], set);
        close(seen.lower, &lift["lower"], set);
        close(seen.upper, &lift["upper"], set);
    }
}

/// All sets in this store, at the planned end and before it.
fn check(store: &mut dyn Store, set: &str, metric: &str) -> Vec<Analysis> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/expected.json"))
        .unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let expected = &expected[set];
    store.write(&events(set)).unwrap();
    let units: u64 = expected["units"].as_array().unwrap().iter().map(|units| units.as_u64().unwrap()).sum();
    let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    // As many units as there are: the planned end. More: a look before it.
    [(units, "at_end"), (1200, "at_look")]
        .map(|(planned, at)| {
            let analysis = analyze(&experiment(metric, planned), store, 1, now).unwrap();
            agrees(set, &analysis, expected, at);
            analysis
        })
        .to_vec()
}

/// Databases add up a unit's values in another order, which may move the last digits and nothing else.
fn same_numbers(there: &Value, here: &Value) {
    match (there, here) {
        (Value::Number(_), Value::Number(_)) => {
            let (there, here) = (there.as_f64().unwrap(), here.as_f64().unwrap());
            assert!((there - here).abs() <= 1e-13 * here.abs().max(1.0), "{there} and {here}");
        }
        (Value::Array(there), Value::Array(here)) => {
            assert_eq!(there.len(), here.len());
            there.iter().zip(here).for_each(|(there, here)| same_numbers(there, here));
        }
        (Value::Object(there), Value::Object(here)) => {
            assert!(there.keys().eq(here.keys()));
            there.values().zip(here.values()).for_each(|(there, here)| same_numbers(there, here));
        }
        _ => assert_eq!(there, here),
    }
}

#[test]
fn every_number_agrees_from_sqlite() {
    for (set, metric) in SETS {
        check(&mut SqliteStore::in_memory().unwrap(), set, metric);
    }
}

#[test]
fn every_number_agrees_from_postgresql() {
    let Some(server) = PostgresServer::start() else { return };
    for (set, metric) in SETS {
        let there =
            check(open(&Location::parse(&server.database(set)).unwrap()).unwrap().as_mut(), set, metric);
        let here = check(&mut SqliteStore::in_memory().unwrap(), set, metric);
        for (there, here) in there.iter().zip(&here) {
            let shown = promptassay_experiments::analysis::terminal;
            assert_eq!(shown(there), shown(here));
            same_numbers(&serde_json::to_value(there).unwrap(), &serde_json::to_value(here).unwrap());
        }
    }
}
