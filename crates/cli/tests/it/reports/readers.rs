//! Readers of reports that are not ours. Where one is not installed, its tests say loudly that they skip.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// XML with a line for each element.
pub(crate) fn lines(xml: &str) -> String {
    xml.replace("><", ">\n<")
}

/// The same of a run that was made just now: without its date.
pub(crate) fn dateless_lines(xml: &str) -> String {
    let date = regex::Regex::new(r#"timestamp="20[^"]*""#).unwrap();
    date.replace_all(&lines(xml), "timestamp=\"[TIME]\"").into_owned()
}

/// Has `xmllint` check a JUnit report against the schema.
pub(crate) fn check_junit(path: &Path) {
    let schema = root().join("fixtures/junit.xsd");
    let linted =
        Command::new("xmllint").args(["--noout", "--huge", "--schema"]).arg(schema).arg(path).output();
    if let Ok(output) = linted {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        skipped!("SKIPPED: xmllint is not installed; {} was not checked by it", path.display());
    }
}

/// What Python's `junitparser` reads; `None` where it is not installed.
pub(crate) fn junitparser(path: &Path) -> Option<Value> {
    let output = python("read_junit.py", path)?;
    if String::from_utf8_lossy(&output.stderr).contains("No module named 'junitparser'") {
        skipped!("SKIPPED: Python's junitparser is not installed; {} was not read by it", path.display());
        return None;
    }
    Some(read(&output))
}

/// The rows of a table as Python's `csv` reads them; `None` where Python is not installed.
pub(crate) fn csv_rows(path: &Path) -> Option<Value> {
    python("read_csv.py", path).map(|output| read(&output))
}

fn read(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python(script: &str, path: &Path) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/reports").join(script);
    let output = Command::new("python3").arg(script).arg(path).output();
    if output.is_err() {
        skipped!("SKIPPED: python3 is not installed; {} was not read by it", path.display());
    }
    output.ok()
}
