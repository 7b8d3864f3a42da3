//! Phases that follow each other, and users who were in both.

use super::{TRIAL, sandbox};

#[test]
fn an_outcome_counts_in_the_phase_that_its_user_was_exposed_in_last() {
    let sandbox = sandbox();
    sandbox.edit(TRIAL, "  cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}\n", "");
    let ids: String = (0..400).map(|unit| format!("u{unit}\n")).collect();
    let assigned = |phase: u32| {
        let lines = sandbox.run_with_input(&["assign", "trial", "-", "--by-file"], &ids).stdout;
        let row = |line: &str| {
            let (unit, variant) = line.split_once('\t').unwrap();
            let again = format!("{unit},{phase},{variant},,,2026-01-02T0{}:00:00Z\n", phase - 1);
            if phase == 2 { again + &format!("{unit},,,resolved,1,2026-01-02T02:00:00Z\n") } else { again }
        };
        lines.lines().map(row).collect::<String>()
    };
    let first = assigned(1);
    sandbox.edit(TRIAL, "window:", "phase: 2\nwindow:");
    sandbox.write("events.csv", format!("unit,phase,variant,metric,value,at\n{first}{}", assigned(2)));
    let at = ["--from", "events.csv", "--at", "2026-01-20T00:00:00Z", "--json"];
    let analyzed = |phase: &str| {
        let seen = sandbox.run(&[&["analyze", "trial", "--phase", phase][..], &at].concat());
        let analysis: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
        let findings = analysis["health"]["findings"].as_array().unwrap();
        let cut = findings.iter().find(|finding| finding["code"] == "cut_short");
        let message = cut.map(|finding| finding["message"].as_str().unwrap().to_owned());
        let arms = analysis["metrics"][0]["arms"].as_array().unwrap();
        (arms.iter().map(|arm| arm["estimate"].as_f64().unwrap()).collect::<Vec<_>>(), message)
    };
    let said = "400 units were exposed in a later phase before the window was over: outcomes from then on count there";
    assert_eq!(analyzed("1"), (vec![0.0, 0.0], Some(said.to_owned())));
    assert_eq!(analyzed("2"), (vec![1.0, 1.0], None));
}
