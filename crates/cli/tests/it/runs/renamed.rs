//! Runs of a prompts directory that has another name by now.

use insta::assert_snapshot;

use super::{clean, runs, sandbox};

#[test]
fn runs_of_a_directory_that_was_renamed_are_shown_and_read_as_the_help_says() {
    let sandbox = sandbox();
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    let evaluated = sandbox.run(&["eval", "--offline"]);
    assert_eq!(evaluated.code, Some(1), "{}", evaluated.shown());
    std::fs::rename(sandbox.path("prompts"), sandbox.path("renamed")).unwrap();
    let of_renamed = |arguments: &[&str]| sandbox.run(&[arguments, &["--prompts", "renamed"]].concat());
    let run = runs(&sandbox).pop().unwrap();
    let id = run.file_name().unwrap().to_str().unwrap();
    let commands: [&[&str]; 5] = [
        &["runs", "list"],
        &["runs", "show", id],
        &["report"],
        &["report", id],
        &["eval", "--offline", "--resume", id],
    ];
    let told = commands
        .map(|command| format!("$ promptassay {}\n{}\n", command.join(" "), of_renamed(command).shown()));
    assert_snapshot!(clean(&sandbox, &told.concat()));
    // The way that the help names.
    let refused = of_renamed(&["report", id]).stderr;
    let path = refused.rsplit('`').nth(1).unwrap();
    let reported = of_renamed(&["report", path]);
    let text = evaluated.stdout.replace("prompts/greet", "renamed/greet");
    assert_eq!((reported.code, reported.stdout), (Some(1), text), "{}", reported.stderr);
    assert_eq!(of_renamed(&["eval", "--offline", "--resume", path]).code, Some(1));
    let listed: serde_json::Value =
        serde_json::from_str(&of_renamed(&["runs", "list", "--format", "json"]).stdout).unwrap();
    assert_eq!(listed[0]["prompts_directory"], "prompts");
}
