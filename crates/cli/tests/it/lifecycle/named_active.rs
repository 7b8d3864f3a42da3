//! What `active_version` names and the ledger has not in production is served to nobody, whatever its stage.

use insta::assert_snapshot;

use super::{done, sandbox, session};

#[test]
fn a_version_that_is_active_by_name_alone_is_told() {
    let sandbox = sandbox("lifecycle: {evidence_for: []}\n");
    let commands: [&[&str]; 2] = [&["list"], &["render", "greet", "--var", "name=Ada"]];
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    let sound = session(&sandbox, &commands);
    assert!(!sound.contains("warning") && !sound.contains("(production)"), "{sound}");
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "active_version: v1.1.0");
    assert_eq!(sandbox.run(&["resolve", "greet"]).code, Some(2));
    let tested = session(&sandbox, &commands);
    // The newest that is registered.
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.1.0", "active_version: latest");
    assert_eq!(sandbox.run(&["resolve", "greet"]).code, Some(2));
    assert_snapshot!(tested + "\n" + &session(&sandbox, &commands));
}

#[test]
fn before_anything_is_in_production_a_version_is_tried_without_a_warning() {
    let sandbox = sandbox("");
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0            # what is served\n", "");
    done(&sandbox, &["promote", "greet", "1.2.0", "--to", "testing"]);
    let seen = sandbox.run(&["render", "greet", "--var", "name=Ada"]);
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{}", seen.shown());
}
