//! Which runs a refusal offers to go on with, and the command that does.

use super::*;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

fn latest(sandbox: &Sandbox) -> PathBuf {
    runs(sandbox).pop().unwrap()
}

#[test]
fn a_run_that_todays_files_do_not_plan_is_not_offered() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let old = cut(&latest(&sandbox));
    sandbox.edit(SUITE, "max_words: 3", "max_words: 4");
    sandbox.run(&["eval", "--offline"]);
    let resume = ["eval", "--offline", "--resume"];
    assert_snapshot!("alone", session(&sandbox, &[&resume]));
    let other = cut(&latest(&sandbox));
    sandbox.run(&["eval", "--offline"]);
    let refused = sandbox.run(&resume);
    assert!(
        refused.stderr.contains(&format!("`promptassay eval --resume {other}` goes on")),
        "{}",
        refused.shown()
    );
    assert!(refused.stderr.contains(&format!("nothing goes on with run {old}")), "{}", refused.shown());
    let named = sandbox.run(&["eval", "--offline", "--resume", &old]);
    assert_eq!(named.code, Some(2), "{}", named.shown());
    assert!(named.stderr.contains("greet: what judges the cases `one`, `two`, `three`"), "{}", named.shown());
}

#[cfg(unix)]
#[test]
fn the_command_that_goes_on_lets_the_programs_run_that_the_run_does() {
    let sandbox = sandbox();
    sandbox.write("yes.sh", "echo '{\"pass\": true, \"reason\": \"yes\"}'\n");
    let check = format!("  - max_words: 3\n  - command: [sh, '{}']\n", sandbox.path("yes.sh").display());
    sandbox.edit(SUITE, "  - max_words: 3\n", &check);
    let eval = ["eval", "--offline", "--allow-commands"];
    sandbox.run(&eval);
    let first = cut(&latest(&sandbox));
    sandbox.run(&eval);
    let refused = sandbox.run(&["eval", "--offline", "--resume"]);
    let told = format!("`promptassay eval --resume {first} --allow-commands` goes on with greet v1.0.0");
    assert!(refused.stderr.contains(&told), "{}", refused.shown());
    let resumed = sandbox.run(&["eval", "--resume", &first, "--allow-commands"]);
    assert_eq!(resumed.code, Some(1), "{}", resumed.shown());
}

#[cfg(unix)]
#[test]
fn what_asks_the_rest_of_a_run_that_is_to_be_blessed_or_learned_from_can_be_typed() {
    let sandbox = sandbox();
    sandbox.write("yes.sh", "echo '{\"pass\": true, \"reason\": \"yes\"}'\n");
    let check = format!("  - max_words: 3\n  - command: [sh, '{}']\n", sandbox.path("yes.sh").display());
    sandbox.edit(SUITE, "  - max_words: 3\n", &check);
    sandbox.run(&["eval", "--offline", "--allow-commands", "--runs", "my runs"]);
    let run = std::fs::read_dir(sandbox.path("my runs")).unwrap().next().unwrap().unwrap().path();
    let id = cut(&run);
    let told =
        |run: &str| format!("`promptassay eval --resume {run} --allow-commands --runs 'my runs'` asks");
    for command in [&["baseline", "bless", "latest"][..], &["power", "latest"]] {
        let refused = sandbox.run(&[command, &["--runs", "my runs"]].concat());
        assert_eq!(refused.code, Some(2), "{command:?}: {}", refused.shown());
        assert!(refused.stderr.contains(&told(&id)), "{command:?}: {}", refused.shown());
    }
    // A copy is gone on with where it lies, and files of another day with nothing.
    let path = sandbox.path("a copy");
    crate::sandbox::copy(&run, &path);
    let refused = sandbox.run(&["power", "a copy", "--runs", "my runs"]);
    assert!(refused.stderr.contains(&told("'a copy'")), "{}", refused.shown());
    let resumed = ["eval", "--allow-commands", "--runs", "my runs", "--resume"];
    for run in ["a copy", &id] {
        let resumed = sandbox.run(&[&resumed[..], &[run]].concat());
        assert_eq!(resumed.code, Some(1), "{}", resumed.shown());
    }
    cut(&run);
    sandbox.edit(SUITE, "max_words: 3", "max_words: 4");
    let refused = sandbox.run(&["power", "latest", "--runs", "my runs"]);
    assert!(refused.stderr.contains("`promptassay eval` begins a new run"), "{}", refused.shown());
}
