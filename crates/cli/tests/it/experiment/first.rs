//! An experiment that runs decides before the ledger: whoever moves a version hears of it, and the canary's guard counts none of its users.

use insta::assert_snapshot;

use super::{Sandbox, sandbox};

const STOP: [&str; 5] = ["experiment", "stop", "trial", "--reason", "enough"];

/// v1.1.0 is a canary of half of the users.
fn with_canary() -> Sandbox {
    let sandbox = sandbox();
    let policy = "lifecycle: {evidence_for: [], guardrails: [error], max_failure_rate: 0.2}\nreplies:";
    sandbox.edit("prompts/registry.yaml", "replies:", policy);
    for command in [
        &["adopt", "greet", "v1.0.0"][..],
        &["promote", "greet", "v1.1.0", "--to", "testing"],
        &["canary", "greet", "v1.1.0", "--percent", "50"],
    ] {
        let seen = sandbox.run(&[command, &["--by", "Ada"]].concat());
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{}", seen.shown());
    }
    sandbox
}

fn start(sandbox: &Sandbox) {
    let started = sandbox.run(&["experiment", "start", "trial"]);
    assert_eq!(started.code, Some(0), "{}", started.shown());
}

#[test]
fn no_user_of_an_experiment_is_one_of_the_canary() {
    let sandbox = with_canary();
    let expose = ["expose", "--canary", "greet", "u1"];
    let record = ["record", "--canary", "greet", "u1", "error", "1"];
    assert_eq!(sandbox.json(&expose)["recorded"], true);
    assert_eq!(sandbox.json(&record)["recorded"], true);
    start(&sandbox);
    assert_eq!(sandbox.json(&expose)["arm"], serde_json::Value::Null);
    assert_eq!(sandbox.json(&expose)["recorded"], false);
    let of_nobody = ["record", "--canary", "greet", "u2", "error", "1"];
    assert_eq!(sandbox.json(&of_nobody)["recorded"], false);
    // The canary had served this one.
    assert_eq!(sandbox.json(&record)["recorded"], true);
    let checked = sandbox.run(&["canary", "check", "greet"]);
    assert_snapshot!(sandbox.clean(&checked.stderr));
    assert_eq!(sandbox.run(&STOP).code, Some(0));
    assert_eq!(sandbox.json(&record)["recorded"], true);
    assert_eq!(sandbox.run(&["canary", "check", "greet"]).stderr, "");
}

#[test]
fn whoever_moves_a_version_hears_what_an_experiment_goes_on_serving() {
    let sandbox = with_canary();
    start(&sandbox);
    let moved = |command: &[&str]| {
        let seen = sandbox.run(&[command, &["--by", "Ada", "--reason", "To try"]].concat());
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        format!("$ promptassay {}\n{}", command.join(" "), sandbox.clean(&seen.stderr))
    };
    assert_snapshot!(
        [moved(&["promote", "greet", "v1.1.0", "--to", "production"]), moved(&["rollback", "greet"]),]
            .join("\n")
    );
    // Nobody is kept from going back by a store that does not answer.
    sandbox.edit(
        "prompts/registry.yaml",
        "store: ../data/experiments.db",
        "store: 'postgres://app@127.0.0.1:1/none?sslmode=disable'",
    );
    let seen = sandbox.run(&["deprecate", "greet", "v1.0.0", "--by", "Ada", "--reason", "Wrong"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(seen.stderr.contains("whether an experiment of `greet` runs"), "{}", seen.shown());
}
