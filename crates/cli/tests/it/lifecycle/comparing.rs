//! Evidence that compares with nothing proves nothing to whoever replaces what is in production, where the gate has a margin.

use insta::assert_snapshot;

use super::{RECORDED, VERSIONS, by_ada, clean, done, evaluate, sandbox};
use crate::sandbox::Sandbox;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

/// A gate with a margin, which two cases are enough for, beside a rate that whatever is worse may reach as well.
fn with_margin() -> Sandbox {
    let sandbox = sandbox(RECORDED);
    sandbox.write(
        SUITE,
        format!("repeat: 1\n{}gate: {{margin: 0.9, min_pass_rate: 0.4}}\n", sandbox.read(SUITE)),
    );
    sandbox
}

#[test]
fn what_is_in_production_is_not_replaced_on_evidence_that_compares_with_nothing() {
    let sandbox = with_margin();
    done(&sandbox, &["adopt", "greet", "1.0.0", "--reason", "Live since spring"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    evaluate(&sandbox, &["--version", "1.1.0"]);
    let canary = ["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest"];
    let refused = by_ada(&sandbox, &canary);
    assert_eq!(refused.code, Some(1), "{}", refused.shown());
    assert_snapshot!(clean(&sandbox, &refused.stderr), @"
    error: the evidence was not compared with v1.0.0, which is in production, and the gate has a margin by which it may be worse

    error: `greet`: the evidence does not allow v1.1.0 to go to canary
      = help: `promptassay eval greet --candidate v1.1.0 --offline` compares it with v1.0.0, which is in production, where no `--baseline` says otherwise; then `--evidence latest`
    ");
    // The way that the help names.
    evaluate(&sandbox, &["--candidate", "v1.1.0"]);
    done(&sandbox, &canary);
    evaluate(&sandbox, &["--version", "1.1.0"]);
    let promote = ["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest"];
    let refused = by_ada(&sandbox, &promote);
    assert_eq!(refused.code, Some(1), "{}", refused.shown());
    evaluate(&sandbox, &["--candidate", "v1.1.0"]);
    done(&sandbox, &promote);
}

#[test]
fn a_first_version_and_a_gate_without_a_margin_have_nothing_to_compare() {
    let first = with_margin();
    first.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0            # what is served\n", "");
    done(&first, &["promote", "greet", "1.0.0", "--to", "testing"]);
    evaluate(&first, &["--version", "1.0.0"]);
    done(&first, &["promote", "greet", "1.0.0", "--to", "production", "--evidence", "latest"]);
    let sandbox = sandbox(RECORDED);
    done(&sandbox, &["adopt", "greet", VERSIONS[0]]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    evaluate(&sandbox, &["--version", "1.1.0"]);
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest"]);
}
