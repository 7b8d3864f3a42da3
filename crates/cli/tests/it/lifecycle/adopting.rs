//! Where a ledger begins: what `active_version` serves goes on being served, whatever the first command is.

use insta::assert_snapshot;

use super::{by_ada, bytes, done, sandbox, session};

const POLICY: &str = "lifecycle: {evidence_for: [], canary: optional}\n";

#[test]
fn no_first_command_stops_what_is_served() {
    let sandbox = sandbox(POLICY);
    let before = bytes(&sandbox);
    let served = sandbox.run(&["resolve", "greet"]);
    assert!(served.code == Some(0) && served.stdout.contains("v1.0.0"), "{}", served.shown());
    let first: &[&[&str]] = &[
        &["adopt", "greet", "1.1.0", "--reason", "x"],
        &["promote", "greet", "1.1.0", "--to", "testing"],
        &["promote", "greet", "1.1.0", "--to", "production"],
        &["canary", "greet", "1.1.0", "--percent", "5"],
        &["archive", "greet", "1.1.0", "--reason", "x"],
        &["archive", "greet", "1.0.0", "--reason", "x"],
        &["rollback", "greet", "--reason", "x"],
        &["deprecate", "greet", "1.0.0", "--reason", "x"],
        &["abort", "greet", "--reason", "x"],
    ];
    let mut shown = String::new();
    for command in first {
        let seen = by_ada(&sandbox, command);
        assert_eq!((seen.code, bytes(&sandbox)), (Some(1), before.clone()), "{command:?}");
        assert_eq!(sandbox.run(&["resolve", "greet"]).stdout, served.stdout, "{command:?}");
        shown.extend([format!("$ {}\n{}\n", command.join(" "), seen.shown())]);
    }
    assert_snapshot!(sandbox.clean(&shown));
    // The way that the help names.
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    let now = sandbox.run(&["resolve", "greet"]);
    assert!(now.code == Some(0) && now.stdout.contains("v1.0.0"), "{}", now.shown());
}

/// Nobody is served it before it has gone all the way.
#[test]
fn a_prompt_that_serves_nothing_begins_in_testing() {
    let sandbox = sandbox(POLICY);
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "");
    done(&sandbox, &["promote", "greet", "1.2.0", "--to", "testing"]);
    assert_eq!(sandbox.run(&["resolve", "greet"]).code, Some(2));
    let live = done(&sandbox, &["promote", "greet", "1.2.0", "--to", "production"]);
    assert!(live.stdout.contains("`active_version` is v1.2.0"), "{}", live.shown());
    assert_snapshot!(session(&sandbox, &[&["resolve", "greet"]]), @r"
    $ promptassay resolve greet
    --- stdout
    greet v1.2.0  production  [SHORT]  no canary runs
    --- exit 0
    ");
}
