//! Behind the `end:` of its file an experiment serves nobody, whoever is asked.

use insta::assert_snapshot;

use super::{TRIAL, sandbox};

#[test]
fn who_comes_after_the_end_is_not_exposed() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_eq!(sandbox.run(&["expose", "trial", "u1"]).code, Some(0));
    sandbox.edit(TRIAL, "end: 2099", "end: 2026");
    let seen = sandbox.run(&["expose", "trial", "u2"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert_snapshot!(seen.stderr, @"
    error: `trial` ended at 2026-01-01T00:00:00Z, by its file
     --> prompts/greet/experiments/trial.yaml
      = help: serve the active version
    ");
    // What became of whoever was exposed counts.
    assert_eq!(sandbox.run(&["record", "trial", "u1", "resolved", "1"]).code, Some(0));
    assert_eq!(sandbox.json(&["experiment", "list"])[0]["state"], "ended");
    assert!(sandbox.run(&["experiment", "show", "trial"]).stdout.contains("phase 1   ended"));
    assert_eq!(sandbox.run(&["experiment", "stop", "trial", "--reason", "enough"]).code, Some(0));
    assert_eq!(sandbox.json(&["experiment", "list"])[0]["state"], "stopped");
}
