//! A mistake in registry.yaml that has nothing to do with the policy keeps nobody from going back.

use insta::assert_snapshot;

use super::{by_ada, clean, done, sandbox};
use crate::canary::{backdate, record};
use crate::sandbox::Sandbox;

const REGISTRY: &str = "prompts/registry.yaml";

/// v1.1.0 is a canary of half of the users.
fn with_canary() -> Sandbox {
    let sandbox = sandbox(
        "store: ../data/experiments.db\nlifecycle: {evidence_for: [], guardrails: [error, thumbs_down], max_failure_rate: 0.2}\n",
    );
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "50"]);
    sandbox
}

/// A key that nobody knows.
fn slip(sandbox: &Sandbox) {
    sandbox.write(REGISTRY, sandbox.read(REGISTRY) + "modelz: {}\n");
}

#[test]
fn a_canary_is_ended_beside_a_mistake_that_is_not_of_the_policy() {
    let sandbox = with_canary();
    slip(&sandbox);
    let onward = by_ada(&sandbox, &["promote", "greet", "1.1.0", "--to", "production"]);
    assert_eq!(onward.code, Some(2), "whoever goes on has a sound file: {}", onward.shown());
    let ended = by_ada(&sandbox, &["abort", "greet", "--reason", "Wrong"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_snapshot!(clean(&sandbox, &ended.stderr), @"
    warning: unknown key `modelz`
     --> prompts/registry.yaml:8:1
      |
    8 | modelz: {}
      | ^^^^^^
      |
      = help: did you mean `models`?
    ");
    assert_eq!(by_ada(&sandbox, &["deprecate", "greet", "1.0.0", "--reason", "Over"]).code, Some(0));
}

#[test]
fn the_guard_ends_it_too() {
    let sandbox = with_canary();
    backdate(&sandbox, 48);
    record(&sandbox, 1, [2, 20]);
    slip(&sandbox);
    let applied = sandbox.run(&["canary", "check", "greet", "--apply", "--by", "Guard[bot]"]);
    assert_eq!(applied.code, Some(1), "{}", applied.shown());
    assert!(
        sandbox.read("prompts/greet/lifecycle.jsonl").contains("\"command\":\"abort\""),
        "{}",
        applied.shown()
    );
}

#[test]
fn a_policy_with_a_mistake_or_none_that_may_be_misspelt_sets_nothing() {
    for (from, to) in [("evidence_for", "evidense_for"), ("lifecycle:", "lifecyle:")] {
        let sandbox = with_canary();
        sandbox.edit(REGISTRY, from, to);
        let ended = by_ada(&sandbox, &["abort", "greet", "--reason", "Wrong"]);
        assert_eq!(ended.code, Some(2), "{to}: {}", ended.shown());
    }
}
