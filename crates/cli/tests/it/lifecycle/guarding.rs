//! A canary that its guard would promote still needs the evidence that the policy asks for.

use insta::assert_snapshot;

use super::{clean, done, evaluate, sandbox};
use crate::canary::{backdate, record, without_largest};

const POLICY: &str = "store: ../data/experiments.db
lifecycle:
  replies: [live, cached, recorded]
  guardrails: [error, thumbs_down]
  max_failure_rate: 0.2
";

#[test]
fn the_guard_promotes_with_evidence_only() {
    let sandbox = sandbox(POLICY);
    done(&sandbox, &["adopt", "greet", "1.0.0", "--reason", "Live since spring"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    evaluate(&sandbox, &["--candidate", "1.1.0"]);
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "50", "--evidence", "latest"]);
    backdate(&sandbox, 48);
    record(&sandbox, 1, [20, 20]);
    let before = sandbox.read("prompts/greet/lifecycle.jsonl");
    let apply = ["canary", "check", "greet", "--apply", "--by", "Guard[bot]"];

    let refused = sandbox.run(&apply);
    assert_eq!(refused.code, Some(1), "{}", refused.shown());
    assert_snapshot!(without_largest(&clean(&sandbox, &refused.shown())));
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), before);

    let promoted = sandbox.run(&[&apply[..], &["--evidence", "latest"]].concat());
    assert_eq!(promoted.code, Some(0), "{}", promoted.shown());
    let after = sandbox.read("prompts/greet/lifecycle.jsonl");
    let last: serde_json::Value = serde_json::from_str(after.lines().last().unwrap()).unwrap();
    assert_eq!((&last["version"], &last["to"]), (&"1.1.0".into(), &"production".into()));
    assert_eq!(last["evidence"]["verdict"], "passed");
    assert!(sandbox.read("prompts/greet/prompt.yaml").contains("active_version: v1.1.0"));
}
