//! Two experiments of one prompt that spread users alike.

use insta::assert_snapshot;

use super::{TRIAL, sandbox};

#[test]
fn of_two_with_one_seed_the_one_that_runs_is_left_alone() {
    let sandbox = sandbox();
    let trial = sandbox.read(TRIAL);
    // By its name the draft comes first.
    sandbox.write("prompts/greet/experiments/draft.yaml", trial.replace("name: trial", "name: draft"));
    let start = |name: &str| {
        let seen = sandbox.run(&["experiment", "start", name, "-q"]);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    };
    start("trial");
    let drafted = sandbox.session(&[&["check"]]);
    // Nothing can be done about it any more, and so nothing is advised.
    let seen = sandbox.run(&["experiment", "stop", "trial", "--reason", "one at a time"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    start("draft");
    assert_snapshot!(format!(
        "{drafted}\nand behind the start of the other\n{}",
        sandbox.session(&[&["check"]])
    ));
}
