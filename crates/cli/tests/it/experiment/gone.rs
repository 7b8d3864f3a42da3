//! Experiments that run by the store, and whose file, or whose store, is gone: nobody is moved without a word.

use insta::assert_snapshot;
use promptassay_experiments::store::{Phase, SqliteStore, Store as _};

use super::{Sandbox, TRIAL, resolved, sandbox};

const RESOLVE: [&str; 4] = ["resolve", "greet", "--unit", "u2"];

fn started() -> Sandbox {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_eq!(resolved(&sandbox, "u2").0, "experiment");
    sandbox
}

#[test]
fn a_running_experiment_without_a_file_is_named_listed_and_stopped() {
    let sandbox = started();
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    assert_snapshot!(sandbox.session(&[
        &RESOLVE,
        &["check"],
        &["experiment", "list"],
        &["experiment", "list", "--json"],
        &["experiment", "show", "trial"],
        &["archive", "greet", "v1.1.0", "--by", "Ada"],
        &["experiment", "stop", "other/trial", "--reason", "enough"],
        &["experiment", "stop", "trial", "--reason", "enough"],
        &RESOLVE,
        &["check"],
        &["experiment", "stop", "trial", "--reason", "enough"],
    ]));
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_an_experiment_from_being_stopped() {
    let sandbox = started();
    sandbox.edit(TRIAL, "metrics:", "metrix:");
    let stopped = sandbox.run(&["experiment", "stop", "greet/trial", "--reason", "enough"]);
    assert_eq!((stopped.code, stopped.stdout.as_str()), (Some(0), "stopped trial phase 1\n"));
}

/// Makes the store say that the started phase is of this prompt.
fn belongs_to(sandbox: &Sandbox, prompt: Option<&str>) {
    let mut store = SqliteStore::open(&sandbox.path("data/experiments.db")).unwrap();
    let phase = store.phases("trial").unwrap().remove(0);
    store.put_phase("trial", &Phase { prompt: prompt.map(str::to_owned), ..phase }).unwrap();
}

#[test]
fn an_experiment_of_another_prompt_concerns_nobody_and_one_of_an_unknown_prompt_everybody() {
    let sandbox = started();
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    sandbox
        .write("prompts/other/prompt.yaml", "name: other\nactive_version: v1.0.0\n")
        .write("prompts/other/v1.0.0.txt", "Hello\n");
    let said = |commands: &[&[&str]]| sandbox.session(commands);
    let other = ["resolve", "other", "--unit", "u2"];
    assert_snapshot!("of_another_prompt", said(&[&other, &["check", "other"]]));
    // An older program did not write down whose it is.
    belongs_to(&sandbox, None);
    assert_snapshot!("of_an_unknown_prompt", said(&[&other, &["check", "other"], &["experiment", "list"]]));
    // Several repositories may share a store.
    belongs_to(&sandbox, Some("elsewhere"));
    assert_snapshot!("of_a_prompt_elsewhere", said(&[&RESOLVE, &["check"], &["experiment", "list"]]));
}

#[test]
fn a_file_under_a_name_that_is_not_read_is_an_error() {
    for (from, to) in [
        (TRIAL, "prompts/greet/experiments/trial.yml"),
        (TRIAL, "prompts/greet/experiments/trial.YAML"),
        ("prompts/greet/experiments", "prompts/greet/Experiments"),
        ("prompts/greet/experiments", "prompts/greet/experiment"),
    ] {
        let sandbox = started();
        std::fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
        let name = to.rsplit('/').next().unwrap_or_default();
        for command in [&RESOLVE[..], &["check"], &["experiment", "list"]] {
            let seen = sandbox.run(command);
            let is_named = seen.stderr.contains(&format!("`{name}` is not read"));
            assert!(seen.code == Some(2) && is_named, "{}", seen.shown());
        }
    }
    let sandbox = started();
    std::fs::remove_dir_all(sandbox.path("prompts/greet/experiments")).unwrap();
    sandbox.write("prompts/greet/experiments", "a file");
    assert_snapshot!(sandbox.session(&[&RESOLVE]));
}

#[test]
fn a_store_without_a_byte_is_not_one_in_which_nothing_was_started() {
    let sandbox = started();
    assert_eq!(sandbox.run(&["adopt", "greet", "v1.0.0", "--by", "Ada"]).code, Some(0));
    sandbox.write("data/experiments.db", "");
    for rest in ["data/experiments.db-wal", "data/experiments.db-shm"] {
        let _ = std::fs::remove_file(sandbox.path(rest));
    }
    assert_snapshot!(sandbox.session(&[
        &RESOLVE,
        &["archive", "greet", "v1.1.0", "--by", "Ada", "--dry-run"],
        &["check"],
        &["experiment", "list"],
        &["assign", "trial", "u2"],
        &["analyze", "trial"],
        &["expose", "trial", "u2"],
        &["experiment", "stop", "trial", "--reason", "enough"],
        &["experiment", "start", "trial"],
        &RESOLVE,
    ]));
}

#[test]
fn whoever_is_about_an_experiment_whose_file_is_gone_hears_that_it_runs() {
    let sandbox = started();
    sandbox.write("rows.csv", "unit,variant,at\nu1,control,2026-01-02T00:00:00Z\n");
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    let commands = [
        &["record", "trial", "u2", "resolved", "1"][..],
        &["expose", "trial", "u2"],
        &["analyze", "trial"],
        &["export", "greet/trial"],
        &["import", "trial", "rows.csv"],
        &["assign", "trial", "u2"],
        &["experiment", "start", "trial"],
    ];
    let said: Vec<String> = commands.iter().map(|command| sandbox.run(command).shown()).collect();
    for (command, shown) in commands.iter().zip(&said) {
        assert_eq!(shown, &said[0], "{command:?}");
    }
    assert_snapshot!(
        "asked_by_name",
        sandbox.session(&[commands[0], &["export", "other/trial"], &["export", "trail"]])
    );
    belongs_to(&sandbox, None);
    assert_snapshot!("asked_by_name_of_an_unknown_prompt", sandbox.session(&commands[..1]));
    belongs_to(&sandbox, Some("elsewhere"));
    assert_snapshot!("asked_by_name_of_a_prompt_elsewhere", sandbox.session(&commands[..1]));
    let stop = ["experiment", "stop", "trial", "--reason", "enough"];
    assert_snapshot!("asked_by_name_once_stopped", sandbox.session(&[&stop, commands[0]]));
}
