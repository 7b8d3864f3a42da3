//! An analysis as of a time looks at nothing that came later, and from the planned end on looking again changes nothing.

use serde_json::Value;

use super::{sandbox, table};
use crate::sandbox::Sandbox;

/// What follows as of that time; how many were served one variant only so far is not part of it.
fn analysed(sandbox: &Sandbox, at: &str) -> Value {
    let mut seen = sandbox.json(&["analyze", "trial", "--from", "t.csv", "--at", at]);
    assert!(seen["progress"]["units"].take().is_u64());
    seen
}

#[test]
fn who_crosses_over_later_changes_no_result_of_before() {
    let sandbox = sandbox();
    let mut rows = table(&sandbox, 800, 60);
    let mut serve_the_other = |unit: &str, at: &str| {
        let served = if rows.contains(&format!("\n{unit},control,")) { "treatment" } else { "control" };
        rows.push_str(&format!("{unit},{served},,,{at}\n"));
        sandbox.write("t.csv", &rows);
    };
    // 800 units are planned: the last comes at 2026-01-09T23, and its window is closed a day later.
    let looks = ["2026-01-06T00:00:00Z", "2026-01-12T00:00:00Z", "2026-03-01T00:00:00Z"];
    // Before the end: that unit is left out of everything, and the end stays where it was.
    serve_the_other("u1", "2026-01-10T12:00:00Z");
    let seen = looks.map(|at| analysed(&sandbox, at));
    let crossovers = seen.each_ref().map(|seen| seen["health"]["crossovers"].as_u64());
    assert_eq!(crossovers, [Some(0), Some(1), Some(1)]);
    for later in &seen[1..] {
        let progress = &later["progress"];
        assert_eq!(progress["complete_at"], "2026-01-09T23:00:00Z");
        assert_eq!((&progress["at_horizon"], &progress["units_left"]), (&true.into(), &0.into()));
    }
    // Afterwards it changes nothing any more.
    serve_the_other("u0", "2026-02-20T00:00:00Z");
    assert_eq!(looks.map(|at| analysed(&sandbox, at)), seen);
}
