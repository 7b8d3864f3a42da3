//! Experiments with several treatments.

use std::fs;

use insta::assert_snapshot;
use regex::Regex;

use super::sandbox;
use crate::sandbox::TEXT;

const MANY: &str = "prompts/greet/experiments/many.yaml";

#[test]
fn several_treatments_are_defined_planned_and_judged_each_by_itself() {
    let sandbox = sandbox();
    for version in ["v1.2.0", "v1.3.0"] {
        sandbox.write(&format!("prompts/greet/{version}.txt"), format!("{TEXT}{version}\n"));
        assert_eq!(sandbox.run(&["register", "greet", version, "-m", "To try", "--by", "Ada"]).code, Some(0));
    }
    let new = |name, more: &[&'static str]| {
        [&["experiment", "new", "greet", name, "--control", "v1.0.0", "--treatment"], more].concat()
    };
    assert_snapshot!(sandbox.clean(&sandbox.session(&[
        &new("twice", &["v1.2.0", "--treatment", "v1.2.0"]),
        &new("itself", &["v1.2.0", "--treatment", "v1.0.0"]),
        &new("many", &["v1.2.0", "--treatment", "v1.3.0"]),
    ])));
    let written = fs::read_to_string(sandbox.path(MANY)).unwrap();
    let seed = Regex::new("seed: \"[0-9a-f]{32}\"").unwrap();
    assert!(seed.is_match(&written));
    assert_snapshot!(written.replace(seed.find(&written).unwrap().as_str(), "seed: SEED"));
    // The rest with a seed that is known, because its numbers are shown.
    let known = seed.replace(&written, "seed: 000102030405060708090a0b0c0d0e0f");
    let known = known
        .replace("smallest_effect: 0.02", "smallest_effect: 0.12")
        .replace("margin: 0.02", "margin: 0.06, baseline: 0.1")
        .replace("  # units: …", "  units: 1400 #")
        .replace("# end: …", "end: 2099-01-01T00:00:00Z #");
    sandbox.write(MANY, known);
    // One treatment is better and harms nothing, the other does harm.
    let units: Vec<String> = (0..1500).map(|number| format!("u{number}")).collect();
    let assigned = sandbox
        .run(&[&["assign", "many"], &units.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    let mut table = "unit,variant,metric,value,at\n".to_owned();
    for (number, line) in assigned.stdout.lines().enumerate() {
        let (unit, variant) = line.split_once('\t').unwrap();
        let draw = number * 7919 % 1000;
        let (resolved, escalated) = match variant {
            "v1.2.0" => (draw < 600, draw < 250),
            _ => (draw < 600, draw < 80),
        };
        let at = format!("2026-01-{:02}T00:00:00Z", 1 + number / 150);
        table.push_str(&format!(
            "{unit},{variant},resolved,{},{at}\n{unit},,escalated,{},{at}\n",
            u8::from(resolved),
            u8::from(escalated)
        ));
    }
    sandbox.write("many.csv", table);
    let look = |at| ["analyze", "many", "--from", "many.csv", "--at", at];
    assert_snapshot!(sandbox.session(&[
        &["experiment", "power", "many"],
        &["simulate", "many", "--experiments", "20"],
        &look("2026-01-16T00:00:00Z"),
        &look("2026-02-01T00:00:00Z"),
    ]));
    let harmed = sandbox.json(&look("2026-02-01T00:00:00Z"))["metrics"][1]["comparisons"].clone();
    assert_eq!([&harmed[0]["guard"], &harmed[1]["guard"]], ["harmed", "holds"]);
}
