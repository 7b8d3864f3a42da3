//! The recorded runs of `fixtures/runs`: whole reports in every format, and every number of them recomputed by another path.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::reports::{FORMATS, readers};
use crate::sandbox::{Sandbox, Seen};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs")
}

/// The runs, by name.
fn names() -> Vec<String> {
    let entries = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("run").is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 13, "{names:?}");
    names
}

/// A repository with a recorded run in it.
fn copied(name: &str) -> Sandbox {
    let sandbox = Sandbox::empty();
    let mut open = vec![fixtures().join(name)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let relative = path.strip_prefix(fixtures().join(name)).unwrap().to_str().unwrap().to_owned();
                sandbox.write(&relative, fs::read(&path).unwrap());
            }
        }
    }
    sandbox
}

/// All reports of a run, in files `report.FORMAT`.
fn report(sandbox: &Sandbox) -> Seen {
    let mut arguments = vec!["report", "run"];
    let requested = FORMATS.map(|format| format!("{format}=report.{format}"));
    arguments.extend(requested.iter().flat_map(|requested| ["--report", requested]));
    if sandbox.path("prompts/greet/tests/baseline.json").exists() {
        arguments.push("--against-baseline");
    }
    let seen = sandbox.run(&arguments);
    let said = "another version of the program planned otherwise: python3 fixtures/runs/make.py target/debug/promptassay";
    assert!(!seen.stderr.contains("not as run"), "{said}\n{}", seen.stderr);
    seen
}

#[test]
fn every_report_of_every_run_is_as_it_was() {
    for name in names() {
        let sandbox = copied(&name);
        let seen = report(&sandbox);
        insta::assert_snapshot!(format!("{name}.terminal"), seen.shown());
        assert_eq!(seen.stdout, sandbox.read("report.terminal"), "{name}");
        for format in FORMATS.into_iter().filter(|format| *format != "terminal") {
            let text = sandbox.read(&format!("report.{format}"));
            let text = if format == "junit" { readers::lines(&text) } else { text.replace('\r', "␍") };
            insta::assert_snapshot!(format!("{name}.{format}"), text);
        }
        readers::check_junit(&sandbox.path("report.junit"));
        let junit = sandbox.read("report.junit");
        let is_red = junit.contains("<failure ") || junit.contains("<error ");
        assert_eq!(is_red, seen.code != Some(0), "{name}: {junit}");
    }
}

#[test]
fn the_page_about_gates_explains_a_real_report() {
    let page = fs::read_to_string(fixtures().join("../../docs/gating.md")).unwrap();
    let sandbox = copied("worse");
    report(&sandbox);
    let shown = sandbox.read("report.markdown");
    let mut lines = 0;
    for block in page.split("```text\n").skip(1) {
        for line in block.split("\n```").next().unwrap().lines() {
            assert!(
                shown.lines().any(|shown| shown.trim_end() == line),
                "docs/gating.md shows what no report says: {line}"
            );
            lines += 1;
        }
    }
    assert!(lines > 8, "{lines}");
}

#[test]
fn a_comparison_that_could_not_pass_is_refused() {
    let sandbox = copied("too_small_for_the_margin");
    let seen = sandbox.run(&["compare", "run", "run", "--baseline-version", "v1.0.0"]);
    insta::assert_snapshot!(seen.shown());
}

/// Whether two numbers are the same but for the last digits; `null` is only like `null`.
fn is_like(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-7,
        _ => found == expected,
    }
}

/// Every number that is expected is found at its place.
fn assert_like(place: &str, found: &Value, expected: &Value) {
    match expected {
        Value::Object(parts) => {
            assert!(found.is_object(), "{place}: {found} instead of {expected}");
            for (key, part) in parts {
                assert_like(&format!("{place} {key}"), &found[key], part);
            }
        }
        Value::Array(parts) => {
            assert_eq!(found.as_array().map(Vec::len), Some(parts.len()), "{place}: {found} {expected}");
            for (index, part) in parts.iter().enumerate() {
                assert_like(&format!("{place} {index}"), &found[index], part);
            }
        }
        _ => assert!(is_like(found, expected), "{place}: {found} instead of {expected}"),
    }
}

#[test]
fn every_number_is_what_the_journal_says() {
    for name in names() {
        let Ok(done) = Command::new("python3")
            .arg(fixtures().join("recompute.py"))
            .arg(fixtures().join(&name))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
        else {
            skipped!("SKIPPED: python3 is not installed; the numbers of recorded runs were not recomputed");
            return;
        };
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        let expected: Value = serde_json::from_slice(&done.stdout).unwrap();
        let sandbox = copied(&name);
        report(&sandbox);
        let found: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
        for variant in found["prompts"][0]["variants"].as_array().unwrap() {
            let version = variant["version"].as_str().unwrap();
            assert_like(&format!("{name} {version}"), variant, &expected["variants"][version]);
        }
        assert_like(&format!("{name} cost"), &found["cost"], &expected["cost"]);
        let terminal = sandbox.read("report.terminal").split_whitespace().collect::<Vec<_>>().join(" ");
        for words in expected["terminal"].as_array().unwrap() {
            assert!(terminal.contains(words.as_str().unwrap()), "{name}: {words}\n{terminal}");
        }
        for row in expected["markdown"].as_array().unwrap() {
            let (row, text) = (row.as_str().unwrap(), sandbox.read("report.markdown"));
            assert!(text.contains(row), "{name} markdown: {row}\n{text}");
        }
        for sentence in expected["sentences"].as_array().unwrap() {
            let sentence = sentence.as_str().unwrap();
            for format in ["markdown", "junit"] {
                let text = sandbox.read(&format!("report.{format}"));
                assert!(text.contains(sentence), "{name} {format}: {sentence}\n{text}");
            }
        }
        compared(&name, &sandbox, &expected["comparison"]);
        counted(&name, &sandbox, &expected["variants"]);
    }
}

/// The numbers of `compare`, where the run has two versions.
fn compared(name: &str, sandbox: &Sandbox, expected: &Value) {
    if expected.is_null() {
        return;
    }
    let seen = sandbox.run(&[
        "compare",
        "run",
        "run",
        "--baseline-version",
        "v1.0.0",
        "--inconclusive",
        "pass",
        "--format",
        "json",
    ]);
    let found: Value =
        serde_json::from_str(&seen.stdout).unwrap_or_else(|_| panic!("{name}: {}", seen.shown()));
    let reason = found["gates"][0]["reason"].as_str().unwrap();
    if reason.contains(" would decide") {
        let needed = expected["metrics"]["pass_rate"]["units_to_decide"].as_f64().unwrap().ceil();
        assert!(reason.contains(&format!("about {needed} ")), "{name}: {reason}");
    }
    let found = &found["gates"][0]["comparison"];
    for key in ["fixed", "broken", "mcnemar_p"] {
        assert!(is_like(&found[key], &expected[key]), "{name} {key}: {} {}", found[key], expected[key]);
    }
    for (metric, expected) in expected["metrics"].as_object().unwrap() {
        let found = found["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["metric"] == metric.as_str())
            .unwrap();
        for key in ["p", "units_better", "units_worse", "smallest_detectable", "units_to_decide"] {
            assert!(is_like(&found[key], &expected[key]), "{name} {metric} {key}: {found} {expected}");
        }
        for end in ["estimate", "lower", "upper"] {
            let found = &found["difference"][end];
            assert!(is_like(found, &expected[end]), "{name} {metric} {end}: {found} {expected}");
        }
    }
}

/// The rows of the table, counted, and what stands in them added up.
fn counted(name: &str, sandbox: &Sandbox, expected: &Value) {
    let Some(rows) = readers::csv_rows(&sandbox.path("report.csv")) else { return };
    for (version, expected) in expected.as_object().unwrap() {
        for (outcome, count) in expected["trials"].as_object().unwrap() {
            let rows = rows.as_array().unwrap().iter().filter(|row| row["version"] == version.as_str());
            let found = rows.filter(|row| outcome == "asked" || row["outcome"] == outcome.as_str()).count();
            assert_eq!(found as u64, count.as_u64().unwrap(), "{name} {version} {outcome}");
        }
        let judges = expected["judging"]["cost"].as_f64();
        let sums = [("tokens", &expected["tokens"]), ("cost_usd", &expected["cost"])];
        let sums = sums.map(|(column, sum)| (column, sum.as_f64()));
        for (column, expected) in sums.into_iter().chain([("judge_cost_usd", judges)]) {
            let rows = rows.as_array().unwrap().iter().filter(|row| row["version"] == version.as_str());
            let numbers: Vec<f64> =
                rows.filter_map(|row| row[column].as_str().unwrap().parse().ok()).collect();
            let sum: f64 = numbers.iter().sum();
            let expected = expected.unwrap_or_default();
            assert!((sum - expected).abs() < 1e-9, "{name} {version} {column}: {sum} instead of {expected}");
        }
    }
}
