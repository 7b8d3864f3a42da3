//! Parity with the golden values: the given ones in `stats.json` and the computed ones in
//! `stats_computed.json`.

mod distributions;
mod experiments;
mod planning;
mod verdict;

use promptassay_stats::Undefined;
use serde_json::Value;

const GIVEN: &str = include_str!("../../../../fixtures/golden/stats.json");
const COMPUTED: &str = include_str!("../../../../fixtures/golden/stats_computed.json");

/// One golden row, and the comparisons made against it.
struct Row {
    name: String,
    method: String,
    inputs: Value,
    expected: Value,
    relative: f64,
    absolute: f64,
}

impl Row {
    fn number(&self, input: &str) -> f64 {
        self.inputs[input].as_f64().unwrap_or_else(|| panic!("{}: no number {input}", self.name))
    }

    fn count(&self, input: &str) -> u64 {
        self.inputs[input].as_u64().unwrap_or_else(|| panic!("{}: no count {input}", self.name))
    }

    fn numbers(&self, input: &str) -> Vec<f64> {
        numbers(&self.inputs[input])
    }

    fn lists(&self, input: &str) -> Vec<Vec<f64>> {
        self.inputs[input].as_array().expect("lists").iter().map(numbers).collect()
    }

    fn expects(&self, field: &str) -> bool {
        !self.expected[field].is_null()
    }

    /// Compares one field of the expected object.
    fn check(&self, field: &str, got: f64) -> Result<(), String> {
        let expected =
            self.expected[field].as_f64().ok_or(format!("{}: nothing expected for {field}", self.name))?;
        self.compare(field, got, expected)
    }

    /// Compares one expected pair, an interval.
    fn check_pair(&self, field: &str, lower: f64, upper: f64) -> Result<(), String> {
        let pair = numbers(&self.expected[field]);
        self.compare(field, lower, pair[0])?;
        self.compare(field, upper, pair[1])
    }

    fn compare(&self, field: &str, got: f64, expected: f64) -> Result<(), String> {
        let allowed = self.absolute.max(self.relative * expected.abs());
        let off = (got - expected).abs();
        if off <= allowed {
            Ok(())
        } else {
            let relative = off / expected.abs();
            Err(format!(
                "{} {field}: got {got:e}, expected {expected:e}, off by {relative:.1e} relative",
                self.name
            ))
        }
    }
}

/// A result of the crate, with the row's name in the error.
fn named<T>(row: &Row, result: Result<T, Undefined>) -> Result<T, String> {
    result.map_err(|reason| format!("{}: {reason}", row.name))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn rows() -> Vec<Row> {
    [GIVEN, COMPUTED]
        .iter()
        .flat_map(|text| {
            let document: Value = serde_json::from_str(text).expect("golden values are JSON");
            document["cases"].as_array().expect("cases").clone()
        })
        .map(|case| Row {
            name: case["name"].as_str().expect("name").to_owned(),
            method: case["method"].as_str().expect("method").to_owned(),
            inputs: case["inputs"].clone(),
            expected: case["expected"].clone(),
            relative: case["tolerance"]["rel"].as_f64().unwrap_or(0.0),
            absolute: case["tolerance"]["abs"].as_f64().unwrap_or(0.0),
        })
        .collect()
}

/// Runs `check` on every row of the given methods, reports all that are off, and insists on having seen each
/// method.
fn parity(methods: &[&str], check: impl Fn(&Row) -> Result<(), String>) {
    let rows = rows();
    let mut off = Vec::new();
    for method in methods {
        let mut seen = 0;
        for row in rows.iter().filter(|row| row.method == *method) {
            seen += 1;
            off.extend(check(row).err());
        }
        assert!(seen > 0, "no golden row for {method}");
    }
    assert!(off.is_empty(), "{} values are off:\n{}", off.len(), off.join("\n"));
}
